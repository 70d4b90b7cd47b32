"""The columnar copy on this machine: the objects of the archive that it stands for, and only the columns asked for.

DuckDB reads no S3 here: what does is an extension that it downloads. So a Parquet file is fetched by ranges, its footer
and then the chunks of some columns, into a file of the same size that has holes where nothing was fetched. DuckDB reads
of a file what a query needs, which is what was fetched.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from log_shipper.columns import INDEX_PREFIX, OBJECT, PREFIX, File, Index, Run, fetch_index, runs_in
from log_shipper.compacted import number_of
from log_shipper.errors import DamagedIndexError

from logdock.cli.account import WORKERS
from logdock.cli.errors import code_of, is_absent, is_refused
from logdock.cli.listing import list_objects
from logdock.cli.logs.places import SearchLocation, SearchObject, objects
from logdock.cli.logs.reader import ATTEMPTS, CHUNK_BYTES

if TYPE_CHECKING:
    import duckdb
    from mypy_boto3_s3 import S3Client

FOOTER_BYTES = 16 * 1024
"""Of the end of a file, which are read first: one request has the footer of all but very large files."""
_TAIL_BYTES = 8
"""The footer's length, and PAR1 (Apache Parquet, "File Format")."""
_GAP_BYTES = 64 * 1024
"""Between two chunks that one request reads."""
Day = tuple[str, str]
"""An export, and ``YYYY-MM-DD``."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A run, and the objects that it stands for: those that are wanted and as they were when they were copied."""

    run: Run
    index: Index
    objects: Sequence[SearchObject]

    @property
    def is_whole(self) -> bool:
        """Whether these are all objects of the run, so that all rows of its files are wanted."""
        return len(self.objects) == len(self.index.sources)


class _NotThereError(Exception):
    """A file is gone, or cannot be read: the archive is read instead."""


def copied(
    s3: S3Client, bucket: str, found: Sequence[SearchObject], pool: ThreadPoolExecutor, note: Callable[[str], None]
) -> tuple[list[Copied], list[SearchObject]]:
    """Divide compacted objects of the archive into those that a run stands for, and the others.

    Parameters
    ----------
    note
        Is called with each index that cannot be read, and why.
    """
    days: dict[Day, dict[str, SearchObject]] = {}
    for each in found:
        days.setdefault(_day_of(each), {})[each.key] = each
    runs: list[Run] = []
    for export in dict.fromkeys(export for export, _ in days):
        first, last = (pick(day for name, day in days if name == export) for pick in (min, max))
        prefix = f"{INDEX_PREFIX}{export}/"
        for run, is_complete in runs_in(s3, bucket, prefix, f"{prefix}dt={first}/"):
            if run.day > last:
                break
            if is_complete and (export, run.day) in days:
                runs.append(run)

    by_runs = []
    for run, index in _fetch_indexes(s3, bucket, runs, pool, note).items():
        sources = index.sources if index else {}
        wanted = days[run.export, run.day]
        chosen = [wanted[key] for key, etag in sources.items() if key in wanted and wanted[key].etag == etag]
        if index and chosen:
            by_runs.append(Copied(run, index, chosen))
    named = Counter(each.key for run in by_runs for each in run.objects)
    # an object that two indexes name, which the function that writes them prevents, is read from the archive
    by_runs = [replace(run, objects=[each for each in run.objects if named[each.key] == 1]) for run in by_runs]
    return [run for run in by_runs if run.objects], [each for each in found if named[each.key] != 1]


def _fetch_indexes(
    s3: S3Client, bucket: str, runs: Sequence[Run], pool: ThreadPoolExecutor, note: Callable[[str], None]
) -> dict[Run, Index | None]:
    """Return the indexes of runs; None for one that is gone or damaged."""

    def fetch(run: Run) -> Index | None:
        try:
            return fetch_index(s3, bucket, run)
        except DamagedIndexError as error:
            note(str(error))
        except ClientError as error:
            if not is_absent(error) and code_of(error) != "InvalidObjectState":
                raise
        return None

    return dict(zip(runs, pool.map(fetch, runs), strict=True))


