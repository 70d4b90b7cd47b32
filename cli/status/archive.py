"""When something was last archived, by listing the archive from its end: keys are by day and hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAYS = 14


def last_archived(s3: S3Client, bucket: str, prefix: str, now: datetime) -> datetime | None:
    """Return when the last object of the last hour was archived, None when there is none within a fortnight."""
    for days in range(-1, DAYS):
        # a day ahead too: a record's clock may be, and its object stands where its time says
        day = f"{prefix}dt={now - timedelta(days=days):%Y-%m-%d}/"
        hours = s3.list_objects_v2(Bucket=bucket, Prefix=day, Delimiter="/").get("CommonPrefixes", [])
        if hours:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=hours[-1]["Prefix"])
            return max(item["LastModified"] for page in pages for item in page["Contents"])
    return None
