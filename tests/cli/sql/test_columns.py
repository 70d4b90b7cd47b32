"""`sql.format: parquet`: each row is read once, from the columnar copy or from the archive, whatever of it is there."""

import csv
import gzip
import io
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest
import sqlglot
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody
from log_shipper.columns import File, Index, Run, select_of, write_index
from moto.s3.models import s3_backends

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.sql import columns as copies
from logdock.settings.sql import ARCHIVE
from tests.cli.conftest import Type
from tests.cli.deployed import compact_archive
from tests.cli.logs import conftest as logs
from tests.cli.logs.conftest import DAY, Calls, Landed

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
RUN = Run("jobs", DAY, 1_795_000_000, "0" * 16, 2)
QUERIES = (
    'SELECT time, vendor, log_type, source, message, fields, export, dt, hour, "$path" FROM archive',
    "SELECT * FROM archive",
    "SELECT count(*) AS n FROM archive",
    "SELECT hour, count(*) AS n, min(fields['kind']) AS kind FROM archive WHERE export = 'jobs' GROUP BY ALL",
    # such conditions are looked up in the Bloom filters of a file
    """SELECT count(*) AS n FROM archive WHERE vendor = 'cloudwatch-logs' AND message = '{"code":"late"}'""",
    f"SELECT message FROM archive WHERE dt = '{DAY}' AND hour = '03'",  # noqa: S608
)
TYPES = {"string": "VARCHAR", "map<string,string>": "MAP(VARCHAR, VARCHAR)"}


@pytest.fixture
def landed(aws: None, tmp_path: Path, logdock: Type, monkeypatch: pytest.MonkeyPatch) -> Landed:
    """Return a deployment with two compacted hours, the parts of a third, and what an Atlas export landed."""
    monkeypatch.setattr(logs, "SETTINGS", f"{logs.SETTINGS}sql: {{format: parquet}}\narchive: {{compact: true}}\n")
    landed = Landed(tmp_path, logdock)
    for minute in range(12):
        time = f"{DAY}T0{3 + minute % 2}:{minute:02}:00.5Z"
        text = random.Random(minute).randbytes(4000).hex()  # noqa: S311 - what compresses no better as Parquet
        landed.archived((time, json.dumps({"code": minute % 3})), (time, text), (time, '{"code":"late"}'),
                        fields={"kind": f"k{minute}"})  # fmt: skip
    for each in s3_backends[landed.settings.account]["aws"].buckets[landed.archive].keys.values():
        each.last_modified = datetime(2026, 11, 17, 5, tzinfo=UTC)
    compact_archive(landed.archive, NOW)
    landed.archived((f"{DAY}T05:00:00Z", "late"))
    # as if files were large
    monkeypatch.setattr(copies, "FOOTER_BYTES", 2000)
    monkeypatch.setattr(copies, "_GAP_BYTES", 0)
    return landed


def compacted(landed: Landed) -> dict[str, str]:
    """Return the compacted objects and their ETags."""
    listed = landed.s3.list_objects_v2(Bucket=landed.archive, Prefix="logs/")["Contents"]
    return {each["Key"]: each["ETag"] for each in listed if "compacted-" in each["Key"]}


def load_archive(landed: Landed, connection: duckdb.DuckDBPyConnection) -> None:
    """Create the archive's table as Athena has it."""
    columns = {**ARCHIVE.columns, **ARCHIVE.keys, "$path": "string"}
    declared = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in columns.items())
    connection.execute(f"CREATE TABLE archive ({declared})")
    types = ", ".join(f"'{name}': '{TYPES[kind]}'" for name, kind in ARCHIVE.columns.items())
    file = landed.directory / "lines.json"
    for item in landed.s3.list_objects_v2(Bucket=landed.archive, Prefix="logs/")["Contents"]:
        body = landed.s3.get_object(Bucket=landed.archive, Key=item["Key"])["Body"].read()
        file.write_bytes(gzip.decompress(body))
        _, export, day, hour, _ = item["Key"].split("/")
        connection.execute(
            'INSERT INTO archive BY NAME SELECT *, ? AS export, ? AS dt, ? AS hour, ? AS "$path" FROM '  # noqa: S608
            f"read_json(?, format = 'newline_delimited', columns = {{{types}}})",
            [export, day[3:], hour[5:], f"s3://{landed.archive}/{item['Key']}", str(file)],
        )


