"""Audit lines of Aurora MySQL and of RDS: comma-separated columns whose ninth is a quoted query that may hold commas.

Aurora writes ten columns and microseconds since 1970. RDS for MySQL and MariaDB write ``YYYYMMDD HH:MM:SS`` in UTC,
``connection_type`` as an eleventh column, and in some versions one column more
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Options.AuditPlugin.html).

Source: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html. The log group is
``/aws/rds/cluster/<cluster>/<log type>``; other log types than audit are kept as plain lines.
"""

import re

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import Origin, Record

COLUMNS = (
    "timestamp", "serverhost", "username", "host", "connectionid", "queryid", "operation", "database", "object",
    "retcode", "connection_type", "column_12",
)  # fmt: skip
_TIMESTAMP = re.compile(r"\d{16}|\d{8} \d\d:\d\d:\d\d", re.ASCII)
_AFTER_OBJECT = re.compile(r",(\d*)(?:,([^,']{0,64}))?(?:,([^,']{0,64}))?$", re.ASCII)


def log_type_of(log_group: str) -> str:
    """Return the log type a log group's name ends in: audit, error, general, slowquery, instance, iam-db-auth-error."""
    return log_group.rsplit("/", 1)[-1]


def columns(line: str) -> dict[str, str] | None:
    """Return a line's columns by name, or None when the line is not an audit line.

    The first eight commas separate columns, and so do the last one to three; what is between belongs to the query.
    """
    head = line.split(",", 8)
    if len(head) != 9 or not _TIMESTAMP.fullmatch(head[0]):
        return None
    tail = _AFTER_OBJECT.search(head[8], _end_of_query(head[8]))
    if tail is None:
        return None
    query = head[8][: tail.start()]
    if len(query) > 1 and query[0] == query[-1] == "'":
        query = query[1:-1]
    after = [value for value in tail.groups() if value is not None]
    return dict(zip(COLUMNS, (*head[:8], query, *after), strict=False))


def _end_of_query(text: str) -> int:
    """Return where the columns after the query may begin: behind its last quote, or where the last column does."""
    quote = text.rfind("'")
    return quote + 1 if quote >= 0 else max(0, text.find(","))


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one audit line, its columns as fields; any other line as it is."""
    named = columns(line)
    if named is None:
        return plain.unknown(line, origin) if origin.log_type == "audit" else plain.parse(line, origin)
    stamp = named["timestamp"]
    if len(stamp) == 16:
        time = timestamps.from_plausible_epoch(stamp)
    else:
        time = timestamps.normalise(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:]}Z")
    return Record(line, time or origin.arrival, "audit", named)
