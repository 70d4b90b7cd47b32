"""What failed waits in its queue, longer each time, and what needs more time goes to its end."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper import aws, http_client, queue, ship
from log_shipper.events import CONTINUES
from log_shipper.vendors.logzio import dialect as logzio

from constructs_lib.shipper import MEMORY_MB, TIMEOUT_SECONDS, TRIES_BEFORE_DEAD_LETTER
from logdock.settings.concurrency import MOST_BY_DEFAULT, default_concurrency
from tests.conftest import ROOT
from tests.lambda_src.log_shipper.world import Cloud, Context, Listener, batch, message

OK: dict[str, Any] = {"batchItemFailures": []}
LINES = [f"{i} {'x' * 40}" for i in range(400)]


class Queue:
    """A queue of SQS's, and for how many hours it hides messages."""

    def __init__(self, name: str, **attributes: str) -> None:
        queue._url.cache_clear()
        self.url = aws.sqs().create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
        self.arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        self.hidden: list[list[int]] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            self.hidden.append([entry["VisibilityTimeout"] for entry in params["Entries"]])

        aws.sqs().meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", note)

    def send(self, *messages: dict[str, Any], group: str | None = None) -> None:
        for each in messages:
            grouped: dict[str, Any] = {"MessageGroupId": group} if group else {}
            aws.sqs().send_message(QueueUrl=self.url, MessageBody=each["body"], **grouped)

    def receive(self) -> dict[str, Any]:
        """Return what the function is called with."""
        received = aws.sqs().receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        return batch(
            *(
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                    "eventSourceARN": self.arn,
                }
                for each in received.get("Messages", ())
            )
        )

    def delete(self, event: dict[str, Any], answer: dict[str, Any]) -> None:
        """Do with messages what Lambda does once the function has answered."""
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for each in event["Records"]:
            if each["messageId"] not in failed:
                aws.sqs().delete_message(QueueUrl=self.url, ReceiptHandle=each["receiptHandle"])


@pytest.fixture
def app(cloud: Cloud) -> Cloud:
    cloud.export("app", vendor="s3-logs")
    return cloud


@pytest.fixture
def standard(app: Cloud) -> Iterator[Queue]:
    yield Queue("acme-ship-logz")
    queue._url.cache_clear()
    aws.sqs.cache_clear()


