"""The command itself: understands the question, reads what it needs or lets Athena read it, and writes the answer."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.logs.choice import Copy, SearchScope, choose
from logdock.cli.logs.layouts import Selectors
from logdock.cli.logs.places import AbsentError, SearchLocation
from logdock.cli.logs.query import Query
from logdock.cli.logs.reader import Keys, Reader
from logdock.cli.logs.scan import Form
from logdock.cli.logs.search import Search
from logdock.cli.logs.times import bound, moment, written
from logdock.cli.options import DEFAULT_SETTINGS, Profile, Region, SettingsFile
from logdock.cli.screen import Screen
from logdock.cli.sql.choices import Engine, Output
from logdock.settings import Deployment
from logdock.settings.sql import ARCHIVE, ARCHIVE_TABLE, LANDED, SqlTable, landed_table
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport

if TYPE_CHECKING:
    from logdock.cli.logs.places import SearchObject
    from logdock.cli.sql.hours import Run
    from logdock.cli.sql.statement import Statement

EXAMPLES = """
Examples:

`logdock sql "SELECT export, count(*) AS lines FROM archive GROUP BY ALL ORDER BY lines DESC"` counts the last hour

`logdock sql --since 'tuesday 03:00' --until 'tuesday 04:00' -e ledger --output json "SELECT * FROM archive"`

`logdock sql "SELECT hour, count(*) FROM archive WHERE dt = '2026-11-17' AND message ILIKE '%timeout%' GROUP BY 1"`

