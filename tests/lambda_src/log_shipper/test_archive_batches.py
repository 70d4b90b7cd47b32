"""The archiver on batches of a Kinesis stream: many payloads, of many log streams and exports, in one invocation."""

import base64
import gzip
import json
import re
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given
from hypothesis import strategies as st
from log_shipper import archive, archive_writer, aws
from log_shipper.archive_writer import ObjectSink
from log_shipper.errors import ConfigurationError, ExpansionError, ShipperError
from log_shipper.events import LogEvents
from log_shipper.export_config import parse_export_config
from log_shipper.progress import Progress
from log_shipper.transform import Segment

from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, Cloud, recorded, refusal, stream_batch, subscription

JSON_LINES = recorded("cockroachdb/json.log").splitlines()
# A header, then an entry with two continuation lines, then another entry.
ENTRIES = recorded("cockroachdb/crdb-v2.log").splitlines()


@pytest.fixture
def ledger(cloud: Cloud) -> Cloud:
    cloud.export("ledger", vendor="cockroachdb", redaction={"markers": "redact"})
    return cloud


def test_payloads_of_several_log_streams_share_an_object(ledger: Cloud) -> None:
    payloads = [subscription("ledger", "crdb", JSON_LINES, logStream=f"n{i}") for i in range(3)]
    assert archive.handler(stream_batch(*payloads), None) == {"archived": 9, "filtered": 0, "refused": 0}
    assert len(ledger.keys(ARCHIVE)) == 1
    assert {line["source"] for line in ledger.lines(ARCHIVE)} == {f"cloudwatch:crdb:n{i}" for i in range(3)}


def test_exports_in_one_batch_have_objects_of_their_own(ledger: Cloud) -> None:
    ledger.export("apps", vendor="cloudwatch-logs")
    batch = stream_batch(subscription("ledger", "crdb", JSON_LINES), subscription("apps", "/app", ["a line"]))
    assert archive.handler(batch, None)["archived"] == 4
    assert [line["message"] for line in ledger.lines(ARCHIVE, "logs/apps/")] == ["a line"]
    assert len(ledger.lines(ARCHIVE, "logs/ledger/")) == 3


def test_the_same_batch_makes_the_same_objects_once(ledger: Cloud) -> None:
    batch = stream_batch(*(subscription("ledger", "crdb", ENTRIES, logStream=f"n{i}") for i in range(2)))
    archive.handler(batch, None)
    assert archive.handler(batch, None)["archived"] == 6
    assert ledger.versions(ARCHIVE) == len(ledger.keys(ARCHIVE)) == 2


def test_a_batch_of_another_shard_makes_other_objects(ledger: Cloud) -> None:
    payload = subscription("ledger", "crdb", JSON_LINES)
    archive.handler(stream_batch(payload, shard=1), None)
    archive.handler(stream_batch(payload, shard=2), None)
    assert len(ledger.keys(ARCHIVE)) == 2


def test_a_record_goes_on_in_the_next_payload_of_its_log_stream(ledger: Cloud) -> None:
    first, second = ENTRIES[:3], ENTRIES[3:]
    batch = stream_batch(
        subscription("ledger", "crdb", first, logStream="n1"),
        subscription("ledger", "crdb", JSON_LINES, logStream="n2"),
        subscription("ledger", "crdb", second, logStream="n1"),
    )
    assert archive.handler(batch, None)["archived"] == 6
    messages = [line["message"] for line in ledger.lines(ARCHIVE) if line["source"].endswith(":n1")]
    assert len(messages) == 3
    assert any(message.endswith("(took 0.0s)\nbuild:               CCL v20.1.10") for message in messages)


def test_a_control_message_is_passed_over(ledger: Cloud) -> None:
    batch = stream_batch(recorded("kinesis/control-message.json"), subscription("ledger", "crdb", JSON_LINES))
    assert archive.handler(batch, None)["archived"] == 3


