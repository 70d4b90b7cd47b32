"""Objects of a failure bucket, each the version that is current and those that it replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from cli.errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLD = "it is in Deep Archive: restore it first"


class ColdError(Exception):
    """An object is in a storage class that S3 does not read from."""


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


def read(s3: S3Client, bucket: str, what: Kept) -> bytes:
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


def delete(s3: S3Client, bucket: str, what: Kept) -> None:
    """Delete an object with all that it replaced, the current version last: an older one must not become current."""
    for version in (*what.older, what.version):
        s3.delete_object(Bucket=bucket, Key=what.key, VersionId=version)
