"""Compacted archive objects: how they are named, what they replace, and where a replaced object is in them.

An hour of an export's archive holds **parts**, ``<epoch-ms>-<16 hex>.json.gz``, as the archiver wrote them, and
**compacted objects**, ``compacted-<number>.jsonl.gz``: the gzip members of parts, one after the other, which is one
gzip file (RFC 1952, 2.2). The metadata of a compacted object names its **index**, which lists the parts in it.

A part that an index lists is replaced from the moment at which the compacted object exists: creating that object is the
one write that switches every reader. The index is written before it, and the parts are removed after it. A listing of
an hour is in the order of keys, in which a compacted object comes after every part, and S3's listings are consistent
with its writes (Amazon S3 User Guide, "Amazon S3 data consistency model"): a listing that has no compacted object was
complete before any part was removed.

Shared with the commands that read the archive. Pure but for the calls of the client that it is given.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from log_shipper.errors import DamagedIndexError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mypy_boto3_s3 import S3Client

NAME = "compacted-"
SUFFIX = ".jsonl.gz"
"""No part ends so: event rules and permissions distinguish the two by it."""
INDEX_PREFIX = "archive-index/"
"""Not under ``logs/``: Athena reads every object there as lines."""
INDEX_METADATA = "logdock-index"
NEWEST_METADATA = "logdock-newest"
"""When the newest of the parts was written, RFC 3339."""

_PART = re.compile(r"(logs/[^/]+/dt=\d{4}-\d\d-\d\d/hour=\d\d/)(\d+-[0-9a-f]{16}\.json\.gz)")
_COMPACTED = re.compile(rf"logs/[^/]+/dt=\d{{4}}-\d\d-\d\d/hour=\d\d/{NAME}(\d{{6}}){re.escape(SUFFIX)}")


class Member(NamedTuple):
    """A part in a compacted object: its name in the hour, its bytes, and the redaction that its lines have had."""

    name: str
    size: int
    policy: str


class Index(NamedTuple):
    """What a compacted object is made of, in its order."""

    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """How many bytes the compacted object has."""
        return sum(member.size for member in self.members)

    def find(self, name: str) -> tuple[int, Member] | None:
        """Return where a part begins, and the part."""
        start = 0
        for member in self.members:
            if member.name == name:
                return start, member
            start += member.size
        return None


class Extract(NamedTuple):
    """The bytes of a part in a compacted object."""

    key: str
    start: int
    size: int
    policy: str

    def range(self, position: int = 0) -> str:
        """Return the header that asks for them, from a position on."""
        return f"bytes={self.start + position}-{self.start + self.size - 1}"


def part_of(key: str) -> tuple[str, str] | None:
    """Return the hour and the name that the key of a part says; None for any other key."""
    match = _PART.fullmatch(key)
    return (match[1], match[2]) if match else None


def number_of(key: str) -> int | None:
    """Return the number of a compacted object; None for any other key."""
    match = _COMPACTED.fullmatch(key)
    return int(match[1]) if match else None


def compacted_key(hour: str, number: int) -> str:
    """Return the key of an hour's compacted object; the hour ends with a slash."""
    return f"{hour}{NAME}{number:06d}{SUFFIX}"


def index_key(hour: str, identity: str) -> str:
    """Return the key of an index."""
    return f"{INDEX_PREFIX}{hour.removeprefix('logs/')}{identity}.json.gz"


def damaged_key(hour: str) -> str:
    """Return the key of the note that lists an hour's damaged parts."""
    return f"{INDEX_PREFIX}{hour.removeprefix('logs/')}damaged.json"


def write_index(index: Index) -> bytes:
    """Return an index as it is stored."""
    policies = sorted({member.policy for member in index.members})
    numbers = {policy: number for number, policy in enumerate(policies)}
    members = [[member.name, member.size, numbers[member.policy]] for member in index.members]
    document = {"policies": policies, "members": members}
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)


