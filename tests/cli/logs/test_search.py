import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from logdock.cli.errors import ExitCode
from logdock.cli.logs import places, reader
from logdock.cli.logs.search import Search
from tests.cli.conftest import Type, main_into_closed_pipe
from tests.cli.deployed import compact_archive
from tests.cli.logs.conftest import Calls, Landed, mongod

DAY = "2026-11-17"


def test_lines_of_the_archive_are_printed_in_the_order_of_their_times(landed: Landed) -> None:
    landed.archived((f"{DAY}T03:12:02Z", "third"), (f"{DAY}T03:12:00.5Z", "second"))
    landed.archived((f"{DAY}T03:12:00Z", "first"), (f"{DAY}T03:59:59.999Z", "last"))
    found = landed.logs()
    assert found.code == 0
    assert found.out == (
        "2026-11-17T03:12:00Z jobs /acme/jobs first\n"
        "2026-11-17T03:12:00.5Z jobs /acme/jobs second\n"
        "2026-11-17T03:12:02Z jobs /acme/jobs third\n"
        "2026-11-17T03:59:59.999Z jobs /acme/jobs last\n"
    )
    assert found.err == "4 lines in 2 objects (0.0 MB), from 2026-11-17T00:00:00Z to 2026-11-18T00:00:00Z\n"


def test_lines_of_several_exports_come_in_one_order(landed: Landed) -> None:
    landed.archived((f"{DAY}T03:00:00Z", "a"), (f"{DAY}T03:00:02Z", "c"))
    landed.archived((f"{DAY}T03:00:01Z", "b"), export="trail")
    assert landed.logs("--raw", "--export", "jobs", "--export", "trail").out == "a\nb\nc\n"
    assert landed.logs("--raw", "--export", "trail").out == "b\n"


def test_the_range_has_its_beginning_and_not_its_end(landed: Landed) -> None:
    landed.archived(*((f"{DAY}T03:12:0{second}Z", str(second)) for second in range(5)))
    assert landed.logs("--raw", "--since", f"{DAY}T03:12:01Z", "--until", f"{DAY}T03:12:03Z").out == "1\n2\n"


def test_only_the_hours_of_the_range_are_listed_and_read(landed: Landed, calls: Calls) -> None:
    for hour in range(24):
        landed.archived((f"{DAY}T{hour:02}:30:00Z", f"at {hour}"))
    assert (
        landed.logs("--raw", "--export", "jobs", "--since", f"{DAY} 03:10", "--until", f"{DAY} 05:00").out
        == "at 3\nat 4\n"
    )
    assert [each["StartAfter"] for each in calls("ListObjectsV2")] == [f"logs/jobs/dt={DAY}/hour=03/"]
    assert [each["Key"].split("/")[3] for each in calls("GetObject")] == ["hour=03", "hour=04"]


def test_one_hour_is_listed_by_its_own_prefix(landed: Landed, calls: Calls) -> None:
    landed.archived((f"{DAY}T03:30:00Z", "a"))
    assert landed.logs("--raw", "--export", "jobs", "--since", f"{DAY} 03:10", "--until", f"{DAY} 04:00").out == "a\n"
    assert [each["Prefix"] for each in calls("ListObjectsV2")] == [f"logs/jobs/dt={DAY}/hour=03/"]


def test_a_range_over_midnight_has_both_days(landed: Landed) -> None:
    for time in (f"{DAY}T22:59:59Z", f"{DAY}T23:30:00Z", "2026-11-18T00:10:00Z", "2026-11-18T01:00:00Z"):
        landed.archived((time, time[8:13]))
    assert landed.logs("--raw", "--since", f"{DAY} 23:00", "--until", "2026-11-18 01:00").out == "17T23\n18T00\n"


def test_json_lines_are_those_of_the_archive(landed: Landed) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "a"))
    for more in ([], ["--grep", "a"]):
        document = json.loads(landed.logs("--json", *more).out)
        assert document["message"] == "a"
        assert (document["time"], document["source"]) == (f"{DAY}T03:12:00Z", "cloudwatch:/acme/jobs/a")


