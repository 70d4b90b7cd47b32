"""The properties of every operation on an Atlas project: credential, address, project, and where state is saved."""

from __future__ import annotations

from dataclasses import dataclass

from vendor_connector.request import Request
from vendor_connector.vendor_object import StateStore
from vendor_connector.vendors.mongodb_atlas import api as atlas_api


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The properties that they have in common."""

    secret: str
    project_id: str
    state_parameter: str
    api_base_url: str | None = None
    adopt: bool = False

    def store(self, resource: str) -> StateStore:
        """Return where a resource is saved."""
        return StateStore(parameter=self.state_parameter, resource=resource)

    def api(self, request: Request) -> atlas_api.AtlasApi:
        """Return the project's API."""
        return atlas_api.connect(
            secret=self.secret,
            base_url=self.api_base_url,
            project_id=self.project_id,
            remaining_seconds=request.remaining_seconds,
        )
