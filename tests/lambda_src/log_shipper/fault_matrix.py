"""The fault matrix: what each fault does to a load. The table in docs/shipping.md is made of these rows.

A row says what is delivered, repeated and kept; each of its variants brings the fault about, and a test holds the
outcome against the row. Nothing is ever lost: that is the same for all of them.
"""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper import aws, http_client, jobs, ship

from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, Cloud, Context, Listener, answer, message

LINES = [f"{i:03d} {'x' * 40}" for i in range(400)]
BODY_BYTES, SAVE_EVERY_BYTES = 20_000, 40_000
OK: dict[str, Any] = {"batchItemFailures": []}
STATUSES = (408, 429, 500, 502, 503, 504)


class KilledError(BaseException):
    """The function is killed: nothing in it may catch this."""


@dataclass
class Stage:
    """One object of 400 lines that landed, its messages, and what became of them."""

    cloud: Cloud
    listener: Listener
    monkeypatch: pytest.MonkeyPatch
    destination: str
    item: dict[str, Any] = field(init=False)
    messages: list[dict[str, Any]] = field(init=False)
    returned: int = 0

    def __post_init__(self) -> None:
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


Happen = Callable[[Stage], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault and what comes of it.

    Attributes
    ----------
    fault, does
        What happens, and what the shipper does.
    delivered
        ``everything``; ``the rest``: all but what is kept; ``what was whole``: all before the damage; ``nothing``.
    repeated
        ``nothing``, ``a body``, ``16 MiB and a body`` or ``the object``: the most that arrives twice.
    kept
        Where what is not delivered at once waits: ``queue``, ``quarantine``, ``dead-letter queue`` or nowhere (``—``).
    variants
        The ways to bring it about.
    destinations
        The kinds of destination that it is brought about at.
    """

    fault: str
    does: str
    delivered: str = "everything"
    repeated: str = "nothing"
    kept: str = "—"
    variants: Mapping[str, Happen]
    destinations: tuple[str, ...] = ("logz",)


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
    stage.monkeypatch.setattr(http_client, "TIMEOUT_SECONDS", 0.2)
    stage.monkeypatch.setattr(http_client, "LEAST_TIMEOUT_SECONDS", 0.1)

    def wait(*_: object) -> bool:
        http_client.TIMEOUT_SECONDS = patient
        return threading.Event().wait(1)

    return wait


def refuse_connections(stage: Stage) -> None:
    whole = http_client.HttpClient._connected
    left = iter(range(http_client.MAX_ATTEMPTS))

    def connected(client: http_client.HttpClient) -> Any:
        if next(left, None) is not None:
            raise ConnectionRefusedError
        return whole(client)

    stage.monkeypatch.setattr(http_client.HttpClient, "_connected", connected)


def counted(stage: Stage) -> None:
    """Take a body but for its longest line, which is told apart by its length."""
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


def s3_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "S3")


def unreadable(code: str) -> Happen:
    return lambda stage: stage.s3_fails("get_object", "app.log", s3_error(code), times=2)


def mark_unreadable(stage: Stage) -> None:
    stage.deliver()
    stage.messages = [stage.message(2)]
    stage.s3_fails("get_object", "progress/", s3_error("SlowDown"))


def mark_unwritable(stage: Stage) -> None:
    stage.s3_fails("put_object", "progress/", s3_error("KMS.DisabledException"), times=50)
    stage.deliver()
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


def killed_at_the_mark(stage: Stage) -> None:
    stage.s3_fails("put_object", "progress/", KilledError())


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

    stage.deliver(1, Hurried(20_000))


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

    stage.listener.script += [status(503)] * 4
    stage.monkeypatch.setattr(aws.sqs(), "change_message_visibility_batch", refuse)


ROWS = (
    Row(
        fault="the destination answers 408, 429, 500, 502, 503 or 504, once",
        does="posted again within the invocation, after `Retry-After` or a growing delay with jitter",
        variants={f"{code} after {after}": scripted(status(code), after=after) for code in STATUSES for after in (0, 1)}
        | {"429 with Retry-After": scripted(status(429, Retry_After="2"))},
    ),
    Row(
        fault="it answers so for longer, or asks with `Retry-After` for more time than is left",
        does="given up after four posts; every message of the batch waits in the queue, the others untried",
        kept="queue",
        variants={
            "one invocation": scripted(*[status(503)] * 4),
            "three invocations": scripted(*[status(503)] * 12),
            "half-way": scripted(*[status(503)] * 4, after=2),
            "Retry-After": scripted(status(429, Retry_After="86400")),
        },
    ),
    Row(
        fault="it refuses the token (401, 403), or answers with a status nobody expects",
        does="nothing is posted again; the secret is read anew; the messages wait in the queue",
        kept="queue",
        variants={str(code): scripted(status(code), after=1) for code in (401, 403, 404)},
    ),
    Row(
        fault="connections are refused or reset, or there is no answer in 30 s, and nothing was taken",
        does="posted again within the invocation",
        variants={
            "reset": scripted(reset, after=1),
            "half an answer": scripted(half_a_head, after=1),
            "hang": lambda stage: stage.listener.script.append(hang(stage)),
        },
    ),
    Row(
        fault="connections are refused for a whole invocation",
        does="as for 503",
        kept="queue",
        variants={"refused": refuse_connections},
    ),
    Row(
        fault="the body was taken, and its answer is lost",
        does="posted again: nobody can know",
        repeated="a body",
        variants={
            "reset": lambda stage: taken(stage, reset),
            "half an answer": lambda stage: taken(stage, half_a_head),
            "hang": lambda stage: taken(stage, hang(stage)),
        },
    ),
    Row(
        fault="413",
        does="posted again in halves",
        variants={"once": scripted(status(413), after=1), "twice": scripted(status(413), status(413))},
    ),
    Row(
        fault="413 (OTLP: also 400) for one record alone",
        does="that record is set aside with the reason",
        delivered="the rest",
        kept="quarantine",
        variants={"413": too_large_alone},
    ),
    Row(
        fault="Logz.io's 400 that counts oversized or malformed lines",
        does="a partial success: those lines are set aside, the others count as sent",
        delivered="the rest",
        kept="quarantine",
        variants={"counts": counted},
    ),
    Row(
        fault="a 400 whose counts say nothing, or that breaks off",
        does="the body is set aside as a whole, also what may have been taken of it; it is not posted again",
        delivered="the rest",
        kept="quarantine",
        variants={"no counts": scripted(status(400)), "cut off": scripted(half_an_answer(400))},
    ),
    Row(
        fault="S3 or KMS does not give the object: throttled, failing, denied, key disabled",
        does="after the SDK's own five tries the message waits in the queue; its neighbours go on",
        kept="queue",
        variants={
            code: unreadable(code) for code in ("SlowDown", "InternalError", "AccessDenied", "KMS.DisabledException")
        },
    ),
    Row(
        fault="the mark of a finished object cannot be read, and its message comes again",
        does="taken for one that is new",
        repeated="the object",
        variants={"throttled": mark_unreadable},
    ),
    Row(
        fault="the mark cannot be written, and the message comes again",
        does="the message is done all the same: what was acknowledged stays so",
        repeated="the object",
        variants={"key disabled": mark_unwritable},
    ),
    Row(
        fault="the quarantine cannot be written",
        does="nothing of that body counts as sent; the message waits in the queue",
        delivered="the rest",
        repeated="a body",
        kept="queue, quarantine",
        variants={"throttled": quarantine_unwritable},
    ),
    Row(
        fault="the object is damaged or cut off",
        does="delivered up to the damage; a note says where it is; the object stays where it landed",
        delivered="what was whole",
        kept="quarantine",
        variants={"cut off": damaged},
    ),
    Row(
        fault="the object is gone, or the message is no S3 event",
        does="tried twenty times, then left to a person, with an alarm",
        delivered="nothing",
        kept="queue, dead-letter queue",
        variants={"gone": gone, "no event": no_event},
    ),
    Row(
        fault="the export's configuration or the destination's secret cannot be read",
        does="nothing is shipped with less redaction than was asked for; the messages wait in the queue",
        kept="queue",
        variants={"configuration": no_configuration, "secret": no_secret},
    ),
    Row(
        fault="the function's time runs out inside an object",
        does="progress is kept, and the message goes to the end of its queue; those without a turn too",
        kept="queue",
        variants={"in the middle": hurried},
    ),
    Row(
        fault="the function is killed at any point",
        does="the batch comes back after 30 minutes and goes on where progress was kept last",
        repeated="16 MiB and a body",
        kept="queue",
        variants={"between two bodies": killed_before_an_answer, "before the mark": killed_at_the_mark},
    ),
    Row(
        fault="a message comes twice",
        does="the mark says that the object is done",
        variants={"later": duplicate, "in one batch": duplicate_in_a_batch},
    ),
    Row(
        fault="two invocations get copies of a message at the same moment",
        does="neither finds a mark",
        repeated="the object",
        variants={"at once": duplicate_at_once},
    ),
    Row(
        fault="messages come in any order",
        does="an object's records stay in their order; objects have none",
        variants={"reversed": disorder},
    ),
    Row(
        fault="a failed message cannot be hidden",
        does="it comes back after the queue's own visibility time, 30 minutes",
        kept="queue",
        variants={"refused": not_hidden},
    ),
    Row(
        fault="archive and feed: S3 fails, or the function is killed, at any point",
        does="what is there already is known by its key, or by the note that was written before it",
        kept="queue",
        variants={"throttled": write_fails(s3_error("SlowDown")), "killed": write_fails(KilledError())},
        destinations=("archive", "feed"),
    ),
    Row(
        fault="archive and feed: a message comes twice",
        does="as above",
        variants={"later": duplicate, "in one batch": duplicate_in_a_batch},
        destinations=("archive", "feed"),
    ),
)


def table() -> str:
    """Return the rows as the page has them."""
    lines = [
        "| fault | what happens | delivered | repeated, at most | kept | lost |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {row.fault} | {row.does} | {row.delivered} | {row.repeated} | {row.kept} | 0 |" for row in ROWS]
    return "\n".join(lines) + "\n"


def check(stage: Stage, row: Row) -> None:
    """Hold what became of the load against the row."""
    records = stage.arrived()
    arrived = [record["message"] for record in records]
    kept = [line["record"]["message"] for line in stage.cloud.lines(FAILURES, "quarantine/")]
    repeated = arrived.copy()
    for line in set(arrived):
        repeated.remove(line)
    line = len(json.dumps(records[0], separators=(",", ":")) + "\n") if records else 0
    unit = {"nothing": 0, "a body": BODY_BYTES, "16 MiB and a body": jobs.SAVE_EVERY_BYTES + BODY_BYTES}
    assert len(repeated) * line <= unit.get(row.repeated, len(LINES) * line)
    assert bool(repeated) == (row.repeated != "nothing")
    match row.delivered:
        case "everything":
            assert set(arrived) == set(LINES)
            assert kept == []
        case "the rest":
            assert set(LINES) <= set(arrived) | set(kept)
            assert arrived
        case "what was whole":
            assert arrived == LINES[: len(arrived)]
            assert arrived
        case "nothing":
            assert arrived == []
    places = row.kept.split(", ")
    assert bool(kept) == ("quarantine" in places)
    assert bool(stage.returned) == ("queue" in places)
    assert bool(stage.messages) == ("dead-letter queue" in places)
    if not repeated:
        for source in {record["source"] for record in records}:
            of_it = [record["message"] for record in records if record["source"] == source]
            assert of_it == sorted(of_it)
