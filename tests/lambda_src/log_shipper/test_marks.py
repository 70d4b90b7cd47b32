"""An object that was shipped has a mark, so that its message may come as often as it likes."""

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper import aws, feed, marks, queue, ship
from log_shipper.export_config import parse_export_config
from log_shipper.keys import identity_of, progress_key
from log_shipper.marks import MarkTable

from tests.lambda_src.log_shipper.world import (
    ARCHIVE,
    FAILURES,
    LANDING,
    MARKS,
    Cloud,
    Context,
    Listener,
    batch,
    message,
)

OK: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def app(cloud: Cloud) -> Cloud:
    cloud.export("app", vendor="s3-logs", format="plain")
    return cloud


@pytest.fixture
def calls(cloud: Cloud) -> Iterator[Counter[str]]:
    """What AWS is asked for, by operation and the beginning of an object's key."""
    found: Counter[str] = Counter()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        key = params.get("Key")
        found[f"{model.name} {key.partition('/')[0]}" if isinstance(key, str) else model.name] += 1

    clients: list[Any] = [cloud.s3, cloud.dynamodb]
    for client in clients:
        client.meta.events.register("provide-client-params", note)
    yield found
    for client in clients:
        client.meta.events.unregister("provide-client-params", note)


def identity(item: dict[str, Any], bucket: str = LANDING) -> str:
    return identity_of(bucket, item["key"], item["version-id"])


def test_an_object_alone_costs_two_writes_and_no_request_of_s3(app: Cloud, logz: Listener, calls: Counter[str]) -> None:
    item = app.land("app.log", b"a\nb\n")
    ship.handler(batch(message("app", app.land("first.log", b""))), Context())
    calls.clear()
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert calls == {"GetObject app.log": 1, "UpdateItem": 2}


def test_objects_of_a_batch_cost_a_write_each_and_one(app: Cloud, logz: Listener, calls: Counter[str]) -> None:
    items = [app.land(f"app.log/{number}", b"%d\n" % number) for number in range(25)]
    ship.handler(batch(message("app", app.land("first.log", b""))), Context())
    calls.clear()
    messages = [message("app", item, number=number) for number, item in enumerate(items)]
    assert ship.handler(batch(*messages), Context()) == OK
    assert calls == {"GetObject app.log": 25, "UpdateItem": 26}
    assert all(app.is_finished("app", identity(item)) for item in items)


def test_objects_of_a_batch_cost_27_write_units_at_most(app: Cloud, logz: Listener) -> None:
    """A write of up to 1 KB is one (DynamoDB Developer Guide, "Capacity unit consumption for write operations")."""
    app.export("a" * 24, vendor="s3-logs", format="plain")
    items = [app.land(f"{number}.log", b"%d\n" % number) for number in range(25)]
    messages = [message("a" * 24, item, number=number) for number, item in enumerate(items)]
    assert ship.handler(batch(*messages), Context()) == OK
    sizes = sorted(len(json.dumps(item)) for item in app.marks().values())
    assert len(sizes) == 26
    assert sizes[-2] < 1024
    assert sizes[-1] < 2048


def test_a_message_that_comes_again_costs_a_write_and_a_read(app: Cloud, logz: Listener, calls: Counter[str]) -> None:
    item = app.land("app.log", b"a\n")
    ship.handler(batch(message("app", item)), Context())
    calls.clear()
    assert ship.handler(batch(message("app", item, number=2)), Context()) == OK
    assert calls == {"GetObject app.log": 1, "UpdateItem": 1, "GetItem": 1}
    assert logz.messages() == ["a"]


def test_an_empty_object_is_marked_too(app: Cloud, logz: Listener) -> None:
    item = app.land("app.log", b"")
    ship.handler(batch(message("app", item)), Context())
    assert app.is_finished("app", identity(item))


def test_an_item_names_its_invocation_and_expires_after_30_days(app: Cloud, logz: Listener) -> None:
    item = app.land("app.log", b"a\nb\n")
    ship.handler(batch(message("app", item)), Context(100_000))
    found = app.marks()
    key = f"logz/app/{identity(item)}"
    holder = found[key]["holder"]["S"]
    assert found.keys() == {key, f"logz/{holder}"}
    assert found[f"logz/{holder}"]["finished"] == {"SS": [f"app/{identity(item)}"]}
    assert float(found[key]["lease"]["N"]) == pytest.approx(time.time() + 100, abs=5)
    for each in found.values():
        assert float(each["expires"]["N"]) == pytest.approx(time.time() + 30 * 86_400, abs=5)


