import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from log_shipper import archive, archive_writer, feed, ship

from tests.lambda_src.log_shipper.world import (
    ARCHIVE,
    FAILURES,
    LANDING,
    TOKEN,
    Cloud,
    Context,
    Listener,
    batch,
    message,
    recorded,
    subscription,
)

ATLAS_KEY = "atlas/Cluster0/cluster0-shard-00-00.ab1cd.mongodb.net/mongodb/1590002320-mongodb.log"
OK: dict[str, Any] = {"batchItemFailures": []}


def failures(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": f"m{number}"} for number in numbers]}


@pytest.fixture
def orders(cloud: Cloud) -> Cloud:
    cloud.export("orders", vendor="mongodb-atlas")
    return cloud


def test_ships_a_landed_object_as_the_listener_wants_it(orders: Cloud, logz: Listener) -> None:
    lines = recorded("mongodb-atlas/mongodb.log").splitlines()
    item = orders.land(ATLAS_KEY, gzip.compress("\n".join(lines).encode()))
    assert ship.handler(batch(message("orders", item)), Context()) == OK
    assert logz.messages() == lines
    first = logz.accepted[0]
    assert first == {
        "time": "2020-05-01T15:16:17.180Z",
        "@timestamp": "2020-05-01T15:16:17.180Z",
        "export": "orders",
        "vendor": "mongodb-atlas",
        "log_type": "mongodb",
        "source": f"s3://{LANDING}/{ATLAS_KEY}",
        "message": lines[0],
    }
    assert logz.queries == [{"token": [TOKEN], "type": ["mongodb"]}]
    assert logz.headers[0]["Content-Encoding"] == "gzip"


def test_objects_of_several_exports_share_a_body(orders: Cloud, logz: Listener) -> None:
    orders.export("apps", vendor="s3-logs")
    landed = [(name, orders.land(f"{name}-{i}", b"{}\n")) for i in range(2) for name in ("orders", "orders", "apps")]
    assert ship.handler(batch(*(message(name, item) for name, item in landed)), Context()) == OK
    assert len(logz.bodies) == 1
    vendors = [line["vendor"] for line in logz.accepted]
    assert sorted(vendors) == ["mongodb-atlas"] * 4 + ["s3-logs"] * 2
    assert [name for name, _ in logz.types] == [name.replace("mongodb-atlas", "mongodb") for name in vendors]


def test_ships_what_the_archiver_wrote_unchanged(cloud: Cloud, logz: Listener) -> None:
    cloud.export("ledger", vendor="cockroachdb", redaction={"markers": "redact"})
    archive.handler(subscription("ledger", "crdb", recorded("cockroachdb/json.log").splitlines()), None)
    (key,) = cloud.keys(ARCHIVE)
    version = cloud.s3.head_object(Bucket=ARCHIVE, Key=key)["VersionId"]
    assert ship.handler(batch(message("ledger", {"key": key, "version-id": version}, ARCHIVE)), Context()) == OK
    assert cloud.lines(ARCHIVE) == logz.accepted


def test_archive_object_of_an_older_policy_is_redacted_again(cloud: Cloud, logz: Listener) -> None:
    cloud.export("ledger", vendor="cockroachdb")
    archive.handler(subscription("ledger", "crdb", recorded("cockroachdb/json.log").splitlines()), None)
    cloud.export("ledger", vendor="cockroachdb", redaction={"markers": "redact"})
    (key,) = cloud.keys(ARCHIVE)
    assert ship.handler(batch(message("ledger", {"key": key}, ARCHIVE)), Context()) == OK
    assert not any("roach›" in text for text in logz.messages())


def test_native_notification_with_an_encoded_key_is_read(orders: Cloud, logz: Listener) -> None:
    key = "logs/orders/dt=2020-05-01/hour=15/a b+ü.json.gz"
    orders.land(key, b'{"time":"2020-05-01T15:16:17Z","log_type":"x","source":"s","message":"m"}\n', bucket=ARCHIVE)
    encoded = "logs/orders/dt%3D2020-05-01/hour%3D15/a+b%2B%C3%BC.json.gz"
    body = {"Records": [{"s3": {"bucket": {"name": ARCHIVE}, "object": {"key": encoded}}}]}
    record = {"messageId": "m1", "body": json.dumps(body)}
    assert ship.handler(batch(record), Context()) == OK
    assert logz.messages() == ["m"]


def test_test_event_is_acknowledged_and_not_shipped(orders: Cloud, logz: Listener) -> None:
    record = {"messageId": "m1", "body": recorded("sqs/s3-test-event.json")}
    assert ship.handler(batch(record), Context()) == OK
    assert logz.bodies == []


def test_object_of_no_export_is_a_failure(orders: Cloud, logz: Listener) -> None:
    record = {"messageId": "m1", "body": recorded("sqs/s3-notification.json")}
    assert ship.handler(batch(record), Context()) == failures(1)


def test_refused_token_fails_every_message_and_is_read_anew(orders: Cloud, logz: Listener) -> None:
    item = orders.land(ATLAS_KEY, recorded("mongodb-atlas/mongodb.log").encode())
    logz.will_answer(401)
    assert ship.handler(batch(message("orders", item)), Context()) == failures(1)
    assert len(logz.bodies) == 1
    orders.secrets.put_secret_value(SecretId="acme/logzio", SecretString=json.dumps({"token": "tok-new"}))
    assert ship.handler(batch(message("orders", item, received=2)), Context()) == OK
    assert logz.queries[-1]["token"] == ["tok-new"]
    assert len(logz.accepted) == 3


def test_token_is_in_no_output(orders: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    item = orders.land(ATLAS_KEY, recorded("mongodb-atlas/mongodb.log").encode())
    for script in ((401,), (500,) * 4, (400,)):
        logz.will_answer(*script)
        ship.handler(batch(message("orders", item)), Context())
    logz.close()
    ship.handler(batch(message("orders", item)), Context())
    captured = capsys.readouterr()
    assert TOKEN not in captured.out + captured.err
    assert "Slow query" not in captured.out + captured.err


def test_400_quarantines_only_the_oversized_line(orders: Cloud, logz: Listener) -> None:
    lines = recorded("mongodb-atlas/mongodb.log").splitlines()
    item = orders.land(ATLAS_KEY, "\n".join(lines).encode())
    logz.will_answer(400, body=b'{"malformedLines":0,"successfulLines":2,"oversizedLines":1,"emptyLogLines":0}')
    assert ship.handler(batch(message("orders", item)), Context()) == OK
    assert len(logz.bodies) == 1
    (kept,) = orders.lines(FAILURES, "quarantine/orders/logz/")
    assert kept["record"]["message"] == lines[2]
    assert kept["record"]["time"] == "2020-05-20T20:10:08.731Z"
    assert "refused" in kept["reason"]


def test_an_unclear_400_quarantines_the_batch_with_its_counts(orders: Cloud, logz: Listener) -> None:
    item = orders.land(ATLAS_KEY, recorded("mongodb-atlas/mongodb.log").encode())
    logz.will_answer(400, body=b'{"malformedLines":1,"successfulLines":2,"oversizedLines":0,"emptyLogLines":0}')
    assert ship.handler(batch(message("orders", item)), Context()) == OK
    kept = orders.lines(FAILURES, "quarantine/")
    assert len(kept) == 3
    assert "malformedLines 1" in kept[0]["reason"]
    assert "successfulLines 2" in kept[0]["reason"]


def test_bodies_stay_under_the_listeners_limit(cloud: Cloud, logz: Listener) -> None:
    cloud.export("orders", vendor="s3-logs")
    lines = [f"{i} {'x' * 1000}" for i in range(20_000)]
    item = cloud.land("app.log", gzip.compress("\n".join(lines).encode()))
    assert ship.handler(batch(message("orders", item)), Context()) == OK
    assert sorted(logz.messages()) == sorted(lines)  # bodies arrive in any order
    assert max(map(len, logz.bodies)) <= 10 * 1024 * 1024


def test_figures_of_a_failed_batch_add_up(cloud: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.export("orders", vendor="s3-logs", exclude=["^b"])
    item = cloud.land("app.log", b"a\nb\nc\n")
    logz.will_answer(*[500] * 4)
    ship.handler(batch(message("orders", item)), Context())
    (report,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "records_in" in line]
    assert (report["records_in"], report["sent"], report["filtered"], report["left"]) == (3, 0, 0, 3)


def test_path_fields_name_parts_of_the_key(cloud: Cloud, logz: Listener) -> None:
    cloud.export("orders", vendor="mongodb-atlas", path_fields="{_}/{cluster}/{host}")
    item = cloud.land(ATLAS_KEY, recorded("mongodb-atlas/mongodb.log").encode())
    assert ship.handler(batch(message("orders", item)), Context()) == OK
    assert logz.accepted[0]["fields"] == {"cluster": "Cluster0", "host": "cluster0-shard-00-00.ab1cd.mongodb.net"}


def test_objects_are_chosen_by_their_keys(cloud: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.export("orders", vendor="s3-logs", include_keys=["[.]log$", "^audit/"], exclude_keys=["/draft/"])
    keys = ["a/web.log", "a/web.txt", "audit/1", "audit/draft/2"]
    items = [cloud.land(key, f"{key}\n".encode()) for key in keys]
    for received in (1, 2):
        messages = [message("orders", item, number=number, received=received) for number, item in enumerate(items)]
        assert ship.handler(batch(*messages), Context()) == OK
    assert sorted(line["message"] for line in logz.accepted) == ["a/web.log", "audit/1"]
    said = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["event"] == "key not wanted"]
    assert {line["source"].split("/", 3)[3] for line in said} == {"a/web.txt", "audit/draft/2"}


def test_keys_of_the_archive_are_not_those_that_are_chosen_by(cloud: Cloud, logz: Listener) -> None:
    cloud.export("orders", vendor="s3-logs", include_keys=["[.]log$"])
    line = b'{"time":"2020-05-01T15:16:17Z","log_type":"x","source":"s","message":"m"}\n'
    item = cloud.land("logs/orders/dt=2020-05-01/hour=15/1.json.gz", gzip.compress(line), bucket=ARCHIVE)
    assert ship.handler(batch(message("orders", item, bucket=ARCHIVE)), Context()) == OK
    assert [line["message"] for line in logz.accepted] == ["m"]


def test_archive_destination_writes_the_contracts_objects_once(
    orders: Cloud, destination: Callable[[str], None]
) -> None:
    destination("archive")
    item = orders.land(ATLAS_KEY, recorded("mongodb-atlas/mongodb.log").encode())
    for received in (1, 2, 1):
        assert ship.handler(batch(message("orders", item, received=received)), Context()) == OK
    keys = orders.keys(ARCHIVE, "logs/")
    assert [key.split("/")[2:4] for key in keys] == [
        ["dt=2020-05-01", "hour=15"],
        ["dt=2020-05-20", "hour=19"],
        ["dt=2020-05-20", "hour=20"],
    ]
    assert orders.versions(ARCHIVE) == 3


def test_an_object_that_is_announced_another_time_is_archived_once(
    orders: Cloud, destination: Callable[[str], None]
) -> None:
    destination("archive")
    orders.export("orders", vendor="s3-logs")
    item = orders.land("app.log", b"a line without a time\n")
    (announced,) = batch(message("orders", item))["Records"]
    for time in ("2026-11-21T02:03:04Z", "2026-11-21T05:03:04Z", ""):
        body = json.dumps(json.loads(announced["body"]) | {"time": time})
        assert ship.handler(batch(announced | {"body": body}), Context()) == OK
    (archived,) = orders.lines(ARCHIVE)
    modified = orders.s3.head_object(Bucket=LANDING, Key="app.log")["LastModified"]
    assert archived["time"] == f"{modified:%Y-%m-%dT%H:%M:%S}Z"


def test_archive_is_never_archived_again(orders: Cloud, destination: Callable[[str], None]) -> None:
    destination("archive")
    item = orders.land("logs/orders/dt=2020-05-01/hour=15/1.json.gz", b"{}", bucket=ARCHIVE)
    assert ship.handler(batch(message("orders", item, ARCHIVE)), Context()) == failures(1)


@pytest.mark.parametrize(
    ("bucket", "key"), [(ARCHIVE, "feed/reader/orders/1-x.json.gz"), (FAILURES, "quarantine/orders/logz/x.json.gz")]
)
@pytest.mark.parametrize("kind", ["logz", "feed", "archive"])
@pytest.mark.covering
def test_what_the_shipper_wrote_for_others_is_never_shipped(
    orders: Cloud, logz: Listener, destination: Callable[[str], None], bucket: str, key: str, kind: str
) -> None:
    if kind != "logz":
        destination(kind)
    item = orders.land(key, gzip.compress(b"{}\n"), bucket=bucket)
    before = orders.keys(ARCHIVE)
    assert ship.handler(batch(message("orders", item, bucket)), Context()) == failures(1)
    assert logz.bodies == []
    assert orders.keys(ARCHIVE) == before


def test_feed_keys_ascend_whatever_the_order_of_arrival(orders: Cloud, destination: Callable[[str], None]) -> None:
    destination("feed")
    keys = [f"logs/orders/dt=2020-05-01/hour=15/158834617{i}000-{i:016x}.json.gz" for i in (3, 1, 2)]
    for i, key in enumerate(keys):
        item = orders.land(key, gzip.compress(f'{{"n":{i}}}\n'.encode()), bucket=ARCHIVE)
        assert ship.handler(batch(message("orders", item, ARCHIVE)), Context()) == OK
    assert [line["n"] for line in orders.lines(ARCHIVE, "feed/feed/orders/")] == [0, 1, 2]


def test_feed_never_feeds_an_input_twice(orders: Cloud, destination: Callable[[str], None]) -> None:
    destination("feed")
    item = orders.land(
        "logs/orders/dt=2020-05-01/hour=15/1588346177000-00.json.gz", gzip.compress(b"{}\n"), bucket=ARCHIVE
    )
    landed = orders.land(ATLAS_KEY, recorded("mongodb-atlas/mongodb.log").encode())
    for received in (1, 2, 1):
        event = batch(message("orders", item, ARCHIVE, 1, received), message("orders", landed, LANDING, 2, received))
        assert ship.handler(event, Context()) == OK
    (key,) = orders.keys(ARCHIVE, "feed/feed/orders/")
    assert len(gzip.decompress(orders.s3.get_object(Bucket=ARCHIVE, Key=key)["Body"].read()).splitlines()) == 4
    inputs = orders.s3.head_object(Bucket=ARCHIVE, Key=key)["Metadata"]["logdock-inputs"].split()
    assert len(set(inputs)) == len(inputs) == 4


@pytest.mark.parametrize(
    "damaged",
    [b"{}\n", gzip.compress(b"{}\n")[:-1], gzip.compress(b"{}\n") + b"x", b"x" * 200_000],
    ids=["plain", "cut", "more-behind", "long"],
)
def test_feed_joins_only_what_is_whole(orders: Cloud, destination: Callable[[str], None], damaged: bytes) -> None:
    destination("feed")
    key = "logs/orders/dt=2020-05-01/hour=15/158834617{}000-00.json.gz"
    bodies = [gzip.compress(b'{"n":0}\n'), damaged, gzip.compress(b'{"n":1}\n')]
    items = [orders.land(key.format(number), body, bucket=ARCHIVE) for number, body in enumerate(bodies)]
    assert ship.handler(batch(*(message("orders", each, ARCHIVE, n) for n, each in enumerate(items))), Context()) == OK
    keys = orders.keys(ARCHIVE, "feed/feed/orders/")
    assert [orders.s3.get_object(Bucket=ARCHIVE, Key=each)["Body"].read() for each in keys] == bodies


def test_feed_writes_one_object_for_a_batch_of_small_ones(orders: Cloud, destination: Callable[[str], None]) -> None:
    destination("feed")
    key = "logs/orders/dt=2020-05-01/hour=15/158834617{}000-00.json.gz"
    items = [orders.land(key.format(n), gzip.compress(b'{"n":%d}\n' % n), bucket=ARCHIVE) for n in range(10)]
    event = batch(*(message("orders", each, ARCHIVE, n) for n, each in enumerate(items)))
    assert ship.handler(event, Context()) == OK
    assert [line["n"] for line in orders.lines(ARCHIVE, "feed/feed/orders/")] == list(range(10))
    assert len(orders.keys(ARCHIVE, "feed/feed/orders/")) == 1


def test_feed_objects_stay_below_the_fetchers_limit(
    orders: Cloud, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archive_writer.PART_BYTES + feed.JOINED_BYTES < 50_000_000
    monkeypatch.setattr("log_shipper.archive_writer.PART_BYTES", 4_000)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.feed.JOINED_BYTES", 0)
    destination("feed")
    item = orders.land(ATLAS_KEY, b"".join(b'{"n":%d}\n' % n for n in range(500)))
    assert ship.handler(batch(message("orders", item)), Context()) == OK
    keys = orders.keys(ARCHIVE, "feed/feed/orders/")
    sizes = [len(gzip.decompress(orders.s3.get_object(Bucket=ARCHIVE, Key=each)["Body"].read())) for each in keys]
    assert len(orders.lines(ARCHIVE, "feed/feed/orders/")) == 500
    assert len(sizes) > 1
    assert max(sizes) < sum(sizes) / 2


def test_wrong_destination_fails_every_message(orders: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = {"name": "logz", "kind": "logzio", "listener_url": "https://localhost:1", "token_secret": "none"}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(destination))
    item = orders.land(ATLAS_KEY, b"x")
    assert ship.handler(batch(message("orders", item)), Context()) == failures(1)
