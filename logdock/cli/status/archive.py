"""When something was last archived, by listing the archive from its end: keys are by day and hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from log_shipper.compacted import NEWEST_METADATA, number_of

from logdock.cli.listing import list_objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

DAYS = 14


def last_archived(s3: S3Client, bucket: str, prefix: str, now: datetime) -> list[datetime]:
    """Return when the objects of the last hour that has any were archived; none when there are none in a fortnight."""
    # a record's clock may be a day ahead, and its object stands where its time says; what is later is not looked at
    first, last = (f"{prefix}dt={now - timedelta(days=days):%Y-%m-%d}" for days in (DAYS - 1, -1))
    days = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}dt=", Delimiter="/", StartAfter=first)
    found = [each["Prefix"] for each in days.get("CommonPrefixes", []) if each["Prefix"] <= f"{last}/"]
    if not found:
        return []
    hours = s3.list_objects_v2(Bucket=bucket, Prefix=found[-1], Delimiter="/").get("CommonPrefixes", [])
    if not hours:
        return []
    return [_archived_at(s3, bucket, item) for item in list_objects(s3, bucket, hours[-1]["Prefix"])]


def _archived_at(s3: S3Client, bucket: str, item: ObjectTypeDef) -> datetime:
    """Return when an object was archived; of a compacted one, when the newest of its parts was."""
    if number_of(item["Key"]) is None:
        return item["LastModified"]
    newest = s3.head_object(Bucket=bucket, Key=item["Key"])["Metadata"][NEWEST_METADATA]
    return datetime.fromisoformat(newest)
