"""JSON lines of no known vendor: the time is looked for under the names that loggers use."""

import orjson

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import JsonValue, Origin, Record

TIME_NAMES = (
    "@timestamp", "timestamp", "time", "ts", "eventTime", "event_time", "datetime", "date", "t", "Timestamp", "Time",
    "start_time", "created_at",
)  # fmt: skip


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one JSON document: the time it opens with, one found in it, or the arrival time."""
    time = timestamps.opening(line)
    if time:
        return Record(line, time, origin.log_type)
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return plain.unknown(line, origin)
    return of_document(line, document, origin)


def of_document(text: str, document: JsonValue, origin: Origin) -> Record:
    """Return the record of a document that is parsed already."""
    return Record(text, time_of(document) or origin.arrival, origin.log_type)


def time_of(document: JsonValue) -> str | None:
    """Return the first time found in a document's own names, or None."""
    if not isinstance(document, dict):
        return None
    for name in TIME_NAMES:
        value = document.get(name)
        if isinstance(value, dict):
            value = value.get("$date")
        if isinstance(value, str):
            time = timestamps.normalise(value) or timestamps.from_epoch_text(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            time = timestamps.from_epoch(int(value)) if abs(value) < 2**63 else None
        else:
            continue
        if time:
            return time
    date, clock = document.get("date"), document.get("time")
    # CloudFront's JSON has the day and the time of day apart, as its W3C columns.
    return timestamps.normalise(f"{date}T{clock}") if isinstance(date, str) and isinstance(clock, str) else None
