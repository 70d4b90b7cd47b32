"""The marked record of `logdock smoke-test`, in this kind's format."""

import json
from datetime import datetime

from logdock.cli.smoke_test.records import NAME, ObjectRecord, iso_time, message
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport


def object_record(_export: MongodbAtlasExport, marker: str, now: datetime, _master_key: bytes | None) -> ObjectRecord:
    """Return a structured line of mongod, of a cluster named as the smoke test."""
    line = json.dumps(
        {"t": {"$date": iso_time(now)}, "s": "I", "c": "CONTROL", "id": 0, "ctx": NAME, "msg": message(marker)},
        separators=(",", ":"),
    )
    key = f"{NAME}/{marker}/mongod/{now:%Y-%m-%dT%H-%M-%S}-mongod.log"
    return ObjectRecord(key=key, body=f"{line}\n".encode(), line=line)
