"""Whether a marked record has arrived: as an archive object, as a destination's acknowledgement, or as a feed object.

The shipper keeps a mark in a table once a destination that is pushed to has accepted all of an object
(`log_shipper.marks`), and a note of each feed object that it wrote for a destination that fetches
(`log_shipper.feed`). Archive objects are named by the identity of their source (`log_shipper.archive_writer`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError
from log_shipper.keys import identity_of, quarantine_prefix
from log_shipper.mark_items import is_finished

from logdock.cli.errors import is_absent
from logdock.cli.listing import list_objects
from logdock.cli.status.metrics import Metric, query_metrics

if TYPE_CHECKING:
    from log_shipper.mark_items import DynamoDB
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_s3 import S3Client

CLOCK_SKEW = timedelta(minutes=2)
"""By how much the clocks of this machine and of AWS may differ."""
MAX_OBJECT_BYTES = 32 * 1024 * 1024
MAX_OBJECTS = 500
"""Archive objects of one hour that are looked into for a record."""


class Arrival(NamedTuple):
    """A record that arrived, or was refused."""

    bucket: str = ""
    key: str = ""
    """`bucket`, `key`: The object that it arrived in; empty where there is none to remove."""
    is_alone: bool = True
    """Whether the object holds no other record."""
    refusal: str = ""
    """Why the destination refused it. Empty: it accepted it."""


def hours_of(*moments: datetime) -> list[str]:
    """Return the hours of some moments as the archive writes them: ``2026-11-21T02``."""
    return list(dict.fromkeys(f"{moment.astimezone(UTC):%Y-%m-%dT%H}" for moment in moments))


def _hour_prefix(export: str, hour: str) -> str:
    return f"logs/{export}/dt={hour[:10]}/hour={hour[11:]}/"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedObject:
    """The archive object of a landed object, by its name."""

    s3: S3Client
    bucket: str
    export: str
    identity: str
    marker: str
    moments: tuple[datetime, ...]
    """The times that the record may have: its own, and its landing."""

    def __call__(self) -> Arrival | None:
        """Look once."""
        first = int((min(self.moments) - CLOCK_SKEW).timestamp() * 1000)
        for hour in hours_of(*self.moments):
            prefix = _hour_prefix(self.export, hour)
            ending = f"-{identity_of(self.identity, '0', hour)}.json.gz"
            for item in list_objects(self.s3, self.bucket, prefix, start_after=f"{prefix}{first:013d}"):
                if (key := item["Key"]).endswith(ending):
                    lines = lines_of(self.s3, self.bucket, key)
                    found = any(self.marker.encode() in line for line in lines)
                    refusal = "" if found else "its archive object does not hold the record"
                    return Arrival(self.bucket, key, refusal=refusal)
        return None


@dataclass(kw_only=True, slots=True)
class ArchivedEvent:
    """The archive object that holds a log event, by its content: its name follows from what came with it."""

    s3: S3Client
    bucket: str
    export: str
    marker: str
    entered: datetime
    """When the event was written."""
    earlier: timedelta
    """How much older the first record of the object may be."""
    _seen: set[str] = field(default_factory=set)

    def __call__(self) -> Arrival | None:
        """Look once, into the objects that were not there before."""
        start = self.entered - self.earlier
        for hour in hours_of(start, self.entered):
            prefix = _hour_prefix(self.export, hour)
            first = f"{prefix}{int(start.timestamp() * 1000):013d}"
            for item in list_objects(self.s3, self.bucket, prefix, start_after=first):
                key = item["Key"]
                is_new = key not in self._seen and item["LastModified"] >= self.entered - CLOCK_SKEW
                if not is_new or item["Size"] > MAX_OBJECT_BYTES or len(self._seen) >= MAX_OBJECTS:
                    continue
                self._seen.add(key)
                lines = lines_of(self.s3, self.bucket, key)
                if any(self.marker.encode() in line for line in lines):
                    return Arrival(self.bucket, key, is_alone=len(lines) == 1)
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """The acknowledgement of a destination that is pushed to: the shipper's mark, and nothing in quarantine."""

    s3: S3Client
    dynamodb: DynamoDB
    table: str
    bucket: str
    """The failure bucket."""
    export: str
    destination: str
    identity: str
    marker: str
    entered: datetime

    def __call__(self) -> Arrival | None:
        """Look once."""
        if not is_finished(self.dynamodb, self.table, self.destination, self.export, self.identity):
            return None
        prefix = quarantine_prefix(self.export, self.destination)
        for hour in hours_of(self.entered, datetime.now(UTC)):
            for item in list_objects(self.s3, self.bucket, f"{prefix}dt={hour[:10]}/"):
                if item["LastModified"] >= self.entered - CLOCK_SKEW and item["Size"] <= MAX_OBJECT_BYTES:
                    for line in lines_of(self.s3, self.bucket, item["Key"]):
                        if self.marker.encode() in line:
                            return Arrival(self.bucket, item["Key"], refusal=str(json.loads(line)["reason"]))
        return Arrival()


@dataclass(frozen=True, kw_only=True, slots=True)
class Fed:
    """The object in the feed of a destination that fetches, by the note that the shipper makes of it."""

    s3: S3Client
    bucket: str
    """The archive bucket."""
    export: str
    destination: str
    identities: tuple[str, ...]
    """The identities that the note may have."""
    marker: str

    def __call__(self) -> Arrival | None:
        """Look once."""
        for identity in self.identities:
            note = _body(self.s3, self.bucket, feed_note(self.destination, self.export, identity))
            if note is not None:
                key = str(json.loads(note)["key"])
                if _body(self.s3, self.bucket, key) is None:
                    return None
                lines = lines_of(self.s3, self.bucket, key)
                found = any(self.marker.encode() in line for line in lines)
                refusal = "" if found else "its feed object does not hold the record"
                return Arrival(self.bucket, key, is_alone=len(lines) == 1, refusal=refusal)
        return None


def feed_note(destination: str, export: str, identity: str) -> str:
    """Return the key of the note that says which feed object was made of a source (`log_shipper.feed`)."""
    return f"feed-index/{destination}/{export}/{identity}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Matched:
    """The metric of an event rule, which counts matches whether or not the rule has a target."""

    cloudwatch: CloudWatchClient
    rule: str
    entered: datetime

    def __call__(self) -> Arrival | None:
        """Look once."""
        metric = Metric("AWS/Events", "MatchedEvents", "Sum", (("RuleName", self.rule),))
        start = self.entered.replace(second=0, microsecond=0)
        now = datetime.now(UTC) + timedelta(minutes=1)
        return Arrival() if query_metrics(self.cloudwatch, [metric], start, now, 60) else None


Poll = Callable[[], Arrival | None]


def lines_of(s3: S3Client, bucket: str, key: str) -> list[bytes]:
    """Return the lines of a gzip object."""
    return gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).splitlines()


def _body(s3: S3Client, bucket: str, key: str) -> bytes | None:
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if is_absent(error):
            return None
        raise
