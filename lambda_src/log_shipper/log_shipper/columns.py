"""The columnar copy of compacted objects: how it is named, what an index of it says, and the statement that makes it.

A compacted object never changes, and nothing but its expiry removes it. So its lines are copied once and never again:
one statement of Athena (a **run**) writes the lines of some compacted objects of a day of an export as Parquet files
below ``columns/<export>/dt=YYYY-MM-DD/<run>/``. Its **index**, ``columns-index/<export>/dt=YYYY-MM-DD/<run>.json``,
names these objects and files, and is written when the statement has succeeded: that is the one write by which readers
change over. No object is in two indexes.

A reader lists the archive as ever. Of each object that it lists it reads the lines from the files of the index that
names the object, or else from the object. So what is late, waits, failed or is being copied is read from the archive,
and no line is missed or read twice.

Shared with `logdock sql`. Pure but for the calls of the client that it is given.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from log_shipper.errors import DamagedIndexError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

PREFIX = "columns/"
INDEX_PREFIX = "columns-index/"
STARTED_SUFFIX = ".started.json"
"""Of what names a run whose statement has not been seen to end."""
SUFFIX = ".json"
OBJECT = "object"
"""The column with the address of the compacted object that a row is from, as Athena's ``"$path"`` has it."""
COLUMNS = ("time", "vendor", "log_type", "source", "message", "fields", "hour")
"""The columns of the archive's table that are in the files; `export` and `dt` are in their keys."""

_INDEX = re.compile(
    rf"{INDEX_PREFIX}([^/]+)/dt=(\d{{4}}-\d\d-\d\d)/(\d+)-([0-9a-f]{{16}})-(\d+)(\.started)?{re.escape(SUFFIX)}"
)


class Run(NamedTuple):
    """Some objects of a day that one statement copies."""

    export: str
    day: str
    began: int
    """When, in seconds since 1970."""
    identity: str
    objects: int
    """How many objects."""

    @property
    def name(self) -> str:
        """Its name in the day."""
        return f"{self.began}-{self.identity}-{self.objects}"

    @property
    def prefix(self) -> str:
        """The prefix of its files."""
        return f"{PREFIX}{self.export}/dt={self.day}/{self.name}/"

    @property
    def index_key(self) -> str:
        """The key of its index."""
        return f"{INDEX_PREFIX}{self.export}/dt={self.day}/{self.name}{SUFFIX}"

    @property
    def started_key(self) -> str:
        """The key of what names it until its statement has ended."""
        return f"{INDEX_PREFIX}{self.export}/dt={self.day}/{self.name}{STARTED_SUFFIX}"


class File(NamedTuple):
    """A Parquet file."""

    key: str
    size: int
    etag: str


class Index(NamedTuple):
    """What a run copied: the compacted objects' keys with their ETags, and its files."""

    sources: Mapping[str, str]
    files: tuple[File, ...]


def run_of(key: str) -> tuple[Run, bool] | None:
    """Return the run that the key of an index names, and whether it is complete; None for any other key."""
    match = _INDEX.fullmatch(key)
    if match is None:
        return None
    export, day, began, identity, count, started = match.groups()
    return Run(export, day, int(began), identity, int(count)), not started


def write_index(index: Index) -> bytes:
    """Return an index as it is stored."""
    return json.dumps({"sources": dict(index.sources), "files": index.files}, separators=(",", ":")).encode()


def read_index(body: bytes) -> Index:
    """Return a stored index.

    Raises
    ------
    DamagedIndexError
        When it is not one.
    """
    try:
        document = json.loads(body)
        sources = {str(key): str(etag) for key, etag in document["sources"].items()}
        return Index(sources, tuple(File(str(key), int(size), str(etag)) for key, size, etag in document["files"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedIndexError("it is not an index") from None


def runs_in(s3: S3Client, bucket: str, prefix: str, start_after: str = "") -> Iterator[tuple[Run, bool]]:
    """Yield the runs of a prefix of the indexes, and whether each is complete."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after)
    for page in pages:
        for item in page.get("Contents", ()):
            if (found := run_of(item["Key"])) is not None:
                yield found


def fetch_index(s3: S3Client, bucket: str, run: Run) -> Index:
    """Return the index of a run that is complete.

    Raises
    ------
    DamagedIndexError
        When it is not one. It names what to remove, so that the day is copied again.
    """
    try:
        return read_index(s3.get_object(Bucket=bucket, Key=run.index_key)["Body"].read())
    except DamagedIndexError:
        what = f"s3://{bucket}/{run.index_key} is damaged: remove it, and all objects below {run.prefix}"
        raise DamagedIndexError(what) from None


def select_of(bucket: str, table: str, run: Run, keys: Sequence[str]) -> str:
    """Return the SELECT of the lines of some objects of a day, in Athena's dialect.

    It names the objects, so that what comes into the archive while it runs is not in the copy. Athena lists only the
    hours that it names, and reads only these objects.
    """
    hours = sorted({key.split("/")[3].removeprefix("hour=") for key in keys})
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return (
        f'SELECT {columns}, "$path" AS "{OBJECT}" FROM "{table}" '  # noqa: S608 - names and keys of our own, quoted
        f'WHERE "export" = {_quoted(run.export)} AND "dt" = {_quoted(run.day)} AND "hour" IN ({_list(hours)}) '
        f'AND "$path" IN ({_list(f"s3://{bucket}/{key}" for key in keys)}) AND "time" IS NOT NULL'
    )


def statement_of(bucket: str, table: str, run: Run, keys: Sequence[str]) -> str:
    """Return the statement of a run.

    Source: Amazon Athena User Guide, "UNLOAD". Athena writes only below a prefix that is empty, and leaves what a
    statement that failed has written.
    """
    select = select_of(bucket, table, run, keys)
    return f"UNLOAD ({select}) TO 's3://{bucket}/{run.prefix}' WITH (format = 'PARQUET', compression = 'ZSTD')"


def _list(values: Iterable[str]) -> str:
    return ", ".join(map(_quoted, values))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