def test_grep_and_field_must_both_match(landed: Landed) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "red apple"), (f"{DAY}T03:12:01Z", "red plum"))
    landed.archived((f"{DAY}T03:12:02Z", "red apple tree"), log_type="other")
    assert landed.logs("--raw", "--grep", "red .*e", "--field", "log_type=/acme/jobs").out == "red apple\n"


def test_text_cannot_steer_the_terminal(landed: Landed) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "\x1b[2Jgone\x07\ttab"))
    assert landed.logs().out.endswith(" \\x1b[2Jgone\\x07\ttab\n")
    assert landed.logs("--raw").out == "\x1b[2Jgone\x07\ttab\n"


def test_a_damaged_object_is_named_and_the_others_are_searched(landed: Landed) -> None:
    bad = landed.archived((f"{DAY}T03:12:00Z", "bad"))
    landed.archived((f"{DAY}T03:12:01Z", "good"))
    body = landed.s3.get_object(Bucket=landed.archive, Key=bad)["Body"].read()
    landed.s3.put_object(Bucket=landed.archive, Key=bad, Body=body[:-20])
    found = landed.logs("--raw")
    assert found.code == ExitCode.SOMETHING_LEFT
    assert found.out.endswith("good\n")
    assert f"Skipped s3://{landed.archive}/{bad}: truncated gzip stream; what could be read" in found.err


