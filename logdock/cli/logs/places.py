"""Which objects may hold what is searched for, in the order of their earliest records.

The archive is listed by its hours; a landing bucket folder by folder, without those that are of other days.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError
from log_shipper.compacted import as_first_written, without_replaced
from log_shipper.errors import DamagedIndexError

from logdock.cli.errors import CommandError, ExitCode, code_of
from logdock.cli.logs.layouts import AFTER_DATES, Layout
from logdock.cli.logs.times import bound
from logdock.settings.exports import Export

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_DAYS_AHEAD = 8
_FOLDERS_AHEAD = 16
Pages = tuple["ListObjectsV2OutputTypeDef | None", Iterator["ListObjectsV2OutputTypeDef"]]
"""The first page of a folder, and those after it."""
INSTRUCTION = ".instruction"
"""What the encryption client calls the file that it may write an envelope to, beside the object."""
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchLocation:
    """Where an export's lines are."""

    export: Export
    bucket: str
    stack: str
    prefix: str
    """Of all its keys; empty, or with a final slash."""
    layout: Layout | None = None
    """How a landing bucket names its objects; None for the archive. Its range is replaced by that of each search."""


class AbsentError(Exception):
    """The bucket of a place does not exist."""

    def __init__(self, place: SearchLocation) -> None:
        super().__init__(place.bucket)
        self.place = place


class SearchObject(NamedTuple):
    """An object that may hold what is searched for; no record in it is earlier than `earliest`, as `bound` writes."""

    place: SearchLocation
    key: str
    etag: str
    size: int
    modified: datetime
    earliest: str


def objects(
    s3: S3Client,
    places: list[SearchLocation],
    since: datetime,
    until: datetime,
    workers: int,
    *,
    as_written: bool = False,
) -> Iterator[SearchObject]:
    """Yield the objects of all places, by their earliest records: each line of the archive is in one of them.

    Parameters
    ----------
    as_written
        Yield the archive's objects as they were first written, also those that a compacted object has replaced.
    """
    with ThreadPoolExecutor(workers) as pool:
        each = [
            _landed(s3, place, replace(place.layout, since=since, until=until), pool)
            if place.layout
            else _archived(s3, place, since, until, pool, as_written=as_written)
            for place in places
        ]
        yield from heapq.merge(*each, key=attrgetter("earliest"))


def _archived(
    s3: S3Client, place: SearchLocation, since: datetime, until: datetime, pool: ThreadPoolExecutor, *, as_written: bool
) -> Iterator[SearchObject]:
    """List ``dt=.../hour=...`` day by day: within a day all keys from the first hour to the last follow each other."""
    view = as_first_written if as_written else without_replaced

    def list_day(day: datetime) -> list[SearchObject]:
        prefix = f"{place.prefix}dt={day:%Y-%m-%d}/"
        first, last = max(since, day), min(until, day + timedelta(days=1)) - timedelta(microseconds=1)
        if first.hour == last.hour:
            prefix += f"hour={first:%H}/"
        found: list[SearchObject] = []
        pages = _pages(s3, place, prefix, start_after=f"{place.prefix}dt={day:%Y-%m-%d}/hour={first:%H}/")
        items = (item for page in pages for item in page.get("Contents", []))
        for hour, listed in groupby(items, lambda item: item["Key"].removeprefix(place.prefix).split("/")[1]):
            name = hour.removeprefix("hour=")
            if name > f"{last:%H}":
                break
            try:
                present = view(s3, place.bucket, list(listed))
            except DamagedIndexError as error:
                raise CommandError(str(error), ExitCode.AWS) from None
            found += [_found(place, item, f"{day:%Y-%m-%d}T{name}:00:00") for item in present]
        return found

    for listed in _ahead(pool, list_day, _days(since, until), _DAYS_AHEAD):
        yield from listed


def _days(since: datetime, until: datetime) -> Iterator[datetime]:
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < until:
        yield day
        day += timedelta(days=1)


def _landed(s3: S3Client, place: SearchLocation, layout: Layout, pool: ThreadPoolExecutor) -> Iterator[SearchObject]:
    """Walk the folders, all of a level at once."""
    found: list[SearchObject] = []
    folders = [place.prefix]
    while folders:
        deeper: list[str] = []
        for items, inner in pool.map(lambda folder: _folder(s3, place, layout, folder), folders):
            found += items
            deeper += inner
        folders = deeper
    yield from sorted(found, key=attrgetter("earliest", "key"))


def _folder(s3: S3Client, place: SearchLocation, layout: Layout, folder: str) -> tuple[list[SearchObject], list[str]]:
    """List what a folder holds of what is wanted, and its folders."""
    found: list[SearchObject] = []
    inner: list[str] = []
    for page in _wanted_pages(s3, place, layout, folder):
        inner += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        found += _wanted(place, layout, page)
    return found, [each for each in inner if not layout.skips(each)]


