"""What is left to do at Atlas, as commands with every value filled in.

Source: MongoDB Atlas Administration API (cloudProviderAccess, logIntegrations). What only the person has stays a shell
variable: a credential, or an id that the vendor shows.
"""

from __future__ import annotations

import json

from logdock.vendors.mongodb_atlas.settings import ALERT_DELAY_MINUTES, ALERT_INTERVAL_MINUTES, MongodbAtlasExport
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
    base = f"{_ATLAS_HOSTS[gov_cloud]}/api/atlas/v2/groups/{export.project}"
    call = 'curl --fail-with-body -H "Authorization: Bearer $ATLAS_TOKEN"'
    first = "-H 'Accept: application/vnd.atlas.2023-01-01+json' -H 'Content-Type: application/json'"
    # the shell fills in the role's id between two quoted parts
    integration = json_argument(
        {
            "type": "S3_LOG_EXPORT",
            "bucketName": export.mrap_arn or bucket,
            "iamRoleId": _ROLE_ID,
            "prefixPath": export.prefix,
            "logTypes": list(export.log_types),
            # The buckets behind an access point have each their own key: their default encryption names it.
            "kmsKey": None if export.mrap_arn else key_arn,
        }
    ).replace(json.dumps(_ROLE_ID)[1:-1], """'"$ROLE_ID"'""")
    role = json_argument({"providerName": "AWS", "iamAssumedRoleArn": role_arn})
    # Atlas answers CANNOT_ASSUME_ROLE until IAM has propagated a new role.
    retry = "--retry 5 --retry-delay 10 --retry-all-errors"
    authorise = f'{call} {retry} -X PATCH {base}/cloudProviderAccess/"$ROLE_ID" {first} -d {role}'
    create = (
        f"{call} {base}/logIntegrations -H 'Accept: application/vnd.atlas.2025-03-12+json' "
        f"-H 'Content-Type: application/vnd.atlas.2025-03-12+json' -d {integration}"
    )
    alert = json_argument(
        {
            "eventTypeName": "HOST_EXTERNAL_LOG_SINK_EXPORT_DOWN",
            "enabled": True,
            "notifications": [
                {
                    "typeName": "GROUP",
                    "emailEnabled": True,
                    "delayMin": ALERT_DELAY_MINUTES,
                    "intervalMin": ALERT_INTERVAL_MINUTES,
                    "roles": ["GROUP_OWNER"],
                }
            ],
        }
    )
    return f"{authorise}\n{create}\n{call} {base}/alertConfigs {first} -d {alert}"


def atlas_connected(export: MongodbAtlasExport) -> str:
    """Say what the deploy has done at Atlas, and what it leaves to a person."""
    what = f"each of {len(export.project_ids)} projects' role" if export.project_ids else "the role"
    steps = f"Nothing to do: the deploy authorised {what} and created the log integration."
    audit = any(log_type.endswith("_AUDIT") for log_type in export.log_types)
    if audit and export.connect and not export.connect.auditing:
        steps += " The audit logs stay empty unless Database Auditing is on in the project (connect.auditing)."
    if export.connect and not export.connect.alert:
        steps += " No one is notified of a failed export unless the project has an alert for it (connect.alert)."
    return steps