def unload(landed: Landed, run: Run, keys: list[str]) -> list[File]:
    """Write what Athena writes for a run: the answer of its SELECT, in two files."""
    select = sqlglot.transpile(select_of(landed.archive, "archive", run, keys), read="athena", write="duckdb")[0]
    files = []
    folder = landed.directory / f"export={run.export}" / f"dt={run.day}"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        load_archive(landed, connection)
        for half in range(2):
            file = folder / f"{run.name}-{half}.parquet"
            connection.execute(
                f"COPY (SELECT * EXCLUDE n FROM (SELECT *, row_number() OVER () AS n FROM ({select})) "  # noqa: S608
                f"WHERE n % 2 = {half}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
            )
            body = file.read_bytes()
            etag = landed.s3.put_object(Bucket=landed.archive, Key=f"{run.prefix}{half}", Body=body)["ETag"]
            files.append(File(f"{run.prefix}{half}", len(body), etag))
    return files


def copy(landed: Landed, keys: list[str] | None = None, run: Run = RUN) -> list[File]:
    sources = compacted(landed)
    sources = {key: sources[key] for key in keys or sources}
    files = unload(landed, run, [*sources])
    index = write_index(Index(sources, tuple(files)))
    landed.s3.put_object(Bucket=landed.archive, Key=run.index_key, Body=index)
    return files


def answers(logdock: Type, queries: Sequence[str] = QUERIES[:1]) -> list[list[str]]:
    found = []
    for query in queries:
        done = logdock("sql", query, "--since", DAY, "--until", "2026-11-18", "-e", "jobs", "--output", "json")
        assert done.code == 0, done.err
        found.append(sorted(done.out.splitlines()))
    return found


@pytest.fixture
def ranges(landed: Landed, calls: Calls) -> Calls:
    """Return what was read below a prefix."""
    return lambda prefix: [each for each in calls("GetObject") if each["Key"].startswith(prefix)]


def test_rows_are_the_same_with_a_copy_and_mostly_from_it(landed: Landed, logdock: Type, ranges: Calls) -> None:
    before = answers(logdock, QUERIES)
    assert len(before[0]) == 37
    copy(landed)
    start = len(ranges("logs/"))
    assert answers(logdock, QUERIES) == before
    read = ["/".join(each["Key"].split("/")[-2:]) for each in ranges("logs/")[start:]]
    # the messages of one hour have fewer bytes in the archive than those of the day in the copy
    assert [name for name in read if "compacted-" in name] == ["hour=03/compacted-000001.jsonl.gz"]
    assert ranges("columns/")


def test_only_the_chunks_of_the_columns_asked_for_are_read(landed: Landed, logdock: Type, ranges: Calls) -> None:
    files = copy(landed)
    done = logdock("sql", "SELECT count(fields['kind']) AS n FROM archive", "--since", DAY, "--until", "2026-11-18",
                   "-e", "jobs", "--output", "json")  # fmt: skip
    assert json.loads(done.out) == {"n": 36}
    spans = [each["Range"].removeprefix("bytes=").split("-") for each in ranges("columns/")]
    read = sum(int(last) - int(first) + 1 for first, last in spans)
    assert len(files) < len(spans)
    assert read < sum(file.size for file in files) / 3


def test_objects_that_no_index_names_as_they_are_are_read_from_the_archive(landed: Landed, logdock: Type) -> None:
    before = answers(logdock)
    first, second = compacted(landed)
    copy(landed, [first])
    assert answers(logdock) == before
    # of an object that was written again, rows of the copy are not the object's
    index = {"sources": {first: '"other"'}, "files": []}
    landed.s3.put_object(Bucket=landed.archive, Key=RUN.index_key, Body=json.dumps(index).encode())
    assert answers(logdock) == before
    # in two runs, each of some, and then of the same
    copy(landed, [first])
    copy(landed, [second], RUN._replace(identity="1" * 16, objects=1))
    assert answers(logdock) == before
    copy(landed, [second], RUN._replace(identity="2" * 16, objects=1))
    assert answers(logdock) == before


def test_a_run_that_has_not_ended_or_lost_its_files_is_not_read(landed: Landed, logdock: Type) -> None:
    before = answers(logdock)
    files = copy(landed)
    landed.s3.delete_object(Bucket=landed.archive, Key=files[1].key)
    assert answers(logdock) == before
    landed.s3.delete_object(Bucket=landed.archive, Key=RUN.index_key)
    landed.s3.put_object(Bucket=landed.archive, Key=RUN.started_key, Body=b'{"query":"1","sources":{}}')
    assert answers(logdock) == before


