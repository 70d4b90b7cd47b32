"""The outside world as a simulation: every call is a step at which it can fail, and the function can be killed.

No socket, no clock and no thread (what is started in the background happens at any later point), so that hypothesis
tries hundreds of histories a second and shows the shortest that breaks a promise. What the shipper sees of AWS and of a
listener is here; what it does with it is the real code.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import IncompleteRead
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from log_shipper import archive, aws, bulk, feed, marks, queue, ship
from log_shipper.errors import DeliveryError
from log_shipper.http_client import Backoff
from log_shipper.vendors.logzio import dialect as logzio
from log_shipper.vendors.otlp import dialect as otlp

from tests.aws_in_memory import Memory, error
from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, LANDING

QUEUE = "acme-ship-x"
QUEUE_ARN = f"arn:aws:sqs:eu-west-1:111122223333:{QUEUE}"
S3_NAMES = {
    "get_object": "GetObject", "head_object": "GetObject", "put_object": "PutObject",
    "list_objects_v2": "ListObjectsV2", "get_item": "GetItem", "update_item": "UpdateItem",
}  # fmt: skip
"""Calls that can fail, as `S3_CALLS` has them."""
WRITES = ("put_object", "update_item", "send_message")
"""Calls after which the function can be killed."""
LONGEST_LINE = 175
"""Bytes above which the listener of the simulation calls a line oversized."""


class KilledError(BaseException):
    """The function is killed: nothing in it may catch this."""


class Later(Future[Any]):
    """A call that is made when its result is awaited, or before: there are no threads here."""

    def __init__(self, call: Callable[[], Any], world: "World") -> None:
        super().__init__()
        self._call, self._world = call, world

    def make(self) -> None:
        if not self.done() and self.set_running_or_notify_cancel():
            try:
                self.set_result(self._call())
            except BaseException as error:  # noqa: BLE001 - as a pool's thread does
                self.set_exception(error)

    def cancel(self) -> bool:
        """A call that has begun is not cancelled, and any may have."""
        return self._world.random.random() < 0.5 and super().cancel()

    def result(self, timeout: float | None = None) -> Any:
        self.make()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if timeout is not None and not self.done() and self._world.random.random() < 0.3:
            raise TimeoutError
        self.make()
        return super().exception(timeout)


class World(Memory):
    """The buckets, the queue and the listener; their configuration and content."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.arrived: dict[str, list[str]] = defaultdict(list)
        self.answers: list[str] = []
        self.answered: list[str] = []
        self.sizes: dict[str, int] = {}
        self.unheard_bytes = 0
        self.largest_body = 0
        self.fuse: int | None = None
        self.s3_faults: dict[str, int] = {}
        self.failed_s3_calls = 0
        self.items["x/"] = {"since": {"N": "0"}}
        self.messages[QUEUE] = {}
        self.now = 1_795_226_645.0
        self.skew = 0.0
        self.meanwhile: Callable[[], None] | None = None
        self.random = Random(0)  # noqa: S311
        self.later: list[Later] = []
        self.slowness = 0.0

    def start(self, call: Callable[..., Any], *args: Any, **named: Any) -> Later:
        """Start a call in the background: others that were started may get on before it, or after."""
        later = Later(lambda: call(*args, **named), self)
        self.later.append(later)
        self.get_on()
        return later

    def get_on(self) -> None:
        """Let any of the calls in the background happen, in any order, or none."""
        if self.slowness and self.random.random() < self.slowness:
            return
        waiting = [each for each in self.later if not each.done() and not each.running()]
        for each in self.random.sample(waiting, self.random.randint(0, len(waiting))):
            each.make()

    def wait(self, futures: list[Later], timeout: float, return_when: str = ALL_COMPLETED) -> None:
        """Wait for any of these, or for all of them."""
        if return_when == FIRST_COMPLETED:
            if not any(each.done() for each in futures):
                self.random.choice(futures).make()
        elif timeout > 0:
            for each in self.random.sample(futures, len(futures)):
                each.make()

    def step(self) -> None:
        """Come to a point where the function may be killed."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise KilledError

    def before(self, operation: str, asked: Mapping[str, Any]) -> None:
        if operation == "put_object":
            self.get_on()
        self.step()
        if operation in S3_NAMES:
            key = "marks/" if "Item" in S3_NAMES[operation] else asked.get("Key", asked.get("Prefix", ""))
            self._fail(f"{S3_NAMES[operation]} {key.partition('/')[0] if '/' in key else 'object'}")

    def after(self, operation: str, asked: Mapping[str, Any]) -> None:
        if operation == "put_object":
            self.written.append(asked["Key"])
        if operation in WRITES:
            self.step()
        if operation == "update_item":
            self._fail("UpdateItem marks, unheard")

    def _fail(self, fault: str) -> None:
        if self.s3_faults.get(fault, 0) > 0:
            self.s3_faults[fault] -= 1
            self.failed_s3_calls += 1
            raise error("SlowDown", fault.partition(" ")[0])

    def parameter(self, name: str) -> str:
        exclude = '"exclude":[":drop"],' if name.endswith("some") else ""
        return f'{{{exclude}"vendor":"s3-logs","format":"plain","landing":{{"bucket":"{LANDING}"}}}}'

    # what came of it

    def land(self, bucket: str, key: str, body: bytes) -> None:
        """Store an object whose event names the ETag of `message_of`."""
        self.store(bucket, key, body)
        self.objects[bucket, key].etag = '"e"'

    def lines(self, bucket: str, prefix: str) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for key in self.keys(bucket, prefix)
            for line in gzip.decompress(self.objects[bucket, key].body).splitlines()
        ]

    def quarantined(self) -> dict[str, list[str]]:
        """Return the quarantined messages by source."""
        found: dict[str, list[str]] = defaultdict(list)
        for line in self.lines(FAILURES, "quarantine/"):
            found[line["record"]["source"]].append(line["record"]["message"])
        return found


class Wire:
    """A connection to the listener, which answers from the world's script and then 200."""

    world: ClassVar[World]
    read: ClassVar["Callable[[bytes], Lines]"]
    sock = None

    def __init__(self, *_: Any, **__: Any) -> None:
        self.body = b""

    def request(self, _method: str, _target: str, body: bytes, _headers: dict[str, str]) -> None:
        self.body = gzip.decompress(body)

    def close(self) -> None:
        pass

    def getresponse(self) -> "Response":
        world, lines = type(self).world, type(self).read(self.body)
        world.step()
        meanwhile, world.meanwhile = world.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        name = world.answers.pop(0) if world.answers else "200"
        world.answered.append(name)
        world.largest_body = max(world.largest_body, sum(size for *_, size in lines))
        taken, answer = ANSWERS[name](lines)
        for source, message, size in taken:
            world.arrived[source].append(message)
            world.sizes[message] = size
        world.step()
        if isinstance(answer, Exception):
            world.unheard_bytes += sum(size for *_, size in taken)
            raise answer
        return answer


