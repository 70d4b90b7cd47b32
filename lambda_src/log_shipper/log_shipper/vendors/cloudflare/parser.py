"""Cloudflare Logpush: one JSON document a line, of the fields that the job names.

Each dataset has a field of its own for the time, which is an RFC 3339 string or a Unix time in seconds or nanoseconds,
as the job's ``timestamp_format`` says; of Workers it is always in milliseconds. Logpush writes to
``{prefix}/{dataset}/[{YYYYMMDD}/]{file}``. Sources: Cloudflare Logs, "Log Output Options" and the datasets' pages.
"""

import re

from log_shipper import lenient_json, timestamps
from log_shipper.parsers import plain
from log_shipper.record import JsonValue, Origin, Record

TIME_NAMES = (
    "EdgeStartTimestamp", "Datetime", "Timestamp", "When", "ActionTimestamp", "CreatedAt", "DetectedTimestamp",
    "CompletedAt", "EventTimestampMs", "TimestampStart", "SessionStartTime",
)  # fmt: skip
"""In the order in which they are tried: no dataset has two of them for different moments."""

_DAY = re.compile(r"\d{8}$")
_OPENING = re.compile(rf'\{{"(?:{"|".join(TIME_NAMES)})":(?:"([^"\\]{{20,40}})"|(\d{{10,19}})[,}}])')


def log_type_of_key(key: str) -> str:
    """Return the dataset, which is the folder above the file, or above the day."""
    folders = key.split("/")[:-1]
    if folders and _DAY.match(folders[-1]):
        folders.pop()
    return folders[-1] if folders else "cloudflare"


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one line; the line itself is kept as it is."""
    opening = _OPENING.match(line)
    if opening and (time := _time(opening[1] or opening[2])) and line.endswith("}"):
        return Record(line, time, origin.log_type)
    try:
        document = lenient_json.loads(line)
    except ValueError:
        return plain.unknown(line, origin)
    if not isinstance(document, dict):
        return plain.unknown(line, origin)
    times = (_time(document[name]) for name in TIME_NAMES if name in document)
    return Record(line, next(filter(None, times), origin.arrival), origin.log_type)


def _time(value: JsonValue) -> str | None:
    if isinstance(value, str) and (time := timestamps.normalise(value)):
        return time
    return timestamps.from_plausible_epoch(value)
