"""Quarantined records that are sent again: as they were, once, by the destination that refused them."""

import gzip
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import ship
from log_shipper.errors import ShipperError
from log_shipper.events import CONTINUES, ObjectRef, continued, message_of, objects_in
from log_shipper.keys import Quarantined, identity_of, quarantine_key, quarantined
from log_shipper.mark_items import object_key
from log_shipper.quarantine import records
from log_shipper.record import Origin

from tests.lambda_src.log_shipper.world import FAILURES, MARKS, Cloud, Context, Listener, batch, message

OK: dict[str, Any] = {"batchItemFailures": []}
LONG = "x" * 40_000
ORIGIN = Origin("2026-11-21T02:03:04Z", "app")


def again(cloud: Cloud, export: str = "app", prefix: str = "quarantine/", **changed: str) -> dict[str, Any]:
    """Return the message that a person has sent for the one quarantine object under a prefix."""
    (found,) = cloud.s3.list_object_versions(Bucket=FAILURES, Prefix=prefix)["Versions"]
    reference = ObjectRef(export, FAILURES, found["Key"], found["VersionId"])
    body = message_of(reference._replace(**changed))
    return {"messageId": "q1", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}


@pytest.fixture
def refused(cloud: Cloud, logz: Listener) -> Cloud:
    """An export of which the destination has refused one record of three, as too long."""
    cloud.export("app", vendor="s3-logs", oversize="quarantine")
    item = cloud.land("a.log", f"first\n{LONG}\nlast\n".encode())
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["first", "last"]
    return cloud


def is_finished(cloud: Cloud, reference: str) -> bool:
    (ref,) = objects_in(reference)
    return cloud.is_finished("app", identity_of(ref.bucket, ref.key, ref.version_id))


def test_a_record_is_sent_later_as_it_was_and_a_mark_says_so(refused: Cloud, logz: Listener) -> None:
    before = logz.accepted[0]
    logz.accepted.clear()
    refused.export("app", vendor="s3-logs", oversize="split")
    sent = again(refused)

    assert ship.handler(batch(sent), Context()) == OK

    assert "".join(logz.messages()) == LONG
    same = {"time", "@timestamp", "export", "vendor", "log_type", "source"}
    for part in logz.accepted:
        assert {name: part[name] for name in same} == {name: before[name] for name in same}
    assert is_finished(refused, sent["body"])
    assert len(refused.keys(FAILURES, "quarantine/")) == 1


def test_a_record_that_is_refused_again_is_kept_again_once_however_often_it_is_tried(
    refused: Cloud, logz: Listener
) -> None:
    sent = again(refused)
    (kept,) = refused.lines(FAILURES, "quarantine/")

    assert ship.handler(batch(sent), Context()) == OK
    key = object_key("logz", "app", identity_of(*ref_of(sent)))
    refused.dynamodb.delete_item(TableName=MARKS, Key={"id": {"S": key}})
    assert ship.handler(batch(sent), Context()) == OK

    assert len(refused.keys(FAILURES, "quarantine/")) == 2
    assert refused.lines(FAILURES, "quarantine/") == [kept, kept]
    assert logz.messages() == ["first", "last"]


def ref_of(sent: dict[str, Any]) -> tuple[str, str, str]:
    (ref,) = objects_in(sent["body"])
    return ref.bucket, ref.key, ref.version_id


def test_what_was_sent_twice_arrives_once(refused: Cloud, logz: Listener) -> None:
    refused.export("app", vendor="s3-logs", oversize="truncate")
    logz.accepted.clear()
    for _ in range(2):
        assert ship.handler(batch(again(refused)), Context()) == OK
    assert len(logz.accepted) == 1


def test_what_should_be_redacted_by_now_is_redacted(refused: Cloud, logz: Listener) -> None:
    pattern = {"name": "x", "regex": "x+", "replacement": "y"}
    refused.export("app", vendor="s3-logs", redaction={"patterns": [pattern]})
    logz.accepted.clear()
    assert ship.handler(batch(again(refused)), Context()) == OK
    assert logz.messages() == ["y"]


