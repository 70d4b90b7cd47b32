"""When something was last archived, by listing the archive from its end: keys are by day and hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAYS = 14


def last_archived(s3: S3Client, bucket: str, prefix: str, now: datetime) -> list[datetime]:
    """Return when the objects of the last hour that has any were archived; none when there are none in a fortnight."""
    for days in range(-1, DAYS):
        # a day ahead too: a record's clock may be, and its object stands where its time says
        day = f"{prefix}dt={now - timedelta(days=days):%Y-%m-%d}/"
        hours = s3.list_objects_v2(Bucket=bucket, Prefix=day, Delimiter="/").get("CommonPrefixes", [])
        if hours:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=hours[-1]["Prefix"])
            return [item["LastModified"] for page in pages for item in page.get("Contents", [])]
    return []