def test_an_object_that_is_gone_when_it_is_read_is_named(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    key = landed.archived((f"{DAY}T03:12:00Z", "old"))
    listed = places.objects

    def overwritten(*arguments: Any) -> Any:
        found = list(listed(*arguments))
        landed.s3.put_object(Bucket=landed.archive, Key=key, Body=b"")
        return iter(found)

    monkeypatch.setattr("logdock.cli.logs.search.objects", overwritten)
    found = landed.logs("--export", "jobs")
    assert (found.code, found.out) == (ExitCode.SOMETHING_LEFT, "")
    assert "deleted or overwritten while it was searched" in found.err


def test_an_object_in_deep_archive_says_how_to_get_it(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    key = landed.archived((f"{DAY}T03:12:00Z", "old"))
    landed.s3.put_object(Bucket=landed.archive, Key=key, Body=b"", StorageClass="DEEP_ARCHIVE")
    found = landed.logs("--export", "jobs")
    assert found.code == ExitCode.SOMETHING_LEFT
    assert "restore it first" in found.err


def test_what_may_not_be_read_ends_the_search_and_names_the_action(
    landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "a"))
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")
    monkeypatch.setattr("logdock.cli.logs.reader._Body._get", lambda *_: (_ for _ in ()).throw(refused))
    ended = landed.logs("--export", "jobs")
    assert (ended.code, ended.out) == (ExitCode.AWS, "")
    assert "AWS refused s3:GetObject" in ended.err


def test_a_connection_that_breaks_is_read_on_from_there(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    landed.archived(*((f"{DAY}T03:12:00Z", f"{number:05} {hash(number)}") for number in range(2000)))
    monkeypatch.setattr(reader, "CHUNK_BYTES", 2048)
    broken = list[int]()

    class Breaking:
        def __init__(self, body: Any) -> None:
            self._body, self._reads = body, 0

        def read(self, size: int) -> Any:
            self._reads += 1
            if self._reads == 2 and len(broken) < 3:
                broken.append(size)
                raise ResponseStreamingError(error="reset")
            return self._body.read(size)

    get = reader._Body._get
    monkeypatch.setattr(reader._Body, "_get", lambda *a: {**(answer := get(*a)), "Body": Breaking(answer["Body"])})
    found = landed.logs("--raw", "--export", "jobs")
    assert (found.code, len(broken)) == (0, 3)
    assert [line[:5] for line in found.out.splitlines()] == [f"{number:05}" for number in range(2000)]


def test_objects_are_read_at_once(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        landed.archived((f"{DAY}T03:12:0{number}Z", str(number)))
    get, together = reader._Body._get, threading.Barrier(4)

    def wait_for_the_others(*arguments: Any) -> Any:
        together.wait(30)
        return get(*arguments)

    monkeypatch.setattr(reader._Body, "_get", wait_for_the_others)
    assert landed.logs("--raw", "--export", "jobs").out == "0\n1\n2\n3\n"


def test_atlas_objects_are_read_where_they_landed(landed: Landed) -> None:
    now = datetime.now(UTC)
    time = now.isoformat(timespec="milliseconds")
    body = gzip.compress((mongod(time, remote="192.0.2.7:1") + "\n").encode())
    key = f"atlas/Cluster0/host-0/mongodb/{now:%Y-%m-%dT%H-%M-%S}-mongodb.log"
    landed.s3.put_object(Bucket=landed.orders, Key=key, Body=body)
    landed.s3.put_object(Bucket=landed.orders, Key="elsewhere/x.log", Body=body)
    found = landed.logs("--since", "1h", "--export", "orders", "--json", "--field", "attr.remote=192.0.2.7:1")
    document = json.loads(found.out)
    assert document["log_type"] == "mongodb"
    assert document["source"] == f"s3://{landed.orders}/{key}"
    assert document["fields"] == {"cluster": "Cluster0"}
    assert landed.logs("--since", "1h", "--export", "orders", "--field", "cluster=Cluster1").out == ""


def test_an_archived_export_can_be_searched_where_it_landed(landed: Landed) -> None:
    landed.s3.put_object(Bucket="acme-trail", Key="a.log", Body=b"as it landed\n")
    moment = f"{datetime.now(UTC) - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    landed.archived((moment, "as archived"), export="trail")
    for copy, line in (
        ([], "as archived\n"),
        (["--from", "landing"], "as it landed\n"),
        (["--from", "archive"], "as archived\n"),
    ):
        assert landed.logs("--since", "1h", "--raw", "--export", "trail", *copy).out == line


def test_follow_prints_what_arrives_and_nothing_twice(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    times = iter([f"{now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (5, 4, 30)])
    landed.archived((next(times), "was there"))

    def arrive(_: float) -> None:
        try:
            landed.archived((time := next(times), f"arrived {time[:0]}later"))
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("logdock.cli.logs.search.time.sleep", arrive)
    followed = landed.logs("--follow", "--since", "1h", "--raw", "--export", "jobs")
    assert followed.out == "was there\narrived later\narrived later\n"
    assert followed.code == 0
    assert followed.err.startswith("3 lines in 3 objects")


def test_follow_prints_no_line_again_when_its_hour_is_compacted(
    landed: Landed, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = (datetime.now(UTC) - timedelta(hours=5)).replace(minute=0)
    for second in (1, 2):
        landed.archived((f"{hour:%Y-%m-%dT%H:%M}:0{second}Z", f"part {second}"))
    steps: Iterator[Callable[[], object]] = iter([
        lambda: compact_archive(landed.archive, datetime.now(UTC) + timedelta(hours=2)),
        lambda: landed.archived((f"{hour:%Y-%m-%dT%H:%M}:03Z", "came late")),
    ])  # fmt: skip

    def step(_: float) -> None:
        try:
            next(steps)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("logdock.cli.logs.search.time.sleep", step)
    followed = landed.logs("--follow", "--since", "8h", "--late", "8h", "--raw", "--export", "jobs")
    assert (followed.code, followed.out) == (0, "part 1\npart 2\ncame late\n")
    keys = [item["Key"] for item in landed.s3.list_objects_v2(Bucket=landed.archive, Prefix="logs/")["Contents"]]
    assert [key.rpartition("/")[2].startswith("compacted-") for key in sorted(keys)] == [False, True]


def test_follow_begins_now(landed: Landed, logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    landed.archived((f"{now - timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}", "was there"))

    def arrive(_: float) -> None:
        landed.archived((f"{datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}", "arrived"))

    monkeypatch.setattr("logdock.cli.logs.search.time.sleep", arrive)
    assert logdock("logs", "--follow", "--raw", "--export", "jobs", "--limit", "1").out == "arrived\n"


def test_reader_that_has_read_enough_is_no_error(landed: Landed) -> None:
    landed.archived(*((f"{DAY}T03:12:{second:02}Z", "x" * 10_000) for second in range(60)))
    arguments = ("logs", "--export", "jobs", "--since", DAY, "--until", f"{DAY} 23:00")
    assert main_into_closed_pipe(*arguments, "--settings", str(landed.directory / "logdock.yaml")) == ExitCode.FINE


def test_limit_stops_after_so_many_lines_of_the_order(landed: Landed) -> None:
    landed.archived(*((f"{DAY}T03:12:0{second}Z", str(second)) for second in range(5)))
    found = landed.logs("-n", "2", "--raw")
    assert (found.code, found.out) == (0, "0\n1\n")
    assert found.err.startswith("2 lines in ")
    assert found.err.endswith("; stopped at --limit\n")
    assert not landed.logs("-n", "6", "--raw").err.endswith("--limit\n")


def test_follow_ends_at_the_limit(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    landed.archived(*((f"{now - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}", str(minutes)) for minutes in (3, 2)))
    monkeypatch.setattr("logdock.cli.logs.search.time.sleep", lambda _: pytest.fail("it went on"))
    assert landed.logs("-f", "--since", "1h", "--raw", "-e", "jobs", "-n", "1").out == "3\n"


def test_a_terminal_shows_severity_and_matches(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "ERROR 1m of 100 \x1b[31m"))
    monkeypatch.setattr("logdock.cli.logs.scan.is_terminal", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = landed.logs("-g", "1m?", "-g", "m o").out
    assert shown == (
        "\x1b[2m2026-11-17T03:12:00Z\x1b[0m \x1b[36mjobs\x1b[0m \x1b[31m/acme/jobs\x1b[0m "
        "ERROR \x1b[1m1m\x1b[22m\x1b[1m o\x1b[22mf \x1b[1m1\x1b[22m00 \\x\x1b[1m1\x1b[22mb[3\x1b[1m1m\x1b[22m\n"
    )
    monkeypatch.setenv("NO_COLOR", "1")
    assert landed.logs("-g", "1m?").out.startswith("2026-11-17T03:12:00Z jobs /acme/jobs ERROR 1m")


def test_the_first_line_ends_the_progress(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    @contextlib.contextmanager
    def progress(_screen: Any, _what: str) -> Iterator[Callable[[int], None]]:
        events.append("begun")
        yield lambda _: None
        events.append("ended")

    landed.archived((f"{DAY}T03:12:00Z", "a"))
    monkeypatch.setattr("logdock.cli.screen.Screen.progress", progress)
    monkeypatch.setattr("logdock.cli.logs.command.sys.stdout.isatty", lambda: True, raising=False)
    original = Search._write

    def write(search: Search, lines: Iterator[bytes]) -> None:
        original(search, lines)
        if search.summary.lines and "written" not in events:
            events.append("written")

    monkeypatch.setattr(Search, "_write", write)
    landed.logs()
    assert events == ["begun", "ended", "written"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "tomorrowish"], "--since 'tomorrowish' is not a time"),
        (["--since", "1h", "--until", "2h"], "is not before --until"),
        (["--grep", "("], "--grep '(' is not a regular expression that RE2 accepts"),
        (["--field", "x"], "--field 'x' is not of the form NAME=VALUE"),
        (["--export", "job"], "--export job: the settings have none; did you mean jobs?"),
        (["--json", "--raw"], "--json and --raw are two forms"),
        (["--since", "1h", "--follow", "--until", "1m"], "--follow has no end"),
        (["--since", "1h", "--follow", "--download", "."], "leave out --follow"),
        (["--grep", "x", "--download", "."], "leave out --grep and --field"),
        (["--from", "landing", "--export", "jobs"], "jobs lands in log groups"),
        (["--from", "archive", "--export", "orders"], "orders is not archived"),
        (["--app", "1", "--database", "2"], "give one of --app, --database, --endpoint"),
        (["--container", "abc"], "--container abc: give at least 12 characters"),
        (["--app", "1", "--export", "jobs"], "--export jobs is not an export of Aptible"),
        (["--late", "x"], "--late 'x' is not a time"),
    ],
)
def test_a_error_of_use_has_its_message(landed: Landed, arguments: list[str], says: str) -> None:
    ended = landed.logs(*arguments)
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert says in ended.err.replace("\n", " ")


def test_a_stack_that_is_not_deployed_is_named(landed: Landed) -> None:
    landed.s3.delete_bucket(Bucket=landed.orders)
    ended = landed.logs("--export", "orders")
    assert ended.code == ExitCode.NOT_DEPLOYED
    assert "acme-orders is not deployed" in ended.err


def test_context_prints_the_lines_around_each_match_of_its_object(landed: Landed) -> None:
    landed.archived(*((f"{DAY}T03:12:0{number}Z", f"line {number}") for number in range(10)))
    landed.archived((f"{DAY}T03:12:05.5Z", "of another object"))
    ended = landed.logs("-g", "line [348]", "-C", "1", "--raw")
    assert ended.out.split("\n") == [*(f"line {number}" for number in (2, 3, 4, 5, 7, 8, 9)), ""]
    assert ended.err.startswith("7 lines (3 of them match) in 2 objects")
    as_json = landed.logs("--field", "source=cloudwatch:/acme/jobs/a", "-g", "line 0", "--context", "2", "--json")
    assert [json.loads(line)["message"][-1] for line in as_json.out.splitlines()] == ["0", "1", "2"]


def test_context_of_what_landed_is_of_its_object(landed: Landed) -> None:
    lines = "\n".join(mongod(f"{DAY}T03:12:0{number}Z", n=number) for number in range(5))
    key = f"atlas/mongodb/shop/{DAY}/a.log"
    landed.s3.put_object(Bucket=landed.orders, Key=key, Body=gzip.compress(lines.encode()))
    ended = landed.logs("-e", "orders", "--late", "52w", "--field", "attr.n=2", "-C", "1", "--json")
    assert [json.loads(json.loads(line)["message"])["attr"]["n"] for line in ended.out.splitlines()] == [1, 2, 3]


def test_search_of_an_empty_archive_names_the_landing_that_it_did_not_look_at(landed: Landed) -> None:
    """An export that was not archived from its start."""
    day = ("--since", "2026-11-01", "--until", "2026-11-02")
    said = landed.logs("-e", "trail", *day).err
    assert "For what landed before it was archived: --from landing --export trail." in said
    assert "--from landing" not in landed.logs("-e", "jobs", *day).err
    for arguments in (["-e", "orders"], ["-e", "trail", "--from", "landing"]):
        assert "Nothing of these exports landed in this range." in landed.logs(*arguments, *day).err


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (["-g", "Timeout"], "--grep Timeout: some lines match in another case. `(?i)` before the expression takes"),
        (
            ["--since", "2026-11-01", "--until", "2026-11-02"],
            "The archive has nothing of these exports in this range. `logdock status`",
        ),
    ],
)
def test_search_that_finds_nothing_says_why(landed: Landed, arguments: list[str], note: str) -> None:
    landed.archived((f"{DAY}T03:12:00Z", "a timeout"))
    ended = landed.logs("-e", "jobs", *arguments)
    assert (ended.code, ended.err.splitlines()[0][:8]) == (0, "0 lines ")
    assert ended.err.splitlines()[1].startswith(note)
    assert landed.logs("-e", "jobs", "-g", "nowhere").err.count("\n") == 1
