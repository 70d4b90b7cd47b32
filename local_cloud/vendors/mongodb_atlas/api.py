"""The MongoDB Atlas Administration API, as far as a log export needs it.

Sources: MongoDB Atlas Administration API v2 (OpenAPI description): paths, versions, fields, enums and statuses; "Atlas
Administration API Authentication" for service accounts and digest keys. It authorises a role, and takes a log
integration, only after it has assumed the role and written to the bucket.
"""

from __future__ import annotations

import re
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local_cloud.vendors.mongodb_atlas import project_settings as atlas_settings
from local_cloud.vendors.mongodb_atlas.bodies import LogIntegration, RoleAuthorization, RoleRequest
from local_cloud.vendors.mongodb_atlas.callers import SIGN_IN, Callers
from local_cloud.vendors.mongodb_atlas.project import Project, now, refusal
from local_cloud.vendors.server import Reply, Request, VendorApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_V2023 = "application/vnd.atlas.2023-01-01+json"
_V2025 = "application/vnd.atlas.2025-03-12+json"
_READ_CLUSTER = "application/vnd.atlas.2024-08-05+json"
_WRITE_CLUSTER = "application/vnd.atlas.2024-10-23+json"
_GROUP = re.compile(r"/api/atlas/v2/groups/([a-f0-9]{24})(/.*|)")
_ORGANIZATION = re.compile(r"/api/atlas/v2/orgs/([a-f0-9]{24})/groups")
_MOST_INTEGRATIONS = 10


