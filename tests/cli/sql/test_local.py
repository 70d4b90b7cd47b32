"""`logdock sql` on this machine: what it reads, what it answers, and what it says that it looked at."""

import gzip
import io
import json
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from logdock.cli.main import main
from logdock.cli.sql import command, database, local
from logdock.settings.sql import ARCHIVE
from tests.cli.conftest import Type
from tests.cli.logs.conftest import SETTINGS, Calls, Landed, mongod
from tests.cli.terminal import Terminal

DAY = "2026-11-17"
RANGE = ("--since", DAY, "--until", "2026-11-18")


@pytest.fixture(autouse=True)
def _private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def rows(logdock: Type, statement: str, *options: str) -> list[dict[str, Any]]:
    ended = logdock("sql", statement, "--output", "json", *options)
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_a_row_has_every_column_of_a_line_and_of_its_key(landed: Landed, logdock: Type) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "a\nb"), fields={"code": "500"})
    key = landed.archived((f"{DAY}T04:12:00.5Z", '{"x": "é\U0001f600"}'))
    (first, last) = rows(logdock, "SELECT * FROM archive ORDER BY time", *RANGE)
    assert {*first} == {*ARCHIVE.columns, *ARCHIVE.keys}
    assert [first[name] for name in ("time", "export", "dt", "hour", "vendor", "log_type", "message", "fields")] == [
        f"{DAY}T03:12:00Z", "jobs", DAY, "03", "cloudwatch-logs", "/acme/jobs", "a\nb", {"code": "500"},
    ]  # fmt: skip
    assert (last["message"], last["fields"], last["source"]) == (
        '{"x": "é\U0001f600"}', None, "cloudwatch:/acme/jobs/a",
    )  # fmt: skip
    (path,) = rows(logdock, """SELECT "$path" AS path FROM archive WHERE hour = '04'""", *RANGE)
    assert path == {"path": f"s3://{landed.archive}/{key}"}


def test_the_answer_says_what_was_looked_at(landed: Landed, logdock: Type) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "a"), (f"{DAY}T03:12:01Z", "b"))
    ended = logdock("sql", "SELECT count(*) AS lines FROM archive", "--export", "jobs", *RANGE)
    assert (ended.code, ended.out.split()) == (0, ["lines", "2"])
    assert (
        ended.err
        == "1 row from 2 lines in 1 object (0.0 MB) of jobs, from 2026-11-17T00:00:00Z to 2026-11-18T00:00:00Z\n"
    )


def test_the_answer_names_no_export_and_no_hour_that_was_not_looked_at(landed: Landed, logdock: Type) -> None:
    where = f"export IN ('jobs', 'trail') AND dt = '{DAY}' AND hour IN ('03', '04', '09')"
    ended = logdock("sql", f"SELECT count(*) FROM archive WHERE {where}")  # noqa: S608
    assert ended.err.endswith(f" of jobs, trail, from {DAY}T03:00:00Z to {DAY}T10:00:00Z, in 2 ranges\n")
    nothing = logdock("sql", f"SELECT count(*) FROM archive WHERE dt = '{DAY}' AND hour = '24'")  # noqa: S608
    assert nothing.err == "1 row from 0 lines in 0 objects (0.0 MB) of no hour\n"


def test_the_range_has_its_beginning_and_not_its_end(landed: Landed, logdock: Type) -> None:
    landed.archived(*((f"{DAY}T03:12:0{second}Z", str(second)) for second in range(5)))
    found = rows(
        logdock, "SELECT message FROM archive ORDER BY 1", "--since", f"{DAY}T03:12:01Z", "--until", f"{DAY}T03:12:03Z"
    )
    assert [each["message"] for each in found] == ["1", "2"]


def test_objects_of_several_gzip_members_are_read_to_the_end(landed: Landed, logdock: Type) -> None:
    key = landed.archived(*((f"{DAY}T03:12:0{second}Z", str(second)) for second in range(3)))
    lines = gzip.decompress(landed.s3.get_object(Bucket=landed.archive, Key=key)["Body"].read()).splitlines(True)
    landed.s3.put_object(Bucket=landed.archive, Key=key, Body=b"".join(map(gzip.compress, lines)))
    assert rows(logdock, "SELECT count(*) AS n FROM archive", *RANGE) == [{"n": 3}]


