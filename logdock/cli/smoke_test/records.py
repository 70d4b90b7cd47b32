"""The marked records: one line in the format of each kind of export, with a marker that people recognise.

No record says anything that an alarm or a metric filter of this project counts, and none has one of the words that
people count in log groups of their own: error, fail, denied, exception, warning.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from logdock.settings.export_base import LogGroupExport
from logdock.settings.exports import Export
from logdock.vendors.registry import load_part

NAME = "logdock-smoke-test"
"""What every marker, key and log stream of a smoke test begins with."""


def new_marker() -> str:
    """Return a marker, by which a record is recognised wherever it arrives."""
    return f"{NAME}-{secrets.token_hex(8)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectRecord:
    """A marked record as an object of a landing bucket."""

    key: str
    """Its key below the export's prefix, in the vendor's layout."""
    body: bytes
    line: str
    """The record's line."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """`body`, `metadata`: The object."""


def object_record(export: Export, marker: str, now: datetime, master_key: bytes | None) -> ObjectRecord:
    """Return the record for an export that lands in a bucket, in the vendor's format."""
    record: ObjectRecord = load_part(export.kind, "smoke_test").object_record(export, marker, now, master_key)
    return record


def event_message(export: LogGroupExport, log_group: str, marker: str, now: datetime) -> str:
    """Return the record for an export that lands in log groups, as a log event's message."""
    text: str = load_part(export.kind, "smoke_test").event_message(export, log_group, marker, now)
    return text


def message(marker: str) -> str:
    """Return the message of a test record, which explains its purpose."""
    return f"{marker}: a test record of `logdock smoke-test`; nothing happened"


def iso_time(now: datetime) -> str:
    """Return a time as ISO 8601, in UTC with milliseconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def json_message(marker: str, now: datetime) -> str:
    """Return the message in a line of JSON, with its time."""
    return json.dumps({"time": iso_time(now), "message": message(marker)}, separators=(",", ":"))