@pytest.mark.parametrize(("breaks", "is_read"), [(3, True), (4, False)])
def test_a_range_goes_on_where_its_connection_broke(
    landed: Landed, ranges: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: int, is_read: bool
) -> None:
    body, read = bytes(range(100)), StreamingBody.read

    def cut(stream: StreamingBody, size: int | None = None) -> bytes:
        if stream.tell() and breaks >= len(ranges("k")):
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)
        return read(stream, 10)

    landed.s3.put_object(Bucket=landed.archive, Key="k", Body=body)
    monkeypatch.setattr(StreamingBody, "read", cut)
    file = tmp_path / "file"
    file.write_bytes(bytes(100))
    copy: Any = copies.ColumnarCopy(landed.s3, landed.archive, tmp_path, [], cast("Any", None))
    etag = landed.s3.head_object(Bucket=landed.archive, Key="k")["ETag"]
    if not is_read:
        with pytest.raises(copies._NotThereError):
            copy._fetch_range(File("k", 100, etag), file, 20, 90)
        return
    copy._fetch_range(File("k", 100, etag), file, 20, 90)
    assert file.read_bytes() == bytes(20) + body[20:90] + bytes(10)
    assert [each["Range"] for each in ranges("k")] == [f"bytes={first}-89" for first in (20, 30, 40, 50)]


def test_of_a_file_that_was_written_again_no_range_is_taken(landed: Landed, tmp_path: Path) -> None:
    etag = landed.s3.put_object(Bucket=landed.archive, Key="k", Body=bytes(100))["ETag"]
    landed.s3.put_object(Bucket=landed.archive, Key="k", Body=bytes(range(100)))
    (tmp_path / "file").write_bytes(bytes(100))
    copy: Any = copies.ColumnarCopy(landed.s3, landed.archive, tmp_path, [], cast("Any", None))
    with pytest.raises(copies._NotThereError):
        copy._fetch_range(File("k", 100, etag), tmp_path / "file", 20, 90)


@pytest.mark.parametrize(
    ("since", "until", "lines"),
    [("03:02", "04:30", 33), pytest.param("03:00", "04:00", 18, marks=pytest.mark.proof)],
)
def test_part_of_a_day_is_read_from_the_copy_too(
    landed: Landed,
    logdock: Type,
    ranges: Calls,
    since: str,
    until: str,
    lines: int,
) -> None:
    def ask() -> list[str]:
        done = logdock("sql", "SELECT time FROM archive", "--since", f"{DAY} {since}", "--until", f"{DAY} {until}",
                       "-e", "jobs", "--output", "json")  # fmt: skip
        assert done.code == 0, done.err
        return sorted(done.out.splitlines())

    before = ask()
    assert len(before) == lines
    copy(landed)
    assert ask() == before
    assert ranges("columns/")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what Athena is sent."""
    statements: list[str] = []

    def keep(_: object, statement: str, **__: str) -> None:
        statements.append(statement)
        raise CommandError("sent", ExitCode.AWS)

    monkeypatch.setattr("logdock.cli.sql.athena.run_query", keep)
    return statements


def athena_answers(
    landed: Landed, logdock: Type, sent: list[str], queries: Sequence[str] = QUERIES[:1]
) -> list[list[str]]:
    """Return what Athena would answer: from what is in the archive and below the prefix of the copy's files."""
    found = []
    with duckdb.connect() as connection:
        load_archive(landed, connection)
        load_copy(landed, connection)
        for query in queries:
            logdock("sql", query, "--since", DAY, "--until", "2026-11-18", "-e", "jobs", "--engine", "athena")
            text = sqlglot.transpile(sent[-1], read="athena", write="duckdb")[0]
            found.append(rows_of(connection, text))
    return found