@pytest.mark.parametrize(
    ("where", "listed", "read"),
    [
        (f"export = 'jobs' AND dt = '{DAY}' AND hour = '03'", [f"logs/jobs/dt={DAY}/hour=03/"], ["03"]),
        (f"dt = '{DAY}' AND hour IN ('03', '04') AND export IN ('jobs')", [f"logs/jobs/dt={DAY}/"], ["03", "04"]),
        (f"export = 'jobs' AND dt >= '{DAY}' AND dt < '2026-11-18' AND hour NOT BETWEEN '01' AND '22' AND time <> ''",
         [f"logs/jobs/dt={DAY}/hour=00/", f"logs/jobs/dt={DAY}/hour=23/"], ["00", "23"]),
    ],
)  # fmt: skip
def test_only_the_hours_that_a_statement_needs_are_listed_and_read(
    landed: Landed, logdock: Type, calls: Calls, where: str, listed: list[str], read: list[str]
) -> None:
    for hour in range(24):
        landed.archived((f"{DAY}T{hour:02}:30:00Z", f"at {hour}"))
    rows(logdock, f"SELECT message FROM archive WHERE {where}")  # noqa: S608
    assert [each["Prefix"] for each in calls("ListObjectsV2")] == listed
    assert [each["Key"].split("/")[3] for each in calls("GetObject")] == [f"hour={hour}" for hour in read]


def test_a_range_limits_what_a_statement_names(landed: Landed, logdock: Type) -> None:
    for hour in (3, 4, 5):
        landed.archived((f"{DAY}T{hour:02}:30:00Z", f"at {hour}"))
    statement = "SELECT hour FROM archive WHERE dt = '2026-11-17' AND hour > '03'"
    assert rows(logdock, statement, "--since", DAY, "--until", f"{DAY} 05:00") == [{"hour": "04"}]


def test_no_range_and_no_days_are_the_last_hour(landed: Landed, logdock: Type) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "old"))
    ended = logdock("sql", "SELECT count(*) FROM archive")
    assert "0 lines in 0 objects (0.0 MB) of jobs, orders, platform, trail, from " in ended.err


def test_what_is_not_archived_is_read_where_it_landed(landed: Landed, logdock: Type) -> None:
    landed.s3.put_object(
        Bucket=landed.orders, Key=f"atlas/Cluster0/host/mongodb/{DAY}T03-30-00-mongodb.log",
        Body=(mongod(f"{DAY}T03:12:00.000+00:00", n=1) + "\n").encode(),
    )  # fmt: skip
    since = ("--since", DAY, "--late", "4000d")
    (found,) = rows(
        logdock, "SELECT dt, hour, log_type, message->>'$.attr.n' AS n FROM archive", *since, "-e", "orders"
    )
    assert found == {"dt": DAY, "hour": "03", "log_type": "mongodb", "n": "1"}
    (found,) = rows(logdock, "SELECT cluster, host, log_type, line->>'$.attr.n' AS n FROM orders_landed", *since)
    assert found == {"cluster": "Cluster0", "host": "host", "log_type": "mongodb", "n": "1"}


def test_a_landed_table_reads_the_folders_that_a_statement_names(landed: Landed, logdock: Type, calls: Calls) -> None:
    for host in ("a", "b", "c"):
        key = f"atlas/Cluster0/{host}/mongodb/{DAY}T03-30-00-mongodb.log"
        landed.s3.put_object(Bucket=landed.orders, Key=key, Body=f'{host} "quoted" \\ \x1b\n\nlast'.encode())
    statement = "SELECT line FROM orders_landed WHERE host IN ('a', 'b') AND cluster = 'Cluster0' AND line <> ''"
    found = rows(logdock, statement, "--since", DAY, "--late", "4000d")
    assert sorted(each["line"] for each in found) == ['a "quoted" \\ \x1b', 'b "quoted" \\ \x1b', "last", "last"]
    assert [each["Key"].split("/")[2] for each in calls("GetObject")] == ["a", "b"]


