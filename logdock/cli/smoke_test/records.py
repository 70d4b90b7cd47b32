"""The marked records: one line in the format of each kind of export, with a marker that people recognise.

No record says anything that an alarm or a metric filter of this project counts, and none has one of the words that
people count in log groups of their own: error, fail, denied, exception, warning.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from logdock.settings.export_base import LogGroupExport
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.settings import RdsExport
from logdock.vendors.s3_logs.settings import S3LogsExport

NAME = "logdock-smoke-test"
"""What every marker, key and log stream of a smoke test begins with."""
_WRAP_AAD = b"AES/GCM/NoPadding"
_IV_BYTES, _KEY_BYTES = 12, 32


def new_marker() -> str:
    """Return a marker, by which a record is recognised wherever it arrives."""
    return f"{NAME}-{secrets.token_hex(8)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectRecord:
    """A marked record as an object of a landing bucket.

    Attributes
    ----------
    key
        Its key below the export's prefix, in the vendor's layout.
    body, metadata
        The object.
    line
        The record's line.
    """

    key: str
    body: bytes
    line: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def atlas_record(marker: str, now: datetime) -> ObjectRecord:
    """Return a structured line of mongod, of a cluster named as the smoke test."""
    line = json.dumps(
        {"t": {"$date": _iso(now)}, "s": "I", "c": "CONTROL", "id": 0, "ctx": NAME, "msg": message(marker)},
        separators=(",", ":"),
    )
    key = f"{NAME}/{marker}/mongod/{now:%Y-%m-%dT%H-%M-%S}-mongod.log"
    return ObjectRecord(key=key, body=f"{line}\n".encode(), line=line)


def aptible_record(marker: str, now: datetime, master_key: bytes | None) -> ObjectRecord:
    """Return a container's line as Aptible archives it, encrypted with one of its keys if there is one."""
    line = json.dumps({"log": f"{message(marker)}\n", "stream": "stdout", "time": _iso(now)}, separators=(",", ":"))
    body, metadata, key_id = gzip.compress(f"{line}\n".encode()), dict[str, str](), "0" * 64
    if master_key is not None:
        body, metadata = _encrypt(body, master_key)
        key_id = hashlib.sha256(master_key).hexdigest()
    second = f"{now:%Y-%m-%dT%H:%M:%S}"
    file = f"{marker}-json.log.{second}.{second}.archived.gz"
    key = f"{NAME}/shareable/v3/{key_id}/apps-0/{file}"
    # what is archived, and filtered, is the container's line
    return ObjectRecord(key=key, body=body, line=message(marker), metadata=metadata)


def _encrypt(body: bytes, master_key: bytes) -> tuple[bytes, dict[str, str]]:
    """Encrypt as the AWS S3 Encryption Client V2 does with a raw AES key (the shipper's `aptible.envelope` reads)."""
    # only this kind of export needs it, and it takes a tenth of a second to import
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    content_key, content_iv, wrap_iv = os.urandom(_KEY_BYTES), os.urandom(_IV_BYTES), os.urandom(_IV_BYTES)
    wrapped = wrap_iv + AESGCM(master_key).encrypt(wrap_iv, content_key, _WRAP_AAD)
    metadata = {
        "x-amz-key-v2": base64.b64encode(wrapped).decode(),
        "x-amz-iv": base64.b64encode(content_iv).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "AES/GCM",
        "x-amz-tag-len": "128",
        "x-amz-matdesc": "{}",
        "x-amz-unencrypted-content-length": str(len(body)),
    }
    return AESGCM(content_key).encrypt(content_iv, body, None), metadata


def s3_record(export: S3LogsExport, marker: str, now: datetime) -> ObjectRecord:
    """Return a record in the format that the export's settings name; plain text where the content decides."""
    text = _FORMATS.get(export.format, _plain)(marker, now)
    return ObjectRecord(key=f"{NAME}/{marker}.log", body=f"{text}\n".encode(), line=text.splitlines()[-1])


def object_record(
    export: MongodbAtlasExport | AptibleExport | S3LogsExport, marker: str, now: datetime, master_key: bytes | None
) -> ObjectRecord:
    """Return the record for an export that lands in a bucket."""
    match export:
        case MongodbAtlasExport():
            return atlas_record(marker, now)
        case AptibleExport():
            return aptible_record(marker, now, master_key)
        case S3LogsExport():
            return s3_record(export, marker, now)


