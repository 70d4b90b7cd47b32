"""The fault matrix, fault by fault, and a function that is killed for real."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from log_shipper import aws, ship
from log_shipper.vendors.logzio import dialect as logzio

from tests.conftest import ROOT
from tests.lambda_src.log_shipper import fault_matrix, fault_stage
from tests.lambda_src.log_shipper.fault_matrix import ROWS, Row
from tests.lambda_src.log_shipper.fault_stage import LINES, OK, Stage
from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, Cloud, Context, Listener, batch, message


@pytest.fixture
def app(cloud: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An export of plain lines, shipped in many small bodies."""
    monkeypatch.setattr(logzio.LogzioDialect, "target_body_bytes", fault_stage.BODY_BYTES)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.progress.SAVE_EVERY_BYTES", fault_stage.SAVE_EVERY_BYTES)
    monkeypatch.setattr("log_shipper.bulk.BODIES_IN_FLIGHT", fault_stage.BODIES_IN_FLIGHT)
    cloud.export("app", vendor="s3-logs")
    return cloud


@pytest.mark.parametrize(
    ("row", "variant", "destination"),
    [
        pytest.param(
            row,
            name,
            destination,
            id=f"{row.fault[:40]}: {name}, {destination}",
            # Two variants of each row now, with one destination after the other; each with each with `make proof`.
            marks=() if number < 2 and place == number % len(row.destinations) else pytest.mark.proof,
        )
        for row in ROWS
        for number, name in enumerate(row.variants)
        for place, destination in enumerate(row.destinations)
    ],
)
def test_a_fault_ends_as_the_table_says(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, row: Row, variant: str, destination: str
) -> None:
    stage = Stage(app, logz, monkeypatch, destination)
    row.variants[variant](stage)
    stage.deliver()
    fault_matrix.check(stage, row)


def test_the_page_has_the_table() -> None:
    assert fault_matrix.table() in (ROOT / "docs" / "shipping.md").read_text(encoding="utf-8")


def test_dead_listener_is_asked_by_one_message_of_a_batch(app: Cloud, logz: Listener) -> None:
    items = [app.land(f"{i}.log", "\n".join(LINES).encode()) for i in range(5)]
    logz.refuse = lambda _: 503
    event = batch(*(message("app", item, number=i) for i, item in enumerate(items)))
    assert len(ship.handler(event, Context())["batchItemFailures"]) == 5
    assert not [body for body in logz.bodies if b"/0.log" not in body]
    assert 4 <= len(logz.bodies) <= fault_stage.BODIES_IN_FLIGHT - 1 + 4


def test_body_whose_refused_lines_cannot_be_stored_is_posted_once_an_invocation(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(app, logz, monkeypatch, "logz")
    stage.s3_fails("put_object", "quarantine/", fault_stage.s3_error("SlowDown"), times=100)
    logz.will_answer(*[400] * 20)
    items = [app.land(f"{i}.log", "\n".join(LINES).encode()) for i in range(5)]
    event = batch(*(message("app", item, number=i) for i, item in enumerate(items)))
    assert len(ship.handler(event, Context())["batchItemFailures"]) == 5
    assert len(logz.bodies) == len(set(logz.bodies)) <= fault_stage.BODIES_IN_FLIGHT


def test_object_that_needs_more_time_goes_on_from_where_it_stopped(app: Cloud, logz: Listener) -> None:
    queue = aws.sqs().create_queue(QueueName="acme-logz")["QueueUrl"]
    arn = aws.sqs().get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    item = app.land("app.log", gzip.compress("\n".join(LINES).encode()))
    first = message("app", item) | {"eventSourceARN": arn}

    class Hurried(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.milliseconds -= 1_000
            return self.milliseconds

    assert ship.handler(batch(first), Hurried(15_000)) == OK
    assert 0 < len(logz.accepted) < len(LINES)
    (again,) = aws.sqs().receive_message(QueueUrl=queue)["Messages"]
    assert ship.handler(batch({"messageId": "m2", "body": again["Body"]}), Context()) == OK
    assert sorted(logz.messages()) == LINES


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
    configuration = json.dumps({"vendor": "s3-logs", "landing": {"bucket": "acme-landing"}})
    aws_side = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.outside", str(tmp_path), configuration, ""],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert aws_side.stdout is not None
    url = f"http://127.0.0.1:{aws_side.stdout.readline().strip()}"
    destination: dict[str, object] = {"name": "logz", "kind": "logzio", "listener_url": listener.url}
    destination |= {"token_secret": "t", "bodies_in_flight": 2}
    environment = os.environ | {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1", "LOGDOCK_DEPLOYMENT": "acme", "LOGDOCK_EXPORTS_PATH": "/e/",
        "LOGDOCK_ACCOUNT": "111122223333",
        "LOGDOCK_ARCHIVE_BUCKET": ARCHIVE, "LOGDOCK_FAILURE_BUCKET": FAILURES,
        "LOGDOCK_MARK_TABLE": "marks",
        "LOGDOCK_DESTINATION": json.dumps(destination), "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip

    def start(received: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", FUNCTION, received], env=environment)

    released = threading.Event()
    listener.script += [lambda *_: True, lambda *_: released.wait(60) and False]
    try:
        function = start("1")
        assert listener.on_second.wait(60)
        first = threading.Event()
        assert any(listener.accepted or first.wait(0.01) for _ in range(6_000))
        function.send_signal(signal.SIGKILL)
        assert function.wait(60) == -signal.SIGKILL
        released.set()
        assert 0 < len(listener.accepted) < len(lines)
        assert start("2").wait(60) == 0
    finally:
        aws_side.terminate()
        aws_side.wait()
    counts = Counter(listener.messages())
    assert set(counts) == set(lines)
    # the first body, which was not saved, and the third, which was on its way behind the second
    repeated = sum(len(line) * (count - 1) for line, count in counts.items())
    assert 0 < repeated <= 2 * logzio.LogzioDialect.target_body_bytes


def test_each_message_that_is_returned_is_named_with_its_reason(
    app: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = [message("app", app.land(f"{i}.log", f"{i}\n".encode()), number=i) for i in range(3)]
    messages.insert(1, {**messages[0], "messageId": "m9", "body": "no event"})
    logz.will_answer(*[503] * 4)
    ship.handler(batch(*messages), Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    errors_by_messages = {tuple(line["message_ids"]): line["error"] for line in lines if line["event"] == "returned"}
    assert errors_by_messages == {
        ("m0", "m1", "m2"): "DeliveryError: 127.0.0.1 answered 503, 4 attempts",
        ("m9",): "ShipperError: the message is not JSON",
    }


def test_messages_are_named_when_the_destination_cannot_be_opened(
    app: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    app.secrets.delete_secret(SecretId="acme/logzio", ForceDeleteWithoutRecovery=True)
    ship._kept.cache_clear()
    ship.handler(batch(message("app", app.land("a.log", b"a\n"), number=4)), Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line["event"] == "failed" and "error" in line]
    assert (line["message_ids"], line["error"]) == (
        ["m4"],
        "ConfigurationError: secret 'acme/logzio' cannot be read: ResourceNotFoundException",
    )
