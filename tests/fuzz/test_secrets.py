"""A secret that is in what is read never shows in an exception, a traceback or a line that the shipper logs."""

import gzip
import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import archive, aws, ship
from log_shipper.decode import decoded
from log_shipper.events import objects_in, subscriptions_in
from log_shipper.fast import RawBlock
from log_shipper.line_readers import FORMATS
from log_shipper.reading import read_blocks
from log_shipper.runtime import explain
from log_shipper.secret_store import SecretStore
from log_shipper.vendors.aptible import envelope as aptible_envelope

from tests.fuzz.budget import fuzz, fuzz_slowly
from tests.fuzz.material import LINES, ORIGIN, PACKED, SECRET, SIZES, TOKENS, cut
from tests.fuzz.test_documents import packed
from tests.lambda_src.log_shipper.world import (
    Cloud,
    Context,
    Listener,
    answer,
    batch,
    message,
    subscription,
)  # fmt: skip

TELLTALE = SECRET.partition("@")[0]
"""What must show nowhere: the secret, or the better half of it."""


def says(call: Callable[[], object]) -> str:
    """Return all that an exception of a call could reveal: what is logged of it, and what Lambda prints of it."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not reveal it
        return "\n".join((explain(error), str(error), repr(error), *traceback.format_exception(error)))
    return ""


def quiet(call: Callable[[], object]) -> None:
    # the traceback shows the lines of code, and not what their names stand for
    assert TELLTALE not in says(call)


def consume(data: list[bytes], vendor: str, name: str) -> None:
    for block in read_blocks(decoded(data), vendor=vendor, format_name=name, origin=ORIGIN):
        _ = block.records() if isinstance(block, RawBlock) else block


@fuzz
@given(LINES, st.sampled_from(FORMATS), st.sampled_from(sorted(PACKED)), st.integers(0, 40), st.integers(0, 9), SIZES)
def test_reading_an_object_reveals_nothing(
    texts: list[str], name: str, codec: str, at: int, drop: int, sizes: list[int]
) -> None:
    stream = PACKED[codec]("\n".join([SECRET, *texts, SECRET]).encode())
    at %= len(stream)
    damaged = stream[: len(stream) - at - drop] + stream[len(stream) - at :]
    quiet(lambda: consume(cut(damaged, sizes), "s3-logs", name))


PLACES = st.recursive(
    st.just(SECRET) | st.none() | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["Records", "s3", "object", "bucket", "name", "key", "detail", "export", "messageType",
                         "logEvents", "logGroup", "subscriptionFilters", "message", "id", "timestamp", SECRET]),
        inner, max_size=4,
    ),
    max_leaves=10,
)  # fmt: skip


@fuzz
@given(PLACES, st.integers(0, 30))
def test_a_refused_event_reveals_nothing_of_its_records(document: Any, short: int) -> None:
    body = json.dumps(document)
    quiet(lambda: objects_in(body[: len(body) - short]))
    quiet(lambda: list(subscriptions_in({"awslogs": {"data": packed(document)}})))
    quiet(lambda: list(subscriptions_in({"Records": [{"kinesis": {"data": document}}]})))
    whole = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "subscriptionFilters": ["logdock.e"]}
    events = document if isinstance(document, list) else [document]
    (payload,) = subscriptions_in({"awslogs": {"data": packed(whole | {"logEvents": events})}})
    for name in ("id", "timestamp", "message"):
        quiet(lambda name=name: payload.column(name))  # type: ignore[misc]


@fuzz
@given(st.lists(st.sampled_from([SECRET, *TOKENS]), max_size=6).map("".join), st.integers(0, 2))
def test_a_secret_that_cannot_be_read_is_not_shown(text: str, way: int) -> None:
    store = SecretStore(clock=lambda: 0.0)
    store._held["s"] = (1.0, [f"{SECRET}{text}", json.dumps({"k": SECRET + text}), '{"keys":["' + SECRET][way])
    for use in (store.headers, store.decryption_keys):
        quiet(lambda use=use: use("s"))  # type: ignore[misc]
    if way:
        quiet(lambda: store.token("s"))


@fuzz
@given(st.binary(max_size=40), SIZES)
def test_an_envelope_that_does_not_open_reveals_nothing(body: bytes, sizes: list[int]) -> None:
    key = SECRET.encode().ljust(32, b"=")
    envelope = aptible_envelope.Envelope(body, b"i" * 12)
    quiet(lambda: aptible_envelope.unwrap_key(envelope, key))
    quiet(lambda: aptible_envelope.verify(cut(body, sizes), envelope, key))
    quiet(lambda: aptible_envelope.master_key_for("a/b/c/d", [key]))


def failing(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "Broken", "Message": f"refused: {SECRET}"}}, operation)

    monkeypatch.setattr(aws.s3(), operation, fail)


@fuzz_slowly
@given(
    LINES,
    st.sampled_from([(), ("put_object",), ("get_object",)]),
    st.sampled_from([200, 400, 413, 500, 401]),
    st.sampled_from(["s3-logs", "cockroachdb", "unknown"]),
    st.booleans(),
)
def test_an_invocation_logs_nothing_of_a_record(
    cloud: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str], texts: list[str], broken: tuple[str, ...],
    status: int, vendor: str, whole: bool,
) -> None:  # fmt: skip
    capsys.readouterr()
    cloud.export("app", vendor=vendor)
    body = gzip.compress("\n".join([SECRET, *texts]).encode())
    item = cloud.land("app.log", body if whole else body[:-5])
    counts = json.dumps({"malformedLines": 1, "successfulLines": 0, "note": SECRET}).encode()
    logz.script[:] = [lambda handler, _: answer(handler, status, counts)] * (4 if status != 200 else 0)
    with pytest.MonkeyPatch.context() as patched:
        for operation in broken:
            failing(operation, patched)
        ship.handler(batch(message("app", item)), Context())
        message_of_error = says(lambda: archive.handler(subscription("app", "/app", [SECRET, *texts]), None))
    shown = capsys.readouterr()
    assert TELLTALE not in shown.out + shown.err
    # what AWS itself answers is not a record's content; the text of its own errors is not ours to redact
    assert TELLTALE not in message_of_error.replace(f"refused: {SECRET}", "")