def test_never_reads_its_own_logs_in_a_batch(ledger: Cloud) -> None:
    own = subscription("ledger", "/aws/lambda/acme-archiver", ["START RequestId"])
    assert archive.handler(stream_batch(own, subscription("ledger", "crdb", JSON_LINES)), None) == {
        "archived": 3,
        "filtered": 0,
        "refused": 1,
    }


def test_unreadable_payload_is_set_aside_and_its_neighbours_are_archived(ledger: Cloud) -> None:
    answer = archive.handler(stream_batch(subscription("ledger", "crdb", JSON_LINES), "not JSON"), None)
    assert answer["archived"] == 3
    assert len(ledger.keys(FAILURES, "unclaimed/_unreadable/")) == 1


def bomb() -> str:
    """Return a payload that expands to a batch of log events of more than 64 MiB."""
    event = subscription("ledger", "crdb", ["~"])
    parts = gzip.decompress(base64.b64decode(event["awslogs"]["data"])).partition(b"~")
    member = zlib.compressobj(wbits=31)
    data = member.compress(parts[0]) + b"".join(member.compress(bytes(1 << 20)) for _ in range(64))
    return base64.b64encode(data + member.compress(parts[2]) + member.flush()).decode()


def test_payload_that_expands_without_end_is_set_aside_with_the_reason(ledger: Cloud) -> None:
    batch = stream_batch(subscription("ledger", "crdb", JSON_LINES), "not JSON")
    batch["Records"][1]["kinesis"]["data"] = bomb()
    assert archive.handler(batch, None)["archived"] == 3
    (key,) = ledger.keys(FAILURES, "unclaimed/_unreadable/")
    kept = json.loads(ledger.s3.get_object(Bucket=FAILURES, Key=key)["Body"].read())
    assert kept["Records"] == batch["Records"][1:]
    (reason,) = kept["logdock_reasons"]
    assert re.fullmatch(r"the subscription payload of [\d,]+ bytes expands to more than 67,108,864, .*", reason)
    with pytest.raises(ExpansionError, match="expands to more than"):
        archive.handler({"awslogs": {"data": bomb()}}, None)


def test_unreadable_payload_of_a_direct_subscription_fails(ledger: Cloud) -> None:
    with pytest.raises(ShipperError, match="breaks off"):
        archive.handler({"awslogs": {"data": "bm8gZ3ppcA=="}}, None)
    assert ledger.keys(ARCHIVE) == []


def test_an_export_that_fails_holds_back_no_other(ledger: Cloud) -> None:
    ledger.export("apps", vendor="cloudwatch-logs", include=["("])
    batch = stream_batch(subscription("apps", "/app", ["a line"]), subscription("ledger", "crdb", JSON_LINES))
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            archive.handler(batch, None)
    assert len(ledger.lines(ARCHIVE, "logs/ledger/")) == 3
    ledger.export("apps", vendor="cloudwatch-logs")
    assert archive.handler(batch, None)["archived"] == 4
    assert ledger.versions(ARCHIVE) == 2


def test_an_export_that_cannot_be_stored_fails_the_batch(ledger: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws.s3(), "put_object", refusal("SlowDown"))
    with pytest.raises(ClientError, match="SlowDown"):
        archive.handler(stream_batch(subscription("ledger", "crdb", JSON_LINES)), None)