def test_an_object_that_cannot_be_read_is_named_and_the_exit_code_is_1(landed: Landed, logdock: Type) -> None:
    whole = landed.archived((f"{DAY}T03:12:00Z", "whole"))
    key = landed.archived(*((f"{DAY}T04:12:00Z", f"{number}") for number in range(100)))
    body = landed.s3.get_object(Bucket=landed.archive, Key=key)["Body"].read()
    landed.s3.put_object(Bucket=landed.archive, Key=key, Body=body[:-20])
    ended = logdock("sql", "SELECT message FROM archive WHERE message = 'whole'", "--output", "json", *RANGE)
    assert (ended.code, ended.out) == (1, '{"message":"whole"}\n')
    assert f"Skipped s3://{landed.archive}/{key}: truncated gzip stream" in ended.err
    assert whole not in ended.err


def test_lines_that_are_not_json_are_counted_and_the_exit_code_is_1(landed: Landed, logdock: Type) -> None:
    key = landed.archived((f"{DAY}T03:12:00Z", "whole"))
    body = landed.s3.get_object(Bucket=landed.archive, Key=key)["Body"].read()
    landed.s3.put_object(Bucket=landed.archive, Key=key, Body=body + gzip.compress(b'garbage\n{"half": \n'))
    ended = logdock("sql", "SELECT count(*) AS n FROM archive", "--output", "csv", *RANGE)
    assert (ended.code, ended.out) == (1, "n\n1\n")
    assert "Skipped 2 lines of the archive: not JSON\n" in ended.err


def test_a_message_that_is_not_json_has_no_values(landed: Landed, logdock: Type) -> None:
    landed.archived(*((f"{DAY}T03:12:00Z", text) for text in ('{"a": {"b": 5}}', "text", '{"a": "half', "")))
    found = rows(
        logdock, "SELECT message->>'$.a.b' AS b, message->>'$.a' AS a, message->'$.a' AS j FROM archive", *RANGE
    )
    assert [each["b"] for each in found].count("5") == 1
    assert [each["j"] for each in found].count({"b": 5}) == 1
    assert [(each["a"], each["b"], each["j"]) for each in found].count((None, None, None)) == 3


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT level FROM archive", 'Referenced column "level" not found'),
        ("SELECT 1 FROM archiv", "there is no table archiv; did you mean archive?"),
        ("SELECT 1 FROM other.archive", "there is no table other.archive"),
        ("SELECT FROM WHERE", "the statement, line 1, column "),
        ("SELECT 1; SELECT 2", "give one SELECT; these are 2 statements"),
        ("", "give one SELECT; these are 0 statements"),
        ("SELECT 1 WHERE", "the statement, line 1, column 14: an expression is missing"),
        ("SELECT * FROM archive a, a", "the statement: Alias already used: a"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "the statement is nested too deep"),
        ("SELECT '\udce9'", "the statement is not UTF-8"),
        ("SELECT $path FROM archive", "for a column, put the name in double quotes"),
        ("SELECT 1 FROM archive WHERE dt = ?", "a statement takes no parameters"),
        ("SELECT 1 FROM archive WHERE dt = $1", "a statement takes no parameters"),
        ("SELECT 1 FROM archive WHERE dt = :day", "a statement takes no parameters"),
        ("SELECT 1 FROM archive WHERE dt > 5", "Cannot compare values of type VARCHAR and type INTEGER"),
        ("SELECT 1 FROM archive WHERE nothing(dt)", "Scalar Function with name nothing does not exist"),
        ("SELECT 1 FROM archive WHERE error(dt)", f"the statement: Invalid Input Error: {DAY}"),
        ("SELECT 1 FROM archive WHERE hour = 'x'::INTEGER", "Could not convert string"),
        ("SELECT nothing(message) FROM archive", "Scalar Function with name nothing does not exist"),
        ("SELECT CAST(message AS INTEGER) FROM archive", "Could not convert string 'text' to INT32"),
    ],
)
def test_a_statement_that_cannot_run_is_explained(landed: Landed, logdock: Type, statement: str, message: str) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "text"))
    ended = logdock("sql", statement, *RANGE)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "LINE 1" not in ended.err


