"""`logdock redrive` with more than a page, a limit and a hidden time: it claims no more than it looked at."""

import gzip
import json
import time
from collections import Counter
from typing import Any

import pytest
from log_shipper.events import ObjectRef, message_of
from log_shipper.keys import identity_of
from log_shipper.mark_items import object_key
from moto.s3.models import s3_backends

from logdock.cli.redrive.dead_letters import HIDDEN_SECONDS, LOOKED_AT
from logdock.cli.redrive.quarantine import UNREAD
from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.redrive.versions import COLD
from tests.aws_in_memory import Memory, error
from tests.cli.conftest import Requests, Type
from tests.cli.deployed import Deployed

DEAD = "acme-ship-logz-dead"
CALL_SECONDS = 0.5
"""How long a request takes on the clock of the queues."""


class Queues(Memory):
    """Queues whose clock goes on with every call."""

    def before(self, *_: Any) -> None:
        self.now += CALL_SECONDS


@pytest.fixture
def queues(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Queues:
    found = Queues()
    monkeypatch.setattr("logdock.cli.account.Account.sqs", found)
    return found


def letters(export: str, count: int) -> list[str]:
    return [message_of(ObjectRef(export, "bucket", f"{number}.log")) for number in range(count)]


def test_letters_that_are_no_longer_hidden_are_not_taken_for_the_end(logdock: Type, queues: Queues) -> None:
    """Those of another export are seen again before all of this one's are: with a rate, and in a large queue."""
    bodies = [body for pair in zip(letters("app", 1500), letters("jobs", 1500), strict=True) for body in pair]
    queues.put(DEAD, bodies)
    ended = logdock("redrive", "--export", "app", "--json")
    assert queues.now > HIDDEN_SECONDS
    report = json.loads(ended.out)
    (row,) = report["failures"]
    assert (row["gone"], row["left"], report["not_looked_at"], ended.code) == (1500, 0, [], 0)
    assert len(queues.messages[DEAD]) == 1500


@pytest.mark.parametrize("as_json", [True, False])
def test_letters_that_another_reader_holds_are_not_claimed_to_be_gone(
    logdock: Type, queues: Queues, *, as_json: bool
) -> None:
    queues.put(DEAD, letters("app", 50))
    queues.hide(DEAD, 30, 3600)
    ended = logdock("redrive", *(["--json"] if as_json else []))
    assert ended.code == 1
    if as_json:
        (unseen,) = json.loads(ended.out)["not_looked_at"]
        assert (unseen["what"], unseen["about"]) == (DEAD, 30)
    else:
        assert f"Not looked at: about 30 messages of {DEAD}: SQS counts them" in ended.out
        assert "Nothing that was looked at is left." in ended.out


def test_letters_that_are_all_hidden_are_not_nothing(logdock: Type, queues: Queues) -> None:
    queues.put(DEAD, letters("app", 3))
    queues.hide(DEAD, 3, 3600)
    ended = logdock("redrive", "--dry-run")
    assert (ended.code, "Nothing has failed." in ended.out) == (1, False)
    assert "Nothing that was looked at has failed." in ended.out


def test_a_dry_run_says_how_many_letters_of_a_fifo_queue_it_cannot_see(
    logdock: Type, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = f"{DEAD}.fifo"
    monkeypatch.setattr(
        "logdock.settings.names.Names.queue", lambda _, name, suffix="": f"acme-ship-{name}{suffix}.fifo"
    )
    queues.put(fifo, letters("app", 200), ["app"] * 200)
    ended = logdock("redrive", "--dry-run", "--json")
    report = json.loads(ended.out)
    assert [row["found"] for row in report["failures"]] == [10]
    (unseen,) = report["not_looked_at"]
    assert (unseen["about"], unseen["what"], ended.code) == (190, fifo, 1)
    assert "FIFO" in unseen["reason"]
    assert json.loads(logdock("redrive", "--export", "app", "--json").out)["failures"][0]["gone"] == 200


def test_a_dry_run_says_what_is_behind_its_limit(logdock: Type, queues: Queues) -> None:
    queues.put(DEAD, letters("app", LOOKED_AT + 500))
    ended = logdock("redrive", "--dry-run", "--export", "jobs", "--json")
    report = json.loads(ended.out)
    assert (ended.code, report["failures"], report["not_looked_at"][0]["about"]) == (1, [], 500)


def test_a_queue_that_returns_no_more_for_its_limit_in_flight_is_said(
    logdock: Type, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = Queues.receive_message

    def until_the_limit(queue: Queues, **asked: Any) -> Any:
        if queue.calls.count("receive_message") == 3:
            raise error("OverLimit", "ReceiveMessage")
        return receive(queue, **asked)

    monkeypatch.setattr(Queues, "receive_message", until_the_limit)
    queues.put(DEAD, letters("jobs", 100))
    ended = logdock("redrive", "--export", "app")
    assert ended.code == 1
    assert f"about 70 messages of {DEAD}: SQS returns no more" in ended.out


def test_a_run_that_was_stopped_does_not_say_that_nothing_is_left(
    logdock: Type, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.put(DEAD, letters("app", 30))
    turns = iter([True, True])
    monkeypatch.setattr(RateLimiter, "acquire", lambda limiter, _=1: next(turns, False) or bool(limiter.stop()))
    ended = logdock("redrive")
    assert ended.code == 130
    assert "Nothing is left." not in ended.out


def test_what_a_reason_or_a_region_leaves_out_is_said(logdock: Type, queues: Queues) -> None:
    queues.put(DEAD, letters("app", 3))
    assert "dead letters are not looked at" in logdock("redrive", "--reason", "x").err


@pytest.mark.parametrize("noted", [0, 1])
@pytest.mark.proof
def test_quarantined_objects_take_few_requests(
    logdock: Type, deployed: Deployed, requests: Requests, monkeypatch: pytest.MonkeyPatch, noted: int
) -> None:
    """Each is read once; all else is done for ten, a hundred or a thousand at a time, also if one was sent before."""
    line = json.dumps({"reason": "too long", "time": "2026-11-17T03:00:00Z", "message": "m"}).encode()
    body, moto = gzip.compress(line), s3_backends[deployed.settings.account]["aws"]
    for number in range(120):
        moto.put_object(deployed.failed, f"quarantine/app/logz/dt=2026-11-17/{number:05}-a.json.gz", body)
    table = deployed.names.mark_table
    for version in deployed.s3.list_object_versions(Bucket=deployed.failed)["Versions"][:noted]:
        identity = identity_of(deployed.failed, version["Key"], version["VersionId"])
        item = {"id": {"S": object_key("logz", "app", identity)}, "sent": {"N": f"{time.time():.0f}"}}
        deployed.dynamodb.put_item(TableName=table, Item=item)
    requests.clear()

    def arrive(*_: Any) -> None:
        before = len(requests)
        for item in deployed.dynamodb.scan(TableName=table)["Items"]:
            deployed.dynamodb.put_item(TableName=table, Item=item | {"done": {"BOOL": True}})
        del requests[before:]

    monkeypatch.setattr(RateLimiter, "pause", arrive)
    # moto copies its tables for a transaction, while others write to them
    monkeypatch.setattr("logdock.cli.redrive.quarantine.CONNECTIONS", 1)
    ended = logdock("redrive", "--json")
    assert (ended.code, json.loads(ended.out)["failures"][0]["gone"]) == (0, 120)
    counts = Counter(operation for operation, _ in requests)
    assert deployed.waiting("logz") == 120 - noted
    assert counts["TransactWriteItems"] == 2 + noted
    assert counts["GetItem"] == noted
    assert (counts["SendMessageBatch"], counts["DeleteObjects"]) == (12, 1)
    assert (counts["GetObject"], counts["BatchGetItem"]) == (120, 2 * 2)
    assert counts["GetQueueUrl"] <= 4
    assert sum(counts.values()) < 1.4 * 120


def test_receipts_that_name_quarantined_objects_are_read_for_all_of_them_at_once(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the shipper finished is in its invocation's receipt; an object of which it is not is left."""
    line = json.dumps({"reason": "too long", "time": "2026-11-17T03:00:00Z", "message": "m"}).encode()
    for number in range(20):
        key = f"quarantine/app/logz/dt=2026-11-17/{number:05}-a.json.gz"
        deployed.s3.put_object(Bucket=deployed.failed, Key=key, Body=gzip.compress(line))

    def ship_but_one(*_: Any) -> None:
        ids = [item["id"]["S"] for item in deployed.dynamodb.scan(TableName=deployed.names.mark_table)["Items"]]
        objects = sorted(each for each in ids if each.startswith("logz/app/"))
        for each in objects:
            item = {"id": {"S": each}, "holder": {"S": "ab12"}, "lease": {"N": "0"}}
            deployed.dynamodb.put_item(TableName=deployed.names.mark_table, Item=item)
        receipt = {"id": {"S": "logz/ab12"}, "finished": {"SS": [each.removeprefix("logz/") for each in objects[1:]]}}
        deployed.dynamodb.put_item(TableName=deployed.names.mark_table, Item=receipt)

    monkeypatch.setattr(RateLimiter, "pause", ship_but_one)
    ended = logdock("redrive", "--json", "--wait", "3")
    (row,) = json.loads(ended.out)["failures"]
    assert (row["gone"], row["left"], ended.code) == (19, 1, 1)


def test_reasons_of_so_many_are_read_as_a_person_reads_and_all_in_a_dry_run(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"reason": "too long", "time": "2026-11-17T03:00:00Z", "message": "m"}).encode()
    for number in range(30):
        key = f"quarantine/app/logz/dt=2026-11-17/{number:05}-a.json.gz"
        deployed.s3.put_object(Bucket=deployed.failed, Key=key, Body=gzip.compress(line))
    # S3 gives what is in Deep Archive to no one, and so this is looked at
    cold = {"Key": "quarantine/app/logz/dt=2026-11-17/00029-a.json.gz", "Bucket": deployed.failed}
    deployed.s3.put_object(**cold, Body=gzip.compress(line), StorageClass="DEEP_ARCHIVE")
    monkeypatch.setattr("logdock.cli.redrive.quarantine.READ", 10)
    monkeypatch.setattr(RateLimiter, "pause", lambda *_: None)

    def failures(*options: str) -> dict[str, tuple[int, int]]:
        ended = logdock("redrive", "--json", "--wait", "1", *options)
        return {each["reason"]: (each["found"], each["records"]) for each in json.loads(ended.out)["failures"]}

    assert failures("--dry-run") == {"too long": (29, 29), COLD: (1, 0)}
    assert failures("--dry-run", "--reason", "too") == {"too long": (29, 29)}
    assert failures() == {"too long": (10, 10), UNREAD: (19, 0), COLD: (1, 0)}
    assert deployed.waiting("logz") == 29
