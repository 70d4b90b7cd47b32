"""The properties of every operation on an Atlas project."""

from dataclasses import dataclass

from vendor_connector.connection import Connection
from vendor_connector.request import Request
from vendor_connector.vendors.mongodb_atlas import api as atlas_api


@dataclass(frozen=True, kw_only=True, slots=True)
class Project(Connection):
    """The properties that they have in common."""

    project_id: str

    def api(self, request: Request) -> atlas_api.AtlasApi:
        """Return the project's API."""
        return atlas_api.connect(self.access(request), self.project_id)
