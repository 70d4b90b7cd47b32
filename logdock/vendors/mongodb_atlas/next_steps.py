"""What is left to do at Atlas, as commands with every value filled in.

Source: MongoDB Atlas Administration API (cloudProviderAccess, logIntegrations). What only the person has stays a shell
variable: a credential, or an id that the vendor shows.
"""

import json
from typing import Any

from logdock.vendors.mongodb_atlas.documents import atlas_alert, atlas_log_integration
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.shell import json_argument

_ROLE_ID = "\0"
"""Stands for the role's id until the shell fills it in: no setting has it."""
_ATLAS_HOSTS = {False: "https://cloud.mongodb.com", True: "https://cloud.mongodbgov.com"}


def atlas_steps(
    export: MongodbAtlasExport, *, role_arn: str, bucket: str, key_arn: str, gov_cloud: bool = False
) -> str:
    """Authorise the role, create the log integration, then its alert. ROLE_ID is the role's id at Atlas.

    Parameters
    ----------
    gov_cloud
        The deployment is in AWS GovCloud (US), where Atlas for Government writes: it has an address of its own.
    """
    base = f"{_ATLAS_HOSTS[gov_cloud]}/api/atlas/v2/groups/{export.object_id}"
    call = 'curl --fail-with-body -H "Authorization: Bearer $ATLAS_TOKEN"'
    first = "-H 'Accept: application/vnd.atlas.2023-01-01+json' -H 'Content-Type: application/json'"
    # the shell fills in the role's id between two quoted parts
    wanted = atlas_log_integration(export, role_arn=role_arn, bucket=bucket, key_arn=key_arn)
    integration = json_argument(_without_defaults(wanted.document(_ROLE_ID))).replace(
        json.dumps(_ROLE_ID)[1:-1], """'"$ROLE_ID"'"""
    )
    role = json_argument(wanted.authorisation)
    # Atlas answers CANNOT_ASSUME_ROLE until IAM has propagated a new role.
    retry = "--retry 5 --retry-delay 10 --retry-all-errors"
    authorise = f'{call} {retry} -X PATCH {base}/cloudProviderAccess/"$ROLE_ID" {first} -d {role}'
    create = (
        f"{call} {base}/logIntegrations -H 'Accept: application/vnd.atlas.2025-03-12+json' "
        f"-H 'Content-Type: application/vnd.atlas.2025-03-12+json' -d {integration}"
    )
    document = atlas_alert(export.connect).document
    notifications = [_without_defaults(each) for each in document["notifications"]]
    alert = json_argument({**document, "notifications": notifications})
    notify = f"{call} {base}/alertConfigs {first} -d {alert}   # once in a project"
    notes = [f"# {_AUDIT_LOGS_ARE_EMPTY}."] if _exports_audit_logs(export) else []
    return "\n".join([authorise, create, notify, *notes])


_AUDIT_LOGS_ARE_EMPTY = "The audit logs stay empty unless Database Auditing is on in the project"


def _exports_audit_logs(export: MongodbAtlasExport) -> bool:
    return any(log_type.endswith("_AUDIT") for log_type in export.log_types)


def _without_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is off, which is the API's default."""
    return {name: value for name, value in document.items() if value is not False}


def atlas_connected(export: MongodbAtlasExport) -> str:
    """Say what the deploy has done at Atlas, and what it leaves to a person."""
    what = f"each of {len(export.project_ids)} projects' role" if export.project_ids else "the role"
    steps = f"Nothing to do: the deploy authorised {what} and created the log integration."
    if _exports_audit_logs(export) and export.connect and not export.connect.auditing:
        steps += f" {_AUDIT_LOGS_ARE_EMPTY} (connect.auditing)."
    if export.connect and not export.connect.alert:
        steps += " No one is notified of a failed export unless the project has an alert for it (connect.alert)."
    return steps