def test_nothing_is_marked_before_it_is_acknowledged(app: Cloud, logz: Listener) -> None:
    logz.will_answer(*[503] * 4)
    assert ship.handler(batch(message("app", app.land("app.log", b"a\n"))), Context()) != OK
    assert not any("finished" in each or "done" in each for each in app.marks().values())


def test_every_mark_is_written_before_the_handler_returns(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = aws.dynamodb().update_item

    def slow(**arguments: Any) -> Any:
        threading.Event().wait(0.05)
        return whole(**arguments)

    monkeypatch.setattr(aws.dynamodb(), "update_item", slow)
    items = [app.land(f"{i}.log", b"%d\n" % i) for i in range(3)]
    assert ship.handler(batch(*(message("app", item, number=i) for i, item in enumerate(items))), Context()) == OK
    assert all(app.is_finished("app", identity(item)) for item in items)


def test_another_version_of_an_object_is_another_object(app: Cloud, logz: Listener) -> None:
    for text in (b"a\n", b"b\n"):
        assert ship.handler(batch(message("app", app.land("app.log", text))), Context()) == OK
    assert logz.messages() == ["a", "b"]


def test_a_message_that_names_no_version_means_the_one_that_is_there(app: Cloud, logz: Listener) -> None:
    for text in (b"a\n", b"b\n", b"b\n"):
        if text != b"b\n" or logz.messages() == ["a"]:
            app.land("app.log", text)
        assert ship.handler(batch(message("app", {"key": "app.log"})), Context()) == OK
    assert logz.messages() == ["a", "b"]


def test_what_is_done_stays_done_when_the_format_changes(app: Cloud, logz: Listener) -> None:
    item = app.land("app.log", b"a\n")
    ship.handler(batch(message("app", item)), Context())
    app.export("app", vendor="s3-logs", format="json-lines")
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["a"]


def test_what_was_read_in_part_is_read_anew_when_the_format_changes(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("log_shipper.vendors.logzio.dialect.LogzioDialect.target_body_bytes", 1)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 2)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 2)
    item = app.land("app.log", b"a\nb\nc\n")
    logz.script.append(lambda *_: True)
    logz.will_answer(*[503] * 4)
    assert ship.handler(batch(message("app", item)), Context()) != OK
    before = logz.messages()
    assert 0 < len(before) < 3
    app.export("app", vendor="s3-logs", format="json-lines")
    assert ship.handler(batch(message("app", item, received=2)), Context()) == OK
    assert logz.messages() == [*before, "a", "b", "c"]


def test_each_destination_has_marks_of_its_own(app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    item = app.land("app.log", b"a\n")
    ship.handler(batch(message("app", item)), Context())
    other = {"name": "other", "kind": "logzio", "listener_url": logz.url, "token_secret": "acme/logzio"}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(other))
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["a", "a"]


def test_an_object_that_fails_fails_every_message_of_the_batch_that_names_it(app: Cloud, logz: Listener) -> None:
    item = app.land("app.log", b"a\n")
    logz.will_answer(*[503] * 4)
    twice = batch(message("app", item, number=1), message("app", item, number=2))
    assert len(ship.handler(twice, Context())["batchItemFailures"]) == 2
    assert ship.handler(twice, Context()) == OK
    assert logz.messages() == ["a"]


def test_a_mark_that_cannot_be_written_is_said_and_harms_nothing(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "UpdateItem")

    item = app.land("app.log", b"a\n")
    monkeypatch.setattr(aws.dynamodb(), "update_item", refuse)
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert '"event":"progress not kept"' in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["archive", "feed"])
def test_archive_and_feed_need_no_mark(app: Cloud, destination: Callable[[str], None], kind: str) -> None:
    destination(kind)
    assert ship.handler(batch(message("app", app.land("app.log", b"a\n"))), Context()) == OK
    assert app.marks() == {}


