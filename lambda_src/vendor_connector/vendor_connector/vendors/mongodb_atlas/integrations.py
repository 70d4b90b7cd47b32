"""An Atlas project's log integrations to S3 and the access roles that they use, as several operations read them."""

from typing import Any

from vendor_connector import answers
from vendor_connector.request import Document
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas.documents import INTEGRATION

PATH, ROLES = "/logIntegrations", "/cloudProviderAccess"
SHAPE: Document = {"id": answers.ID, "iamRoleId": answers.ID, "logTypes?": [str]}
ROLE_SHAPE: Document = {"roleId": answers.ID, "iamAssumedRoleArn?": str, "featureUsages?": [{}]}


def _of_s3(answer: Any) -> list[Document]:
    found: list[Document] = answers.check(answer, {"results": [{}]})["results"]
    ours = [one for one in found if one.get("type") == INTEGRATION]
    answers.check(ours, [SHAPE], "results")
    return ours


def listed(api: atlas_api.AtlasApi) -> dict[str, Document]:
    """Return them by id; there are at most ten, and a page has up to 500."""
    query = {"integrationType": INTEGRATION, "itemsPerPage": "500"}
    return answers.by_id(api.read(PATH, atlas_api.V2025, _of_s3, query))


def role(api: atlas_api.AtlasApi, role_id: str) -> Document | None:
    """Return an access role by its id."""
    return api.find(f"{ROLES}/{role_id}", atlas_api.V2023, answers.one(ROLE_SHAPE, "roleId", role_id))