class AtlasApi(VendorApi):
    """Atlas, with the projects and credentials that are put into it.

    Parameters
    ----------
    assume
        Assumes a role as Atlas's principal: role ARN, external id → a function that writes an object to a bucket under
        a key. Raises botocore's ClientError when it may not.
    """

    vendor = "mongodb-atlas"

    def __init__(
        self, assume: Callable[[str, str], Callable[[str, str], None]], *, certificate: Path, key: Path
    ) -> None:
        super().__init__(certificate=certificate, key=key)
        self._assume = assume
        self.projects: dict[str, Project] = {}
        """Projects by id."""
        self.callers = Callers()
        """The credentials it knows."""
        self.principal_arn = "arn:aws:iam::772401394250:root"
        """What Atlas assumes roles as."""
        self.propagation = 0
        """How often a new role cannot be assumed although it is right, as while IAM spreads it."""
        self.access_list = False
        """Whether the organization refuses addresses that are not listed, this one among them."""
        self._refused: dict[str, int] = {}

    def is_sign_in(self, path: str) -> bool:
        """Return whether a path mints tokens."""
        return path == SIGN_IN

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        if self.is_sign_in(request.path):
            return self.callers.sign_in(request)
        who = self.callers.identify(request)
        if organization := _ORGANIZATION.fullmatch(request.path):
            return self._list_projects(organization[1], request, who)
        match = _GROUP.fullmatch(request.path)
        if match is None:
            raise refusal(404, "RESOURCE_NOT_FOUND", f"Cannot find resource {request.path}.")
        if self.access_list:
            detail = "IP address 127.0.0.1 is not allowed to access this resource."
            raise refusal(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", detail)
        project = self.projects.get(match[1])
        if project is None or not self.callers.belongs_to(who, project.organization):
            raise refusal(404, "GROUP_NOT_FOUND", f"No group with ID {match[1]} exists.")
        if who in self.callers.without_role:
            detail = f"The current user does not have access to group {match[1]}."
            raise refusal(401, "USER_CANNOT_ACCESS_GROUP", detail)
        if not match[2]:
            self._check_version(request, _V2023)
            return Reply(200, self._project(match[1], project))
        for method, pattern, version, action in self._routes():
            found = re.fullmatch(pattern, match[2])
            if found and request.method == method:
                if who in self.callers.read_only and (method != "GET" or "logIntegrations" in pattern):
                    raise refusal(
                        401, "USER_UNAUTHORIZED", "The current user is not authorized to access the resource."
                    )
                self._check_version(request, version)
                return action(project, request, *found.groups())
        raise refusal(404, "RESOURCE_NOT_FOUND", f"Cannot find {request.method} {request.path}.")

    @staticmethod
    def _project(project_id: str, project: Project) -> dict[str, Any]:
        return {
            "id": project_id,
            "orgId": project.organization,
            "name": f"project {project_id[:4]}",
            "clusterCount": len(project.clusters),
            "created": now(),
        }

    def _list_projects(self, organization: str, request: Request, who: str) -> Reply:
        """List the projects of an organization that a member sees."""
        self._check_version(request, _V2023)
        if not self.callers.belongs_to(who, organization):
            raise refusal(401, "USER_UNAUTHORIZED", "The current user is not authorized to access the resource.")
        found = [
            self._project(project_id, project)
            for project_id, project in self.projects.items()
            if project.organization == organization and who not in self.callers.without_role
        ]
        size, page = int(request.query.get("itemsPerPage", "100")), int(request.query.get("pageNum", "1"))
        return Reply(200, {"results": found[size * (page - 1) : size * page], "totalCount": len(found)})

    def malformed(self, wrong: str) -> Reply:
        """Refuse a body."""
        return refusal(400, "INVALID_ATTRIBUTE", wrong).reply

    def _routes(self) -> list[tuple[str, str, str, Callable[..., Reply]]]:
        one = "([a-f0-9]{24})"
        return [
            ("GET", "/cloudProviderAccess", _V2023, self._list_roles),
            ("POST", "/cloudProviderAccess", _V2023, self._create_role),
            ("GET", f"/cloudProviderAccess/{one}", _V2023, self._get_role),
            ("PATCH", f"/cloudProviderAccess/{one}", _V2023, self._authorize_role),
            ("DELETE", f"/cloudProviderAccess/AWS/{one}", _V2023, self._delete_role),
            ("GET", "/logIntegrations", _V2025, self._list_integrations),
            ("POST", "/logIntegrations", _V2025, self._create_integration),
            ("GET", f"/logIntegrations/{one}", _V2025, self._get_integration),
            ("PUT", f"/logIntegrations/{one}", _V2025, self._update_integration),
            ("DELETE", f"/logIntegrations/{one}", _V2025, self._delete_integration),
            ("GET", "/alertConfigs", _V2023, self._list_alerts),
            ("POST", "/alertConfigs", _V2023, self._create_alert),
            ("GET", f"/alertConfigs/{one}", _V2023, atlas_settings.get_alert),
            ("PUT", f"/alertConfigs/{one}", _V2023, atlas_settings.update_alert),
            ("DELETE", f"/alertConfigs/{one}", _V2023, atlas_settings.delete_alert),
            ("GET", "/auditLog", _V2023, atlas_settings.get_auditing),
            ("PATCH", "/auditLog", _V2023, atlas_settings.set_auditing),
            ("GET", "/clusters", _READ_CLUSTER, atlas_settings.list_clusters),
            ("GET", r"/clusters/([A-Za-z0-9-]+)", _READ_CLUSTER, atlas_settings.get_cluster),
            ("PATCH", r"/clusters/([A-Za-z0-9-]+)", _WRITE_CLUSTER, atlas_settings.set_cluster),
        ]

    @staticmethod
    def _check_version(request: Request, version: str) -> None:
        if request.headers["Accept"] != version:
            raise refusal(406, "INVALID_VERSION_DATE", f"Accept must be {version}.")
        if request.body and request.headers["Content-Type"] not in (version, "application/json"):
            raise refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type must be {version}.")

    # Access roles.

    def _list_roles(self, project: Project, _: Request) -> Reply:
        roles = [self._role(project, role_id) for role_id in project.roles if self.is_listed(role_id)]
        return Reply(200, {"awsIamRoles": roles, "azureServicePrincipals": [], "gcpServiceAccounts": []})

    def _create_role(self, project: Project, request: Request) -> Reply:
        RoleRequest.model_validate(request.json())
        role_id = secrets.token_hex(12)
        self.accept(role_id)
        project.roles[role_id] = {
            "providerName": "AWS",
            "roleId": role_id,
            "atlasAWSAccountArn": self.principal_arn,
            "atlasAssumedRoleExternalId": str(uuid.uuid4()),
            "createdDate": now(),
        }
        return Reply(200, self._role(project, role_id))

    def _get_role(self, project: Project, _: Request, role_id: str) -> Reply:
        if not self.is_shown(role_id):
            raise refusal(404, "CLOUD_PROVIDER_ACCESS_ROLE_NOT_FOUND", f"Cannot find role {role_id}.")
        return Reply(200, self._role(project, role_id))

    def _role(self, project: Project, role_id: str) -> dict[str, Any]:
        if role_id not in project.roles:
            raise refusal(404, "CLOUD_PROVIDER_ACCESS_ROLE_NOT_FOUND", f"Cannot find role {role_id}.")
        uses = [
            {
                "featureType": "ATLAS_LOG_INTEGRATION",
                "featureId": {"configId": one["id"], "sinkName": one["bucketName"]},
            }
            for one in project.integrations.values()
            if one["iamRoleId"] == role_id
        ]
        return {**project.roles[role_id], "featureUsages": uses}

    def _authorize_role(self, project: Project, request: Request, role_id: str) -> Reply:
        role = self._role(project, role_id)
        wanted = RoleAuthorization.model_validate(request.json())
        self._enter(wanted.iam_assumed_role_arn, role["atlasAssumedRoleExternalId"])
        project.roles[role_id] |= {"iamAssumedRoleArn": wanted.iam_assumed_role_arn, "authorizedDate": now()}
        return Reply(200, self._role(project, role_id))

    def _delete_role(self, project: Project, _: Request, role_id: str) -> Reply:
        if self._role(project, role_id)["featureUsages"]:
            raise refusal(400, "CANNOT_DELETE_CLOUD_PROVIDER_ACCESS_ROLE", "The role is in use.")
        del project.roles[role_id]
        return Reply(204)

    def _enter(self, role_arn: str, external_id: str) -> Callable[[str, str], None]:
        """Assume a role; refuse as Atlas does while it cannot."""
        if self._refused.setdefault(role_arn, 0) < self.propagation:
            self._refused[role_arn] += 1
            raise refusal(400, "CANNOT_ASSUME_ROLE", f"Atlas was unable to assume {role_arn}.")
        try:
            return self._assume(role_arn, external_id)
        except ClientError as error:
            raise refusal(400, "CANNOT_ASSUME_ROLE", f"Atlas was unable to assume {role_arn}: {error}") from error

    # Alerts.

    def _list_alerts(self, project: Project, request: Request) -> Reply:
        listed = [alert for alert_id, alert in project.alerts.items() if self.is_listed(alert_id)]
        return atlas_settings.list_alerts(listed, request)

    def _create_alert(self, project: Project, request: Request) -> Reply:
        reply = atlas_settings.create_alert(project, request)
        self.accept(reply.document["id"])
        return reply

    # Log integrations.

    def _list_integrations(self, project: Project, request: Request) -> Reply:
        found = [one for one in project.integrations.values() if self.is_listed(one["id"])]
        wanted = request.query.get("integrationType")
        found = [one for one in found if wanted in (None, one["type"])]
        return Reply(200, {"results": found[: int(request.query.get("itemsPerPage", "100"))], "totalCount": len(found)})

    def _create_integration(self, project: Project, request: Request) -> Reply:
        wanted = self._checked(project, request)
        if len(project.integrations) >= _MOST_INTEGRATIONS:
            raise refusal(400, "LOG_INTEGRATION_LIMIT_EXCEEDED", "The project has the most log integrations allowed.")
        integration_id = secrets.token_hex(12)
        self.accept(integration_id)
        project.integrations[integration_id] = {"id": integration_id, **wanted}
        return Reply(201, project.integrations[integration_id])

    def _get_integration(self, project: Project, _: Request, integration_id: str) -> Reply:
        if not self.is_shown(integration_id):
            raise refusal(404, "LOG_INTEGRATION_NOT_FOUND", f"Cannot find log integration {integration_id}.")
        return Reply(200, self._integration(project, integration_id))

    def _update_integration(self, project: Project, request: Request, integration_id: str) -> Reply:
        self._integration(project, integration_id)
        project.integrations[integration_id] = {"id": integration_id, **self._checked(project, request)}
        return Reply(200, project.integrations[integration_id])

    def _delete_integration(self, project: Project, _: Request, integration_id: str) -> Reply:
        self._integration(project, integration_id)
        del project.integrations[integration_id]
        return Reply(204)

    def _integration(self, project: Project, integration_id: str) -> dict[str, Any]:
        if integration_id not in project.integrations:
            raise refusal(404, "LOG_INTEGRATION_NOT_FOUND", f"Cannot find log integration {integration_id}.")
        return project.integrations[integration_id]

    def _checked(self, project: Project, request: Request) -> dict[str, Any]:
        """Check an integration as "Validate" does: assume its role and write a test object."""
        wanted = LogIntegration.model_validate(request.json())
        if len(set(wanted.log_types)) != len(wanted.log_types):
            raise refusal(400, "INVALID_ATTRIBUTE", "logTypes: not unique")
        role = self._role(project, wanted.iam_role_id)
        if "authorizedDate" not in role:
            raise refusal(
                400, "CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED", f"Role {wanted.iam_role_id} has no IAM role."
            )
        write = self._enter(role["iamAssumedRoleArn"], role["atlasAssumedRoleExternalId"])
        try:
            write(wanted.bucket_name, f"{wanted.prefix_path.strip('/')}/mongodb-atlas-access-test")
        except ClientError as error:
            raise refusal(400, "S3_BUCKET_ACCESS_DENIED", f"Cannot write to {wanted.bucket_name}: {error}") from error
        return wanted.document()
