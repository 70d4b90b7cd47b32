"""Where faults are brought about: an object that landed, its messages, a listener, and the ways to harm each."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper import aws, http_client, marks, objects, ship
from log_shipper.keys import identity_of, progress_key
from log_shipper.vendors.logzio import dialect as logzio

from tests.lambda_src.log_shipper.world import (
    ARCHIVE,
    FAILURES,
    LANDING,
    MARKS,
    Cloud,
    Context,
    Listener,
    answer,
    message,
)

LINES = [f"{i:03d} {'x' * 40}" for i in range(400)]
BODY_BYTES, SAVE_EVERY_BYTES, BODIES_IN_FLIGHT = 12_000, 30_000, 3
OK: dict[str, Any] = {"batchItemFailures": []}
VISIBILITY_SECONDS = 1800
STATUSES = (408, 429, 500, 502, 503, 504)


class KilledError(BaseException):
    """The function is killed: nothing in it may catch this."""


@dataclass
class Stage:
    """One object that landed, ``lines`` as they should arrive, its messages, and what became of them."""

    cloud: Cloud
    listener: Listener
    monkeypatch: pytest.MonkeyPatch
    destination: str
    item: dict[str, Any] = field(init=False)
    messages: list[dict[str, Any]] = field(init=False)
    lines: list[str] = field(default_factory=LINES.copy)
    returned: int = 0
    passed_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(marks, "time", SimpleNamespace(time=lambda: time.time() + self.passed_seconds))
        if self.destination != "logz":
            kind = {"name": self.destination, "kind": self.destination}
            self.monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(kind))
        self.item = self.cloud.land("app.log", gzip.compress("\n".join(LINES).encode()))
        self.messages = [self.message()]

    def message(self, number: int = 1, **item: Any) -> dict[str, Any]:
        return message("app", self.item | item, number=number)

    def deliver(self, attempts: int = 8, context: Context | None = None) -> None:
        """Call the function with what is in the queue until that is empty, or so often."""
        for _ in range(attempts):
            if not self.messages:
                return
            try:
                answered = ship.handler({"Records": self.messages[:10]}, context or Context())
            except KilledError:
                failed = {each["messageId"] for each in self.messages[:10]}
            else:
                failed = {each["itemIdentifier"] for each in answered["batchItemFailures"]}
            self.returned += bool(failed)
            self.passed_seconds += VISIBILITY_SECONDS if failed else 0
            self.messages = [each for each in self.messages[:10] if each["messageId"] in failed] + self.messages[10:]
            for each in self.messages:
                received = int(each["attributes"]["ApproximateReceiveCount"]) + 1
                each["attributes"]["ApproximateReceiveCount"] = str(received)

    def arrived(self) -> list[dict[str, Any]]:
        """Return the records that the destination has, in its order."""
        prefixes = {"archive": "logs/", "feed": "feed/"}
        if self.destination in prefixes:
            return self.cloud.lines(ARCHIVE, prefixes[self.destination])
        return self.listener.accepted

    def s3_fails(self, operation: str, prefix: str, error: BaseException, times: int = 1) -> None:
        """Let S3 fail so often at keys that begin so."""
        whole, left = getattr(aws.s3(), operation), iter(range(times))

        def faulty(**arguments: Any) -> Any:
            if arguments["Key"].startswith(prefix) and next(left, None) is not None:
                raise error
            return whole(**arguments)

        self.monkeypatch.setattr(aws.s3(), operation, faulty)

    def table_fails(
        self, operation: str, error: BaseException, times: int = 1, which: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Let DynamoDB fail so often at items with such keys."""
        whole, left = getattr(aws.dynamodb(), operation), iter(range(times))

        def faulty(**arguments: Any) -> Any:
            if which(arguments["Key"]["id"]["S"]) and next(left, None) is not None:
                raise error
            return whole(**arguments)

        self.monkeypatch.setattr(aws.dynamodb(), operation, faulty)


Happen = Callable[[Stage], None]


def scripted(*answers: Callable[[BaseHTTPRequestHandler, bytes], bool], after: int = 0) -> Happen:
    """Let the listener take so many bodies, then answer so."""

    def happen(stage: Stage) -> None:
        stage.listener.script += [lambda *_: True] * after + list(answers)

    return happen


def status(code: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], bool]:
    return lambda handler, _: answer(handler, code, body, headers)


