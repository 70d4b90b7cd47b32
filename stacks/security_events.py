r"""What in a vendor's log lines is a security event, as filter patterns of CloudWatch Logs.

The service's regular expressions know no groups, no negated classes, and neither quotes nor spaces as they are
(CloudWatch Logs User Guide, "Supported regular expressions syntax"), so ``\x27`` and ``\x22`` are quotes and words are
spelt in both cases. A log group takes five patterns with expressions; these are three. They count lines, which is what
an alarm needs, and are no audit: a statement that begins with a comment is not seen.

Sources: Aurora User Guide, "Advanced Auditing" and RDS User Guide, "MariaDB Audit Plugin support for MySQL" (the
fields of the audit log); pgaudit, "Format"; CockroachDB, "Notable event types".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from logdock.settings.database_exports import AuditEvent
from logdock.settings.exports import AuroraMysqlExport, CockroachdbExport, MongodbAtlasExport, RdsExport
from logdock.settings.log_group_exports import Channel


def _any(*expressions: str) -> str:
    return f"%{'|'.join(expressions)}%"


def _either_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter.lower()}]" for letter in word)


def _statements(*beginnings: str) -> str:
    return _any(*(rf",QUERY,\S*,\x27{beginning}" for beginning in beginnings))


_PRIVILEGE_STATEMENTS = (
    rf"{_either_case('grant')}\s",
    rf"{_either_case('revoke')}\s",
    *(
        rf"{_either_case(verb)}\s{_either_case(what)}\s"
        for verb in ("create", "alter", "drop")
        for what in ("user", "role")
    ),
)
_SCHEMA_STATEMENTS = (
    *(
        rf"{_either_case(verb)}\s{_either_case(what)}"
        for verb in ("create", "alter", "drop")
        for what in ("table", "database", "view")
    ),
    rf"{_either_case('truncate')}\s",
)

_POSTGRESQL_REFUSALS = (r"password\sauthentication\sfailed", r"PAM\sauthentication\sfailed", r"no\spg_hba.conf\sentry")
"""How a failed login begins in PostgreSQL's log; PAM is how RDS checks IAM tokens."""
_POSTGRESQL_CHANGES = (
    ("privilege-changes", "role", _PRIVILEGE_STATEMENTS),
    ("schema-changes", "ddl", _SCHEMA_STATEMENTS),
)
"""What is counted there, the class of pgaudit that has it, and the statements that `log_statement` logs."""

_MYSQL: dict[str, tuple[tuple[AuditEvent, ...], str]] = {
    # A connection that failed has its own operation, or an error code in the last field.
    "failed-logins": (("CONNECT",), _any(r",CONNECT,\S*,,[1-9]", ",FAILED_CONNECT,")),
    "privilege-changes": (
        ("QUERY", "QUERY_DCL"),
        _statements(*_PRIVILEGE_STATEMENTS, rf"{_either_case('set')}\s{_either_case('password')}"),
    ),
    "schema-changes": (
        ("QUERY", "QUERY_DDL"),
        _statements(*_SCHEMA_STATEMENTS),
    ),
}
"""What is counted in the audit log, the audited events that have it, and its pattern."""

_COCKROACHDB: dict[str, tuple[tuple[Channel, ...], Sequence[str]]] = {
    "failed-logins": (("SESSIONS",), ("client_authentication_failed",)),
    "privilege-changes": (
        ("PRIVILEGES", "USER_ADMIN"),
        (
            "change_[a-z]*_privilege",
            "alter_default_privileges",
            "grant_role",
            "revoke_role",
            "create_role",
            "alter_role",
            "drop_role",
        ),
    ),
    # The other channels' create_role and alter_default_privileges are no change of a schema.
    "schema-changes": (
        ("SQL_SCHEMA",),
        ("create_[a-qs-z]", "drop_[a-qs-z]", "rename_", "truncate_", "alter_[a-ce-qs-z]", "alter_da"),
    ),
}
"""What is counted, the channels that have it, and the event types."""


def database_filters(export: AuroraMysqlExport | RdsExport) -> dict[str, dict[str, str]]:
    """Return what can be counted in an export's logs: by name, the pattern of its log group."""
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
    return {name: _any(*expressions) for name, expressions in found.items() if expressions}


def cockroachdb_filters(export: CockroachdbExport) -> dict[str, dict[str, str]]:
    """Return what can be counted in an export's channels: by name, the pattern of each log group that has them.

    The event type is spelt alike in both of CockroachDB's formats, and markers never hide it.
    """
    elsewhere = {channel: group.log_name for group in export.groups for channel in group.channels}
    found: dict[str, dict[str, str]] = {}
    for name, (channels, types) in _COCKROACHDB.items():
        pattern = _any(*(rf"EventType\x22:\s?\x22{each}" for each in types))
        exported = [channel for channel in channels if channel not in export.omitted_channels]
        groups = dict.fromkeys(elsewhere.get(channel, export.log_group) for channel in exported)
        if groups:
            found[name] = dict.fromkeys(groups, pattern)
    return found


def audit_is_counted(export: MongodbAtlasExport) -> bool:
    """Return whether the shipper counts failed logins in this export's audit logs: it must read them."""
    return bool(export.ship_to) and bool({"MONGOD_AUDIT", "MONGOS_AUDIT"} & {*export.log_types})


def assumed_or_assuming(role_arn: str) -> str:
    """Return the condition on CloudTrail's record that is true of a role's sessions, and of who asks for one."""
    name = role_arn.rpartition("/")[2]
    session = f'($.userIdentity.sessionContext.sessionIssuer.userName = "{name}")'
    return f'{session} || ($.requestParameters.roleArn = "{role_arn}")'


def from_account(principal_arn: str, bucket_name: str) -> str:
    """Return the condition that is true of another account's calls on a bucket."""
    account = principal_arn.split(":")[4]
    return f'($.userIdentity.accountId = "{account}") && ($.requestParameters.bucketName = "{bucket_name}")'
