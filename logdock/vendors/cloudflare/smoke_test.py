"""The marked record of `logdock smoke-test`, in this kind's format."""

import gzip
import json
from datetime import datetime, timedelta

from logdock.cli.smoke_test.records import NAME, ObjectRecord, message
from logdock.vendors.cloudflare.settings import TIME_FIELDS, CloudflareExport


def object_record(export: CloudflareExport, marker: str, now: datetime, _master_key: bytes | None) -> ObjectRecord:
    """Return a record of the export's dataset with its time, in a file as Logpush names it."""
    seconds = int(now.timestamp())
    times = {"rfc3339": f"{now:%Y-%m-%dT%H:%M:%SZ}", "unix": seconds, "unixnano": seconds * 10**9}
    document = {TIME_FIELDS.get(export.dataset, "Timestamp"): times[export.timestamp_format], NAME: message(marker)}
    line = json.dumps(document, separators=(",", ":"))
    stamp = f"{now:%Y%m%dT%H%M%SZ}_{now + timedelta(seconds=30):%Y%m%dT%H%M%SZ}"
    day = f"{now:%Y%m%d}/" if export.dated_folders else ""
    key = f"{export.dataset}/{day}{stamp}_{marker}.log.gz"
    return ObjectRecord(key=key, body=gzip.compress(f"{line}\n".encode()), line=line)
