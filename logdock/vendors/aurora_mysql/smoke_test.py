"""The marked record of `logdock smoke-test`, in this kind's format."""

from datetime import datetime

from logdock.cli.smoke_test.records import NAME, message
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport


def event_message(_export: AuroraMysqlExport, log_group: str, marker: str, now: datetime) -> str:
    """Return a query in the audit log; in another log, plain text."""
    if not log_group.endswith("/audit"):
        return message(marker)
    epoch_us = int(now.timestamp() * 1_000_000)
    return f"{epoch_us},{NAME},logdock,192.0.2.1,0,0,QUERY,,'SELECT 1 /* {marker} */',0"
