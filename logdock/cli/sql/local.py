"""The engine on this machine: the objects that a statement needs, read as `logdock logs` reads them, and DuckDB.

Only the columns that the statement uses are loaded, into a database on disk: memory does not grow with the range.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from log_shipper.columns import OBJECT
from log_shipper.decode import decoded
from log_shipper.errors import AccountingError, CorruptInputError
from log_shipper.lines import line_blocks, text_of

from logdock.cli.account import WORKERS
from logdock.cli.logs.parallel import OrderedParallelMap
from logdock.cli.logs.places import SearchObject
from logdock.cli.logs.query import Query
from logdock.cli.logs.reader import Reader, UnreadableError
from logdock.cli.logs.scan import Form, scan
from logdock.cli.sql.columns import ColumnarCopy, quoted, select
from logdock.cli.sql.database import open_database, run
from logdock.cli.sql.statement import OBJECT_COLUMN, Statement
from logdock.settings.sql import ARCHIVE_TABLE, SqlTable

if TYPE_CHECKING:
    import duckdb

_TYPES = {"string": "VARCHAR", "map<string,string>": "MAP(VARCHAR, VARCHAR)"}
_LOADED_BYTES = 64 * 1024 * 1024
"""Lines that are written to a file before DuckDB loads them, and deletes it."""
_ROW = "dt"
"""A column that every row of the archive's table has: a line that is not JSON becomes a row without it."""


@dataclass(kw_only=True, slots=True)
class Loaded:
    """What was read."""

    objects: int = 0
    bytes: int = 0
    """As they are stored."""
    lines: int = 0
    damaged_lines: int = 0
    """Lines of the archive that are not JSON, and so not in its table."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Objects that could not be read, or not to their end, with the reason."""
    not_copied: list[str] = field(default_factory=list)
    """What of the columnar copy cannot be read, so that the archive was."""


class LocalEngine:
    """Answers one statement.

    Raises
    ------
    CommandError
        When DuckDB cannot run the statement; no object has been read then.
    """

    def __init__(self, directory: Path, statement: Statement, tables: Mapping[str, SqlTable]) -> None:
        self._directory, self._statement, self._tables = directory, statement, tables
        self.loaded = Loaded()
        self.connection = open_database(directory)
        # on empty tables, which go again
        self.connection.begin()
        for name in statement.tables:
            columns = {**_columns(tables[name]), OBJECT_COLUMN: "VARCHAR"}
            self.connection.execute(f'CREATE TABLE "{name}" ({_declared(columns)})')
        run(self.connection, lambda: self.connection.execute(f"EXPLAIN {statement.for_duckdb()}"))
        self.connection.rollback()

    def load(
        self,
        table: str,
        found: Iterable[SearchObject],
        reader: Reader,
        query: Query,
        row_condition: str | None,
        done: Callable[[int], None],
        copy_of: Callable[[Sequence[str], duckdb.DuckDBPyConnection], ColumnarCopy] | None = None,
    ) -> None:
        """Load objects into a table.

        Parameters
        ----------
        query
            The range of times, for objects that are not the archive's.
        row_condition
            What each row must meet, on `time`; None for all rows.
        copy_of
            Returns the columnar copy, of some columns. Default: there is none.
        """
        is_archive = table == ARCHIVE_TABLE
        columns = self._statement.columns(table)
        copy = None
        if copy_of:
            needed = {*columns, "time"} if row_condition else {*columns}
            in_files = [OBJECT if name == OBJECT_COLUMN else name for name in sorted(needed - {"export", "dt"})]
            copy = copy_of(in_files, self.connection.cursor())
            found = copy.rest(iter(found))
        types = {**_columns(self._tables[table]), OBJECT_COLUMN: "VARCHAR"}
        extra = [name for name in ([_ROW, "time"] if row_condition else [_ROW]) if is_archive and name not in columns]
        # a table needs a column, for `count(*)` too
        loaded = [*columns, *extra] or [next(iter(types))]
        declared = {name: types[name] for name in loaded}
        stored = f"{table}_stored" if is_archive else table
        self.connection.execute(f'CREATE TABLE "{stored}" ({_declared(declared)})')
        work = _archive_rows if is_archive else _landed_rows
        file = self._directory / "lines.json"
        lanes: OrderedParallelMap[SearchObject, bytes] = OrderedParallelMap(
            lambda each: self._rows(lanes, work, each, reader, query), WORKERS
        )
        with contextlib.closing(lanes.over(found)) as objects:
            for pieces in _batches(objects, self.loaded, done):
                with file.open("wb") as out:
                    out.writelines(pieces)
                run(self.connection, lambda: self._insert(stored, file, declared))
                file.unlink()
        if is_archive:
            self.loaded.damaged_lines = self._count(f'"{stored}" WHERE {_ROW} IS NULL')
            names = ", ".join(f'"{name}"' for name in columns or [_ROW])
            condition = f"{_ROW} IS NOT NULL" + (f" AND {row_condition}" if row_condition else "")
            selects = [f'SELECT {names} FROM "{stored}" WHERE {condition}']  # noqa: S608
            if copy:
                self.loaded.not_copied += copy.notes
            if copy and copy.files:
                everything = list(dict.fromkeys([*(columns or [_ROW]), *(["time"] if row_condition else [])]))
                where = f" WHERE {row_condition}" if row_condition else ""
                selects += [
                    f"SELECT {names} FROM ({each}){where}"  # noqa: S608
                    for each in select(copy.files, everything, OBJECT_COLUMN)
                ]
                self.loaded.objects += len(copy.files)
                self.loaded.bytes += copy.bytes
                done(len(copy.files))
            self.connection.execute(f'CREATE VIEW "{table}" AS {" UNION ALL ".join(selects)}')
        self.loaded.lines += self._count(f'"{table}"')

    def _count(self, rows: str) -> int:
        ((count,),) = self.connection.execute(f"SELECT count(*) FROM {rows}").fetchall()  # noqa: S608 - our own names
        return int(count)

    def _insert(self, table: str, file: Path, declared: Mapping[str, str]) -> None:
        self.connection.execute(
            f'INSERT INTO "{table}" BY NAME SELECT * FROM read_json(?, format = ?, ignore_errors = true, columns = '  # noqa: S608
            f"{{{', '.join(f'{quoted(name)}: {quoted(kind)}' for name, kind in declared.items())}}})",
            [str(file), "newline_delimited"],
        )

    def _rows(
        self,
        lanes: OrderedParallelMap[SearchObject, bytes],
        work: Callable[[SearchObject, Iterator[bytes], Query], Iterator[bytes]],
        found: SearchObject,
        reader: Reader,
        query: Query,
    ) -> Iterator[bytes]:
        """Yield an object's rows as lines of JSON, up to where it can be read."""

        def chunks() -> Iterator[bytes]:
            for chunk in reader.chunks(found):
                if lanes.stopped:
                    return
                yield chunk

        address = f"s3://{found.place.bucket}/{found.key}"
        try:
            yield from work(found, chunks(), query)
        except UnreadableError as error:
            self.loaded.skipped.append((address, str(error)))
        except CorruptInputError as error:
            self.loaded.skipped.append((address, f"{error}; what could be read before the damage is in the table"))
        except AccountingError as error:
            self.loaded.skipped.append((address, f"a defect in Logdock: {error}. Please report it"))


