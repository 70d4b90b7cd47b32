"""Whole invocations: what an event or an object holds has arrived, redacted, once it is acknowledged."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import archive, bulk, ship
from log_shipper.decode import decoded
from log_shipper.errors import CorruptInputError, ShipperError
from log_shipper.events import subscriptions_in
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.fast import RawBlock
from log_shipper.log_stream import LogStream
from log_shipper.reading import read_blocks
from log_shipper.record import Record
from log_shipper.rendering import fit
from log_shipper.transform import redacted
from log_shipper.vendors.logzio import dialect as logzio

from tests.fuzz.budget import fuzz_slowly
from tests.fuzz.material import LINES, OBJECT, ORIGIN, PACKED, TOKENS
from tests.fuzz.test_documents import ANY_TEXT, S3_EVENT, SUBSCRIPTION
from tests.fuzz.test_ways import CONFIGS
from tests.lambda_src.log_shipper.world import (
    ARCHIVE,
    FAILURES,
    LANDING,
    Cloud,
    Context,
    Listener,
    answer,
    batch,
    message,
    subscription,
)  # fmt: skip

OK: dict[str, Any] = {"batchItemFailures": []}
LONGEST = 90


@pytest.fixture(autouse=True)
def _short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logzio, "SHAPE", logzio.SHAPE._replace(max_message_chars=LONGEST))
    # put back after the test, which changes it with every example
    monkeypatch.setattr(logzio.LogzioDialect, "target_body_bytes", logzio.LogzioDialect.target_body_bytes)
    monkeypatch.setattr(bulk, "BODIES_IN_FLIGHT", bulk.BODIES_IN_FLIGHT)


def wipe(cloud: Cloud) -> None:
    for bucket in (ARCHIVE, FAILURES):
        for key in cloud.keys(bucket):
            cloud.s3.delete_object(Bucket=bucket, Key=key)


def records_of(data: bytes, config: ExportConfig) -> Iterator[Record]:
    """Yield what the reader makes of an object, as far as it can be read."""
    blocks = read_blocks(decoded([data]), vendor=config.vendor, format_name=config.format_name, origin=ORIGIN)
    try:
        for block in blocks:
            yield from block.records() if isinstance(block, RawBlock) else block
    except CorruptInputError as error:
        yield Record(f"the rest of the object cannot be read: {error}", "", "unreadable")


def sent_and_kept(data: bytes, config: ExportConfig) -> tuple[list[str], list[str]]:
    """Return the messages that the destination should have, and those that should be kept back."""
    sent: list[str] = []
    kept: list[str] = []
    for record in records_of(data, config):
        if record.log_type == "unreadable":
            kept.append(record.message)
        elif config.filter.wants(record.message):
            whole = redacted([record], config)[0] if config.redactor.active else record
            parts = [part.message for part in fit(whole, LONGEST, config.oversize)]
            sent += parts
            kept += [] if parts else [whole.message]
    return sent, kept


@fuzz_slowly
@given(
    OBJECT,
    st.sampled_from(sorted(PACKED)),
    st.integers(0, 3),
    CONFIGS,
    st.lists(st.sampled_from([200, 200, 429, 500, 413, 401]), max_size=8),
    st.integers(1, 600),
    st.sampled_from([1, 8]),
    st.uuids(),
)
def test_what_lands_arrives(
    cloud: Cloud, logz: Listener, data: bytes, codec: str, broken: int, document: dict[str, Any], statuses: list[int],
    body_bytes: int, bodies: int, key: object,
) -> None:  # fmt: skip
    """Any object in any packing and any configuration, while the listener answers as it likes."""
    bulk.BODIES_IN_FLIGHT = bodies
    wipe(cloud)
    logz.accepted.clear()
    logzio.LogzioDialect.target_body_bytes = body_bytes
    logz.script[:] = [
        (lambda *_: True) if status == 200 else (lambda handler, _, s=status: answer(handler, s))  # type: ignore[misc]
        for status in statuses
    ]
    stream = PACKED[codec](data)
    stream = stream[: len(stream) - broken] if codec != "plain" else stream
    cloud.export("app", **document, landing={"bucket": LANDING})
    item = cloud.land(f"a/b/c/{key}.log", stream)
    for received in range(1, 30):
        if ship.handler(batch(message("app", item, received=received)), Context()) == OK:
            break
    else:
        raise AssertionError("never acknowledged")
    sent, kept = sent_and_kept(stream, parse_export_config("app", json.dumps(document)))
    refused = [line["record"]["message"] for line in cloud.lines(FAILURES, "quarantine/")]
    found, wanted = Counter(logz.messages() + refused), Counter(sent + kept)
    if 413 in statuses or (bodies > 1 and {401, 429, 500} & set(statuses)):
        # posted again: a part of a body that was halved, when the other fails, and bodies behind one that failed
        assert found >= wanted
        assert found.keys() == wanted.keys()
    else:
        assert found == wanted
        assert refused != kept or bodies > 1 or logz.messages() == sent


@fuzz_slowly
@given(
    LINES,
    CONFIGS.filter(lambda document: "format" not in document),
    st.sampled_from(["/app", "/aws/rds/cluster/x/audit", "/aws/rds/cluster/x/error"]),
)
def test_log_events_are_archived(cloud: Cloud, texts: list[str], document: dict[str, Any], group: str) -> None:
    wipe(cloud)
    cloud.export("app", **document, landing={"log_group_prefixes": [group]})
    event = subscription("app", group, texts)
    result = archive.handler(event, None)
    assert archive.handler(event, None) == result
    config = parse_export_config("app", json.dumps(document))
    (payload,) = subscriptions_in(event)
    stream = LogStream(payload.log_group, payload.log_stream, config)
    wanted = [
        redacted([record], config)[0].message if config.redactor.active else record.message
        for records in (stream.records(payload), *stream.finish())
        for record in records
        if config.filter.wants(record.message)
    ]
    archived = cloud.lines(ARCHIVE)
    assert Counter(line["message"] for line in archived) == Counter(wanted)
    assert result["archived"] == len(wanted)


@fuzz_slowly
@given(SUBSCRIPTION)
def test_an_event_of_any_shape_is_archived_or_refused(cloud: Cloud, event: dict[str, Any]) -> None:
    cloud.export("e", vendor="cloudwatch-logs")
    try:
        archive.handler(event, None)
    except (ShipperError, ClientError):
        return
    except (TypeError, AttributeError):
        # what CloudWatch Logs never sends: values of another type within a log event
        assert any(is_odd(entry) for payload in subscriptions_in(event) for entry in payload.events)


def is_odd(entry: dict[str, Any]) -> bool:
    return [type(entry.get(name)) for name in ("id", "timestamp", "message")] != [str, int, str]


@fuzz_slowly
@given(st.lists(S3_EVENT.map(json.dumps) | ANY_TEXT | st.sampled_from(TOKENS), max_size=3))
def test_messages_of_any_shape_fail_alone(cloud: Cloud, logz: Listener, bodies: list[str]) -> None:
    logz.accepted.clear()
    cloud.export("app", vendor="s3-logs", format="plain")
    item = cloud.land("app.log", b"one\ntwo\n")
    odd = [{"messageId": f"odd{i}", "body": body} for i, body in enumerate(bodies)]
    failed = ship.handler(batch(*odd, message("app", item)), Context())["batchItemFailures"]
    assert logz.messages() == ["one", "two"]
    assert {item["itemIdentifier"] for item in failed} <= {f"odd{i}" for i in range(len(bodies))}
    assert orjson.dumps(failed)
