"""Operation ``atlas-log-export`` (polled): authorise our IAM role at Atlas, then have the log integration as asked.

Atlas assumes the role to authorise it and looks at the bucket, so both are tried again while IAM spreads the new role
and its policy (errorCode ``CANNOT_ASSUME_ROLE``; the official module waits half a minute between the two). Sources:
MongoDB Atlas Administration API, cloudProviderAccess (2023-01-01) and logIntegrations (2025-03-12).
"""

from dataclasses import dataclass
from typing import TypeVar

from vendor_connector import answers, aws, state, vendor_object
from vendor_connector.request import ConnectorError, Document, Request, RetryLaterError, read, read_to_delete
from vendor_connector.vendor_api import VendorRefusalError
from vendor_connector.vendor_object import StateStore
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import documents
from vendor_connector.vendors.mongodb_atlas import integrations as atlas_integrations
from vendor_connector.vendors.mongodb_atlas import project_settings as atlas_settings
from vendor_connector.vendors.mongodb_atlas.operations import access_role as atlas_access_role
from vendor_connector.vendors.mongodb_atlas.operations.project import Project

T = TypeVar("T")
_FIELDS = ("type", "bucketName", "prefixPath", "iamRoleId", "logTypes", "kmsKey", "useLegacyPathStructure")
PROPAGATION_SECONDS = 600.0
"""How long IAM may take to let Atlas see the role and its policy; it is rarely more than a minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    project: Project
    access_role_state: str
    integration: documents.LogIntegration

    @property
    def id(self) -> str:
        """What names the resource: one per project and IAM role."""
        return f"atlas-log-export/{self.project.project_id}/{self.integration.role_arn.rpartition('/')[2]}"

    @property
    def store(self) -> StateStore:
        """Where ours is saved."""
        return self.project.store(self.id)

    @property
    def document(self) -> Document:
        """What Atlas is to have.

        Atlas chose the role's id when the access role was made. It is saved there, where no event can name another.
        """
        access = atlas_access_role.resource_id(self.project.project_id, self.integration.role_arn)
        return self.integration.document((state.load(self.access_role_state, access) or {}).get("id", ""))


def apply(request: Request) -> dict[str, str]:
    """Authorise the role unless Atlas has it, then create, adopt or update the integration.

    Returns
    -------
    dict
        ``IntegrationId``.
    """
    wanted = read(Settings, request.properties)
    integration = Integration(wanted.project.api(request), wanted.document)
    api, role_id = integration.api, integration.document["iamRoleId"]
    if not role_id:
        raise ConnectorError("the id of Atlas's access role is not saved: change `connect.revision` and deploy again")
    _check_clusters(api, wanted)
    _authorise(api, role_id, wanted.integration)
    integration_id, _ = vendor_object.reconcile(integration, wanted.store, adopt=wanted.project.adopt)
    return {"IntegrationId": integration_id}


def delete(request: Request) -> None:
    """Remove the integration; the authorisation goes with the access role."""
    wanted = read_to_delete(Settings, request.properties)
    vendor_object.remove(lambda: Integration(wanted.project.api(request), wanted.document), wanted.store)


def _check_clusters(api: atlas_api.AtlasApi, wanted: Settings) -> None:
    """Refuse a project all of whose clusters are too small or too old; Atlas would take the integration and be silent.

    The Activity Feed is the project's, and is exported whatever its clusters are.
    """
    if not {*wanted.integration.log_types} - {"EVENTS"}:
        return
    clusters = atlas_settings.clusters(api)
    silent = {str(each.get("name")): why for each in clusters if (why := atlas_settings.exports_no_logs(each))}
    named = ", ".join(f"{name} ({why})" for name, why in sorted(silent.items()))
    if silent and len(silent) == len(clusters):
        raise ConnectorError(
            f"Atlas exports no logs of the clusters in project {wanted.project.project_id}: {named}. Exporting logs "
            "needs a cluster of M10 or larger on MongoDB 7.0 or later: scale or upgrade one, then deploy again"
        )
    if silent:
        aws.log("clusters without export", level="WARNING", clusters=named)


def _authorise(api: atlas_api.AtlasApi, role_id: str, wanted: documents.LogIntegration) -> None:
    if _is_authorised(api, role_id, wanted):
        return
    path = f"{atlas_integrations.ROLES}/{role_id}"
    try:
        api.call("PATCH", path, atlas_api.V2023, answers.ignored, body=wanted.authorisation)
    except VendorRefusalError as refusal:
        if atlas_api.may_be_propagation(refusal):
            raise RetryLaterError(
                f"Atlas cannot assume {wanted.role_arn} ({refusal})", timeout_seconds=PROPAGATION_SECONDS
            ) from refusal
        raise atlas_api.explain(refusal) from refusal
    if not _is_authorised(api, role_id, wanted):
        raise RetryLaterError(
            f"Atlas took {wanted.role_arn} and does not show it as authorised", timeout_seconds=PROPAGATION_SECONDS
        )
    aws.log("authorised", role_id=role_id, role_arn=wanted.role_arn)


def _is_authorised(api: atlas_api.AtlasApi, role_id: str, wanted: documents.LogIntegration) -> bool:
    role = atlas_integrations.role(api, role_id)
    if role is None:
        raise ConnectorError(
            f"the access role {role_id} is gone from Atlas: it was deleted, or the project was. Change "
            "`connect.revision` and deploy again: everything at Atlas is then looked at and made again where it is gone"
        )
    return bool(role.get("iamAssumedRoleArn") == wanted.role_arn and role.get("authorizedDate"))


@dataclass(frozen=True, slots=True)
class Integration:
    """A log integration, as ``vendor_object`` reconciles it."""

    api: atlas_api.AtlasApi
    document: Document

    @property
    def description(self) -> str:
        """Its name, and where a person finds it."""
        where = f"{self.document['bucketName']}/{self.document['prefixPath']}"
        return f"a log integration to {where} (Atlas, project integrations)"

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        read = answers.one(atlas_integrations.SHAPE, "id", object_id)
        return self.api.find(f"{atlas_integrations.PATH}/{object_id}", atlas_api.V2025, read)

    def list_all(self) -> dict[str, Document]:
        """Return the project's integrations to S3 by id."""
        return atlas_integrations.listed(self.api)

    def matches(self, document: Document) -> bool:
        """Return whether it writes to our bucket's prefix, or uses our access role."""
        same_role = document.get("iamRoleId") == self.document["iamRoleId"]
        return same_role or documents.is_at(document, self.document["bucketName"], self.document["prefixPath"])

    matches_new = matches

    def create(self) -> str:
        """Make it."""
        read = answers.of({"id": answers.ID})
        return str(self._write("POST", atlas_integrations.PATH, read, self.document)["id"])

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether Atlas has what is asked."""
        return documents.comparable(document) == documents.comparable(self.document)

    def update(self, object_id: str, former: Document | None) -> None:
        """Replace it whole, in place: what Atlas could not deliver meanwhile it sends to the new target."""
        body = {name: former[name] for name in _FIELDS if former.get(name) is not None} if former else None
        self._write("PUT", f"{atlas_integrations.PATH}/{object_id}", answers.ignored, body or self.document)

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{atlas_integrations.PATH}/{object_id}", atlas_api.V2025)

    def _write(self, method: str, path: str, read: atlas_api.Read[T], body: Document) -> T:
        try:
            return self.api.call(method, path, atlas_api.V2025, read, body=body)
        except VendorRefusalError as refusal:
            if atlas_api.may_be_propagation(refusal):
                raise RetryLaterError(
                    f"Atlas cannot use {self.document['bucketName']} ({refusal})", timeout_seconds=PROPAGATION_SECONDS
                ) from refusal
            hint = (
                "Exporting logs needs a cluster of M10 or larger on MongoDB 7.0 or later, and a project has at most 10 "
                "export paths."
            )
            raise ConnectorError(f"{atlas_api.explain(refusal)} {hint}") from refusal