def copied_hours(
    s3: S3Client,
    places: Sequence[SearchLocation],
    hours: Mapping[str, Collection[datetime]],
    note: Callable[[str], None],
) -> dict[str, set[datetime]]:
    """Return which of some hours of the archive are in the columnar copy; by the exports.

    The table of the copy has all of its files, whatever an index says. So a day is read from it only if its files are
    those that its indexes name; and an hour, if each of its objects is in one index, as it is, and no index names
    another object of it: what has expired, or was removed from the archive, stays in the copy for longer.

    Parameters
    ----------
    note
        Is called with each day that cannot be read from the copy, and why, unless a run of it has not ended.
    """
    found: dict[str, set[datetime]] = {}
    for place in places:
        of_export = hours.get(place.export.name)
        if of_export:
            wanted = {f"{hour:%Y-%m-%dT%H}": hour for hour in of_export}
            usable = _usable_hours(s3, place, min(wanted)[:10], max(wanted)[:10], note)
            found[place.export.name] = {hour for name, hour in wanted.items() if usable(name)}
    return found


def _usable_hours(
    s3: S3Client, place: SearchLocation, first: str, last: str, note: Callable[[str], None]
) -> Callable[[str], bool]:
    """Return what says whether the copy may be read for an hour, ``YYYY-MM-DDTHH``, from the first day to the last."""
    export, bucket = place.export.name, place.bucket
    prefix = f"{INDEX_PREFIX}{export}/"
    runs: dict[str, dict[Run, bool]] = {}
    for run, is_complete in runs_in(s3, bucket, prefix, f"{prefix}dt={first}/"):
        if run.day > last:
            break
        of_day = runs.setdefault(run.day, {})
        of_day[run] = of_day.get(run, False) or is_complete
    # the table also has what a statement writes that has not ended, or has failed
    complete = {day: of_day for day, of_day in runs.items() if all(of_day.values())}
    if not complete:
        return lambda _: False
    with ThreadPoolExecutor(WORKERS) as pool:
        fetched = _fetch_indexes(s3, bucket, [run for of_day in complete.values() for run in of_day], pool, note)
    there = _list_files(s3, bucket, export, first, last)
    days: set[str] = set()
    for day, of_day in complete.items():
        indexes = [index for run in of_day if (index := fetched[run]) is not None]
        named = {(file.key, file.etag) for index in indexes for file in index.files}
        if len(indexes) == len(of_day) and named == there.get(day, set()):
            days.add(day)
        elif len(indexes) == len(of_day):
            where = f"s3://{bucket}/{PREFIX}{export}/dt={day}/"
            note(f"{where}: its files are not those that its indexes name")
    if not days:
        return lambda _: False
    since, until = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (min(days), max(days)))
    listed = {each.key: each.etag for each in objects(s3, [place], since, until + timedelta(days=1), WORKERS)}
    sources = [each for run, index in fetched.items() if run.day in days and index for each in index.sources.items()]
    named_times = Counter(key for key, _ in sources)
    in_copy = {key for key, etag in sources if named_times[key] == 1 and listed.get(key) == etag}
    others = {_hour_of(key) for key in (*listed, *named_times) if key not in in_copy}
    return lambda hour: hour[:10] in days and hour not in others


