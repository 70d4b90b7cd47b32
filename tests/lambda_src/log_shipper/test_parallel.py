"""What waits for AWS or for a destination waits side by side, within a batch. A barrier breaks where it does not."""

import gzip
import json
import os
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

import pytest
from log_shipper import aws, delivery, feed, parallel, pipeline, ship
from log_shipper.bulk import BODIES_IN_FLIGHT
from log_shipper.errors import DeliveryError
from log_shipper.http_client import MAX_ATTEMPTS, Backoff, HttpClient

from tests.lambda_src.log_shipper.world import ARCHIVE, Cloud, Context, Listener, answer, batch, message

OK: dict[str, Any] = {"batchItemFailures": []}
OBJECTS = 10
LARGE = [f"{number:03d}" for number in range(20)]
pause = Backoff.pause


@pytest.fixture
def app(cloud: Cloud) -> Cloud:
    cloud.export("app", vendor="s3-logs", format="plain")
    return cloud


def landed(app: Cloud) -> dict[str, Any]:
    items = [app.land(f"{number}.log", b"%d\n" % number) for number in range(OBJECTS)]
    return batch(*(message("app", item, number=number) for number, item in enumerate(items)))


def meet(monkeypatch: pytest.MonkeyPatch, client: Any, operation: str, which: Callable[[Any], bool]) -> None:
    """Let each call to such keys wait until all objects of the batch are there."""
    whole, barrier = getattr(client, operation), threading.Barrier(OBJECTS, timeout=10)

    def together(**arguments: Any) -> Any:
        if which(arguments["Key"]):
            barrier.wait()
        return whole(**arguments)

    monkeypatch.setattr(client, operation, together)