def rows_of(connection: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    rows = connection.sql(text)
    named = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
    return sorted(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in named)


def load_copy(landed: Landed, connection: duckdb.DuckDBPyConnection) -> None:
    """Create the copy's table as Athena has it: all files, whatever an index says."""
    for item in landed.s3.list_objects_v2(Bucket=landed.archive, Prefix="columns/")["Contents"]:
        _, export, day, *name = item["Key"].split("/")
        file = landed.directory / "there" / f"export={export}" / day / "-".join([*name, "x.parquet"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(landed.s3.get_object(Bucket=landed.archive, Key=item["Key"])["Body"].read())
    connection.execute(
        f"CREATE TABLE archive_columns AS SELECT * FROM read_parquet('{landed.directory}/there/*/*/*.parquet', "  # noqa: S608
        "hive_partitioning = true, hive_types = {export: VARCHAR, dt: VARCHAR})"
    )


def test_athena_is_sent_a_statement_that_reads_each_row_once(landed: Landed, logdock: Type, sent: list[str]) -> None:
    before = answers(logdock, QUERIES)
    first, _ = compacted(landed)
    copy(landed, [first])
    assert athena_answers(landed, logdock, sent, QUERIES) == before
    # the hour that is copied, and those that have no objects, are not asked of the archive
    of_copy, _, of_archive = sent[0].partition("FROM archive WHERE")
    assert "hour IN ('04', '05')" in of_archive
    assert "FROM archive_columns WHERE" in of_copy
    # the table has what another run has written so far
    landed.s3.put_object(Bucket=landed.archive, Key=RUN._replace(identity="1" * 16).started_key, Body=b"")
    logdock("sql", QUERIES[0], "--since", DAY, "--until", "2026-11-18", "-e", "jobs", "--engine", "athena")
    assert "archive_columns" not in sent[-1]


STARS: tuple[tuple[str, list[str]], ...] = (
    ('*, "$path" FROM archive', ["$path"]),
    ('a.*, a."$path" AS object FROM archive AS a', ["object"]),
    ("* FROM archive WHERE \"$path\" <> ''", []),
    ("""* FROM (SELECT *, "$path" AS object FROM "Archive" WHERE export = 'jobs') AS a""", ["object"]),
    ("""o.n, a.* FROM archive AS a, (SELECT count("$path") AS n FROM archive) AS o""", ["n"]),
    ("""* FROM archive AS a CROSS JOIN (SELECT count("$path") AS n FROM archive) AS o""", ["n"]),
    ("""* EXCLUDE (message), "$path" FROM archive""", ["$path"]),
    ("""*, "$path" FROM archive UNION ALL SELECT *, message FROM archive""", ["$path"]),
)


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_star_does_not_include_the_address(landed: Landed, logdock: Type, sent: list[str], is_copied: bool) -> None:
    copy(landed)
    if not is_copied:
        landed.s3.delete_object(Bucket=landed.archive, Key=RUN.index_key)
    with duckdb.connect() as connection:
        load_archive(landed, connection)
        load_copy(landed, connection)
        for select, more in STARS:
            without = ["message"] if "EXCLUDE" in select else []
            expected = sorted([name for name in (*ARCHIVE.columns, *ARCHIVE.keys) if name not in without] + more)
            asked = ("sql", f"SELECT {select}", "--since", DAY, "--until", "2026-11-18", "-e", "jobs")
            local = logdock(*asked, "--output", "csv")
            assert sorted(next(csv.reader(io.StringIO(local.out)))) == expected, select
            logdock(*asked, "--engine", "athena")
            rows = connection.sql(sqlglot.transpile(sent[-1], read="athena", write="duckdb")[0])
            assert sorted(rows.columns) == expected, select
            assert len(rows.fetchall()) == len(local.out.splitlines()) - 1, select


@pytest.mark.parametrize("removed", ["logs/", "columns/", "columns-index/", "damaged"])
@pytest.mark.parametrize("is_all", [False, True])
def test_rows_are_the_archives_whatever_of_it_and_of_its_copy_is_gone(
    landed: Landed, logdock: Type, sent: list[str], removed: str, is_all: bool
) -> None:
    first, second = compacted(landed)
    files = copy(landed, [first])
    other = RUN._replace(identity="1" * 16, objects=1)
    files += copy(landed, [second], other)
    keys = {
        # expired, or removed by a person: its lines are in the copy for a while yet
        "logs/": [first, second],
        "columns/": [files[0].key, files[-1].key],
        "columns-index/": [RUN.index_key, other.index_key],
        "damaged": [RUN.index_key, other.index_key],
    }[removed]
    for key in keys if is_all else keys[:1]:
        if removed == "damaged":
            landed.s3.put_object(Bucket=landed.archive, Key=key, Body=b'{"sources":')
        else:
            landed.s3.delete_object(Bucket=landed.archive, Key=key)
    with duckdb.connect() as connection:
        load_archive(landed, connection)
        expected = [rows_of(connection, QUERIES[0])]
    assert answers(logdock) == expected
    assert athena_answers(landed, logdock, sent) == expected
    done = logdock("sql", "SELECT time, fields FROM archive", "--since", DAY, "--until", "2026-11-18", "-e", "jobs")
    reason = {"columns/": "a file that its index names cannot be read", "damaged": "is damaged: remove it"}.get(removed)
    assert (reason or "no note") in (done.err if reason else "no note")
    assert ("columnar copy" in done.err) == bool(reason)
