"""The marked record of `logdock smoke-test`, in this kind's format."""

from datetime import datetime

from logdock.cli.smoke_test.records import json_message, message
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport


def event_message(export: CloudwatchLogsExport, _log_group: str, marker: str, now: datetime) -> str:
    """Return plain text, or JSON where the export's settings ask for it."""
    return json_message(marker, now) if export.format == "json-lines" else message(marker)