def test_objects_of_a_batch_overlap(app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    event = landed(app)
    meet(monkeypatch, app.s3, "get_object", lambda _: True)
    assert ship.handler(event, Context()) == OK
    assert sorted(logz.messages()) == [str(number) for number in range(OBJECTS)]


def test_claims_of_a_batch_overlap(app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    event = landed(app)
    meet(monkeypatch, app.dynamodb, "update_item", lambda key: key["id"]["S"].startswith("logz/app/"))
    assert ship.handler(event, Context()) == OK
    assert sorted(logz.messages()) == [str(number) for number in range(OBJECTS)]


def test_the_last_key_of_a_feed_is_looked_for_while_objects_are_opened(
    app: Cloud, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    destination("feed")
    event, get, look, looked = landed(app), aws.s3().get_object, feed.Feed._last_key_ms, list[str]()
    is_looking = threading.Event()

    def get_late(**arguments: Any) -> Any:
        assert arguments["Key"].startswith("feed") or is_looking.wait(5)
        return get(**arguments)

    def note(of: feed.Feed, export: str, known: int) -> int:
        looked.append(export)
        is_looking.set()
        return look(of, export, known)

    monkeypatch.setattr(aws.s3(), "get_object", get_late)
    monkeypatch.setattr(feed.Feed, "_last_key_ms", note)
    assert ship.handler(event, Context()) == OK
    assert looked == ["app"]
    assert len(app.lines(ARCHIVE, "feed/")) == OBJECTS


def archived(app: Cloud) -> dict[str, Any]:
    keys = [f"logs/app/dt=2026-11-21/hour=02/{number:013d}-{number:016x}.json.gz" for number in range(OBJECTS)]
    items = [app.land(key, gzip.compress(b"%d\n" % number), bucket=ARCHIVE) for number, key in enumerate(keys)]
    return batch(*(message("app", item, ARCHIVE, number=number) for number, item in enumerate(items)))


def test_archive_objects_of_a_feed_are_noted_while_they_are_opened(
    app: Cloud, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    destination("feed")
    event, get, put = archived(app), aws.s3().get_object, aws.s3().put_object
    are_noted = threading.Barrier(OBJECTS * 2, timeout=10)

    def get_with_note(**arguments: Any) -> Any:
        if arguments["Key"].startswith("logs/"):
            are_noted.wait()
        return get(**arguments)

    def note(**arguments: Any) -> Any:
        if arguments["Key"].startswith("feed-index/"):
            are_noted.wait()
        return put(**arguments)

    monkeypatch.setattr(aws.s3(), "get_object", get_with_note)
    monkeypatch.setattr(aws.s3(), "put_object", note)
    assert ship.handler(event, Context()) == OK
    assert len(app.keys(ARCHIVE, "feed/")) == 1
    assert len(app.lines(ARCHIVE, "feed/")) == OBJECTS


@pytest.mark.parametrize("slow", [(feed.Feed, "_note"), (pipeline.Pipeline, "_stream")])
def test_nothing_of_a_batch_that_stops_goes_on_when_the_function_returns(
    app: Cloud, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, slow: tuple[type, str]
) -> None:
    """Lambda freezes it then: a note would be written in a later invocation, over that of another environment."""
    destination("feed")
    event, whole, begun, ended = archived(app), getattr(*slow), list[int](), list[int]()
    going_on: list[int] = []

    def take(*_: object) -> None:
        raise DeliveryError("the feed cannot be written")

    def wait(*arguments: Any) -> Any:
        begun.append(1)
        if len(begun) > 1:
            threading.Event().wait(0.2)
        result = whole(*arguments)
        ended.append(1)
        return result

    monkeypatch.setattr(feed.FeedSink, "take_as_it_is", take)
    monkeypatch.setattr("log_shipper.queue.delay_retry", lambda *_: going_on.append(len(begun) - len(ended)))
    monkeypatch.setattr(*slow, wait)
    assert len(ship.handler(event, Context())["batchItemFailures"]) == OBJECTS
    assert going_on == [0]
    assert len(begun) > 1


def test_parts_of_an_archive_overlap(
    app: Cloud, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    destination("archive")
    event = landed(app)
    meet(monkeypatch, app.s3, "put_object", lambda key: key.startswith("logs/"))
    assert ship.handler(event, Context()) == OK
    assert len(app.keys(ARCHIVE, "logs/")) == OBJECTS


def test_bodies_of_different_objects_overlap(app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("log_shipper.parallel.Flights.make_room", lambda *_: None)
    monkeypatch.setattr("log_shipper.vendors.logzio.dialect.LogzioDialect.target_body_bytes", 1)
    barrier = threading.Barrier(OBJECTS, timeout=10)
    logz.script += [lambda *_: bool(barrier.wait() + 1)] * OBJECTS
    assert ship.handler(landed(app), Context()) == OK
    assert sorted(logz.messages()) == [str(number) for number in range(OBJECTS)]


@pytest.fixture
def large(app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The message of an object of twenty lines, each a body."""
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 4)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 4)
    monkeypatch.setattr("log_shipper.vendors.logzio.dialect.LogzioDialect.target_body_bytes", 250)
    return batch(message("app", app.land("app.log", "\n".join(LARGE).encode())))


def limit_bodies_in_flight(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    document = json.loads(os.environ["LOGDOCK_DESTINATION"]) | {"bodies_in_flight": most}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(document))


@pytest.mark.parametrize("most", [1, 3, BODIES_IN_FLIGHT])
def test_bodies_of_an_object_overlap_up_to_the_limit(
    large: dict[str, Any], logz: Listener, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    if most != BODIES_IN_FLIGHT:
        limit_bodies_in_flight(monkeypatch, most)
    barrier, lock, counts = threading.Barrier(most, timeout=10), threading.Lock(), [0, 0]

    def together(*_: object) -> bool:
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
        barrier.wait()
        threading.Event().wait(0.01)
        with lock:
            counts[0] -= 1
        return True

    logz.script += [together] * (len(LARGE) // most * most)
    assert ship.handler(large, Context()) == OK
    assert counts[1] == most
    assert sorted(logz.messages()) == LARGE


def test_bodies_are_posted_in_order_where_one_is_on_its_way(
    large: dict[str, Any], logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_bodies_in_flight(monkeypatch, 1)
    logz.script.append(lambda *_: True)
    logz.will_answer(503, 429)
    assert ship.handler(large, Context()) == OK
    assert logz.messages() == LARGE


def test_body_that_fails_stops_those_behind_it(
    large: dict[str, Any], logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_bodies_in_flight(monkeypatch, 4)
    waiting = threading.Event()

    def refuse(body: bytes) -> int:
        if f'"{LARGE[5]}"'.encode() not in body:
            return 200
        # until those on their way with it are taken
        assert any(len(logz.accepted) == 8 or waiting.wait(0.01) for _ in range(500))
        return 404

    logz.refuse = refuse
    assert ship.handler(large, Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert set(logz.messages()) == {*LARGE[:5], *LARGE[6:9]}
    logz.refuse = lambda _: 200
    retried = json.loads(json.dumps(large))
    retried["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"
    assert ship.handler(retried, Context()) == OK
    assert set(logz.messages()) == set(LARGE)
    assert [line for line in LARGE if logz.messages().count(line) > 1] == LARGE[6:9]


@pytest.mark.parametrize("answered", [429, 503])
def test_no_body_begins_while_another_is_posted_again(
    large: dict[str, Any], logz: Listener, monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    """All of those on their way are refused once; then each is posted again alone, and no new one in between."""
    limit_bodies_in_flight(monkeypatch, 4)
    barrier, posted_again, others = threading.Barrier(4, timeout=10), list[int](), list[int]()

    def refuse(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
        barrier.wait()
        return answer(handler, answered, b"", {"Retry-After": "0"})

    def wait(*_: object) -> None:
        before = len(logz.bodies)
        threading.Event().wait(0.02)
        posted_again.append(before)
        others.append(len(logz.bodies) - before)

    monkeypatch.setattr(Backoff, "pause", wait)
    logz.script += [refuse] * 4
    assert ship.handler(large, Context()) == OK
    assert others == [0] * 4
    assert posted_again[0] == 4
    assert sorted(logz.messages()) == LARGE


@pytest.mark.parametrize("answered", [200, 503])
def test_nothing_is_on_its_way_when_the_function_returns(
    large: dict[str, Any], logz: Listener, monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    """Lambda freezes it then: a body that is on its way would arrive, or be posted again, in a later invocation."""
    limit_bodies_in_flight(monkeypatch, 4)
    barrier, failed, lock, on_their_way = threading.Barrier(4, timeout=10), threading.Event(), threading.Lock(), [0]
    whole = parallel.Flights.abandon

    def abandon(flights: parallel.Flights) -> None:
        failed.set()
        whole(flights)

    def refuse(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        with lock:
            on_their_way[0] += 1
        barrier.wait()
        is_first = f'"{LARGE[0]}"'.encode() in body
        if not is_first:
            assert failed.wait(10)
            threading.Event().wait(0.05)
        with lock:
            on_their_way[0] -= 1
        return answer(handler, 404 if is_first else answered)

    monkeypatch.setattr(parallel.Flights, "abandon", abandon)
    logz.script += [refuse] * 4
    assert ship.handler(large, Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert on_their_way == [0]
    assert len(logz.bodies) == 4


def test_body_that_waits_to_be_posted_again_is_given_up_with_its_batch(
    large: dict[str, Any], logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_bodies_in_flight(monkeypatch, 2)
    waits, given_up = threading.Event(), list[DeliveryError]()

    def wait(backoff: Backoff, seconds: float) -> None:
        waits.set()
        try:
            pause(backoff, seconds)
        except DeliveryError as error:
            given_up.append(error)
            raise

    def refuse(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        if f'"{LARGE[0]}"'.encode() in body:
            assert waits.wait(10)
            return answer(handler, 404)
        return answer(handler, 429, b"", {"Retry-After": "10"})

    monkeypatch.setattr(Backoff, "pause", wait)
    logz.script += [refuse] * 2
    assert ship.handler(large, Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert len(given_up) == 1
    assert len(logz.bodies) == 2


def test_destination_that_does_not_recover_is_tried_with_one_body(large: dict[str, Any], logz: Listener) -> None:
    logz.refuse = lambda _: 503
    assert ship.handler(large, Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert len(logz.bodies) <= BODIES_IN_FLIGHT + MAX_ATTEMPTS - 1
    assert not logz.accepted


def test_body_that_is_given_up_is_known_before_the_next_is_posted_again() -> None:
    class Watched(Backoff):
        def give_up(self, error: DeliveryError) -> None:
            turns.append(self._one.locked())
            super().give_up(error)

    turns: list[bool] = []
    with pytest.raises(DeliveryError), Watched().retrying():
        raise DeliveryError("given up")
    assert turns == [True]


def test_an_object_that_is_slow_to_open_lets_others_pass(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("log_shipper.vendors.logzio.dialect.LogzioDialect.target_body_bytes", 1)
    event, whole = landed(app), aws.s3().get_object

    def slow(**arguments: Any) -> Any:
        if arguments["Key"] == "0.log":
            assert logz.on_second.wait(10)
        return whole(**arguments)

    monkeypatch.setattr(aws.s3(), "get_object", slow)
    assert ship.handler(event, Context()) == OK
    assert sorted(logz.messages()) == [str(number) for number in range(OBJECTS)]


def test_an_object_that_does_not_open_in_time_fails_alone(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE_SECONDS", 0.01)
    event, whole, never = landed(app), aws.s3().get_object, threading.Event()

    class Short(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 9_000

    def hang(**arguments: Any) -> Any:
        if arguments["Key"] == "3.log":
            never.wait(10)
        return whole(**arguments)

    monkeypatch.setattr(aws.s3(), "get_object", hang)
    answered = ship.handler(event, Short())
    never.set()
    assert answered == {"batchItemFailures": [{"itemIdentifier": "m3"}]}
    assert len(logz.accepted) == OBJECTS - 1


def test_an_object_that_fails_fails_no_other(app: Cloud, logz: Listener) -> None:
    event = landed(app)
    gone = json.loads(event["Records"][4]["body"])
    gone["detail"]["object"] = {"key": "gone", "etag": "e"}
    event["Records"][4]["body"] = json.dumps(gone)
    assert ship.handler(event, Context()) == {"batchItemFailures": [{"itemIdentifier": "m4"}]}
    assert len(logz.accepted) == OBJECTS - 1


def test_a_configuration_is_read_once_for_all_objects(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, whole, calls = landed(app), aws.ssm().get_parameter, list[str]()

    def count(**arguments: Any) -> Any:
        calls.append(arguments["Name"])
        threading.Event().wait(0.02)
        return whole(**arguments)

    monkeypatch.setattr(aws.ssm(), "get_parameter", count)
    assert ship.handler(event, Context()) == OK
    assert len(calls) == 1


def test_a_connection_that_waited_long_is_opened_again(
    app: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "STALE_SECONDS", -1.0)
    assert ship.handler(landed(app), Context()) == OK
    assert logz.messages() == [str(number) for number in range(OBJECTS)]


def test_connections_share_one_tls_context_that_verifies() -> None:
    """To read the certificate authorities takes 50 ms of CPU."""
    clients = [HttpClient("https://listener.example", remaining_seconds=lambda: 30.0) for _ in range(2)]
    contexts = [cast("Any", client._connected())._context for client in clients]
    assert contexts[0] is contexts[1]
    assert contexts[0].check_hostname
    assert contexts[0].verify_mode == ssl.CERT_REQUIRED