def _batches(
    objects: Iterable[tuple[SearchObject, Iterator[bytes]]], loaded: Loaded, done: Callable[[int], None]
) -> Iterator[Iterator[bytes]]:
    """Yield the rows of objects, `_LOADED_BYTES` at a time."""
    pieces = _counted(objects, loaded, done)
    for first in pieces:

        def batch(first: bytes = first) -> Iterator[bytes]:
            yield first
            size = len(first)
            while size < _LOADED_BYTES and (piece := next(pieces, None)) is not None:
                size += len(piece)
                yield piece

        yield batch()


def _counted(
    objects: Iterable[tuple[SearchObject, Iterator[bytes]]], loaded: Loaded, done: Callable[[int], None]
) -> Iterator[bytes]:
    for found, pieces in objects:
        yield from pieces
        loaded.objects += 1
        loaded.bytes += found.size
        done(1)


def _archive_rows(found: SearchObject, chunks: Iterator[bytes], query: Query) -> Iterator[bytes]:
    """Yield lines as the archive has them, each with the members that only the object's key has before its own."""
    path = b'"$path":' + orjson.dumps(f"s3://{found.place.bucket}/{found.key}") + b","
    if found.place.layout is not None:
        # not archived: the lines are read where they landed, and their times decide the partition
        for hits in scan(found, chunks, query, Form.JSON):
            yield b"".join(
                b'{"dt":"%b","hour":"%b",%b%b' % (time[:10], time[11:13], path, hit.line[1:])
                for hit in hits
                for time in (hit.time.encode(),)
            )
        return
    _, _, day, hour, _ = found.key.split("/")
    opening = b'{"dt":"%b","hour":"%b",%b' % (day[3:].encode(), hour[5:].encode(), path)
    for block in line_blocks(decoded(chunks)):
        # no line feed is in a line's JSON, so what follows one is the next line
        yield (b"\n" + block).replace(b"\n{", b"\n" + opening)[1:] + b"\n"


def landed_folders(found: SearchObject) -> tuple[str, ...]:
    """Return the cluster, host and log type in a key of MongoDB Atlas; fewer for a key that has fewer folders."""
    prefix = getattr(found.place.export, "prefix", "")
    return tuple(found.key.removeprefix(f"{prefix}/").split("/")[:-1][:3])


def _landed_rows(found: SearchObject, chunks: Iterator[bytes], _: Query) -> Iterator[bytes]:
    """Yield lines as they landed, each with the folders that the object is in."""
    cluster, host, log_type = landed_folders(found)
    keys = orjson.dumps(
        {
            "cluster": cluster, "host": host, "log_type": log_type,
            OBJECT_COLUMN: f"s3://{found.place.bucket}/{found.key}",
        }
    )  # fmt: skip
    opening = keys[:-1] + b',"line":'
    for block in line_blocks(decoded(chunks)):
        yield b"".join(opening + orjson.dumps(text_of(line)) + b"}\n" for line in block.split(b"\n"))


def _columns(table: SqlTable) -> dict[str, str]:
    return {name: _TYPES[kind] for name, kind in {**table.columns, **table.keys}.items()}


def _declared(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