def _list_files(s3: S3Client, bucket: str, export: str, first: str, last: str) -> dict[str, set[tuple[str, str]]]:
    """Return the keys and ETags of the copy's files by their days."""
    prefix = f"{PREFIX}{export}/"
    found: dict[str, set[tuple[str, str]]] = {}
    for item in list_objects(s3, bucket, prefix, start_after=f"{prefix}dt={first}/"):
        day = item["Key"].removeprefix(prefix).partition("/")[0].removeprefix("dt=")
        if day > last:
            break
        found.setdefault(day, set()).add((item["Key"], item["ETag"]))
    return found


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A Parquet file with some of its columns."""

    path: Path
    rows: list[str] | None
    """The addresses of the objects whose rows are wanted; None for all rows."""


class ColumnarCopy:
    """What of a question the columnar copy answers.

    Parameters
    ----------
    bucket
        The archive.
    directory
        Where the files are put.
    columns
        The columns that are needed, without those of the keys.
    connection
        Reads footers; it may read the directory.
    """

    def __init__(
        self,
        s3: S3Client,
        bucket: str,
        directory: Path,
        columns: Sequence[str],
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self._s3, self._bucket, self._columns = s3, bucket, columns
        self._directory, self._connection = directory / "columns", connection
        self._numbers = count()
        self.files: list[LocalFile] = []
        self.bytes = 0
        self.notes: list[str] = []
        """What of the copy cannot be read, so that the archive is read."""

    def rest(self, found: Iterator[SearchObject]) -> Iterator[SearchObject]:
        """Yield the objects that are to be read from the archive; the others are fetched by then."""
        held: list[SearchObject] = []
        for each in found:
            if each.place.layout is None and number_of(each.key) is not None:
                held.append(each)
            else:
                yield each
        with ThreadPoolExecutor(WORKERS) as pool:
            runs, others = copied(self._s3, self._bucket, held, pool, self.notes.append)
            yield from others
            for run in runs:
                if not self._fetch(run, pool):
                    yield from run.objects

    def _fetch(self, run: Copied, pool: ThreadPoolExecutor) -> bool:
        """Fetch what is needed of a run's files; False if its objects have fewer bytes, or a file cannot be read."""
        limit = sum(each.size for each in run.objects)
        files = [file for file in run.index.files if file.size]
        if limit < len(files) * FOOTER_BYTES < sum(file.size for file in files):
            return False
        columns = [*self._columns, *([] if run.is_whole else [OBJECT])]
        rows = None if run.is_whole else [f"s3://{self._bucket}/{each.key}" for each in run.objects]
        folder = self._directory / f"export={run.run.export}" / f"dt={run.run.day}"
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{next(self._numbers)}.parquet" for _ in files]
        try:
            starts = list(pool.map(self._fetch_footer, files, paths))
            ranges = [self._ranges(path, start, columns) for path, start in zip(paths, starts, strict=True)]
            size = sum(end - start for each in ranges for start, end in each)
            size += sum(file.size - start for file, start in zip(files, starts, strict=True))
            if size > limit:
                self._remove(paths)
                return False
            work = [
                (file, path, *each) for file, path, wanted in zip(files, paths, ranges, strict=True) for each in wanted
            ]
            for _ in pool.map(lambda each: self._fetch_range(*each), work):
                pass
        except _NotThereError:
            self._remove(paths)
            self.notes.append(f"s3://{self._bucket}/{run.run.prefix}: a file that its index names cannot be read")
            return False
        self.bytes += size
        self.files += [LocalFile(path, rows) for path in paths]
        return True

    def _fetch_footer(self, file: File, path: Path) -> int:
        """Fetch the end of a file, with its footer; return where that begins."""
        with path.open("wb") as out:
            out.truncate(file.size)
        start = max(0, file.size - FOOTER_BYTES)
        self._fetch_range(file, path, start, file.size)
        with path.open("rb") as fetched:
            fetched.seek(-_TAIL_BYTES, os.SEEK_END)
            footer = int.from_bytes(fetched.read(4), "little") + _TAIL_BYTES
        if footer > file.size - start:
            self._fetch_range(file, path, max(0, file.size - footer), start)
            return max(0, file.size - footer)
        return start

    def _ranges(self, path: Path, fetched_from: int, columns: Sequence[str]) -> list[tuple[int, int]]:
        """Return which bytes of a file a query of some columns reads, but for those that are fetched.

        These are the columns' chunks and Bloom filters, and what is between the last chunk and the footer, such as
        indexes of pages (Apache Parquet, "File Format", "Bloom Filter", "Page Index").
        """
        chunks = self._connection.execute(
            "SELECT trim(split_part(path_in_schema, ',', 1)), "
            "least(coalesce(nullif(dictionary_page_offset, 0), data_page_offset), data_page_offset) AS first, "
            "first + total_compressed_size, bloom_filter_offset, bloom_filter_offset + bloom_filter_length "
            "FROM parquet_metadata(?)",
            [str(path)],
        ).fetchall()
        spans = [(max((end for _, _, end, *_ in chunks), default=0), fetched_from)]
        for name, start, end, filter_start, filter_end in chunks:
            if name in columns:
                spans.append((start, end))
                if filter_start:
                    # a file that does not say how long it is has at most the rest of the file
                    spans.append((filter_start, filter_end or fetched_from))
        ranges: list[tuple[int, int]] = []
        for start, whole_end in sorted(spans):
            end = min(whole_end, fetched_from)
            if start >= end:
                continue
            if ranges and start - ranges[-1][1] <= _GAP_BYTES:
                ranges[-1] = ranges[-1][0], max(ranges[-1][1], end)
            else:
                ranges.append((start, end))
        return ranges

    def _fetch_range(self, file: File, path: Path, start: int, end: int) -> None:
        """Fetch bytes of a file, again from where a connection broke."""
        with path.open("r+b") as out:
            for _ in range(ATTEMPTS):
                out.seek(start)
                try:
                    answer = self._s3.get_object(
                        Bucket=self._bucket, Key=file.key, IfMatch=file.etag, Range=f"bytes={start}-{end - 1}"
                    )
                    while chunk := answer["Body"].read(CHUNK_BYTES):
                        out.write(chunk)
                        start += len(chunk)
                except (HTTPClientError, IncompleteReadError):
                    continue
                except ClientError as error:
                    is_changed = code_of(error) in ("PreconditionFailed", "InvalidObjectState")
                    if is_absent(error) or is_refused(error) or is_changed:
                        raise _NotThereError from None
                    raise
                if start == end:
                    return
        raise _NotThereError

    @staticmethod
    def _remove(paths: Sequence[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)


def select(files: Sequence[LocalFile], names: Sequence[str], path_column: str) -> Iterator[str]:
    """Yield SELECTs of the rows of fetched files, for DuckDB.

    Parameters
    ----------
    path_column
        The name of the column that has the address of a row's object.
    """
    chosen = ", ".join(f'"{OBJECT}" AS "{name}"' if name == path_column else f'"{name}"' for name in names)
    whole = [each.path for each in files if each.rows is None]
    if whole:
        yield f"SELECT {chosen} FROM {_read(whole)}"  # noqa: S608 - names of our own
    parts: dict[tuple[str, ...], list[Path]] = {}
    for each in files:
        if each.rows is not None:
            parts.setdefault(tuple(each.rows), []).append(each.path)
    for rows, paths in parts.items():
        addresses = ", ".join(map(quoted, rows))
        yield f'SELECT {chosen} FROM {_read(paths)} WHERE "{OBJECT}" IN ({addresses})'  # noqa: S608 - quoted


def _read(paths: Sequence[Path]) -> str:
    names = ", ".join(quoted(str(path)) for path in paths)
    return f"read_parquet([{names}], hive_partitioning = true, hive_types = {{export: VARCHAR, dt: VARCHAR}})"


def _hour_of(key: str) -> str:
    _, _, day, hour, _ = key.split("/")
    return f"{day.removeprefix('dt=')}T{hour.removeprefix('hour=')}"


def _day_of(found: SearchObject) -> Day:
    _, export, day, *_ = found.key.split("/")
    return export, day.removeprefix("dt=")


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
