"""The objects of a bucket, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


def list_objects(
    s3: S3Client, bucket: str, prefix: str, *, start_after: str = "", most: int | None = None
) -> Iterator[ObjectTypeDef]:
    """Yield the objects under a prefix in the order of their keys, at most so many."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket,
        Prefix=prefix,
        StartAfter=start_after or prefix,
        PaginationConfig={"MaxItems": most} if most else {},
    )
    return (item for page in pages for item in page.get("Contents", []))