def reset(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
    """Break the connection before an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.close_connection = True
    handler.connection.close()
    return False


def half_an_answer(code: int) -> Callable[[BaseHTTPRequestHandler, bytes], bool]:
    """Promise more of a body than is sent."""

    def answer_half(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
        handler.send_response(code)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"malformed')
        handler.close_connection = True
        return False

    return answer_half


def half_a_head(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
    """Break off inside the headers."""
    handler.wfile.write(b"HTTP/1.1 20")
    handler.close_connection = True
    return False


def taken(stage: Stage, then: Callable[[BaseHTTPRequestHandler, bytes], bool]) -> None:
    """Let the listener take a body and then not say so."""

    def take(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        stage.listener.accepted += [json.loads(line) for line in body.splitlines()]
        return then(handler, body)

    stage.listener.script.append(take)


def hang(stage: Stage) -> Callable[[BaseHTTPRequestHandler, bytes], bool]:
    """Do not answer for longer than is waited, this once."""
    patient = http_client.TIMEOUT_SECONDS
    stage.monkeypatch.setattr(http_client, "TIMEOUT_SECONDS", 0.5)
    stage.monkeypatch.setattr(http_client, "LEAST_TIMEOUT_SECONDS", 0.1)

    def wait(*_: object) -> bool:
        http_client.TIMEOUT_SECONDS = patient
        return threading.Event().wait(1)

    return wait


def refuses(code: int, invocations: int = 1, after: int = 0) -> Happen:
    """Let the listener take so many bodies, then refuse all others of so many invocations."""

    def happen(stage: Stage) -> None:
        stage.listener.script += [lambda *_: True] * after
        stage.listener.refuse = lambda _: code if stage.returned < invocations else 200

    return happen


def refuses_as_the_last(code: int) -> Happen:
    """Refuse the second body once, when those that are on their way with it have been taken."""

    def happen(stage: Stage) -> None:
        def refuse(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
            others, waited = threading.Event(), 0
            while len(stage.listener.bodies) < BODIES_IN_FLIGHT + 1 and waited < 500:
                others.wait(0.01)
                waited += 1
            others.wait(0.05)
            return answer(handler, code)

        stage.listener.script += [lambda *_: True, refuse]

    return happen


def refuse_connections(stage: Stage) -> None:
    whole = http_client.HttpClient._connected

    def connected(client: http_client.HttpClient) -> Any:
        if stage.returned < 1:
            raise ConnectionRefusedError
        return whole(client)

    stage.monkeypatch.setattr(http_client.HttpClient, "_connected", connected)


def counted(stage: Stage) -> None:
    """Take a body but for its longest line, which is identified by its length."""
    long = "200 " + "y" * 300
    stage.item = stage.cloud.land("app.log", "\n".join([*LINES[:201], long, *LINES[201:]]).encode())
    stage.messages = [stage.message()]

    def count(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        lines = body.splitlines()
        good = [line for line in lines if long.encode() not in line]
        if len(good) < len(lines):
            stage.listener.accepted += [json.loads(line) for line in good]
            counts = {"malformedLines": 0, "oversizedLines": 1, "successfulLines": len(good)}
            return answer(handler, 400, json.dumps(counts).encode())
        return True

    stage.listener.script += [count] * 40


def too_large_alone(stage: Stage) -> None:
    stage.listener.refuse = lambda body: 413 if b"200 x" in body else 200


def too_large_then(code: int) -> Happen:
    """Refuse a record of three parts as too large, take the first, and refuse the rest for an invocation."""

    def happen(stage: Stage) -> None:
        long = "".join(f"{number:04d}" for number in range(30))
        stage.monkeypatch.setattr(logzio, "SHAPE", logzio.SHAPE._replace(max_message_chars=44))
        stage.lines = [long[:44], long[44:88], long[88:]]
        stage.item = stage.cloud.land("app.log", long.encode())
        stage.messages = [stage.message()]
        scripted(status(413), lambda *_: True, *[status(code)] * 4)(stage)

    return happen


def s3_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "S3")


def unreadable(code: str) -> Happen:
    return lambda stage: stage.s3_fails("get_object", "app.log", s3_error(code), times=2)


def claim_fails(code: str) -> Happen:
    return lambda stage: stage.table_fails("update_item", s3_error(code), times=50)


def mark_unreadable(stage: Stage) -> None:
    stage.deliver()
    stage.messages = [stage.message(2)]
    stage.table_fails("update_item", s3_error("ProvisionedThroughputExceededException"))


def receipt_unreadable(stage: Stage) -> None:
    stage.deliver()
    stage.messages = [stage.message(2)]
    stage.table_fails("get_item", s3_error("ThrottlingException"))


def mark_unwritable(stage: Stage) -> None:
    stage.table_fails("update_item", s3_error("AccessDeniedException"), times=50, which=_is_receipt)
    stage.deliver()
    stage.passed_seconds += 301
    stage.messages = [stage.message(2)]


def _is_receipt(key: str) -> bool:
    return key.count("/") == 1


def marked_in_s3(stage: Stage) -> None:
    """What the release before wrote, and not this one."""
    stage.deliver()
    identity = identity_of(LANDING, stage.item["key"], stage.item["version-id"])
    for key in stage.cloud.marks():
        stage.cloud.dynamodb.delete_item(TableName=MARKS, Key={"id": {"S": key}})
    body = {"position": len(LINES), "reader": "text", "done": True}
    key = progress_key("logz", "app", identity)
    stage.cloud.s3.put_object(Bucket=FAILURES, Key=key, Body=json.dumps(body).encode())
    stage.cloud.first_mark("logz", time.time())
    stage.messages = [stage.message(2)]


def quarantine_unwritable(stage: Stage) -> None:
    counted(stage)
    stage.s3_fails("put_object", "quarantine/", s3_error("SlowDown"))


def damaged(stage: Stage) -> None:
    whole = gzip.compress("\n".join(LINES).encode())
    stage.item = stage.cloud.land("app.log", whole[: len(whole) // 2])
    stage.messages = [stage.message()]


def gone(stage: Stage) -> None:
    stage.messages = [message("app", {"key": "gone", "etag": "e"})]


def no_event(stage: Stage) -> None:
    stage.messages[0]["body"] = "not an event"


def foreign_bucket(stage: Stage) -> None:
    stage.cloud.s3.create_bucket(Bucket="acme-another")
    stage.cloud.s3.put_bucket_versioning(Bucket="acme-another", VersioningConfiguration={"Status": "Enabled"})
    stage.messages = [message("app", stage.cloud.land("a.log", b"x\n", "acme-another"), "acme-another")]


def foreign_archive(stage: Stage) -> None:
    item = stage.cloud.land("logs/another/a.json.gz", gzip.compress(b"{}\n"), ARCHIVE)
    stage.messages = [message("app", item, ARCHIVE)]


def ships_elsewhere(stage: Stage) -> None:
    stage.cloud.export("app", vendor="s3-logs", ship_to=["another"])


def deleted(stage: Stage) -> None:
    stage.monkeypatch.setattr(objects, "FRESH", timedelta())
    stage.cloud.s3.delete_object(Bucket=LANDING, Key=stage.item["key"])


def killed_at_the_mark(stage: Stage) -> None:
    def kill(*_: object) -> None:
        stage.monkeypatch.setattr(marks.MarkTable, "save", whole)
        raise KilledError

    whole = marks.MarkTable.save
    stage.monkeypatch.setattr(marks.MarkTable, "save", kill)


def killed_and_copied(stage: Stage) -> None:
    """A copy of the message comes right after the function was killed."""
    killed_before_an_answer(stage)
    stage.deliver(1)
    stage.passed_seconds = 0
    stage.messages = [stage.message(2)]


def killed_before_an_answer(stage: Stage) -> None:
    def kill(*_: object) -> bool:
        stage.monkeypatch.setattr(http_client.HttpClient, "post", killing)
        return True

    def killing(*_: object) -> None:
        stage.monkeypatch.setattr(http_client.HttpClient, "post", whole)
        raise KilledError

    whole = http_client.HttpClient.post
    stage.listener.script += [lambda *_: True, kill]


def hurried(stage: Stage) -> None:
    class Hurried(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.milliseconds -= 1_000
            return self.milliseconds

    stage.deliver(1, Hurried(15_000))


def no_configuration(stage: Stage) -> None:
    stage.cloud.ssm.delete_parameter(Name="/logdock/acme/exports/app")
    stage.deliver(2)
    stage.cloud.export("app", vendor="s3-logs")


def no_secret(stage: Stage) -> None:
    stage.cloud.secrets.update_secret(SecretId="acme/logzio", SecretString=" ")
    stage.deliver(2)
    stage.cloud.secrets.put_secret_value(SecretId="acme/logzio", SecretString="token")


def duplicate(stage: Stage) -> None:
    stage.deliver()
    stage.messages = [stage.message(2)]


def duplicate_in_a_batch(stage: Stage) -> None:
    stage.messages = [stage.message(1), stage.message(2)]


def duplicate_at_once(stage: Stage) -> None:
    """A second invocation gets the message while the first waits for its first answer."""

    def meanwhile(*_: object) -> bool:
        answered = ship.handler({"Records": [stage.message(2)]}, Context())
        assert answered == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
        stage.returned += 1
        return True

    stage.listener.script.append(meanwhile)
    stage.deliver(1)
    stage.messages = [stage.message(2)]


def duplicate_at_once_later(stage: Stage) -> None:
    """A second invocation gets the message after the first's claim has ended, and the first goes on all the same."""

    def meanwhile(*_: object) -> bool:
        stage.passed_seconds += 301
        assert ship.handler({"Records": [stage.message(2)]}, Context()) == OK
        return True

    stage.listener.script.append(meanwhile)


def disorder(stage: Stage) -> None:
    halves = [stage.cloud.land(f"{i}.log", "\n".join(LINES[i * 200 :][:200]).encode()) for i in (0, 1)]
    stage.messages = [message("app", half, number=i) for i, half in reversed(list(enumerate(halves)))]


def write_fails(error: BaseException) -> Happen:
    return lambda stage: stage.s3_fails("put_object", {"archive": "logs/", "feed": "feed/"}[stage.destination], error)


def not_hidden(stage: Stage) -> None:
    def refuse(**_: object) -> None:
        raise s3_error("InternalError")

    refuses(503)(stage)
    stage.monkeypatch.setattr(aws.sqs(), "change_message_visibility_batch", refuse)