def event_message(export: LogGroupExport, log_group: str, marker: str, now: datetime) -> str:
    """Return the record for an export that lands in log groups, as a log event's message."""
    match export:
        case CockroachdbExport():
            document = {
                "channel": "OPS",
                "channel_numeric": 1,
                "timestamp": f"{now.timestamp():.9f}",
                "severity": "INFO",
                "file": f"{NAME}.go",
                "line": 1,
                "redactable": 0,
                "message": message(marker),
            }
            return json.dumps(document, separators=(",", ":"))
        case AuroraMysqlExport() if log_group.endswith("/audit"):
            epoch_us = int(now.timestamp() * 1_000_000)
            return f"{epoch_us},{NAME},logdock,192.0.2.1,0,0,QUERY,,'SELECT 1 /* {marker} */',0"
        case RdsExport() if log_group.endswith("/audit"):
            at = now.astimezone(UTC)
            return f"{at:%Y%m%d %H:%M:%S},{NAME},logdock,192.0.2.1,0,0,QUERY,,'SELECT 1 /* {marker} */',0,,"
        case RdsExport() if log_group.endswith("/postgresql"):
            at = now.astimezone(UTC)
            return f"{at:%Y-%m-%d %H:%M:%S} UTC::@:[0]:LOG:  {message(marker)}"
        case CloudwatchLogsExport() if export.format == "json-lines":
            return _json(marker, now)
        case _:
            return message(marker)


def message(marker: str) -> str:
    """Return the message of a test record, which explains its purpose."""
    return f"{marker}: a test record of `logdock smoke-test`; nothing happened"


def _iso(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _plain(marker: str, _now: datetime) -> str:
    return message(marker)


def _json(marker: str, now: datetime) -> str:
    return json.dumps({"time": _iso(now), "message": message(marker)}, separators=(",", ":"))


def _cloudtrail(marker: str, now: datetime) -> str:
    record = {
        "eventVersion": "1.08",
        "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "logdock.example",
        "eventName": "SmokeTest",
        "userAgent": marker,
    }
    return json.dumps({"Records": [record]}, separators=(",", ":"))


def _alb(marker: str, now: datetime) -> str:
    rest = f'"GET http://logdock.example:80/ HTTP/1.1" "{marker}" - - - "-" "-" "-" 0'
    end = '"forward" "-" "-" "-" "-" "-" "-" TID_0'
    return f"http {_iso(now)} app/{NAME}/0 192.0.2.1:1 - 0.000 0.000 0.000 200 - 0 0 {rest} {_iso(now)} {end}"


def _clb(marker: str, now: datetime) -> str:
    rest = f'"GET http://logdock.example:80/ HTTP/1.1" "{marker}" - -'
    return f"{_iso(now)} {NAME} 192.0.2.1:1 - 0.000 0.000 0.000 200 - 0 0 {rest}"


def _nlb(marker: str, now: datetime) -> str:
    rest = f"- - - - - - {marker} - - - -"
    return f"tls 2.0 {_iso(now)[:-1]} net/{NAME}/0 0 192.0.2.1:1 192.0.2.2:1 1 1 0 0 {rest}"


def _vpc_flow(marker: str, now: datetime) -> str:
    second = int(now.timestamp())
    return f"2 unknown {marker} 192.0.2.1 192.0.2.2 1 1 6 1 40 {second} {second} ACCEPT OK"


def _cloudfront(marker: str, now: datetime) -> str:
    head = "#Version: 1.0\n#Fields: date time cs(User-Agent)"
    return f"{head}\n{now:%Y-%m-%d}\t{now:%H:%M:%S}\t{marker}"


def _s3_access(marker: str, now: datetime) -> str:
    when = f"{now:%d/%b/%Y:%H:%M:%S} +0000"
    return f'{"0" * 64} {NAME} [{when}] 192.0.2.1 - 0 REST.GET.OBJECT {marker} "-" 200 - 0 0 1 1 "-" "{marker}" -'


def _csv(marker: str, now: datetime) -> str:
    return f"time,message\n{_iso(now)},{message(marker)}"


_FORMATS: Mapping[str, Callable[[str, datetime], str]] = {
    "json": _json,
    "json-lines": _json,
    "cloudtrail": _cloudtrail,
    "alb": _alb,
    "clb": _clb,
    "nlb": _nlb,
    "vpc-flow": _vpc_flow,
    "cloudfront": _cloudfront,
    "s3-access": _s3_access,
    "csv": _csv,
}
