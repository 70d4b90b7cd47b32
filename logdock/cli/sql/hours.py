"""Which hours of which exports a statement needs: what its conditions on `export`, `dt` and `hour` leave of a range."""

import functools
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from logdock.cli.errors import CommandError
from logdock.cli.logs.times import bound
from logdock.cli.sql.database import open_database, run
from logdock.cli.sql.statement import Statement
from logdock.settings.sql import ARCHIVE_TABLE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
"""The first day of the table in Athena, too."""
Run = tuple[datetime, datetime]


@functools.cache
def _only_database() -> duckdb.DuckDBPyConnection:
    """Return the database that evaluates conditions: one for all, because opening one takes 30 ms."""
    return open_database(None)


def _database() -> duckdb.DuckDBPyConnection:
    """Return a connection with temporary tables of its own."""
    return _only_database().cursor()


def default_range(statement: Statement, now: datetime) -> Run:
    """Return the days that a statement requires of `dt`; the last hour when it does not name days."""
    condition = statement.condition(ARCHIVE_TABLE, ("dt",))
    if condition is not None:
        with _database() as connection:
            found = _evaluate(
                connection,
                "SELECT min(start), max(start) FROM (SELECT start, strftime(start, '%Y-%m-%d') AS dt FROM "  # noqa: S608
                f"(SELECT unnest(generate_series(?, ?, INTERVAL 1 DAY)) AS start)) WHERE {condition}",
                [_plain(FIRST_DAY), _plain(now + DAY)],
            )
        if found and (days := found[0])[0] is not None:
            first, last = days
            return first.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + DAY
    return now - HOUR, now


def runs_of(statement: Statement, exports: Sequence[str], since: datetime, until: datetime) -> dict[Run, list[str]]:
    """Return the ranges that have to be read, each with its exports."""
    condition = statement.condition(ARCHIVE_TABLE, ("export", "dt", "hour"))
    if condition is None:
        return {(since, until): [*exports]}
    first = since.replace(minute=0, second=0, microsecond=0)
    with _database() as connection:
        found = _evaluate(
            connection,
            "SELECT export, list(start ORDER BY start) FROM (SELECT export, start, strftime(start, '%Y-%m-%d') AS dt, "  # noqa: S608
            "strftime(start, '%H') AS hour FROM (SELECT unnest(?) AS export) CROSS JOIN "
            f"(SELECT unnest(generate_series(?, ?, INTERVAL 1 HOUR)) AS start)) WHERE {condition} GROUP BY export",
            [[*exports], _plain(first), _plain(until - timedelta(microseconds=1))],
        )
    if found is None:
        return {(since, until): [*exports]}
    hours: Mapping[str, list[datetime]] = dict(found)
    runs: dict[Run, list[str]] = {}
    for export in exports:
        for start, end in _joined([each.replace(tzinfo=UTC) for each in hours.get(export, [])]):
            runs.setdefault((max(start, since), min(end, until)), []).append(export)
    return runs


def needed_folders(
    statement: Statement, table: str, folders: Collection[tuple[str, ...]]
) -> Collection[tuple[str, ...]]:
    """Return the folders of MongoDB Atlas's keys (cluster, host, log type) that a statement needs."""
    condition = statement.condition(table, ("cluster", "host", "log_type"))
    if condition is None:
        return folders
    with _database() as connection:
        connection.execute("CREATE TEMP TABLE folders (cluster VARCHAR, host VARCHAR, log_type VARCHAR)")
        if folders:
            connection.executemany("INSERT INTO folders VALUES (?, ?, ?)", [[*each] for each in folders])
        found = _evaluate(connection, f"SELECT * FROM folders WHERE {condition}", [])  # noqa: S608
    return folders if found is None else {*found}


def row_condition(since: datetime, until: datetime) -> str | None:
    """Return the condition on `time` that parts of hours need; None where whole hours are read."""
    parts = [
        f"replace(time, 'Z', '') {operator} '{bound(when)}'"
        for operator, when in ((">=", since), ("<", until))
        if when != when.replace(minute=0, second=0, microsecond=0)
    ]
    return " AND ".join(parts) or None


def scope(exports: Sequence[str], since: datetime, until: datetime) -> str:
    """Return the condition that limits the archive's table to exports and a range."""
    names = ", ".join(f"'{name}'" for name in exports)
    last = until - timedelta(microseconds=1)
    parts = [f"export IN ({names})", f"dt BETWEEN '{since:%Y-%m-%d}' AND '{last:%Y-%m-%d}'"]
    if f"{since:%F}" == f"{last:%F}":
        parts.append(f"hour BETWEEN '{since:%H}' AND '{last:%H}'")
    else:
        if since.hour:
            parts.append(f"(dt > '{since:%Y-%m-%d}' OR hour >= '{since:%H}')")
        if last.hour < 23:
            parts.append(f"(dt < '{last:%Y-%m-%d}' OR hour <= '{last:%H}')")
    return " AND ".join([*parts, *filter(None, [row_condition(since, until)])])


def hours_in(runs: Mapping[Run, Sequence[str]]) -> dict[str, set[datetime]]:
    """Return the hours of ranges, whole, by the exports."""
    found: dict[str, set[datetime]] = {}
    for (since, until), exports in runs.items():
        hour = since.replace(minute=0, second=0, microsecond=0)
        while hour < until:
            for export in exports:
                found.setdefault(export, set()).add(hour)
            hour += HOUR
    return found


def condition_on(hours: Mapping[str, Collection[datetime]]) -> str:
    """Return the condition that a row is of some hours of some exports; empty for no hour."""
    exports: dict[str, list[str]] = {}
    for export, of_export in hours.items():
        if of_export:
            exports.setdefault(_in_hours(of_export), []).append(f"'{export}'")
    return " OR ".join(f"(export IN ({', '.join(names)}) AND ({when}))" for when, names in exports.items())


def _in_hours(hours: Collection[datetime]) -> str:
    by_day: dict[datetime, list[str]] = {}
    for hour in sorted(hours):
        by_day.setdefault(hour.replace(hour=0), []).append(f"'{hour:%H}'")
    whole = [day for day, names in by_day.items() if len(names) == DAY // HOUR]
    parts = [f"dt BETWEEN '{first:%Y-%m-%d}' AND '{end - HOUR:%Y-%m-%d}'" for first, end in _joined(whole, DAY)]
    parts += [
        f"(dt = '{day:%Y-%m-%d}' AND hour IN ({', '.join(names)}))" for day, names in by_day.items() if day not in whole
    ]
    return " OR ".join(parts)


def _joined(starts: list[datetime], length: timedelta = HOUR) -> list[Run]:
    """Return hours, or days, that follow each other as one range."""
    runs: list[Run] = []
    for start in starts:
        if runs and runs[-1][1] == start:
            runs[-1] = runs[-1][0], start + length
        else:
            runs.append((start, start + length))
    return runs


def _evaluate(connection: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> list[Any] | None:
    """Return the rows that meet a condition; None where it cannot be evaluated.

    It is asked of days and hours that may have no rows: only the statement itself says what is wrong with it.
    """
    try:
        return run(connection, lambda: connection.execute(query, values).fetchall())
    except CommandError:
        return None


def _plain(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(tzinfo=None)
