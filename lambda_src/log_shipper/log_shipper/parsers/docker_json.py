"""Docker's json-file lines ``{"log","stream","time"}``, as Aptible archives them.

Sources: https://docs.docker.com/engine/logging/drivers/json-file/ and https://www.aptible.com/docs/s3-log-archives.
Keys are ``<stack>/shareable/<schema>/<sha256 of the key>/<type>-<id>/...``.
"""

import orjson

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import Origin, Record

_RESOURCE_SEGMENT = 4


def log_type_of(key: str) -> str:
    """Return what kind of resource a key belongs to: apps, databases or proxy."""
    segments = key.split("/")
    return segments[_RESOURCE_SEGMENT].rpartition("-")[0] or "docker" if len(segments) > _RESOURCE_SEGMENT else "docker"


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one json-file line."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return plain.unknown(line, origin)
    if not isinstance(document, dict) or "log" not in document:
        return plain.unknown(line, origin)
    stamp = document.get("time")
    time = timestamps.normalise(stamp) if isinstance(stamp, str) else None
    return Record(line, time, origin.log_type) if time else plain.unknown(line, origin)
