"""The marked record of `logdock smoke-test`, in this kind's format."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from logdock.cli.smoke_test.records import NAME, ObjectRecord, iso_time, json_message, message
from logdock.vendors.s3_logs.settings import S3LogsExport


def object_record(export: S3LogsExport, marker: str, now: datetime, _master_key: bytes | None) -> ObjectRecord:
    """Return a record in the format that the export's settings name; plain text where the content decides."""
    text = _FORMATS.get(export.format, _plain)(marker, now)
    return ObjectRecord(key=f"{NAME}/{marker}.log", body=f"{text}\n".encode(), line=text.splitlines()[-1])


def _plain(marker: str, _now: datetime) -> str:
    return message(marker)


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
    return f"http {iso_time(now)} app/{NAME}/0 192.0.2.1:1 - 0.000 0.000 0.000 200 - 0 0 {rest} {iso_time(now)} {end}"


def _clb(marker: str, now: datetime) -> str:
    rest = f'"GET http://logdock.example:80/ HTTP/1.1" "{marker}" - -'
    return f"{iso_time(now)} {NAME} 192.0.2.1:1 - 0.000 0.000 0.000 200 - 0 0 {rest}"


def _nlb(marker: str, now: datetime) -> str:
    rest = f"- - - - - - {marker} - - - -"
    return f"tls 2.0 {iso_time(now)[:-1]} net/{NAME}/0 0 192.0.2.1:1 192.0.2.2:1 1 1 0 0 {rest}"


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
    return f"time,message\n{iso_time(now)},{message(marker)}"


_FORMATS: Mapping[str, Callable[[str, datetime], str]] = {
    "json": json_message,
    "json-lines": json_message,
    "cloudtrail": _cloudtrail,
    "alb": _alb,
    "clb": _clb,
    "nlb": _nlb,
    "vpc-flow": _vpc_flow,
    "cloudfront": _cloudfront,
    "s3-access": _s3_access,
    "csv": _csv,
}