def test_a_condition_that_not_every_day_meets_is_asked_of_the_rows_alone(landed: Landed, logdock: Type) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "text"))
    condition = f"CAST(replace(dt, '{DAY[:8]}', '') AS INTEGER) = {int(DAY[8:])}"
    assert rows(logdock, f"SELECT count(*) AS n FROM archive WHERE {condition}", *RANGE) == [{"n": 1}]  # noqa: S608


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("TIMESTAMPTZ '2026-11-17 03:00:00+00'", "2026-11-17 03:00:00+00"),
        ("[TIMESTAMPTZ '2026-11-17 03:00:00+00']", "['2026-11-17 03:00:00+00']"),
        ("TIMESTAMP '2026-11-17 03:00:00'", "2026-11-17T03:00:00"),
        ("INTERVAL 1000000000 DAY", "1000000000 days"),
        ("MAP {1: 2}", '{"1":2}'),
        ("[10000000000000000000000::HUGEINT]", "[10000000000000000000000]"),
        ("MAP {DATE '2026-11-17': 1}", '{"2026-11-17":1}'),
        ("MAP {[1]: 2}", '{"key":[[1]],"value":[2]}'),
    ],
)
def test_a_table_shows_values_of_every_type(
    logdock: Type, landed: Landed, monkeypatch: pytest.MonkeyPatch, value: str, shown: str
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    ended = logdock("sql", f"SELECT {value} AS v, r AS v FROM range(3) t(r) ORDER BY r DESC")  # noqa: S608
    assert (ended.code, [line.split("  ") for line in ended.out.splitlines()[1:]]) == (
        0, [[shown, str(number)] for number in (2, 1, 0)],
    )  # fmt: skip


def test_a_wrong_statement_is_found_before_anything_is_asked_of_aws(logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "logdock.yaml").write_text(SETTINGS)
    assert 'column "level" not found' in logdock("sql", "SELECT level FROM archive").err


def test_parquet_and_csv_and_json_hold_the_same_rows_in_order(landed: Landed, logdock: Type, tmp_path: Path) -> None:
    landed.archived(*((f"{DAY}T03:12:00Z", f"{number:04}, \x1b[2J") for number in range(2000)))
    statement = "SELECT message, hour FROM archive ORDER BY message DESC"
    wanted = [(f"{number:04}, \x1b[2J", "03") for number in reversed(range(2000))]
    for form, read in (
        ("csv", "read_csv(?, all_varchar = true)"),
        ("json", "read_json(?)"),
        ("parquet", "read_parquet(?)"),
    ):
        file = tmp_path / f"answer.{form}"
        assert logdock("sql", statement, "--output", form, "--output-file", str(file), *RANGE).code == 0
        assert duckdb.execute(f"SELECT message, hour FROM {read}", [str(file)]).fetchall() == wanted  # noqa: S608
    assert not [*tmp_path.glob("*.part-*")]


def test_numbers_that_json_has_not_are_null(landed: Landed, logdock: Type) -> None:
    """RFC 8259, "Numbers": infinity and NaN are not permitted."""
    values = "'nan'::DOUBLE AS a, ['-inf'::FLOAT, 1.5] AS b, {'x': 'inf'::DOUBLE} AS c, 'NaN, \"Infinity\"' AS \"NaN\""
    ended = logdock("sql", f"SELECT {values}", "--output", "json")
    found = json.loads(ended.out, parse_constant=pytest.fail)
    assert found == {"a": None, "b": [None, 1.5], "c": {"x": None}, "NaN": 'NaN, "Infinity"'}


def test_a_table_shows_what_a_terminal_would_obey_as_text(landed: Landed, logdock: Type) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "\x1b[2J\u202eevil"), fields={"\x1b": "\x9b"})
    ended = logdock("sql", 'SELECT message AS "\x1b", fields FROM archive', *RANGE)
    assert "\\x1b[2J\\u202eevil" in ended.out
    assert not {"\x1b", "\u202e", "\x9b"} & {*ended.out}


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_the_progress_never_shares_a_row_with_the_answer(
    landed: Landed, logdock: Type, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    terminal = Terminal(80)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        assert main(["sql", "SELECT 1 AS one", "--output", output]) == 0
    assert (terminal.faults, terminal.is_tidy) == ([], True)


def test_a_table_has_a_thousand_rows_at_most_and_says_so(landed: Landed, logdock: Type) -> None:
    ended = logdock("sql", "SELECT * FROM generate_series(1, 3000)")
    assert len(ended.out.splitlines()) == 1001
    assert "Only the first 1,000 rows are shown" in ended.err


def test_parquet_is_not_written_to_a_terminal(landed: Landed, logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    ended = logdock("sql", "SELECT 1", "--output", "parquet")
    assert (ended.code, "--output parquet is binary" in ended.err) == (2, True)


def test_an_answer_to_a_pipe_or_a_directory_replaces_nothing(logdock: Type, landed: Landed, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert logdock("sql", "SELECT 1 AS one", "--output", "csv", "--output-file", str(pipe)).code == 0
        assert os.read(reader, 100) == b"one\n1\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    for directory in (".", "/", str(tmp_path)):
        ended = logdock("sql", "SELECT 1 AS one", "--output", "csv", "--output-file", directory)
        assert (ended.code, ended.err) == (2, f"Error: --output-file {directory}: Is a directory\n")


def test_a_temporary_directory_may_have_a_quote_in_its_name(
    logdock: Type, landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o'b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "o'b"))
    landed.archived((f"{DAY}T03:12:00Z", "text"))
    assert rows(logdock, "SELECT message FROM archive", *RANGE) == [{"message": "text"}]


def test_without_the_extra_the_command_says_what_to_install(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_MODULES", ("duckdb", "absent_module"))
    ended = logdock("sql", "SELECT 1")
    assert (ended.code, ended.err) == (
        2, 'Error: logdock sql needs absent_module: `pip install "logdock[sql]"`, or `make setup` in a checkout\n',
    )  # fmt: skip


def test_a_statement_from_standard_input(landed: Landed, logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1 AS one -- a comment\n;\n"))
    assert rows(logdock, "-") == [{"one": 1}]


@pytest.mark.parametrize(("given", "code"), [(b"\xef\xbb\xbfSELECT 1 AS one", 0), (b"SELECT '\xe9'", 2)])
def test_a_file_on_standard_input_may_have_a_mark_and_must_be_utf8(
    landed: Landed, logdock: Type, monkeypatch: pytest.MonkeyPatch, given: bytes, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
    assert logdock("sql", "-").code == code


def test_rows_are_loaded_in_batches_and_nothing_is_left_on_disk(
    landed: Landed, logdock: Type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local, "_LOADED_BYTES", 1)
    for hour in range(3):
        landed.archived((f"{DAY}T{hour:02}:12:00Z", "a"), (f"{DAY}T{hour:02}:12:01Z", "b"))
    assert rows(logdock, "SELECT count(*) AS n FROM archive", *RANGE) == [{"n": 6}]
    assert not [*tmp_path.glob("logdock-sql-*")]


def test_memory_is_bounded_by_spilling_into_the_private_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MEMORY_LIMIT", "40MB")
    with database.private_directory() as directory, database.open_database(directory) as connection:
        assert directory.stat().st_mode & 0o777 == 0o700
        connection.execute("CREATE TABLE t AS SELECT range AS r, md5(range::VARCHAR) AS m FROM range(600000)")
        connection.execute("SELECT m FROM t ORDER BY m").fetchmany(1)
        assert (directory / "spill").is_dir()
    assert not directory.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_query_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
    endless = "SELECT count(*) FROM range(1000000000000) WHERE hash(range) = 1"
    with (
        pytest.raises(KeyboardInterrupt),
        database.private_directory() as directory,
        database.open_database(directory) as connection,
    ):
        database.run(connection, lambda: connection.execute(endless).fetchall())
    assert not [*tmp_path.glob("logdock-sql-*")]
