"""An Atlas project's log integrations to S3, as two operations read them."""

from vendor_connector.request import Document
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas.documents import INTEGRATION

PATH = "/logIntegrations"


def listed(api: atlas_api.AtlasApi) -> dict[str, Document]:
    """Return them by id; there are at most ten, and a page has up to 500."""
    answer = api.read(PATH, atlas_api.V2025, {"integrationType": INTEGRATION, "itemsPerPage": "500"})
    return {one["id"]: one for one in answer.get("results") or [] if one.get("type") == INTEGRATION}