@pytest.mark.parametrize("early", [False, True])
def test_two_environments_that_take_turns_keep_a_feeds_keys_ascending(app: Cloud, early: bool) -> None:
    """The second one's clock is a minute behind; between two batches of a group, either may have written."""
    first, second = (dict[str, int](), 1_795_226_645_000), (dict[str, int](), 1_795_226_585_000)
    app.land("logs/app/x.json.gz", b"{}", bucket=ARCHIVE)
    for number, (last_ms, now_ms) in enumerate((first, second, second, first, first, second)):
        one = feed.Feed(ARCHIVE, "reader", last_ms, now_ms=partial(int, now_ms))
        each = feed.Input(f"{number:016x}", gzip.compress(b"{}\n"), source_key="" if early else "logs/app/x.json.gz")
        if early:
            one.note_early("app", each.identity)
        one.add("app", [each])
        (note,) = app.keys(ARCHIVE, f"feed-index/reader/app/{each.identity}")
        named = json.loads(app.s3.get_object(Bucket=ARCHIVE, Key=note)["Body"].read())["key"]
        assert named == app.keys(ARCHIVE, "feed/reader/app/")[-1]
    keys = app.keys(ARCHIVE, "feed/reader/app/")
    assert [key[-24:-8] for key in keys] == [f"{number:016x}" for number in range(6)]


def test_an_input_is_fed_unless_the_object_that_its_note_names_holds_it(app: Cloud) -> None:
    inputs = [feed.Input(f"{number:016x}", gzip.compress(b"%d\n" % number)) for number in range(2)]
    feed.Feed(ARCHIVE, "reader", {}).add("app", inputs[:1])
    (key,) = app.keys(ARCHIVE, "feed/reader/app/")
    app.land(f"feed-index/reader/app/{inputs[1].identity}.json", json.dumps({"key": key}).encode(), bucket=ARCHIVE)
    for _ in range(2):
        feed.Feed(ARCHIVE, "reader", {}).add("app", inputs)
    assert [str(line) for line in app.lines(ARCHIVE, "feed/")] == ["0", "1"]


def test_a_feed_looks_in_every_invocation_for_what_another_environment_wrote(
    app: Cloud, destination: Callable[[str], None]
) -> None:
    destination("feed")
    assert ship.handler(batch(message("app", app.land("1.log", b"1\n"))), Context()) == OK
    (mine,) = app.keys(ARCHIVE, "feed/feed/app/")
    milliseconds = int(mine.rpartition("/")[2][:13]) + 60_000
    others = f"feed/feed/app/{milliseconds:013d}-0.json.gz"
    app.land(others, b"", bucket=ARCHIVE)
    assert ship.handler(batch(message("app", app.land("2.log", b"2\n"))), Context()) == OK
    assert app.keys(ARCHIVE, "feed/feed/app/")[:2] == [mine, others]


def old_mark(app: Cloud, item: dict[str, Any], **progress: Any) -> None:
    """Write what the release before kept in S3."""
    body = {"position": 1, "reader": "", "done": True} | progress
    key = progress_key("logz", "app", identity(item))
    app.s3.put_object(Bucket=FAILURES, Key=key, Body=json.dumps(body).encode())


def test_mark_in_s3_is_found_and_kept_in_the_table(app: Cloud, logz: Listener, calls: Counter[str]) -> None:
    app.first_mark("logz", time.time())
    item = app.land("app.log", b"a\n")
    old_mark(app, item)
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == []
    assert app.is_finished("app", identity(item))
    calls.clear()
    assert ship.handler(batch(message("app", item, number=2)), Context()) == OK
    assert calls == {"GetObject app.log": 1, "UpdateItem": 1, "GetItem": 1}


def test_progress_in_s3_is_gone_on_with(app: Cloud, logz: Listener) -> None:
    app.first_mark("logz", time.time())
    item = app.land("app.log", b"a\nb\nc\n")
    reader = parse_export_config("app", '{"vendor":"s3-logs","format":"plain"}').reader
    old_mark(app, item, position=2, reader=reader, done=False)
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["c"]


@pytest.mark.parametrize(
    ("since", "looked"),
    [
        pytest.param(-16 * 60, False, id="landed after the old code had ended"),
        pytest.param(-14 * 60, True, id="landed while the old code may have run"),
        pytest.param(-32 * 86_400, False, id="S3 has removed its last mark"),
    ],
)
def test_s3_is_looked_at_while_the_release_before_may_have_marked_an_object(
    app: Cloud, logz: Listener, calls: Counter[str], since: float, looked: bool
) -> None:
    app.first_mark("logz", time.time() + since)
    calls.clear()
    ship.handler(batch(message("app", app.land("app.log", b"a\n"))), Context())
    assert calls["GetObject progress"] == looked