@pytest.mark.parametrize(
    "changed",
    [
        {"version_id": ""},
        {"key": "quarantine/app/other/dt=2026-11-21/0001763690584000-0011223344556677.json.gz"},
        {"key": "quarantine/other/logz/dt=2026-11-21/0001763690584000-0011223344556677.json.gz"},
        {"key": "progress/logz/app/0011223344556677.json"},
    ],
    ids=["no version", "another destination's", "another export's", "no quarantine object"],
)
def test_rejects_what_this_destination_did_not_refuse(
    refused: Cloud, logz: Listener, changed: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    answered = ship.handler(batch(again(refused, **changed)), Context())
    assert answered == {"batchItemFailures": [{"itemIdentifier": "q1"}]}
    assert '"error":"ForeignObjectError: ' in capsys.readouterr().out
    assert logz.messages() == ["first", "last"]


def test_a_quarantine_object_that_is_damaged_is_never_said_to_be_done(refused: Cloud, logz: Listener) -> None:
    (key,) = refused.keys(FAILURES, "quarantine/")
    body = refused.s3.get_object(Bucket=FAILURES, Key=key)["Body"].read()
    version = refused.s3.put_object(Bucket=FAILURES, Key=key, Body=body[:-9])["VersionId"]
    text = message_of(ObjectRef("app", FAILURES, key, version))
    sent = {"messageId": "q1", "body": text, "attributes": {}}

    assert ship.handler(batch(sent), Context()) == {"batchItemFailures": [{"itemIdentifier": "q1"}]}

    assert key in refused.keys(FAILURES, "quarantine/")
    assert not is_finished(refused, text)


RECORDS = st.fixed_dictionaries(
    {
        "time": st.just("2026-11-21T02:03:04.567Z"),
        "log_type": st.text(max_size=8),
        "source": st.text(max_size=8),
        "message": st.text(max_size=200),
    }
)


@given(st.lists(RECORDS, min_size=1), st.data())
def test_reads_every_record_wherever_the_pieces_are_cut(written: list[dict[str, str]], data: st.DataObject) -> None:
    body = b"".join(orjson.dumps({"reason": "too long", "record": record}) + b"\n" for record in written)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    read = [record for block in records(pieces, ORIGIN) for record in block]
    assert [(r.message, r.log_type, r.source) for r in read] == [
        (r["message"], r["log_type"], r["source"]) for r in written
    ]


def test_a_record_longer_than_any_line_elsewhere_is_read_whole() -> None:
    message = "m" * (9 * 1024 * 1024)
    record = {"time": "2026-11-21T02:03:04Z", "log_type": "app", "source": "s", "message": message}
    body = orjson.dumps({"reason": "too long", "record": record}) + b"\n"
    ((read,),) = records([body[i : i + 65_536] for i in range(0, len(body), 65_536)], ORIGIN)
    assert read.message == message


@pytest.mark.parametrize("line", [b"{}", b"[]", b"text", b'{"record":{"message":"no time"}}', b""])
def test_rejects_a_line_that_is_no_quarantined_record(line: bytes) -> None:
    with pytest.raises(ShipperError):
        list(records([line + b"\n"], ORIGIN))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXTS, TEXTS, TEXTS.filter(lambda text: not text.startswith("<")))
def test_a_message_is_read_as_what_it_was_made_of(export: str, key: str, version: str) -> None:
    ref = ObjectRef(export, "bucket", key, version)
    assert objects_in(message_of(ref)) == [ref]
    assert objects_in(continued(message_of(ref))) == [ref]
    assert json.loads(continued(message_of(ref)))[CONTINUES] is True


@pytest.mark.parametrize("body", ["text", "[]", ""])
def test_a_message_that_is_no_event_stays_as_it_is(body: str) -> None:
    assert continued(body) == body


def test_a_quarantine_key_says_whose_records_it_holds() -> None:
    key = quarantine_key("app", "logz", "2026-11-21T02:03:04.567Z", "0011223344556677")
    assert key == "quarantine/app/logz/dt=2026-11-21/1795226584567-0011223344556677.json.gz"
    assert quarantined(key) == Quarantined("app", "logz")
    assert quarantined("progress/logz/app/0011223344556677.json") is None


def test_quarantine_objects_carry_the_redaction_that_they_have_been_through(refused: Cloud) -> None:
    (key,) = refused.keys(FAILURES, "quarantine/")
    found = refused.s3.get_object(Bucket=FAILURES, Key=key)
    assert list(found["Metadata"]) == ["logdock-policy"]
    assert gzip.decompress(found["Body"].read()).startswith(b'{"reason":')
