"""What is left to do at a vendor, as text that can be pasted: commands with every value filled in.

Sources: MongoDB Atlas Administration API (cloudProviderAccess, logIntegrations), CockroachDB Cloud API 2024-09-16
(logexport), Aptible "S3 Log Archives", Logz.io "AWS S3 Bucket". What only the person has stays a shell variable: a
credential, or an id that the vendor shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from logdock.settings.connect import ALERT_DELAY_MINUTES, ALERT_INTERVAL_MINUTES
from logdock.settings.destinations import LogzioDestination
from logdock.settings.exports import AptibleExport, AuroraMysqlExport, CockroachdbExport, MongodbAtlasExport, RdsExport
from logdock.settings.logzio_archive import LogzioArchive
from logdock.settings.names import Names


def _json(document: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in document.items() if value is not None}, separators=(",", ":"))


def _data(document: dict[str, Any]) -> str:
    """Write a document as one shell argument, whatever is in it. A CloudFormation reference is no quotation mark."""
    return quote(_json(document))


S3_NAMESPACE, S3_DASHBOARD = "AWS/S3", "1Pm3OYbu1MRGoELc2qhxQ1"
"""The metrics that Logz.io's page is about, and the dashboard that it installs for them."""
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
    base = f"{_ATLAS_HOSTS[gov_cloud]}/api/atlas/v2/groups/{export.project_id}"
    call = 'curl --fail-with-body -H "Authorization: Bearer $ATLAS_TOKEN"'
    first = "-H 'Accept: application/vnd.atlas.2023-01-01+json' -H 'Content-Type: application/json'"
    # the shell fills in the role's id between two quoted parts
    integration = _data(
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
    role = _data({"providerName": "AWS", "iamAssumedRoleArn": role_arn})
    # Atlas answers CANNOT_ASSUME_ROLE until IAM has propagated a new role.
    retry = "--retry 5 --retry-delay 10 --retry-all-errors"
    authorise = f'{call} {retry} -X PATCH {base}/cloudProviderAccess/"$ROLE_ID" {first} -d {role}'
    create = (
        f"{call} {base}/logIntegrations -H 'Accept: application/vnd.atlas.2025-03-12+json' "
        f"-H 'Content-Type: application/vnd.atlas.2025-03-12+json' -d {integration}"
    )
    alert = _data(
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
    steps = "Nothing to do: the deploy authorised the role and created the log integration."
    audit = any(log_type.endswith("_AUDIT") for log_type in export.log_types)
    if audit and export.connect and not export.connect.auditing:
        steps += " The audit logs stay empty unless Database Auditing is on in the project (connect.auditing)."
    if export.connect and not export.connect.alert:
        steps += " No one is notified of a failed export unless the project has an alert for it (connect.alert)."
    return steps


def cockroachdb_steps(export: CockroachdbExport, *, role_arn: str, region: str) -> str:
    """Enable the export, then watch its status until it says ENABLED."""
    url = f"https://cockroachlabs.cloud/api/v1/clusters/{export.cluster_id}/logexport"
    call = 'curl --fail-with-body -H "Authorization: Bearer $COCKROACH_API_KEY" -H "Cc-Version: 2024-09-16"'
    request = _data(
        {
            "type": "AWS_CLOUDWATCH",
            "log_name": export.log_group,
            "auth_principal": role_arn,
            "aws_external_id": export.external_id[-1] if export.external_id else None,
            "redact": export.redact,
            # Without it every Region's logs go to the log group of that Region, which `regions` makes.
            "region": None if export.regions else region,
            "omitted_channels": list(export.omitted_channels) or None,
            "groups": [group.model_dump(exclude_none=True) for group in export.groups] or None,
        }
    )
    steps = f"{call} -X POST {url} -d {request}\n{call} {url}   # until status is ENABLED"
    statements = _cockroachdb_statements(export)
    return "\n".join([steps, *(f"# In SQL: {statement}" for statement in statements)])


def _cockroachdb_statements(export: CockroachdbExport) -> list[str]:
    """Return the SQL statements without which channels that are exported stay empty.

    Source: CockroachDB, "Logging Levels and Channels" (SESSIONS) and "SQL Audit Logging" (SENSITIVE_ACCESS).
    """
    found = []
    if "SESSIONS" not in export.omitted_channels:
        found += [f"SET CLUSTER SETTING server.auth_log.{what}.enabled = true;" for what in _SESSION_LOGS]
    if "SENSITIVE_ACCESS" not in export.omitted_channels:
        found.append("ALTER TABLE <database>.<schema>.<table> EXPERIMENTAL_AUDIT SET READ WRITE;  -- each table")
    return found


_SESSION_LOGS = ("sql_connections", "sql_sessions")


def cockroachdb_connected(export: CockroachdbExport) -> str:
    """Say what the deploy has done at CockroachDB Cloud, and what it leaves to a person."""
    steps = "Nothing to do: the deploy enabled the log export."
    if statements := _cockroachdb_statements(export):
        steps += " Logins (SESSIONS) and audited tables (SENSITIVE_ACCESS) are logged only after these SQL statements:"
    return "\n".join([steps, *statements])


def cockroachdb_switch_off(export: CockroachdbExport) -> str:
    """Disable the export."""
    url = f"https://cockroachlabs.cloud/api/v1/clusters/{export.cluster_id}/logexport"
    return f'curl --fail-with-body -H "Authorization: Bearer $COCKROACH_API_KEY" -X DELETE {url}'


def database_configured(export: AuroraMysqlExport | RdsExport, restart: str, *, region: str) -> str:
    """Say what the deploy does at the database, and what it leaves to a person.

    Parameters
    ----------
    restart
        The sentence that names the instances to restart, or what else is left, or nothing: it is known when the deploy
        runs.
    """
    what = f"the export of {', '.join(export.log_types)}"
    what += " and the parameters that have the engine write them" if export.needs_parameters else ""
    left = _inside_database(export, region)
    done = f"The deploy switches on {what}. Nothing else to do, unless it is said here: {restart}"
    return "\n".join([done, *left])


def database_steps(export: AuroraMysqlExport | RdsExport, *, role_arn: str | None, region: str) -> str:
    """Switch the logs and their export on by hand.

    A role of the customer's own publishes the audit log alone; the other types are exports in either way. ``$GROUP`` is
    the database's own parameter group, where the settings do not name it.
    """
    parameters = dict(export.parameters)
    if role_arn:
        parameters |= {"server_audit_logs_upload": "1", "aws_default_logs_role": role_arn}
    rows = [
        {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"}
        for name, value in parameters.items()
    ]
    if export.libraries:
        # the command replaces the list: what the database loads already stands before it
        added = ",".join((_LIBRARIES, *export.libraries))
        rows.append(
            {"ParameterName": "shared_preload_libraries", "ParameterValue": added, "ApplyMethod": "pending-reboot"}
        )
    listed = quote(json.dumps(rows, separators=(",", ":"))).replace(json.dumps(_LIBRARIES)[1:-1], _IN_SHELL)
    group = quote(export.parameter_group) if export.parameter_group else '"$GROUP"'
    where, database = f"aws rds --region {quote(region)}", quote(export.database_id)
    kind = "cluster" if export.is_cluster else "instance"
    groups = "db-cluster-parameter-group" if export.is_cluster else "db-parameter-group"
    commands = []
    if rows:
        commands.append(f"{where} modify-{groups} --{groups}-name {group} --parameters {listed}")
    if role_arn:
        commands.append(f"{where} add-role-to-db-cluster --db-cluster-identifier {database} --role-arn {role_arn}")
    exported = [name for name in export.log_types if not (role_arn and name == "audit")]
    if exported:
        types = _data({"EnableLogTypes": exported})
        commands.append(
            f"{where} modify-db-{kind} --db-{kind}-identifier {database} --cloudwatch-logs-export-configuration {types}"
        )
    return "\n".join([*commands, *_inside_database(export, region)])


_LIBRARIES = "\0"
"""Stands for the libraries that the database loads until the shell fills them in: no setting has it."""
_IN_SHELL = """'"$LIBRARIES"'"""


_AUDIT_OPTION = (
    "# The audit log is empty unless the instance's option group has MARIADB_AUDIT_PLUGIN (a default option group "
    "cannot be changed: create one and attach it):"
)
_ADD_AUDIT_OPTION = (
    'add-option-to-option-group --option-group-name "$OPTION_GROUP" --options OptionName=MARIADB_AUDIT_PLUGIN '
    "--apply-immediately"
)


def _inside_database(export: AuroraMysqlExport | RdsExport, region: str) -> list[str]:
    """Return what only a person can do: in SQL, or to an option group that other databases may share.

    Sources: RDS User Guide, "Setting up the pgAudit extension" (the extension is created after the restart, before
    `pgaudit.log` has effect) and "MariaDB Audit Plugin support for MySQL" (no restart is needed).
    """
    if not isinstance(export, RdsExport):
        return []
    steps = []
    if export.libraries:
        steps.append(
            "# After the restart, in SQL, in each database: SET pgaudit.log = 'none'; CREATE EXTENSION IF NOT EXISTS "
            "pgaudit;"
        )
    if "audit" in export.log_types:
        steps += [_AUDIT_OPTION, f"aws rds --region {quote(region)} {_ADD_AUDIT_OPTION}"]
    return steps


def aptible_steps(export: AptibleExport, *, account: str, bucket: str, key_arn: str | None) -> str:
    """Write the support request that Aptible's page asks for; there is no API."""
    encrypt = f" Please have the replication rule encrypt with our KMS key {key_arn}." if key_arn else ""
    return (
        "Ask Aptible Support (Enterprise plan, limited beta): Please enable S3 log archiving for our stack in "
        f"{export.stack_region}. AWS account id: {account}. Bucket: {bucket}.{encrypt}"
    )


def dashboard_steps(destination: LogzioDestination) -> str:
    """Say where to install Logz.io's dashboard for S3, if its metrics are streamed.

    Logz.io's API creates dashboards from a definition, and does not install its own, whose definitions are not public.
    """
    if destination.metrics is None or not destination.metrics.streams(S3_NAMESPACE):
        return ""
    return f"# In Logz.io: Integration Hub -> AWS S3 Bucket -> Metrics -> install the dashboard {S3_DASHBOARD}"


def archive_steps(destination: LogzioDestination, archive: LogzioArchive, *, role_arn: str) -> str:
    """Give the command that starts archiving at Logz.io (Logz.io API, "Setup archiving")."""
    url = quote(f"{destination.api_url}/v2/archive/settings")
    settings = {"credentialsType": "IAM", "path": archive.bucket, "s3IamCredentials": {"arn": role_arn}}
    body = {"storageType": "S3", "enabled": True, "compressed": True, "amazonS3StorageSettings": settings}
    return (
        f"curl --fail-with-body {url} -H \"X-API-TOKEN: $LOGZIO_API_TOKEN\" -H 'Content-Type: application/json' -d "
        f"{_data(body)}"
    )


def fetch_steps(
    destination: LogzioDestination,
    *,
    names: Names,
    role_arn: str,
    exports: Sequence[str],
    log_types: Mapping[str, str] | None = None,
) -> str:
    """List the S3 fetchers to create at Logz.io: one per export, with the type of its logs where it has its own."""
    own = log_types or {}
    url = quote(f"{destination.api_url}/v1/log-shipping/s3-buckets")
    call = f'curl --fail-with-body {url} -H "X-API-TOKEN: $LOGZIO_API_TOKEN"'
    return "\n".join(
        f"{call} -H 'Content-Type: application/json' -d "
        + _data(
            {
                "arn": role_arn,
                "bucket": names.bucket("archive"),
                "prefix": f"feed/{destination.name}/{export}/",
                "region": names.region.upper().replace("-", "_"),
                "logsType": own.get(export) or destination.log_type or export,
                "active": True,
                "addS3ObjectKeyAsLogField": destination.source_path,
            }
        )
        for export in exports
    )