@pytest.fixture
def fifo(app: Cloud) -> Iterator[Queue]:
    yield Queue("acme-ship-reader.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    queue._url.cache_clear()
    aws.sqs.cache_clear()


@pytest.mark.parametrize(
    ("received", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (20, 3600), (1000, 3600)]
)
def test_delay_doubles_with_every_try_up_to_an_hour(received: int, seconds: int) -> None:
    assert queue.delay_seconds(received, 0, grouped=False, jitter=0) == seconds
    assert queue.delay_seconds(received, 0, grouped=False, jitter=1) == seconds * 4 / 5


@pytest.mark.parametrize(("received", "seconds"), [(1, 30), (4, 240), (5, 300), (20, 300)])
def test_a_group_is_held_up_for_five_minutes_at_most(received: int, seconds: int) -> None:
    assert queue.delay_seconds(received, 0, grouped=True, jitter=0) == seconds


@pytest.mark.parametrize(
    ("retry_after", "jitter", "seconds"),
    [(5, 0, 30), (90, 0, 90), (90.5, 0, 91), (100, 1, 120), (86_400, 0, 42_300), (float("inf"), 1, 42_300)],
)
def test_what_the_destination_asks_for_is_never_undercut_nor_more_than_sqs_can(
    retry_after: float, jitter: float, seconds: int
) -> None:
    assert queue.delay_seconds(1, retry_after, grouped=False, jitter=jitter) == seconds


def waits(jitter: float, *, grouped: bool = False) -> list[int]:
    """Return the time between the tries of a message, without the invocations themselves."""
    numbers = range(1, TRIES_BEFORE_DEAD_LETTER)
    return [queue.delay_seconds(number, 0, grouped=grouped, jitter=jitter) for number in numbers]


def test_twenty_tries_outlast_ten_hours_of_a_destinations_absence() -> None:
    assert [sum(waits(jitter)) for jitter in (1, 0)] == [37_608, 47_010]  # 10 h 26 min to 13 h 3 min
    assert sum(waits(1)) > 10 * 3600


def test_twenty_tries_hold_up_a_feed_for_an_hour_and_a_half_at_most() -> None:
    assert [sum(waits(jitter, grouped=True)) for jitter in (1, 0)] == [3_960, 4_950]


def test_the_page_has_the_figures() -> None:
    page = (ROOT / "docs" / "shipping.md").read_text(encoding="utf-8")
    least, most = (f"{seconds // 3600} h {seconds % 3600 // 60} min" for seconds in (sum(waits(1)), sum(waits(0))))
    assert f"after {least} to {most}: the dead-letter queue" in page
    assert f"after {sum(waits(1, grouped=True)) / 60:.0f} to {sum(waits(0, grouped=True)) / 60 + 0.1:.0f} min" in page
    hours, minutes = divmod(queue.MAX_VISIBILITY_SECONDS // 60, 60)
    assert f"no more than {hours} h {minutes} min" in page
    assert f"{MOST_BY_DEFAULT} invocations at a time" in page
    for destinations in (1, 2, 3):
        assert f"| {destinations} | {default_concurrency(destinations)} |" in page
    assert f"{6 * TIMEOUT_SECONDS // 60} minutes" in page
    dollars = MOST_BY_DEFAULT * 3600 * MEMORY_MB / 1024 * 0.0000133
    assert f"{MOST_BY_DEFAULT} hours of function time, {dollars:.2f} dollars at {MEMORY_MB} MB" in page


def test_an_hour_of_absence_costs_a_message_eight_tries_and_thirty_two_posts_at_most(
    app: Cloud, logz: Listener, standard: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that is alone in every batch, at the least delays: no message costs more."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    logz.refuse = lambda _: 503
    item = app.land("app.log", b"a\n")
    seconds = invocations = 0
    while seconds < 3600:
        invocations += 1
        one = message("app", item, received=invocations) | {"eventSourceARN": standard.arn}
        assert ship.handler(batch(one), Context()) != OK
        seconds += standard.hidden[-1][0]
    assert invocations == 8
    assert len(logz.bodies) == invocations * http_client.MAX_ATTEMPTS == 32


def test_only_what_failed_is_held_back(app: Cloud, logz: Listener, standard: Queue) -> None:
    standard.send(message("app", app.land("a.log", b"a\n")), message("app", {"key": "gone", "etag": "e"}))
    event = standard.receive()
    answer = ship.handler(event, Context())
    assert len(answer["batchItemFailures"]) == 1
    assert [24 <= seconds <= 30 for seconds in standard.hidden[0]] == [True]
    assert standard.receive() == batch()


def test_more_messages_than_one_call_takes_are_all_held_back(app: Cloud, logz: Listener, standard: Queue) -> None:
    standard.send(*(message("app", app.land(f"{number}.log", b"a\n")) for number in range(25)))
    records = [record for _ in range(3) for record in standard.receive()["Records"]]
    logz.will_answer(*[503] * 4)
    assert len(ship.handler({"Records": records}, Context())["batchItemFailures"]) == 25
    assert [len(hidden) for hidden in standard.hidden] == [10, 10, 5]
    assert standard.receive()["Records"] == []


def test_retry_after_that_is_longer_than_the_time_left_is_kept_by_the_queue(
    app: Cloud, logz: Listener, standard: Queue
) -> None:
    standard.send(*(message("app", app.land(f"{i}.log", b"a\n")) for i in range(3)))
    logz.will_answer(429, Retry_After="7200")
    assert len(ship.handler(standard.receive(), Context())["batchItemFailures"]) == 3
    assert len(logz.bodies) == 1
    assert [7200 <= seconds <= 8640 for seconds in standard.hidden[0]] == [True] * 3


@pytest.mark.parametrize("odd", ["²", "soon", "-1", ""])
def test_a_retry_after_that_cannot_be_read_counts_for_nothing(
    app: Cloud, logz: Listener, standard: Queue, odd: str
) -> None:
    standard.send(message("app", app.land("app.log", b"a\n")))
    logz.will_answer(429, Retry_After=odd)
    assert ship.handler(standard.receive(), Context()) == OK
    assert len(logz.bodies) == 2


def test_a_secret_that_cannot_be_read_holds_back_every_message(
    app: Cloud, standard: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = {"name": "logz", "kind": "logzio", "listener_url": "https://localhost:1", "token_secret": "none"}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(destination))
    standard.send(*(message("app", app.land(f"{i}.log", b"a\n")) for i in range(3)))
    assert len(ship.handler(standard.receive(), Context())["batchItemFailures"]) == 3
    assert len(standard.hidden[0]) == 3


@pytest.mark.parametrize("fault", ["refused", "in part"])
def test_a_message_that_cannot_be_hidden_is_still_tried_again(
    app: Cloud,
    logz: Listener,
    standard: Queue,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    def answer(**_: Any) -> dict[str, Any]:
        if fault == "refused":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ChangeMessageVisibilityBatch")
        return {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}

    standard.send(message("app", {"key": "gone", "etag": "e"}))
    monkeypatch.setattr(aws.sqs(), "change_message_visibility_batch", answer)
    assert len(ship.handler(standard.receive(), Context())["batchItemFailures"]) == 1
    assert '"event":"not held back"' in capsys.readouterr().out


class Hurried(Context):
    """A context whose every look at the clock costs a second."""

    def get_remaining_time_in_millis(self) -> int:
        self.milliseconds -= 1_000
        return self.milliseconds


def test_messages_that_others_left_no_time_for_are_not_counted_as_failed(
    app: Cloud, logz: Listener, standard: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logzio.LogzioDialect, "target_body_bytes", 8_000)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 2_000)
    standard.send(*(message("app", app.land(f"{i}.log", "\n".join(LINES).encode())) for i in range(3)))
    arrived = 0
    for context in (Hurried(20_000), *[Context()] * 3):
        event = standard.receive()
        assert {each["attributes"]["ApproximateReceiveCount"] for each in event["Records"]} == {"1"}
        answer = ship.handler(event, context)
        assert answer == OK
        standard.delete(event, answer)
        assert len(logz.accepted) > arrived
        arrived = len(logz.accepted)
        if arrived == 3 * len(LINES):
            break
    assert sorted(logz.messages()) == sorted(LINES * 3)
    assert standard.receive() == batch()


def test_an_object_that_gets_nowhere_in_its_time_counts_as_failed(app: Cloud, logz: Listener, standard: Queue) -> None:
    standard.send(*(message("app", app.land(f"{i}.log", b"a\n")) for i in range(3)))
    assert len(ship.handler(standard.receive(), Context(1000))["batchItemFailures"]) == 3
    assert len(standard.hidden[0]) == 3


def test_every_continuation_of_a_grouped_message_is_a_message(
    app: Cloud, fifo: Queue, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its content, the second continuation within five minutes would be dropped as a copy of the first."""
    destination("feed")
    monkeypatch.setattr("log_shipper.archive_writer.PART_BYTES", 4_000)
    monkeypatch.setattr("log_shipper.decode.PIECE_BYTES", 2_000)
    monkeypatch.setattr("log_shipper.lines.HEAD_BYTES", 2_000)
    fifo.send(message("app", app.land("app.log", "\n".join(LINES).encode())), group="app")
    continuations = 0
    while records := (event := fifo.receive())["Records"]:
        assert [each["attributes"]["MessageGroupId"] for each in records] == ["app"]
        continuations += CONTINUES in records[0]["body"]
        answer = ship.handler(event, Hurried(13_000))
        assert answer == OK
        fifo.delete(event, answer)
    assert continuations > 2
    assert [line["message"] for line in app.lines("acme-archive", "feed/feed/app/")] == LINES


def test_a_grouped_message_that_failed_does_not_keep_the_others_of_its_batch(
    app: Cloud, fifo: Queue, destination: Callable[[str], None]
) -> None:
    """A feed's order is that of its writing, so what comes after a failure is fed, and the failure later."""
    destination("feed")
    fifo.send(
        message("app", {"key": "gone", "etag": "e"}),
        *(message("app", app.land(f"{i}.log", b"%d\n" % i)) for i in range(2)),
        group="app",
    )
    event = fifo.receive()
    answer = ship.handler(event, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert [line["message"] for line in app.lines("acme-archive", "feed/feed/app/")] == ["0", "1"]
    assert [24 <= seconds <= 30 for seconds in fifo.hidden[0]] == [True]