def test_what_a_destroyed_export_sent_is_set_aside_and_blocks_no_export(
    ledger: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = subscription("apps", "/app", ["one", "two"]), subscription("apps", "/app", ["three"])
    batch = stream_batch(gone[0], subscription("ledger", "crdb", JSON_LINES), gone[1])
    assert archive.handler(batch, None)["archived"] == 3
    (key,) = ledger.keys(FAILURES)
    assert key.startswith("unclaimed/apps/")
    logged = map(json.loads, capsys.readouterr().out.splitlines())
    metrics = {line["export"]: line for line in logged if line["event"] == "shipped"}
    assert (metrics["apps"]["records_in"], metrics["apps"]["quarantined"]) == (3, 3)


def test_what_is_set_aside_is_counted_once_an_export_whatever_their_number(
    ledger: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = [subscription(name, "/app", ["a line"]) for name in ("apps", "apps", "jobs")]
    archive.handler(stream_batch(*gone, subscription("ledger", "crdb", JSON_LINES)), None)
    lines = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "unclaimed" in line]
    assert [(line["export"], line["unclaimed"]) for line in lines] == [("apps", 2), ("jobs", 1)]
    for line in lines:
        assert line["_aws"]["CloudWatchMetrics"] == [
            {
                "Namespace": "Logdock",
                "Dimensions": [["deployment", "destination"]],
                "Metrics": [{"Name": "unclaimed", "Unit": "Count"}],
            }
        ]
        assert (line["deployment"], line["destination"]) == ("acme", "archive")


def test_a_configuration_is_asked_for_once_a_batch(ledger: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    get = aws.ssm().get_parameter

    def noted(**request: Any) -> Any:
        asked.append(request["Name"])
        return get(**request)

    monkeypatch.setattr(aws.ssm(), "get_parameter", noted)
    payloads = [subscription(name, "g", ["a line"]) for name in ("apps", "ledger") * 2]
    archive.handler(stream_batch(*payloads), None)
    assert sorted(asked) == ["/logdock/acme/exports/apps", "/logdock/acme/exports/ledger"]


def test_what_was_set_aside_is_archived_once_the_export_is_back(ledger: Cloud) -> None:
    sent = [subscription("apps", "/app", [text]) for text in ("one", "two")]
    archive.handler(stream_batch(sent[0], subscription("ledger", "crdb", JSON_LINES), sent[1]), None)
    ledger.export("apps", vendor="cloudwatch-logs")
    (key,) = ledger.keys(FAILURES)
    kept = json.loads(ledger.s3.get_object(Bucket=FAILURES, Key=key)["Body"].read())
    for _ in range(2):
        assert archive.handler(kept, None)["archived"] == 2
    assert [line["message"] for line in ledger.lines(ARCHIVE, "logs/apps/")] == ["one", "two"]


def test_a_configuration_that_cannot_be_read_now_is_no_destroyed_export(
    ledger: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws.ssm(), "get_parameter", refusal("ThrottlingException"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        archive.handler(stream_batch(subscription("ledger", "crdb", JSON_LINES)), None)
    assert ledger.keys(FAILURES) == []


def test_memory_does_not_grow_with_what_a_batch_unpacks_to(ledger: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.export("apps", vendor="cloudwatch-logs")
    megabyte = [number * 100_000 for number in "0123456789"]
    batch = stream_batch(*(subscription("apps", "/app", megabyte, logStream=f"s{i}") for i in range(120)))
    monkeypatch.setattr(archive_writer, "put_archive_object", lambda *_: None)
    tracemalloc.start()
    try:
        assert archive.handler(batch, None)["archived"] == 1200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One part of an object, and one payload: 120 MB in all.
    assert peak < 2 * archive_writer.PART_BYTES


class Collected(ObjectSink):
    """Keeps the lines that would be stored."""

    def __init__(self) -> None:
        super().__init__("archive")
        self.lines: list[bytes] = []

    def write(self, progress: Progress, segment: Segment) -> None:
        self.lines += segment.data.splitlines(keepends=True)
        super().write(progress, segment)

    def _put(self, *_: object) -> None:
        pass


V2 = "I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [-] 41 "
LEGACY = "2026-11-21T02:03:04.180+0000 I NETWORK  "
POSTGRESQL = "2026-03-04 05:06:07 UTC:10.0.0.1(5432):u@db:[1]:"
LINES = {
    "cockroachdb": [f"{V2}=~", f"{V2}+~", f"{V2}|~", f"{V2}!~", f"{V2.replace('41', '42')} ~", '{"x":"~"}', "~"],
    "mongodb": [f"{LEGACY}~", "  at ~", '{"t":{"$date":"2026-11-21T02:03:04.180+00:00"},"c":"~"}', "~"],
    "auto": ['{"time":"2026-11-21T02:03:04Z","m":"~"}', '{"time":"2026-11-21T03:03:04Z","m":"~"}', "~", " ", "~\r"],
    "plain": ["~", "", " ~", "two\n~"],
    "json-lines": ['{"ts":"2026-11-21T02:03:04Z","m":"~"}', '{"m":"~"}', "~"],
    "csv": ["a,b", "1,~", "~"],
    "record-start": ["START ~", "  at ~", "~"],
    "rds": [f"{POSTGRESQL}LOG:  ~", f"{POSTGRESQL}DETAIL:  ~", f"{POSTGRESQL}ERROR:  ~\n\tb", "\t~", "~"],
    "aurora-mysql": ["16121194923356~6,host,user,10.0.0.1,1,2,QUERY,db,'SELECT ~, 1',0", "~"],
}
EVENTS = st.sampled_from(sorted(LINES)).flatmap(
    lambda form: st.tuples(
        st.just(form),
        st.lists(
            st.builds(
                lambda line, word: line.replace("~", word),
                st.sampled_from(LINES[form]),
                st.text(st.sampled_from('0123456789é"'), max_size=3),
            ),
            max_size=9,
        ),
    )
)


def document_of(form: str) -> dict[str, Any]:
    if form in ("cockroachdb", "aurora-mysql", "rds"):
        return {"vendor": form}
    if form == "record-start":
        return {"vendor": "cloudwatch-logs", "record_start": "^START"}
    return {"vendor": "cloudwatch-logs", "format": form}


def cut(messages: list[str], sizes: list[int]) -> Iterator[LogEvents]:
    """Cut a log stream into payloads of these sizes, one message more each time they are used up."""
    events = [{"id": str(i), "timestamp": 1763690400000 + i, "message": text} for i, text in enumerate(messages)]
    start = 0
    for size in [*sizes, len(events)]:
        if chosen := events[start : start + size]:
            yield LogEvents("e", "/aws/rds/cluster/x/audit", "s", chosen)
        start += size


def archived(form: str, payloads: Iterator[LogEvents]) -> tuple[list[bytes], tuple[int, int]]:
    """Return the lines that payloads of one log stream make, and how many records they are."""
    sink = Collected()
    taken = list(payloads)
    config = parse_export_config("e", json.dumps(document_of(form)))
    export = archive._ExportArchive(config, "0" * 16, sink)
    for payload in taken:
        export.take(payload)
    tally = export.finish()
    tally.check()
    # Aurora's lines come out of order, and each payload's are sorted.
    return sorted(sink.lines) if form == "aurora-mysql" else sink.lines, (tally.records_in, tally.sent)


@given(EVENTS.filter(lambda made: bool(made[1])), st.lists(st.integers(1, 4), max_size=6))
@example(("cockroachdb", [f"{V2}=a", f"{V2}+b", "c"]), [1, 1])
@example(("mongodb", [f"{LEGACY}a", "  at b", '{"t":{"$date":"2026-11-21T02:03:04.180+00:00"}}']), [2])
@example(("mongodb", [f"{LEGACY}a", '{"t":{"$date":"2026-11-21T02:03:04.180+00:00"}}', "  at b"]), [1, 1])
@example(("csv", ["a,b", "1,2"]), [1])
def test_however_a_log_stream_is_cut_the_same_records_come_out(made: tuple[str, list[str]], sizes: list[int]) -> None:
    form, messages = made
    assert archived(form, cut(messages, sizes)) == archived(form, cut(messages, []))
