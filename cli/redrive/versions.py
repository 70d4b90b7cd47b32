"""Objects of a failure bucket, each the version that is current and those that it replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Kept(NamedTuple):
    """An object that is kept.

    Attributes
    ----------
    key, version
        What is current.
    older
        The versions that it replaced, the oldest first.
    """

    key: str
    version: str
    older: tuple[str, ...] = ()


def kept(s3: S3Client, bucket: str, prefix: str) -> list[Kept]:
    """List the objects under a prefix."""
    current: dict[str, str] = {}
    older: dict[str, list[str]] = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for version in page.get("Versions", []):
            if version["IsLatest"]:
                current[version["Key"]] = version["VersionId"]
            else:
                older.setdefault(version["Key"], []).append(version["VersionId"])
    return [Kept(key, version, tuple(reversed(older.get(key, [])))) for key, version in current.items()]


def delete(s3: S3Client, bucket: str, what: Kept) -> None:
    """Delete an object with all that it replaced, the current version last: an older one must not become current."""
    for version in (*what.older, what.version):
        s3.delete_object(Bucket=bucket, Key=what.key, VersionId=version)
