"""Objects of a failure bucket, each the version that is current and those that it replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from logdock.cli.errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLD = "it is in Deep Archive: restore it first"

_COLD_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
MOST_DELETED = 1000
"""What DeleteObjects takes (Amazon S3 API Reference, DeleteObjects)."""


class ColdError(Exception):
    """An object is in a storage class that S3 does not read from."""


class StoredObject(NamedTuple):
    """An object that is kept."""

    key: str
    version: str
    """`key`, `version`: What is current."""
    older: tuple[str, ...] = ()
    """The versions that it replaced, the oldest first."""
    may_be_cold: bool = False
    """It is in a storage class that S3 reads from only after a restore."""


def list_current(s3: S3Client, bucket: str, prefix: str) -> list[StoredObject]:
    """List the objects under a prefix."""
    current: dict[str, tuple[str, bool]] = {}
    older: dict[str, list[str]] = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for version in page.get("Versions", []):
            if version["IsLatest"]:
                is_cold = version.get("StorageClass", "STANDARD") in _COLD_CLASSES
                current[version["Key"]] = version["VersionId"], is_cold
            else:
                older.setdefault(version["Key"], []).append(version["VersionId"])
    return [
        StoredObject(key, version, tuple(reversed(older.get(key, []))), is_cold)
        for key, (version, is_cold) in current.items()
    ]


def read(s3: S3Client, bucket: str, what: StoredObject) -> bytes:
    """Return what an object holds.

    Raises
    ------
    ColdError
        When retention has moved it to Deep Archive.
    """
    try:
        return s3.get_object(Bucket=bucket, Key=what.key, VersionId=what.version)["Body"].read()
    except ClientError as error:
        if code_of(error) == "InvalidObjectState":
            raise ColdError from None
        raise


def delete_all(s3: S3Client, bucket: str, objects: Sequence[StoredObject]) -> dict[str, str]:
    """Delete objects with all that they replaced, a thousand versions at a time; return why keys were not deleted.

    The current versions go last, and that of a key of which an older version is left does not go.
    """
    refused: dict[str, str] = {}
    for versions in (
        [(each.key, version) for each in objects for version in each.older],
        [(each.key, each.version) for each in objects],
    ):
        rest = [version for version in versions if version[0] not in refused]
        for start in range(0, len(rest), MOST_DELETED):
            chosen: Any = [{"Key": key, "VersionId": version} for key, version in rest[start : start + MOST_DELETED]]
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": chosen, "Quiet": True})
            refused |= {str(each.get("Key")): str(each.get("Code")) for each in answer.get("Errors", [])}
    return refused


def delete(s3: S3Client, bucket: str, what: StoredObject) -> None:
    """Delete an object with all that it replaced, the current version last: an older one must not become current."""
    for version in (*what.older, what.version):
        s3.delete_object(Bucket=bucket, Key=what.key, VersionId=version)
