"""What is left to do at CockroachDB Cloud, as commands (Cloud API 2024-09-16, logexport)."""

from logdock.vendors.cockroachdb.documents import cockroachdb_log_export
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.shell import json_argument

_CALL = 'curl --fail-with-body -H "Authorization: Bearer $COCKROACH_API_KEY" -H "Cc-Version: 2024-09-16"'


def cockroachdb_steps(export: CockroachdbExport, *, role_arn: str, region: str) -> str:
    """Enable the export, then watch its status until it says ENABLED."""
    url = f"https://cockroachlabs.cloud/api/v1/clusters/{export.cluster_id}/logexport"
    external_id = export.external_id[-1] if export.external_id else None
    wanted = cockroachdb_log_export(export, role_arn=role_arn, external_id=external_id, region=region)
    request = json_argument(wanted.document)
    steps = f"{_CALL} -X POST {url} -d {request}\n{_CALL} {url}   # until status is ENABLED"
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
    of_several = f" of each of {len(export.cluster_ids)} clusters" if export.cluster_ids else ""
    steps = f"Nothing to do: the deploy enabled the log export{of_several}."
    if statements := _cockroachdb_statements(export):
        steps += " Logins (SESSIONS) and audited tables (SENSITIVE_ACCESS) are logged only after these SQL statements:"
    return "\n".join([steps, *statements])


def cockroachdb_switch_off(export: CockroachdbExport) -> str:
    """Disable the export."""
    url = f"https://cockroachlabs.cloud/api/v1/clusters/{export.cluster_id}/logexport"
    return f"{_CALL} -X DELETE {url}"
