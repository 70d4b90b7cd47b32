"""What arrives that is not as it should be is refused by name, and nothing of it is said."""

import base64
import gzip
import json
from typing import Any

import pytest
from log_shipper import archive, events
from log_shipper.errors import ShipperError, UnknownExportError
from log_shipper.events import objects_in, subscriptions_in

from tests.lambda_src.log_shipper.world import Cloud, subscription

OBJECT = {"bucket": {"name": "b"}, "object": {"key": "k"}}


def payload(document: object) -> dict[str, Any]:
    data = base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()
    return {"awslogs": {"data": data}}


@pytest.mark.parametrize(
    "event",
    [
        {"export": "e", "detail": {"bucket": {"name": 1}, "object": {"key": "k"}}},
        {"export": "e", "detail": {"bucket": {"name": "b"}, "object": {"key": ["k"]}}},
        {"export": "e", "detail": {"bucket": {"name": "b"}, "object": {"key": ""}}},
        {"export": "e", "detail": {"bucket": "b", "object": {"key": "k"}}},
        {"export": "e", "detail": {"bucket": {"name": "b"}, "object": "k"}},
        {"export": "e", "detail": None},
        {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": 5}}}]},
        {"Records": [{"s3": {"bucket": {"name": None}, "object": {"key": "logs/e/dt=x"}}}]},
        {"Records": "text"},
        {"Records": None},
        {"Records": [None]},
    ],
)
def test_an_s3_event_without_bucket_or_key_is_refused(event: object) -> None:
    with pytest.raises(ShipperError, match="lacks its bucket or key"):
        objects_in(json.dumps(event))


@pytest.mark.parametrize(
    "event", [{"detail": OBJECT}, {"export": None, "detail": OBJECT}, {"export": "", "detail": OBJECT}]
)
def test_an_event_without_an_export_is_recognised(event: object) -> None:
    with pytest.raises(UnknownExportError):
        objects_in(json.dumps(event))


@pytest.mark.parametrize(
    "event",
    [
        {}, {"Records": None}, {"Records": [{}]}, {"Records": [{"kinesis": None}]}, {"awslogs": None}, {"awslogs": {}},
        {"awslogs": {"data": None}}, {"awslogs": {"data": "é"}}, {"awslogs": {"data": ""}},
        {"awslogs": {"data": "AAAA"}},
    ],
)  # fmt: skip
def test_an_event_that_is_no_subscription_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ShipperError):
        list(subscriptions_in(event))


@pytest.mark.parametrize(
    "document",
    [
        None, [], "text", 5, {"messageType": "DATA_MESSAGE"},
        {"messageType": "DATA_MESSAGE", "subscriptionFilters": ["logdock.e"], "logGroup": "g", "logStream": "s"},
        {"messageType": "DATA_MESSAGE", "subscriptionFilters": [5], "logGroup": "g", "logStream": "s", "logEvents": []},
        {"messageType": "DATA_MESSAGE", "subscriptionFilters": 5, "logGroup": "g", "logStream": "s", "logEvents": []},
    ],
)  # fmt: skip
def test_a_payload_that_is_no_batch_of_events_is_refused(document: object) -> None:
    with pytest.raises(ShipperError, match="is not a batch of log events"):
        list(subscriptions_in(payload(document)))


@pytest.mark.parametrize(
    "event", [{"id": "1", "timestamp": 1}, {"id": "1", "message": "x"}, {"message": "x"}, None, "x"]
)
def test_a_log_event_without_its_parts_is_refused(event: object, cloud: Cloud) -> None:
    cloud.export("e", vendor="cloudwatch-logs")
    with pytest.raises(ShipperError, match="a log event of the payload lacks its"):
        archive.handler(subscription("e", "g", [], logEvents=[event]), None)


def test_a_payload_larger_than_the_function_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    event = subscription("e", "g", ["x" * 10_000])
    assert len(list(subscriptions_in(event))) == 1
    monkeypatch.setattr(events, "MAX_PAYLOAD_BYTES", 10_000)
    with pytest.raises(ShipperError, match="expands to more than 10,000"):
        list(subscriptions_in(event))