@dataclass
class Response:
    """An answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def read(self, _: int) -> bytes:
        return self.body

    def isclosed(self) -> bool:
        return True


class NoWait(Backoff):
    """There are no threads here: a body that is posted within another's turn must not wait for it.

    A post that is made late began when it was started, before anything was given up.
    """

    def wait(self) -> None:
        pass

    def pause(self, _: float) -> None:
        self._check()

    @contextmanager
    def retrying(self) -> Iterator[None]:
        self._check()
        try:
            yield
        except DeliveryError as error:
            self._error = error
            raise


Lines = list[tuple[str, str, int]]
Answered = tuple[Lines, Response | Exception]


def _counted(lines: Lines) -> Answered:
    taken = [line for line in lines if line[2] <= LONGEST_LINE]
    if len(taken) == len(lines):
        return lines, Response(200)
    counts = {"malformedLines": 0, "oversizedLines": len(lines) - len(taken), "successfulLines": len(taken)}
    return taken, Response(400, json.dumps(counts).encode())


ANSWERS: dict[str, Callable[[Lines], Answered]] = {
    "200": lambda lines: (lines, Response(200)),
    "400 with counts": _counted,
    "400": lambda _: ([], Response(400)),
    "400 untold": lambda lines: (lines[: len(lines) // 2], Response(400)),
    "400 untold, cut": lambda lines: (lines[: len(lines) // 2], Response(400, b'{"malformed')),
    "200 untold": lambda lines: (lines[1:], Response(200, b'{"partialSuccess":{"rejectedLogRecords":1}}')),
    "401": lambda _: ([], Response(401)),
    "403": lambda _: ([], Response(403)),
    "404": lambda _: ([], Response(404)),
    "413": lambda _: ([], Response(413)),
    "429": lambda _: ([], Response(429)),
    "429, Retry-After": lambda _: ([], Response(429, b"", {"Retry-After": "2"})),
    "429, Retry-After long": lambda _: ([], Response(429, b"", {"Retry-After": "86400"})),
    "429, Retry-After odd": lambda _: ([], Response(429, b"", {"Retry-After": "²"})),
    "500": lambda _: ([], Response(500)),
    "503": lambda _: ([], Response(503)),
    "refused": lambda _: ([], ConnectionRefusedError()),
    "hang": lambda _: ([], TimeoutError()),
    "reset": lambda _: ([], ConnectionResetError()),
    "half an answer": lambda _: ([], IncompleteRead(b"HTT")),
    "hang, taken": lambda lines: (lines, TimeoutError()),
    "reset, taken": lambda lines: (lines, ConnectionResetError()),
    "half an answer, taken": lambda lines: (lines, IncompleteRead(b"HTT")),
}
S3_CALLS = (
    "GetObject object", "GetObject progress", "GetObject feed-index", "GetObject feed", "ListObjectsV2 feed",
    "PutObject quarantine", "PutObject logs", "PutObject feed", "PutObject feed-index",
    "GetItem marks", "UpdateItem marks", "UpdateItem marks, unheard",
)  # fmt: skip
OTLP_ONLY = {"400", "200 untold"}
LOGZIO_ONLY = {name for name in ANSWERS if name.startswith("400 ")}


def logzio_lines(body: bytes) -> Lines:
    """Return the records of a body: source, message, and the bytes of the line."""
    found = []
    for line in body.splitlines(keepends=True):
        record = json.loads(line)
        found.append((record["source"], record["message"], len(line)))
    return found


def otlp_lines(body: bytes) -> Lines:
    """Return the records of an OTLP body."""
    found = []
    for resource in json.loads(body)["resourceLogs"]:
        for record in resource["scopeLogs"][0]["logRecords"]:
            message = record["body"]["stringValue"]
            attributes = {each["key"]: each["value"]["stringValue"] for each in record["attributes"]}
            size = len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()) + len(",\n")
            found.append((attributes["source"], message, size))
    return found


class Clock:
    """Lambda's context: there is time until it was asked so often."""

    def __init__(self, looks: int | None) -> None:
        self.looks = looks

    def get_remaining_time_in_millis(self) -> int:
        if self.looks is None:
            return 300_000
        self.looks -= 1
        return 300_000 if self.looks >= 0 else 8_000


