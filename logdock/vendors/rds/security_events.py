"""What in the logs of a database of RDS is a security event.

Sources: Aurora User Guide, "Advanced Auditing" and RDS User Guide, "MariaDB Audit Plugin support for MySQL" (the
fields of the audit log); pgaudit, "Format".
"""

from typing import get_args

from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.filter_patterns import PRIVILEGE_STATEMENTS, SCHEMA_STATEMENTS, any_of, either_case
from logdock.vendors.rds.settings import AuditEvent, RdsExport


def _statements(*beginnings: str) -> str:
    return any_of(*(rf",QUERY,\S*,\x27{beginning}" for beginning in beginnings))


_POSTGRESQL_REFUSALS = (r"password\sauthentication\sfailed", r"PAM\sauthentication\sfailed", r"no\spg_hba.conf\sentry")
"""How a failed login begins in PostgreSQL's log; PAM is how RDS checks IAM tokens."""
_POSTGRESQL_CHANGES = (
    ("privilege-changes", "role", PRIVILEGE_STATEMENTS),
    ("schema-changes", "ddl", SCHEMA_STATEMENTS),
)
"""What is counted there, the class of pgaudit that has it, and the statements that `log_statement` logs."""
_MYSQL: dict[str, tuple[tuple[AuditEvent, ...], str]] = {
    # A connection that failed has its own operation, or an error code in the last field.
    "failed-logins": (("CONNECT",), any_of(r",CONNECT,\S*,,[1-9]", ",FAILED_CONNECT,")),
    "privilege-changes": (
        ("QUERY", "QUERY_DCL"),
        _statements(*PRIVILEGE_STATEMENTS, rf"{either_case('set')}\s{either_case('password')}"),
    ),
    "schema-changes": (
        ("QUERY", "QUERY_DDL"),
        _statements(*SCHEMA_STATEMENTS),
    ),
}
"""What is counted in the audit log, the audited events that have it, and its pattern."""


def database_filters(export: AuroraMysqlExport | RdsExport) -> dict[str, dict[str, str]]:
    """Return what can be counted in an export's logs: by name, the pattern of each database's log group."""
    found: dict[str, dict[str, str]] = {}
    for database in export.members:
        for name, filters in _of_one(database).items():
            found.setdefault(name, {}).update(filters)
    return found


def _of_one(export: AuroraMysqlExport | RdsExport) -> dict[str, dict[str, str]]:
    groups = dict(zip(export.log_types, export.log_group_names, strict=True))
    if "audit" in groups:
        # which events an instance audits is said in its option group
        events = {*export.events} if isinstance(export, AuroraMysqlExport) else {*get_args(AuditEvent)}
        return {name: {groups["audit"]: pattern} for name, (needed, pattern) in _MYSQL.items() if {*needed} & events}
    if "postgresql" in groups and isinstance(export, RdsExport):
        return {name: {groups["postgresql"]: pattern} for name, pattern in _postgresql(export).items()}
    return {}


def _postgresql(export: RdsExport) -> dict[str, str]:
    """Return what is counted in PostgreSQL's log; changes only where the settings have them logged.

    Failed logins are always logged (RDS User Guide, "RDS for PostgreSQL database log files"). pgaudit's lines are
    ``AUDIT: <type>,<statement>,<substatement>,<class>,<command>`` (pgaudit, "Format").
    """
    audited, logs_ddl = {*export.pgaudit}, export.log_statement in ("ddl", "mod", "all")
    found = {"failed-logins": [rf"FATAL:\s\s{each}" for each in _POSTGRESQL_REFUSALS]}
    for name, audit_class, statements in _POSTGRESQL_CHANGES:
        is_audited = bool({audit_class, "all"} & audited)
        found[name] = [rf"AUDIT:\s[A-Z]*,[0-9]*,[0-9]*,{audit_class.upper()},"] if is_audited else []
        # logged as "statement: <text>", or "execute <name>: <text>" of a prepared one
        found[name] += [rf"LOG:\s\s[a-z]*\s?\S*:\s{each}" for each in statements if logs_ddl]
    return {name: any_of(*expressions) for name, expressions in found.items() if expressions}
