"""The marked record of `logdock smoke-test`, in this kind's format."""

from datetime import UTC, datetime

from logdock.cli.smoke_test.records import NAME, message
from logdock.vendors.rds.settings import RdsExport


def event_message(_export: RdsExport, log_group: str, marker: str, now: datetime) -> str:
    """Return a query in the audit log, a line in PostgreSQL's; in another log, plain text."""
    at = now.astimezone(UTC)
    if log_group.endswith("/audit"):
        return f"{at:%Y%m%d %H:%M:%S},{NAME},logdock,192.0.2.1,0,0,QUERY,,'SELECT 1 /* {marker} */',0,,"
    if log_group.endswith("/postgresql"):
        return f"{at:%Y-%m-%d %H:%M:%S} UTC::@:[0]:LOG:  {message(marker)}"
    return message(marker)