def message_of(key: str, number: int, export: str = "all", bucket: str = LANDING) -> dict[str, Any]:
    """Return the message that names an object."""
    body = {"export": export, "detail": {"bucket": {"name": bucket}, "object": {"key": key, "etag": "e"}}}
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"r{number}",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": QUEUE_ARN,
    }


def enter(
    monkeypatch: pytest.MonkeyPatch, world: World, kind: str, *, piece_bytes: int, body_bytes: int, save_every: int
) -> list[Any]:
    """Put the shipper into a world; return where the figures of its invocations are collected."""
    for name in ("s3", "sqs", "ssm", "secrets_manager", "dynamodb"):
        monkeypatch.setattr(aws, name, lambda: world)
    destination = {"name": "x", "kind": kind, "listener_url": "http://127.0.0.1", "token_secret": "t"}
    for name, value in {
        "LOGDOCK_DEPLOYMENT": "acme",
        "LOGDOCK_ACCOUNT": "111122223333",
        "LOGDOCK_EXPORTS_PATH": "/",
        "LOGDOCK_ARCHIVE_BUCKET": ARCHIVE,
        "LOGDOCK_FAILURE_BUCKET": FAILURES,
        "LOGDOCK_MARK_TABLE": "marks",
        "LOGDOCK_DESTINATION": json.dumps(destination | {"endpoint": "http://127.0.0.1"}),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("log_shipper.parallel.start", world.start)
    monkeypatch.setattr("log_shipper.delivery.wait", world.wait)
    monkeypatch.setattr("log_shipper.marks.time", SimpleNamespace(time=lambda: world.now + world.skew))
    monkeypatch.setattr("http.client.HTTPConnection", Wire)
    monkeypatch.setattr("log_shipper.http_client.Backoff", NoWait)
    Wire.world, Wire.read = world, staticmethod(otlp_lines if kind == "otlp" else logzio_lines)
    for dialect in (logzio.LogzioDialect, otlp.OtlpDialect):
        monkeypatch.setattr(dialect, "target_body_bytes", body_bytes)
    monkeypatch.setattr("log_shipper.progress.SAVE_EVERY_BYTES", save_every)
    monkeypatch.setattr("log_shipper.archive_writer.PART_BYTES", body_bytes)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", piece_bytes)
    # or an object is one block up to 128 KiB, and so one body
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", piece_bytes)
    monkeypatch.setattr("log_shipper.objects.CHUNK_BYTES", piece_bytes)
    monkeypatch.setattr(bulk, "MAX_BISECTIONS", 10_000)
    tallies: list[Any] = []
    monkeypatch.setattr("log_shipper.runtime.emit", lambda tally, **_: tallies.append(tally))
    start_anew()
    return tallies


def start_anew() -> None:
    """Forget what an execution environment keeps."""
    archive._configs.cache_clear()
    ship._kept.cache_clear()
    feed.last_written.cache_clear()
    queue._url.cache_clear()
    marks._since.clear()
