"""The fault matrix: whatever the listener, S3 or the function does, nothing is lost and little is repeated."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_shipper import aws, http_client, logzio, ship
from log_shipper.jobs import SAVE_EVERY_BYTES

from tests.lambda_src.log_shipper.world import (
    ARCHIVE,
    FAILURES,
    Cloud,
    Context,
    Listener,
    answer,
    batch,
    message,
)

LINES = [f"{i} {'x' * 40}" for i in range(400)]
OK: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def app(cloud: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An export of plain lines, shipped in many small bodies."""
    monkeypatch.setattr(logzio.LogzioDialect, "target_body_bytes", 8_000)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 2_000)
    cloud.export("app", vendor="s3-logs")
    return cloud


def reset(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
    """Break the connection before an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.close_connection = True
    handler.connection.close()
    return False


def half_an_answer(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
    """Promise more of a body than is sent."""
    handler.send_response(400)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"malformed')
    handler.close_connection = True
    return False


def until_done(message_of: Any, attempts: int = 8) -> int:
    """Receive a message until it is acknowledged; return how often that took."""
    for received in range(1, attempts + 1):
        if ship.handler(batch(message_of(received)), Context()) == OK:
            return received
    raise AssertionError("never acknowledged")


FAULTS: dict[str, Any] = {
    **{str(status): [lambda h, _, s=status: answer(h, s)] for status in (429, 500, 502, 503, 504, 408)},
    "429 with Retry-After": [lambda h, _: answer(h, 429, b"", {"Retry-After": "2"})],
    "401": [lambda h, _: answer(h, 401)],
    "403": [lambda h, _: answer(h, 403)],
    "404": [lambda h, _: answer(h, 404)],
    "413": [lambda h, _: answer(h, 413)],
    "reset": [reset],
    "down for a whole invocation": [lambda h, _: answer(h, 503)] * 4,
    "down for three invocations": [lambda h, _: answer(h, 503)] * 12,
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("after", [0, 1])
def test_fault_of_the_listener_loses_and_repeats_nothing(app: Cloud, logz: Listener, fault: str, after: int) -> None:
    item = app.land("app.log", gzip.compress("\n".join(LINES).encode()))
    logz.script += [lambda *_: True] * after + FAULTS[fault]
    until_done(lambda received: message("app", item, received=received))
    assert logz.messages() == LINES
    assert app.keys(FAILURES, "quarantine/") == []


def test_400_that_breaks_off_is_kept_and_not_posted_again(app: Cloud, logz: Listener) -> None:
    item = app.land("app.log", gzip.compress("\n".join(LINES).encode()))
    logz.script.append(half_an_answer)
    assert ship.handler(batch(message("app", item)), Context()) == OK
    kept = [line["record"]["message"] for line in app.lines(FAILURES, "quarantine/")]
    assert kept + logz.messages() == LINES
    assert len(kept) < len(LINES)


def test_listener_that_hangs_is_given_up_and_tried_again(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(http_client, "LEAST_TIMEOUT_SECONDS", 0.1)
    released = threading.Event()
    logz.script.append(lambda *_: released.wait(5) and False)
    item = app.land("app.log", "\n".join(LINES).encode())
    assert ship.handler(batch(message("app", item)), Context()) == OK
    released.set()
    assert logz.messages() == LINES


def test_retry_after_that_is_too_long_leaves_the_message_to_the_queue(app: Cloud, logz: Listener) -> None:
    item = app.land("app.log", b"a\n")
    logz.will_answer(429, Retry_After="3600")
    assert ship.handler(batch(message("app", item)), Context()) != OK
    assert len(logz.bodies) == 1


def test_dead_listener_is_asked_by_one_message_of_a_batch(app: Cloud, logz: Listener) -> None:
    items = [app.land(f"{i}.log", "\n".join(LINES).encode()) for i in range(5)]
    logz.will_answer(*[503] * 4)
    event = batch(*(message("app", item, number=i) for i, item in enumerate(items)))
    assert len(ship.handler(event, Context())["batchItemFailures"]) == 5
    assert len(logz.bodies) == 4


@pytest.mark.parametrize("code", ["SlowDown", "KMS.DisabledException", "AccessDenied", "InternalError"])
@pytest.mark.parametrize("operation", ["get_object", "put_object"])
def test_fault_of_s3_loses_nothing(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, code: str, operation: str
) -> None:
    item = app.land("app.log", "\n".join(LINES).encode())
    whole = getattr(aws.s3(), operation)
    faults = iter([True])

    def faulty(**arguments: Any) -> Any:
        if next(faults, False):
            raise ClientError({"Error": {"Code": code}}, operation)
        return whole(**arguments)

    monkeypatch.setattr(aws.s3(), operation, faulty)
    until_done(lambda received: message("app", item, received=received))
    assert set(logz.messages()) == set(LINES)
    assert max(Counter(logz.messages()).values()) <= 2


def test_object_that_needs_more_time_goes_on_from_where_it_stopped(app: Cloud, logz: Listener) -> None:
    queue = aws.sqs().create_queue(QueueName="acme-logz")["QueueUrl"]
    arn = aws.sqs().get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    item = app.land("app.log", gzip.compress("\n".join(LINES).encode()))
    first = message("app", item) | {"eventSourceARN": arn}

    class Hurried(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.milliseconds -= 1_000
            return self.milliseconds

    assert ship.handler(batch(first), Hurried(20_000)) == OK
    assert 0 < len(logz.accepted) < len(LINES)
    (again,) = aws.sqs().receive_message(QueueUrl=queue)["Messages"]
    assert ship.handler(batch({"messageId": "m2", "body": again["Body"]}), Context()) == OK
    assert logz.messages() == LINES


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_arrives_is_what_was_sent_in_order(app: Cloud, logz: Listener, data: st.DataObject) -> None:
    """Any bytes, any body limit, any interleaving of passing faults and redeliveries."""
    raw = data.draw(st.binary(max_size=600))
    lines = [line for line in raw.replace(b"\r", b"\n").split(b"\n") if line.strip()]
    wanted = [line.decode("utf-8", "backslashreplace") for line in lines]
    if raw[:3] in (b"BZh", b"\xef\xbb\xbf") or raw[:2] == b"\x1f\x8b" or raw[:4] == b"\x28\xb5\x2f\xfd":
        return
    logzio.LogzioDialect.target_body_bytes = data.draw(st.integers(1, 400))
    logz.accepted.clear()
    logz.script[:] = [
        (lambda *_: True) if status == 200 else (lambda h, _, s=status: answer(h, s))  # type: ignore[misc]
        for status in data.draw(st.lists(st.sampled_from([200, 200, 429, 500, 413, 401]), max_size=12))
    ]
    app.export("app", vendor="s3-logs", format="plain")
    item = app.land(f"{data.draw(st.uuids())}.log", b"\n".join(lines))
    until_done(lambda received: message("app", item, received=received), attempts=20)
    refused = [line["record"]["message"] for line in app.lines(FAILURES, "quarantine/")]
    assert Counter(logz.messages()) + Counter(refused) == Counter(wanted)
    if not refused:
        assert logz.messages() == wanted
    for key in app.keys(FAILURES):
        app.s3.delete_object(Bucket=FAILURES, Key=key)


FUNCTION = """
import json, sys
from log_shipper import ship
class Context:
    def get_remaining_time_in_millis(self): return 300000
body = {"export": "app", "detail": {"bucket": {"name": "acme-landing"}, "object": {"key": "a", "etag": "e"}}}
record = {"messageId": "m", "body": json.dumps(body), "attributes": {"ApproximateReceiveCount": sys.argv[1]}}
assert ship.handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
"""


def test_function_that_is_killed_loses_nothing_and_repeats_little(listener: Listener, tmp_path: Path) -> None:
    """SIGKILL in a real process while the second body waits for its answer, then another process goes on."""
    lines = [f"{i} {'x' * 1000}" for i in range(14_000)]
    (tmp_path / "acme-landing%2Fa").write_bytes(gzip.compress("\n".join(lines).encode()))
    aws_side = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.outside", str(tmp_path), '{"vendor":"s3-logs"}', ""],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert aws_side.stdout is not None
    url = f"http://127.0.0.1:{aws_side.stdout.readline().strip()}"
    destination = {"name": "logz", "kind": "logzio", "listener_url": listener.url, "token_secret": "t"}
    environment = os.environ | {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1", "LOGDOCK_DEPLOYMENT": "acme", "LOGDOCK_EXPORTS_PATH": "/e/",
        "LOGDOCK_ARCHIVE_BUCKET": ARCHIVE, "LOGDOCK_FAILURE_BUCKET": FAILURES,
        "LOGDOCK_DESTINATION": json.dumps(destination), "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip

    def start(received: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", FUNCTION, received], env=environment)

    released = threading.Event()
    listener.script += [lambda *_: True, lambda *_: released.wait(60) and False]
    try:
        function = start("1")
        assert listener.on_second.wait(60)
        function.send_signal(signal.SIGKILL)
        assert function.wait(60) == -signal.SIGKILL
        released.set()
        assert 0 < len(listener.accepted) < len(lines)
        assert start("2").wait(60) == 0
    finally:
        aws_side.terminate()
        aws_side.wait()
    arrived = listener.messages()
    repeated = arrived[: len(arrived) - len(lines)]
    assert repeated == lines[: len(repeated)]
    assert arrived[len(repeated) :] == lines
    assert sum(map(len, repeated)) <= SAVE_EVERY_BYTES
