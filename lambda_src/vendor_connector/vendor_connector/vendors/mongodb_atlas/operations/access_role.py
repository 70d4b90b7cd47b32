"""Operation ``atlas-access-role`` (polled): an Atlas project's access role, whose principal and external id we trust.

The first thing that a deploy makes at Atlas, and the last that a destroy removes. It also looks for whatever would fail
later, so that wrong credentials, a missing role, a full project or an existing configuration end the deploy before
a bucket is made. Sources: MongoDB Atlas Administration API, cloudProviderAccess (2023-01-01) and logIntegrations.
"""

from dataclasses import dataclass

from vendor_connector import answers, trust, vendor_object
from vendor_connector.request import ConnectorError, Document, Request, RetryLaterError, read, read_to_delete
from vendor_connector.vendor_object import StateStore
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import documents
from vendor_connector.vendors.mongodb_atlas import integrations as atlas_integrations
from vendor_connector.vendors.mongodb_atlas.operations.project import Project

_OUR_USE = "ATLAS_LOG_INTEGRATION"
# Atlas, "Export Logs to AWS S3 Buckets": "Set up to 10 export paths".
_MOST_INTEGRATIONS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    project: Project
    role_arn: str
    bucket: str
    prefix: str

    @property
    def id(self) -> str:
        """What names the resource: one per project and IAM role."""
        return resource_id(self.project.project_id, self.role_arn)

    @property
    def store(self) -> StateStore:
        """Where ours is saved."""
        return self.project.store(self.id)


def resource_id(project_id: str, role_arn: str) -> str:
    """Return what names an access role."""
    return f"atlas-access-role/{project_id}/{role_arn.rpartition('/')[2]}"


def apply(request: Request) -> dict[str, str]:
    """Have the access role made, after a look at what else the project has.

    Returns
    -------
    dict
        ``RoleId``, ``PrincipalArn`` and ``ExternalId``: what Atlas calls the role, and whom our role is to trust.
    """
    wanted = read(Settings, request.properties)
    kind = AccessRole(wanted.project.api(request), wanted.role_arn)
    if wanted.store.load() is None:
        _check_integrations(kind.api, wanted)
    role_id, document = vendor_object.reconcile(kind, wanted.store, adopt=wanted.project.adopt)
    return {
        "RoleId": role_id,
        "PrincipalArn": trust.principal_arn(document.get("atlasAWSAccountArn"), "Atlas"),
        "ExternalId": trust.external_id(document.get("atlasAssumedRoleExternalId"), "Atlas"),
    }


def delete(request: Request) -> None:
    """Remove the access role, once Atlas has let go of it."""
    wanted = read_to_delete(Settings, request.properties)
    vendor_object.remove(lambda: AccessRole(wanted.project.api(request), wanted.role_arn), wanted.store)


def _check_integrations(api: atlas_api.AtlasApi, wanted: Settings) -> None:
    """Refuse what could only fail after the bucket is made. Reading this list needs the role that changing it needs."""
    found = atlas_integrations.listed(api)
    same = [object_id for object_id, one in found.items() if documents.is_at(one, wanted.bucket, wanted.prefix)]
    if same and not wanted.project.adopt:
        raise ConnectorError(
            f"a log integration to {wanted.bucket}/{wanted.prefix} exists already ({', '.join(same)}) and this stack "
            "did not make it. Remove it in Atlas (project integrations), or set `connect.adopt: true` to take it over."
        )
    if len(found) >= _MOST_INTEGRATIONS and not same:
        raise ConnectorError(
            f"project {wanted.project.project_id} has {len(found)} log integrations, and Atlas allows "
            f"{_MOST_INTEGRATIONS}: remove one that is no longer needed"
        )


@dataclass(frozen=True, slots=True)
class AccessRole:
    """An access role, as ``vendor_object`` reconciles it."""

    api: atlas_api.AtlasApi
    role_arn: str
    description: str = "an access role of Atlas for this IAM role (project integrations, AWS IAM role access)"

    def list_all(self) -> dict[str, Document]:
        """Return the project's AWS access roles by id."""
        answer = self.api.read(
            atlas_integrations.ROLES, atlas_api.V2023, answers.of({"awsIamRoles?": [atlas_integrations.ROLE_SHAPE]})
        )
        return answers.by_id(answer.get("awsIamRoles") or [], "roleId")

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        return atlas_integrations.role(self.api, object_id)

    def matches(self, document: Document) -> bool:
        """Return whether it has our IAM role."""
        return bool(document.get("iamAssumedRoleArn") == self.role_arn)

    def matches_new(self, document: Document) -> bool:
        """Return whether it has no IAM role yet."""
        return not document.get("iamAssumedRoleArn")

    def create(self) -> str:
        """Make it."""
        read = answers.of({"roleId": answers.ID})
        return str(
            self.api.change("POST", atlas_integrations.ROLES, atlas_api.V2023, read, {"providerName": "AWS"})["roleId"]
        )

    def is_up_to_date(self, document: Document) -> bool:  # noqa: ARG002  (it has nothing that could differ)
        """Return True: authorising it is the next operation's."""
        return True

    def update(self, object_id: str, former: Document | None) -> None:
        """Leave an adopted one as it is."""

    def remove(self, object_id: str) -> None:
        """Remove it. Atlas keeps a role that one of its features uses."""
        document = self.find(object_id)
        if document is None:
            return
        uses = sorted({str(use.get("featureType")) for use in document.get("featureUsages") or []})
        if uses:
            still = f"Atlas still uses the access role {object_id} for {', '.join(uses)}"
            if uses != [_OUR_USE]:
                raise ConnectorError(f"{still}: remove that in Atlas, then destroy again")
            raise RetryLaterError(still, timeout_seconds=vendor_object.CONSISTENCY_TIMEOUT_SECONDS)
        self.api.remove(f"{atlas_integrations.ROLES}/AWS/{object_id}", atlas_api.V2023)