def _wanted_pages(
    s3: S3Client, place: SearchLocation, layout: Layout, folder: str, start_after: str = ""
) -> Iterator[ListObjectsV2OutputTypeDef]:
    """Yield the pages of a folder, but for those that hold only names before or after the wanted ones."""
    pages = _pages(s3, place, folder, delimiter="/", start_after=start_after)
    between: tuple[str, str] | None = None
    is_first = True
    while (page := next(pages, None)) is not None:
        last = _last_name(page)
        if is_first and page["IsTruncated"] and not page.get("CommonPrefixes"):
            between = layout.names_between([each["Key"].removeprefix(folder) for each in page.get("Contents", [])])
            if between and folder + between[0] > last:
                pages = _pages(s3, place, folder, delimiter="/", start_after=folder + between[0])
                is_first = False
                continue
        is_first = False
        yield page
        if between and page["IsTruncated"] and folder + between[1] <= last < folder + AFTER_DATES:
            between = None
            pages = _pages(s3, place, folder, delimiter="/", start_after=folder + AFTER_DATES)


def _last_name(page: ListObjectsV2OutputTypeDef) -> str:
    return max(
        *(each["Key"] for each in page.get("Contents", [])[-1:]),
        *(each["Prefix"] for each in page.get("CommonPrefixes", [])[-1:]),
        "",
        "",
    )


def _wanted(place: SearchLocation, layout: Layout, page: ListObjectsV2OutputTypeDef) -> Iterator[SearchObject]:
    for item in page.get("Contents", []):
        key = item["Key"]
        earliest = layout.wants(key, item["LastModified"].astimezone(UTC))
        if earliest is not None and not key.endswith(("/", INSTRUCTION)):
            yield _found(place, item, bound(earliest))


def stream(
    s3: S3Client, place: SearchLocation, layout: Layout, start_after: str, workers: int
) -> Iterator[SearchObject]:
    """Yield the objects of a landing bucket that a layout wants, in the order of their keys, while they are listed.

    Memory does not grow with the number of objects. The first pages of folders are listed ahead, in parallel.

    Parameters
    ----------
    start_after
        Yield only greater keys; empty for all.
    """
    with ThreadPoolExecutor(workers) as pool:
        yield from _stream(s3, place, layout, place.prefix, start_after, pool)


def _stream(
    s3: S3Client,
    place: SearchLocation,
    layout: Layout,
    folder: str,
    start_after: str,
    pool: ThreadPoolExecutor,
    first: Pages | None = None,
) -> Iterator[SearchObject]:
    def open_folder(inner: str) -> Pages:
        pages = _wanted_pages(s3, place, layout, inner, _start_in(inner, start_after))
        return next(pages, None), pages

    page, pages = first or open_folder(folder)
    while page is not None:
        found = (each for each in _wanted(place, layout, page) if each.key > start_after)
        inner = [
            each["Prefix"]
            for each in page.get("CommonPrefixes", [])
            # of a folder before the key to start after nothing is left, unless that key is in it
            if not layout.skips(each["Prefix"])
            and (each["Prefix"] > start_after or start_after.startswith(each["Prefix"]))
        ]
        waiting = next(found, None)
        for name, opened in zip(inner, _ahead(pool, open_folder, inner, _FOLDERS_AHEAD), strict=True):
            while waiting is not None and waiting.key < name:
                yield waiting
                waiting = next(found, None)
            yield from _stream(s3, place, layout, name, start_after, pool, opened)
        while waiting is not None:
            yield waiting
            waiting = next(found, None)
        page = next(pages, None)


def _start_in(folder: str, start_after: str) -> str:
    """Return what to list a folder after so that the folder in it that holds a key is listed too."""
    if not start_after.startswith(folder):
        return ""
    inner, slash, _ = start_after.removeprefix(folder).partition("/")
    # "a/b" is before "a/b/", under which all of its keys are returned
    return folder + inner if inner or slash else ""


def _found(place: SearchLocation, item: Any, earliest: str) -> SearchObject:
    return SearchObject(place, item["Key"], item["ETag"], item["Size"], item["LastModified"].astimezone(UTC), earliest)


def _pages(
    s3: S3Client, place: SearchLocation, prefix: str, *, delimiter: str = "", start_after: str = ""
) -> Iterator[ListObjectsV2OutputTypeDef]:
    more = {"Delimiter": delimiter} if delimiter else {}
    if start_after:
        more["StartAfter"] = start_after
    list_objects: Any = s3.get_paginator("list_objects_v2").paginate
    try:
        yield from list_objects(Bucket=place.bucket, Prefix=prefix, **more)
    except ClientError as error:
        if code_of(error) == "NoSuchBucket":
            raise AbsentError(place) from None
        raise


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Yield results in order, with so many under way."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
