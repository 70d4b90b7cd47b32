"""When something was last archived, by listing the archive from its end: keys are by day and hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

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
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=hours[-1]["Prefix"])
    return [item["LastModified"] for page in pages for item in page.get("Contents", [])]