`logdock sql --engine athena - < question.sql` runs the same statement in the deployment's Athena workgroup
"""
_MODULES = ("duckdb", "sqlglot")
_SHOWN_EXPORTS = 5
MAX_STATEMENT_BYTES = 262_144
"""Amazon Athena API Reference, "StartQueryExecution"."""


def sql(
    statement: Annotated[
        str, typer.Argument(metavar="STATEMENT", help="One SELECT in DuckDB's dialect; - reads it from stdin.")
    ],
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    export: Annotated[
        list[str] | None,
        typer.Option("--export", "-e", metavar="NAME", help="Query this export; may be repeated. Default: all."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            "-s",
            metavar="TIME",
            help="Start of the time range. Default: the days that the statement requires of `dt`; else 1h.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", "-u", metavar="TIME", help="End of the time range (exclusive). Default: now."),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="Where the statement runs.")] = Engine.DUCKDB,
    output: Annotated[Output, typer.Option("--output", help="Form of the answer.")] = Output.TABLE,
    output_file: Annotated[
        Path | None, typer.Option("--output-file", metavar="FILE", help="Write the answer to this file.")
    ] = None,
    late: Annotated[
        str, typer.Option(metavar="TIME", help="How late lines may have landed, for what is not in the archive.")
    ] = "2h",
    keys: Annotated[
        Path | None,
        typer.Option("--decryption-keys", metavar="FILE", help="Keys of Aptible's archives, as for `logdock logs`."),
    ] = None,
    keys_secret: Annotated[
        str | None,
        typer.Option("--decryption-keys-secret", metavar="NAME", help="Secret with them. Default: of the settings."),
    ] = None,
) -> None:
    """Query the log lines with one SELECT statement.

    DuckDB answers on this machine or, with `--engine athena`, Athena in the deployment's account. Only the hours
    and exports that the statement needs are read. An object that cannot be read is named and passed over, and the
    exit code is then 1. docs/sql.md has the tables and ten queries. Times without an offset are in UTC.
    """
    _require_extra()
    from logdock.cli.sql import hours
    from logdock.cli.sql.output import check_output
    from logdock.cli.sql.statement import Statement

    check_output(output, output_file)
    screen = Screen()
    now = datetime.now(UTC)
    first = moment("--since", since, now) if since else None
    end = moment("--until", until, now) if until else None
    lateness = now - moment("--late", late, now)
    deployment = read_settings(settings)
    tables = tables_of(deployment)
    question = Statement(_read_standard_input() if statement == "-" else statement, tables)
    default = hours.default_range(question, now)
    first = first or default[0]
    end = end or (now if since else default[1])
    if first >= end:
        raise CommandError(f"--since {written(first)} is not before --until {written(end)}", ExitCode.USAGE)
    known = [each.name for each in deployment.exports]
    for name in export or ():
        require_known(name, known, f"--export {name}: the settings have none")
    exports = [*dict.fromkeys(export or known)]
    asked = _Asked(question, exports, first, end, lateness)
    if engine is Engine.ATHENA:
        _with_athena(asked, Account(deployment, profile, region, settings), output, output_file, screen)
    else:
        _with_duckdb(
            asked, lambda: Account(deployment, profile, region, settings), (keys, keys_secret), tables, output,
            output_file, screen,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """The statement, and what it is asked of."""

    statement: Statement
    exports: list[str]
    since: datetime
    until: datetime
    late: timedelta

    def runs(self) -> dict[Run, list[str]]:
        """Return the ranges of the archive that have to be read, each with its exports."""
        from logdock.cli.sql import hours

        if ARCHIVE_TABLE not in self.statement.tables:
            return {}
        return hours.runs_of(self.statement, self.exports, self.since, self.until)


def tables_of(settings: Deployment) -> dict[str, SqlTable]:
    """Return the tables of a deployment by their names."""
    atlas = [
        export.name
        for export in settings.exports
        if isinstance(export, MongodbAtlasExport) and not export.other_account
    ]
    return {ARCHIVE_TABLE: ARCHIVE, **{landed_table(name): LANDED for name in atlas}}


def _read_standard_input() -> str:
    try:
        # Windows' editors begin a file with a byte order mark
        return sys.stdin.read().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise CommandError("the statement is not UTF-8", ExitCode.USAGE) from None


def _require_extra() -> None:
    if absent := [name for name in _MODULES if importlib.util.find_spec(name) is None]:
        raise CommandError(
            f'logdock sql needs {" and ".join(absent)}: `pip install "logdock[sql]"`, or `make setup` in a checkout',
            ExitCode.USAGE,
        )


def _with_duckdb(
    asked: _Asked,
    log_in: Callable[[], Account],
    keys: tuple[Path | None, str | None],
    tables: dict[str, SqlTable],
    output: Output,
    file: Path | None,
    screen: Screen,
) -> None:
    from logdock.cli.sql import hours
    from logdock.cli.sql.columns import ColumnarCopy
    from logdock.cli.sql.database import private_directory
    from logdock.cli.sql.local import LocalEngine
    from logdock.cli.sql.output import write

    statement = asked.statement
    with private_directory() as directory:
        local = LocalEngine(directory, statement, tables)
        if statement.tables:
            account = log_in()
            _check_region(account)
            reader = Reader(account.s3, Keys(account, *keys))
            query = Query(since=bound(asked.since), until=bound(asked.until))
            with screen.progress("objects read") as done:
                runs = asked.runs()
                for table in statement.tables:
                    found = _found(account, reader, query, asked, runs, table)
                    condition = hours.row_condition(asked.since, asked.until) if table == ARCHIVE_TABLE else None
                    is_copied = table == ARCHIVE_TABLE and account.settings.is_columnar
                    local.load(
                        table, found, reader, query, condition, done, functools.partial(
                            ColumnarCopy, account.s3, account.settings.archive_bucket, directory
                        ) if is_copied else None,
                    )  # fmt: skip
        with screen.progress("DuckDB answers"):
            select = statement.for_duckdb()
            rows = write(local.connection, select, directory, output, file, screen)
        local.connection.close()
    loaded = local.loaded
    for address, reason in loaded.skipped:
        screen.note(f"Skipped {address}: {reason}")
    _note_copy(screen, loaded.not_copied)
    if loaded.damaged_lines:
        screen.note(f"Skipped {counted(loaded.damaged_lines, 'line')} of the archive: not JSON")
    if statement.tables:
        screen.note(
            f"{counted(rows, 'row')} from {counted(loaded.lines, 'line')} in {counted(loaded.objects, 'object')} "
            f"({loaded.bytes / 1_000_000:.1f} MB) of {_looked_at(asked, runs)}"
        )
    if loaded.skipped or loaded.damaged_lines:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _with_athena(asked: _Asked, account: Account, output: Output, file: Path | None, screen: Screen) -> None:
    from logdock.cli.sql import athena, hours
    from logdock.cli.sql.database import open_database, private_directory
    from logdock.cli.sql.output import write

    _check_region(account)
    if account.settings.sql is None:
        raise CommandError(
            f"the deployment has no tables for Athena: add `sql: {{}}` to the settings and "
            f"`{account.deploy(account.names.in_region('core', account.settings.region))}`, or use --engine duckdb",
            ExitCode.USAGE,
        )
    scope = {ARCHIVE_TABLE: hours.scope(asked.exports, asked.since, asked.until)}
    text = asked.statement.for_athena(scope)
    notes: list[str] = []
    if account.settings.is_columnar and ARCHIVE_TABLE in asked.statement.tables:
        with screen.progress("the archive is compared with its copy"):
            text = _with_copy(asked, account, scope, notes.append) or text
    names = account.names
    with private_directory() as directory, open_database(directory, keep_order=True) as connection:
        with screen.progress("Athena answers"):
            ended = athena.run_query(account.athena, text, database=names.sql_database, workgroup=names.sql_workgroup)
            select = athena.fetch(account.athena, ended, connection, directory)
        rows = write(connection, select, directory, output, file, screen)
    _note_copy(screen, notes)
    screen.note(
        f"{counted(rows, 'row')}; Athena scanned {ended.scanned_bytes / 1_000_000:.1f} MB (about "
        f"{ended.dollars:.5f} dollars), limited to {_named(asked.exports, asked.since, asked.until)}"
    )


def _note_copy(screen: Screen, notes: Sequence[str]) -> None:
    """Write what of the columnar copy cannot be read: the answer is whole."""
    for each in notes:
        screen.note(f"The archive is read instead of its columnar copy: {each}")


def _with_copy(asked: _Asked, account: Account, scope: dict[str, str], note: Callable[[str], None]) -> str | None:
    """Return the statement that reads the columnar copy of what it has; None if that is nothing, or it is too long."""
    from logdock.cli.sql import hours
    from logdock.cli.sql.columns import copied_hours

    wanted = hours.hours_in(asked.runs())
    core = account.names.in_region("core", account.settings.region)
    places = [
        SearchLocation(export=export, bucket=account.settings.archive_bucket, stack=core, prefix=export.archive_prefix)
        for export in account.settings.exports
        if export.name in wanted
    ]
    try:
        copied = copied_hours(account.s3, places, wanted, note)
    except AbsentError as error:
        raise account.not_deployed(error.place.stack) from None
    rest = {export: of_export - copied.get(export, set()) for export, of_export in wanted.items()}
    conditions = hours.condition_on(copied), hours.condition_on(rest)
    if not conditions[0]:
        return None
    text = asked.statement.for_athena(scope, conditions)
    return text if len(text.encode()) <= MAX_STATEMENT_BYTES else None


def _looked_at(asked: _Asked, runs: dict[Run, list[str]]) -> str:
    """Return which exports and times were read: no more than the statement needed."""
    parts = [table for table in asked.statement.tables if table != ARCHIVE_TABLE]
    if parts:
        parts = [_named(parts, asked.since, asked.until)]
    if runs:
        names = [name for name in asked.exports if any(name in each for each in runs.values())]
        of_archive = _named(names, min(first for first, _ in runs), max(end for _, end in runs))
        parts.insert(0, f"{of_archive}{f', in {len(runs)} ranges' * (len(runs) > 1)}")
    return "; ".join(parts) or "no hour"


def _named(names: list[str], since: datetime, until: datetime) -> str:
    few = ", ".join(names) if len(names) <= _SHOWN_EXPORTS else f"{len(names)} exports"
    return f"{few}, from {written(since)} to {written(until)}"


def _found(
    account: Account, reader: Reader, query: Query, asked: _Asked, runs: dict[Run, list[str]], table: str
) -> Iterator[SearchObject]:
    """Yield the objects that a table of the statement needs."""
    from logdock.cli.sql import hours
    from logdock.cli.sql.local import landed_folders

    def objects(exports: Sequence[str], copy: Copy | None, since: datetime, until: datetime) -> Iterator[SearchObject]:
        wanted = SearchScope(exports=tuple(exports), copy=copy, selectors=Selectors(), late=asked.late)
        places = choose(account, wanted, since, until, only_aptible=False)
        yield from Search(account, reader, places, query, Form.JSON).found(since, until)

    if table == ARCHIVE_TABLE:
        for (since, until), names in runs.items():
            yield from objects(names, None, since, until)
        return
    (export,) = [
        each.name
        for each in account.settings.exports
        if isinstance(each, MongodbAtlasExport) and landed_table(each.name) == table
    ]
    landed = [(found, landed_folders(found)) for found in objects([export], Copy.LANDING, asked.since, asked.until)]
    needed = hours.needed_folders(asked.statement, table, {folders for _, folders in landed if len(folders) == 3})
    yield from (found for found, folders in landed if folders in needed)


def _check_region(account: Account) -> None:
    if account.settings.region not in account.regions:
        raise CommandError(f"all logs are in {account.settings.region}: leave out --region", ExitCode.USAGE)


def counted(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number:,} {what}{'s' * (number != 1)}"
