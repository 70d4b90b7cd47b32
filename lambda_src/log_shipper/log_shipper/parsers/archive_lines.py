"""The archive's own lines, when an archive object is shipped on: what was written is read back unchanged."""

import orjson

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import Origin, Record


def parse(line: str, origin: Origin) -> Record:
    """Return the record an archive line was written from; any other line as it is."""
    try:
        document = orjson.loads(line)
        message, time = document["message"], document["time"]
        # release 0.1.0 archived the year 1 where no time had been set
        time = timestamps.normalise(time) or (time if time.startswith("0001-01-01T") else None)
        log_type, source = document["log_type"], document["source"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return plain.unknown(line, origin)
    if time is None or not (isinstance(message, str) and isinstance(log_type, str) and isinstance(source, str)):
        return plain.unknown(line, origin)
    fields = document.get("fields") or {}
    if not (isinstance(fields, dict) and all(isinstance(value, str) for value in fields.values())):
        return plain.unknown(line, origin)
    return Record(message, time, log_type, fields or None, True, source)
