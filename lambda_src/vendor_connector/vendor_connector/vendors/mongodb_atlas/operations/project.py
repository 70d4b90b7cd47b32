"""The properties of every operation on an Atlas project: credential, address, project, and where state is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from vendor_connector.request import Request, flag, optional_text, text
from vendor_connector.vendor_object import Memory
from vendor_connector.vendors.mongodb_atlas import api as atlas_api

PROPERTIES = ("Secret", "ApiBaseUrl", "ProjectId", "Adopt", "StateParameter", "Revision")


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The properties that they have in common, checked."""

    secret: str
    base_url: str | None
    id: str
    adopt: bool
    state_parameter: str

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> Self:
        """Check them."""
        return cls(
            secret=text(properties, "Secret"),
            base_url=optional_text(properties, "ApiBaseUrl"),
            id=text(properties, "ProjectId"),
            adopt=flag(properties, "Adopt"),
            state_parameter=text(properties, "StateParameter"),
        )

    def memory(self, resource: str) -> Memory:
        """Return where a resource is remembered."""
        return Memory(parameter=self.state_parameter, resource=resource)

    def api(self, request: Request) -> atlas_api.AtlasApi:
        """Return the project's API."""
        return atlas_api.connect(
            secret=self.secret,
            base_url=self.base_url,
            project_id=self.id,
            remaining_seconds=request.remaining_seconds,
        )
