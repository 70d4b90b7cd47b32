"""Logs of Aurora PostgreSQL and RDS instances: PostgreSQL's log by its prefix, audit lines by their columns.

RDS has ``log_line_prefix`` as ``%t:%r:%u@%d:[%p]:`` (RDS User Guide, "Parameters for logging in RDS for PostgreSQL");
``%m``, which has milliseconds, and more escapes before the severity are read, too. An entry goes on in the lines
without a prefix, and in those of DETAIL, HINT, QUERY, CONTEXT, STATEMENT, LOCATION and BACKTRACE, which PostgreSQL
writes with their entry in one piece, each with the prefix (PostgreSQL, src/backend/utils/error/elog.c,
send_message_to_server_log). Fields have the names of the columns of PostgreSQL's CSV log (PostgreSQL Documentation,
"Using CSV-Format Log Output"), and those of an audit entry pgaudit's (pgaudit, "Format").

RDS publishes the lines of ``stderr``, even where ``csvlog`` is a log destination, too.
"""

import re

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import Origin, Record
from log_shipper.vendors.aurora_mysql import parser as aurora_mysql

_PREFIX = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) ([A-Z0-9+-]{1,10}):(.{0,400}?):\[(\d{1,10})\]:", re.ASCII
)
_SEVERITY = re.compile(
    r"(?:.{0,300}?:)??"
    r"(DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|"
    r"DETAIL|HINT|QUERY|CONTEXT|STATEMENT|LOCATION|BACKTRACE):  ?"
)
_CONTINUES = frozenset({"DETAIL", "HINT", "QUERY", "CONTEXT", "STATEMENT", "LOCATION", "BACKTRACE"})
_FROM = re.compile(r"(\[local\]|[^()@]{0,255}\(\d{1,5}\)|):")
_AUDIT = "AUDIT: "
_AUDIT_FIELDS = (
    "audit_type", "statement_id", "substatement_id", "class", "command", "object_type", "object_name",
)  # fmt: skip


def parse(line: str, origin: Origin) -> Record:
    """Return the record of a line that begins an entry of PostgreSQL, or of any line of another log."""
    prefix = _PREFIX.match(line)
    if prefix is None:
        return plain.unknown(line, origin) if origin.log_type == "postgresql" else aurora_mysql.parse(line, origin)
    clock, zone, session, process = prefix.groups()
    fields = {"process_id": process}
    if origin_of_session := _FROM.match(session):
        fields["connection_from"] = origin_of_session[1]
        user, _, database = session[origin_of_session.end() :].rpartition("@")
        fields |= {"user_name": user, "database_name": database}
    if severity := _SEVERITY.match(line, prefix.end()):
        fields["error_severity"] = severity[1]
        if line.startswith(_AUDIT, severity.end()):
            values = line[severity.end() + len(_AUDIT) :].split(",", len(_AUDIT_FIELDS))
            fields |= dict(zip(_AUDIT_FIELDS, values, strict=False))
    offset = "Z" if zone in ("UTC", "GMT") else zone
    time = timestamps.normalise(clock + offset)
    fields = {name: value for name, value in fields.items() if value}
    return Record(line, time or origin.arrival, origin.log_type, fields, time is not None)


def starts_record(line: str) -> bool:
    """Say whether a line begins an entry of PostgreSQL: it has a prefix, and is not a part of the entry before."""
    prefix = _PREFIX.match(line)
    if prefix is None:
        return False
    severity = _SEVERITY.match(line, prefix.end())
    return severity is None or severity[1] not in _CONTINUES


def may_continue(line: str) -> bool:
    """Say whether the entry that a line begins may go on in the next lines: PostgreSQL's may, others never do."""
    return _PREFIX.match(line) is not None