def test_object_that_landed_long_ago_is_looked_for_in_s3_until_31_days_after_the_upgrade(
    app: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = MarkTable(MARKS, "logz", lambda: 300.0)
    app.first_mark("logz", 1_000_000)
    landed = datetime.fromtimestamp(1, UTC)
    for days, looked in ((30.9, True), (31.1, False)):
        monkeypatch.setattr(marks, "time", SimpleNamespace(time=lambda days=days: 1_000_000 + days * 86_400))
        assert table.may_be_marked_in_s3(landed) is looked


def test_the_first_claim_of_a_destination_is_noted_once(app: Cloud, logz: Listener) -> None:
    app.dynamodb.delete_item(TableName=MARKS, Key={"id": {"S": "logz/"}})
    noted = []
    for number in range(2):
        marks._since.clear()
        ship.handler(batch(message("app", app.land(f"{number}.log", b"a\n"))), Context())
        noted.append(app.dynamodb.get_item(TableName=MARKS, Key={"id": {"S": "logz/"}})["Item"])
    assert noted[0] == noted[1]
    assert float(noted[0]["since"]["N"]) == pytest.approx(time.time(), abs=5)


def claimed(app: Cloud, item: dict[str, Any], **more: dict[str, str]) -> None:
    """Have another invocation claim an object."""
    values = {"id": {"S": f"logz/app/{identity(item)}"}, "holder": {"S": "other"}} | more
    app.dynamodb.put_item(TableName=MARKS, Item=values)


def test_message_of_an_object_that_is_held_is_hidden_until_the_claim_ends_and_is_no_failure(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden: list[Any] = []

    def hide(**asked: Any) -> dict[str, Any]:
        hidden.extend(asked["Entries"])
        return {}

    monkeypatch.setattr(queue, "_url", lambda _: "url")
    monkeypatch.setattr(aws.sqs(), "change_message_visibility_batch", hide)
    held, free = app.land("held.log", b"a\n"), app.land("free.log", b"b\n")
    claimed(app, held, lease={"N": str(time.time() + 200)})
    messages = [message("app", held, number=1), message("app", free, number=2)]
    answer = ship.handler(batch(*messages), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert logz.messages() == ["b"]
    assert hidden[0]["VisibilityTimeout"] == pytest.approx(201, abs=4)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["failed"] for line in lines if "failed" in line and "_aws" in line] in ([], [0])
    assert not [line for line in lines if line["event"] == "returned"]


@pytest.mark.parametrize(
    "lease",
    [
        pytest.param({"lease": {"N": "1"}}, id="has ended"),
        pytest.param({"lease": {"N": str(10**11)}}, id="is longer than any invocation"),
        pytest.param({"lease": {"S": "x"}}, id="is of another type"),
        pytest.param({}, id="is not there"),
    ],
)
def test_claim_that_proves_nothing_does_not_keep_an_object_from_being_shipped(
    app: Cloud, logz: Listener, lease: dict[str, Any]
) -> None:
    item = app.land("app.log", b"a\n")
    claimed(app, item, **lease)
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["a"]


def test_failed_invocation_frees_its_objects_at_once(app: Cloud, logz: Listener) -> None:
    items = [app.land(f"{number}.log", b"%d\n" % number) for number in range(2)]
    messages = [message("app", item, number=number) for number, item in enumerate(items)]
    logz.will_answer(*[503] * 4)
    assert len(ship.handler(batch(*messages), Context())["batchItemFailures"]) == 2
    assert ship.handler(batch(*messages), Context()) == OK
    assert sorted(logz.messages()) == ["0", "1"]


def test_object_that_another_takes_at_the_same_moment_is_left_to_it(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim has ended, and between the look at it and the second write another invocation takes it."""
    item = app.land("app.log", b"a\n")
    claimed(app, item, lease={"N": "1"})
    whole = aws.dynamodb().get_item

    def meanwhile(**asked: Any) -> Any:
        claimed(app, item, holder={"S": "faster"}, lease={"N": str(time.time() + 100)})
        return whole(**asked)

    monkeypatch.setattr(aws.dynamodb(), "get_item", meanwhile)
    assert ship.handler(batch(message("app", item)), Context()) != OK
    assert logz.messages() == []


def test_write_that_the_sdk_repeats_is_ones_own_claim(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is lost, and the second says that the condition does not hold."""
    whole = aws.dynamodb().update_item
    monkeypatch.setattr(aws.dynamodb(), "update_item", lambda **asked: [whole(**asked), whole(**asked)][1])
    assert ship.handler(batch(message("app", app.land("app.log", b"a\n"))), Context()) == OK
    assert logz.messages() == ["a"]
