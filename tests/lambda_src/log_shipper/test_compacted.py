"""An archive object that has been compacted is shipped and fed by its name, from where its bytes are now."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper import aws, compact, compacted, ship
from log_shipper.keys import identity_of

from tests.lambda_src.log_shipper.world import ARCHIVE, MARKS, Cloud, Context, Listener, batch, message

DAY = datetime.now(UTC) - timedelta(days=1)
HOUR = f"logs/ledger/dt={DAY:%Y-%m-%d}/hour=03/"
NAMES = [f"{1_795_240_800_000 + number:013d}-{number:016x}.json.gz" for number in range(3)]


@pytest.fixture
def ledger(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An export whose archive has three objects of an hour of yesterday, which every destination has."""
    monkeypatch.setenv("LOGDOCK_FEEDS", '["feed"]')
    monkeypatch.setattr("log_shipper.compact.SETTLED_AFTER", timedelta(), raising=False)
    monkeypatch.setattr("log_shipper.compaction_plan.SETTLED_AFTER", timedelta())
    compacted.fetch_index.cache_clear()
    cloud.export("ledger", vendor="cockroachdb", landing={"log_groups": []}, ship_to=["logz", "feed"])
    for number, name in enumerate(NAMES):
        record = {
            "time": f"{DAY:%Y-%m-%d}T03:00:0{number}Z", "export": "ledger", "vendor": "cockroachdb", "log_type": "DEV",
            "source": "s", "message": f"line {number} " + "x" * 200 * number,
        }  # fmt: skip
        cloud.land(HOUR + name, gzip.compress(json.dumps(record).encode() + b"\n"), bucket=ARCHIVE)
        identity = identity_of(ARCHIVE, HOUR + name, "")
        cloud.dynamodb.put_item(
            TableName=MARKS, Item={"id": {"S": f"logz/ledger/{identity}"}, "holder": {"S": "h"}, "done": {"BOOL": True}}
        )
        cloud.land(f"feed-index/feed/ledger/{identity}.json", b"{}", bucket=ARCHIVE)
    return cloud


def forget(cloud: Cloud) -> None:
    """Forget what the destinations have."""
    for item in cloud.dynamodb.scan(TableName=MARKS)["Items"]:
        if "done" in item:
            cloud.dynamodb.delete_item(TableName=MARKS, Key={"id": item["id"]})
    for key in cloud.keys(ARCHIVE, "feed-index/"):
        cloud.s3.delete_object(Bucket=ARCHIVE, Key=key)


def run() -> dict[str, int]:
    return compact.handler({}, Context(900_000))


def test_run_on_a_real_client_replaces_the_parts(ledger: Cloud) -> None:
    lines = ledger.lines(ARCHIVE, HOUR)
    assert run() == {"objects": 1, "parts": 3}
    assert ledger.keys(ARCHIVE, HOUR) == [f"{HOUR}compacted-000001.jsonl.gz"]
    assert ledger.lines(ARCHIVE, HOUR) == lines
    # the parts are left as noncurrent versions
    assert ledger.versions(ARCHIVE, HOUR) == 4
    assert run() == {"objects": 0, "parts": 0}


def test_run_without_conditional_deletes_begins_nothing(ledger: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = aws.s3().meta.service_model
    monkeypatch.delitem(model._shape_resolver._shape_map["ObjectIdentifier"]["members"], "ETag")
    with pytest.raises(compact.CompactionError, match="no ETag in DeleteObjects"):
        run()
    assert ledger.keys(ARCHIVE, HOUR) == [HOUR + name for name in NAMES]


@pytest.mark.parametrize("code", [None, "AccessDenied"])
def test_ship_compacted_part_is_shipped_once(
    ledger: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, code: str | None
) -> None:
    run()
    if code:  # without s3:ListBucket, S3 does not say that an object is not there
        hide(ledger, monkeypatch, code)
    event = batch(*(message("ledger", {"key": HOUR + name}, ARCHIVE, number) for number, name in enumerate(NAMES)))
    assert ship.handler(event, Context())["batchItemFailures"] == []
    assert logz.messages() == []  # it was shipped as a part
    forget(ledger)
    assert ship.handler(event, Context())["batchItemFailures"] == []
    assert [each.split()[1] for each in logz.messages()] == ["0", "1", "2"]


def hide(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    real = cloud.s3.get_object

    def get_object(**asked: Any) -> Any:
        try:
            return real(**asked)
        except ClientError as error:
            raise ClientError({"Error": {"Code": code}}, "GetObject") from error

    monkeypatch.setattr(cloud.s3, "get_object", get_object)


def test_ship_compacted_object_itself_is_no_input(ledger: Cloud, logz: Listener) -> None:
    run()
    forget(ledger)
    event = batch(message("ledger", {"key": f"{HOUR}compacted-000001.jsonl.gz"}, ARCHIVE))
    assert ship.handler(event, Context())["batchItemFailures"] == []
    assert logz.messages() == []


def test_ship_part_that_never_was_fails(ledger: Cloud, logz: Listener) -> None:
    run()
    event = batch(message("ledger", {"key": HOUR + NAMES[0].replace("00", "11", 1)}, ARCHIVE))
    assert len(ship.handler(event, Context())["batchItemFailures"]) == 1


def test_feed_compacted_part_is_fed_as_it_was(ledger: Cloud, destination: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ledger.lines(ARCHIVE, HOUR)
    run()
    forget(ledger)
    destination("feed")
    monkeypatch.setattr("log_shipper.objects.CHUNK_BYTES", 50)
    event = batch(*(message("ledger", {"key": HOUR + name}, ARCHIVE, number) for number, name in enumerate(NAMES)))
    assert ship.handler(event, Context())["batchItemFailures"] == []
    assert ledger.lines(ARCHIVE, "feed/feed/ledger/") == lines
