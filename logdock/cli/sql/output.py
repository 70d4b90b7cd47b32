"""The answer, as a table for a reader, or as JSON lines, CSV or Parquet for a program."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import orjson

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.screen import Screen
from logdock.cli.sql.choices import Output
from logdock.cli.sql.database import run
from logdock.cli.terminal import printable, printable_json_lines

MAX_TABLE_ROWS = 1000
_WRITTEN_BY_DUCKDB = "TIME ZONE|INTERVAL"
"""Types whose values Python has no own for: DuckDB takes another package, or ends with an overflow."""
_NO_NUMBER = re.compile(rb'("(?:[^"\\]|\\.)*")|-?(?:NaN|Infinity)')
"""What DuckDB writes for a number that JSON has not (RFC 8259, "Numbers"), outside of strings, which are group 1."""
_OPTIONS = {
    "json": "FORMAT json",
    "csv": "FORMAT csv, HEADER true",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}


def check_output(output: Output, file: Path | None) -> None:
    """Refuse what could not be written, before anything is read."""
    if output is Output.PARQUET and file is None and sys.stdout.isatty():
        raise CommandError(
            "--output parquet is binary: give --output-file FILE, or redirect standard output", ExitCode.USAGE
        )
    if output is Output.TABLE and file is not None:
        raise CommandError("--output-file takes json, csv or parquet: add --output csv", ExitCode.USAGE)
    if file is not None and not file.parent.is_dir():
        raise CommandError(f"--output-file {file}: {file.parent} is not a directory", ExitCode.USAGE)


def write(
    connection: duckdb.DuckDBPyConnection,
    select: str,
    directory: Path,
    output: Output,
    file: Path | None,
    screen: Screen,
) -> int:
    """Run a SELECT and write its answer; return the number of rows.

    Parameters
    ----------
    directory
        The private directory, where an answer is held until it is complete.
    """
    if output is Output.TABLE:
        return _table(connection, select, screen)
    held = directory / f"answer.{output}"
    ((count,),) = run(
        connection,
        lambda: connection.execute(
            f"COPY ({select}) TO '{str(held).replace(chr(39), chr(39) * 2)}' ({_OPTIONS[output]})"
        ).fetchall(),
    )
    with held.open("rb") as answer, _new_file(file) if file else screen.raw() as target:
        if output is Output.JSON:
            # means the same, and may be shown on a terminal by the program behind a pipe
            target.writelines(map(printable_json_lines, map(_with_null_for_no_number, answer)))
        elif target.isatty():
            target.writelines(printable(line.decode(errors="replace")).encode() for line in answer)
        else:
            shutil.copyfileobj(answer, target)
        target.flush()
    return int(count)


def _with_null_for_no_number(line: bytes) -> bytes:
    if b"NaN" not in line and b"Infinity" not in line:
        return line
    return _NO_NUMBER.sub(lambda found: found[1] or b"null", line)


def _table(connection: duckdb.DuckDBPyConnection, select: str, screen: Screen) -> int:
    def fetch() -> tuple[list[str], list[tuple[Any, ...]]]:
        found = connection.execute(_in_types_of_python(connection, select))
        return [each[0] for each in found.description or []], found.fetchmany(MAX_TABLE_ROWS + 1)

    columns, rows = run(connection, fetch)
    shown = rows[:MAX_TABLE_ROWS]
    screen.table(
        [printable(name) for name in columns], [[_cell(value) for value in row] for row in shown], as_records=True
    )
    if len(rows) > MAX_TABLE_ROWS:
        screen.note(f"Only the first {MAX_TABLE_ROWS:,} rows are shown: --output json, csv and parquet have all.")
    return len(shown)


def _in_types_of_python(connection: duckdb.DuckDBPyConnection, select: str) -> str:
    """Return a SELECT whose values of the types `_WRITTEN_BY_DUCKDB` are strings."""
    columns = connection.execute(f"DESCRIBE {select}").fetchall()
    written = [re.search(_WRITTEN_BY_DUCKDB, kind) is not None for _, kind, *_ in columns]
    if not any(written):
        return select
    # by position: two columns may have the same name
    chosen = ", ".join(
        f'c{at}{"::VARCHAR" if is_written else ""} AS "{name.replace(chr(34), chr(34) * 2)}"'
        for at, (is_written, (name, *_)) in enumerate(zip(written, columns, strict=True))
    )
    return f"SELECT {chosen} FROM ({select}) AS answer({', '.join(f'c{at}' for at in range(len(columns)))})"  # noqa: S608


def _cell(value: object) -> int | str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if not isinstance(value, dict | list | tuple):
        return str(value)
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # a number of more than 64 bits
        return str(value)


@contextlib.contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"--output-file {file}: {error.strerror}", ExitCode.USAGE) from None


@contextlib.contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """Open a file that is there only when it is complete; a device or a pipe is written to as it is."""
    if file.exists() and not file.is_file():
        # to replace it would remove the device
        with _named(file), file.open("wb") as target:
            yield target
        return
    part = file.with_name(f"{file.name}.part-{os.getpid()}")
    try:
        with _named(file):
            with part.open("xb") as target:
                yield target
            part.replace(file)
    finally:
        part.unlink(missing_ok=True)