def read_index(body: bytes) -> Index:
    """Return a stored index.

    Raises
    ------
    DamagedIndexError
        When it is not one.
    """
    try:
        document = json.loads(gzip.decompress(body))
        policies = document["policies"]
        return Index(
            tuple(Member(str(name), int(size), str(policies[number])) for name, size, number in document["members"])
        )
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError):
        raise DamagedIndexError("it is not an index") from None


def index_of(s3: S3Client, bucket: str, key: str) -> Index:
    """Return the index of a compacted object.

    Raises
    ------
    botocore.exceptions.ClientError
        When S3 does not give it.
    DamagedIndexError
        When it is not one, or the object does not name it.
    """
    identity = s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(INDEX_METADATA)
    if identity is None:
        raise DamagedIndexError(f"s3://{bucket}/{key} has no metadata {INDEX_METADATA}: it is no compacted object")
    return fetch_index(s3, bucket, index_key(key.rpartition("/")[0] + "/", identity))


@lru_cache(maxsize=16)
def fetch_index(s3: S3Client, bucket: str, key: str) -> Index:
    """Return an index, which never changes; raise as `index_of`, naming the index."""
    try:
        return read_index(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except DamagedIndexError:
        raise DamagedIndexError(f"s3://{bucket}/{key} is damaged: restore the version before it") from None


def find_part(s3: S3Client, bucket: str, key: str) -> Extract | None:
    """Return where the bytes of a part are that is no longer an object; None when no compacted object has them.

    Raises
    ------
    botocore.exceptions.ClientError
        When S3 does not answer.
    """
    named = part_of(key)
    if named is None:
        return None
    hour, name = named
    for compacted in _compacted_in(s3, bucket, hour):
        if found := index_of(s3, bucket, compacted).find(name):
            start, member = found
            return Extract(compacted, start, member.size, member.policy)
    return None


def is_gone(error: ClientError) -> bool:
    """Say whether S3 answered that there is no object, as far as the caller may know.

    Without s3:ListBucket it answers 403 (Amazon S3 API Reference, "GetObject", "Permissions").
    """
    return error.response.get("Error", {}).get("Code", "") in ("404", "NoSuchKey", "NotFound", "403", "AccessDenied")


def without_replaced(s3: S3Client, bucket: str, listed: Sequence[Any]) -> list[Any]:
    """Return the objects of an hour's listing, each line of the hour in exactly one of them.

    Parameters
    ----------
    listed
        All of ``Contents``, in the order of the keys.
    """
    compacted = [item["Key"] for item in listed if number_of(item["Key"]) is not None]
    # usually the parts are removed by now, and no index needs to be read
    if not compacted or len(compacted) == len(listed):
        return list(listed)
    hour = compacted[0].rpartition("/")[0] + "/"
    replaced = {f"{hour}{name}" for name in replaced_names(index_of(s3, bucket, key) for key in compacted)}
    return [item for item in listed if item["Key"] not in replaced]


def as_first_written(s3: S3Client, bucket: str, listed: Sequence[Any]) -> list[Any]:
    """Return the objects of an hour's listing with parts in the place of compacted objects; `find_part` finds those."""
    items: dict[str, Any] = {}
    for item in listed:
        if number_of(item["Key"]) is None:
            items[item["Key"]] = item
            continue
        hour = item["Key"].rpartition("/")[0] + "/"
        for member in index_of(s3, bucket, item["Key"]).members:
            part = {"Key": hour + member.name, "Size": member.size, "ETag": "", "LastModified": item["LastModified"]}
            items.setdefault(part["Key"], part)
    return [items[key] for key in sorted(items)]


def replaced_names(indexes: Iterable[Index]) -> set[str]:
    """Return the names of all parts that indexes list."""
    return {member.name for index in indexes for member in index.members}


def _compacted_in(s3: S3Client, bucket: str, hour: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=hour + NAME)
    for page in pages:
        yield from (item["Key"] for item in page.get("Contents", []))
