"""Aurora MySQL advanced audit lines: ten comma-separated columns whose ninth is a quoted query that may hold commas.

Source: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html. The log group is
``/aws/rds/cluster/<cluster>/<log type>``; other log types than audit are kept as plain lines.
"""

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import Origin, Record

COLUMNS = (
    "timestamp", "serverhost", "username", "host", "connectionid", "queryid", "operation", "database", "object",
    "retcode",
)  # fmt: skip
_TIMESTAMP_DIGITS = 16


def log_type_of(log_group: str) -> str:
    """Return the log type a log group's name ends in: audit, error, general, slowquery, instance, iam-db-auth-error."""
    return log_group.rsplit("/", 1)[-1]


def columns(line: str) -> dict[str, str] | None:
    """Return the ten columns by name, or None when the line is not an audit line.

    The first eight commas separate columns, and so does the last: everything between belongs to the query.
    """
    head = line.split(",", 8)
    if len(head) != 9 or len(head[0]) != _TIMESTAMP_DIGITS or not (head[0].isascii() and head[0].isdigit()):
        return None
    statement, comma, retcode = head[8].rpartition(",")
    if not comma or not (retcode == "" or (retcode.isascii() and retcode.isdigit())):
        return None
    if len(statement) > 1 and statement[0] == statement[-1] == "'":
        statement = statement[1:-1]
    return dict(zip(COLUMNS, (*head[:8], statement, retcode), strict=True))


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one audit line, its columns as fields; any other line as it is."""
    named = columns(line)
    if named is None:
        return plain.unknown(line, origin) if origin.log_type == "audit" else plain.parse(line, origin)
    time = timestamps.from_epoch(int(named["timestamp"]))
    return Record(line, time or origin.arrival, "audit", named)
