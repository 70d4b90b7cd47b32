"""`logdock redrive`: what failed is shown, sent again, and deleted only after it has arrived."""

import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from log_shipper.events import CONTINUES, REASONS, ObjectRef, message_of
from moto.firehose.models import FirehoseBackend
from moto.sqs.models import SQSBackend

from logdock.cli.redrive.failures import without_numbers
from logdock.cli.redrive.rate_limiter import RateLimiter
from tests.cli.conftest import Type, Typed
from tests.cli.deployed import SECRET_CONTENT, Deployed, refuse

LONG = "x" * 40_000
Redrive = Callable[..., Typed]


@pytest.fixture
def redrive(logdock: Type, deployed: Deployed) -> Redrive:
    """Type the command; nothing it prints may hold a record's content."""

    def type_in(*arguments: str) -> Typed:
        ended = logdock("redrive", *arguments)
        assert SECRET_CONTENT not in ended.out + ended.err
        assert "xxxx" not in ended.out + ended.err
        return ended

    return type_in


@pytest.fixture
def shipping(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A deployment whose shipper works while the command waits."""
    monkeypatch.setattr(RateLimiter, "pause", lambda *_: deployed.ship())
    return deployed


def rows(ended: Typed) -> list[dict[str, Any]]:
    document: dict[str, Any] = json.loads(ended.out)
    return [dict(row) for row in document["failures"]]


def quarantine(deployed: Deployed, *lines: str) -> None:
    """Have Logz.io refuse every record of an object as too long."""
    deployed.export("app", vendor="s3-logs", oversize="quarantine")
    deployed.send("logz", deployed.land("long.log", *(f"{line}{LONG}" for line in lines)))
    assert deployed.ship() == []
    assert len(deployed.keys("quarantine/app/logz/")) == 1
    deployed.listener.accepted.clear()


def test_says_that_nothing_has_failed(redrive: Redrive) -> None:
    ended = redrive()
    assert (ended.code, ended.out, ended.err) == (0, "Nothing has failed.\n", "")


class TestDeadLetters:
    def test_a_dry_run_shows_them_by_export_destination_and_reason_and_leaves_all(
        self, redrive: Redrive, deployed: Deployed
    ) -> None:
        for number in range(3):
            died = deployed.send("logz-dead", deployed.land(f"{number}.log", "line"))
            deployed.said("logz", died, f"DeliveryError: listener.logz.io answered 503, {number + 2} attempts")
        deployed.send("lake-dead", deployed.land("4.log", "line"))
        deployed.send("lake-dead", "not JSON")

        ended = redrive("--dry-run", "--json")

        assert ended.code == 1
        assert [(row["export"], row["destination"], row["reason"], row["found"]) for row in rows(ended)] == [
            ("?", "lake", "?", 1),
            ("app", "lake", "?", 1),
            ("app", "logz", "DeliveryError: listener.logz.io answered 503, n attempts", 3),
        ]
        assert (deployed.waiting("logz-dead"), deployed.waiting("lake-dead")) == (3, 2)
        assert deployed.waiting("logz") == 0

    def test_go_back_to_their_queue_marked_as_tried_before(self, redrive: Redrive, deployed: Deployed) -> None:
        for number in range(23):
            deployed.send("logz-dead", deployed.land(f"{number}.log", str(number)))

        ended = redrive("--json")

        assert (ended.code, [(row["found"], row["gone"], row["left"]) for row in rows(ended)]) == (0, [(23, 23, 0)])
        assert deployed.count("logz-dead", "ApproximateNumberOfMessages") == 0
        assert deployed.waiting("logz") == 23
        body = deployed.sqs.receive_message(QueueUrl=deployed.urls["logz"], VisibilityTimeout=0)["Messages"][0]["Body"]
        assert json.loads(body)[CONTINUES] is True
        deployed.ship()
        assert sorted(deployed.listener.messages()) == sorted(f"{number} {SECRET_CONTENT}" for number in range(23))

    def test_of_another_export_stay_and_can_be_seen_again(self, redrive: Redrive, deployed: Deployed) -> None:
        deployed.send("logz-dead", deployed.land("a.log", "mine"))
        deployed.send("logz-dead", message_of(ObjectRef("jobs", deployed.archive, "logs/jobs/dt=x/y.json.gz")))

        ended = redrive("--export", "app", "--json")

        assert [(row["export"], row["left"]) for row in rows(ended)] == [("app", 0)]
        assert ended.code == 0
        assert (deployed.waiting("logz-dead"), deployed.waiting("logz")) == (1, 1)

    def test_that_the_queue_does_not_take_stay_dead(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.send("logz-dead", deployed.land("a.log", "one"))
        deployed.send("logz-dead", deployed.land("b.log", "two"))
        take = SQSBackend.send_message_batch

        def take_one(queues: SQSBackend, name: str, entries: dict[str, Any]) -> Any:
            (first, kept), (_, refused) = entries.items()
            fault = {"Id": refused["Id"], "SenderFault": False, "Code": "InternalError"}
            return take(queues, name, {first: kept})[0], [fault]

        monkeypatch.setattr(SQSBackend, "send_message_batch", take_one)

        ended = redrive("--json")

        assert ended.code == 1
        assert [(row["gone"], row["left"]) for row in rows(ended)] == [(1, 1)]
        assert "acme-ship-logz did not take a message: InternalError" in ended.err
        assert (deployed.waiting("logz-dead"), deployed.waiting("logz")) == (1, 1)

    def test_are_never_nowhere_when_the_command_is_killed_before_it_deletes(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.send("logz-dead", deployed.land("a.log", "one"))
        with monkeypatch.context() as patch:
            patch.setattr("moto.sqs.models.SQSBackend.delete_message", interrupt)
            assert redrive().code == 130
        assert (deployed.waiting("logz-dead"), deployed.waiting("logz")) == (1, 1)

    def test_wait_for_a_reason_that_cannot_be_read(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.send("logz-dead", deployed.land("a.log", "one"))
        refuse(monkeypatch, "FilterLogEvents", "AccessDenied")
        ended = redrive()
        assert ended.code == 0
        assert "why messages died could not be read: logs:FilterLogEvents is refused" in ended.err


class TestQuarantine:
    def test_records_are_sent_after_the_cause_was_fixed_and_deleted_once_they_arrived(
        self, redrive: Redrive, shipping: Deployed
    ) -> None:
        quarantine(shipping, "a", "b")
        shipping.export("app", vendor="s3-logs", oversize="truncate")

        ended = redrive("--json")

        assert ended.code == 0
        (row,) = rows(ended)
        assert (row["export"], row["destination"], row["reason"], row["records"]) == (
            "app", "logz", "the record is longer than the destination takes", 2,
        )  # fmt: skip
        assert (row["found"], row["gone"]) == (1, 1)
        assert sorted(message[:2] for message in shipping.listener.messages()) == ["ax", "bx"]
        assert shipping.versions("quarantine/") == 0

    def test_a_dry_run_sends_nothing(self, redrive: Redrive, shipping: Deployed) -> None:
        quarantine(shipping, "a")
        before = shipping.keys("")
        assert redrive("--dry-run").code == 1
        assert (shipping.waiting("logz"), shipping.keys("")) == (0, before)

    def test_records_that_have_not_arrived_stay_and_are_not_sent_a_second_time(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        quarantine(deployed, "a")
        deployed.export("app", vendor="s3-logs", oversize="truncate")
        monkeypatch.setattr(RateLimiter, "pause", lambda *_: None)

        for _ in range(2):
            ended = redrive("--wait", "1")
            assert ended.code == 1
            assert "1 failure left" in ended.out
            assert (deployed.waiting("logz"), deployed.versions("quarantine/")) == (1, 1)

        deployed.ship()
        assert redrive().code == 0
        assert len(deployed.listener.accepted) == 1
        assert deployed.versions("quarantine/") == 0

    def test_a_record_that_is_refused_again_is_left_with_its_reason(self, redrive: Redrive, shipping: Deployed) -> None:
        quarantine(shipping, "a")
        before = shipping.keys("quarantine/")

        ended = redrive("--json")

        assert ended.code == 1
        assert [(row["reason"], row["found"], row["gone"]) for row in rows(ended)] == [
            ("refused during this run: the record is longer than the destination takes", 1, 0),
            ("the record is longer than the destination takes", 1, 1),
        ]
        after = shipping.keys("quarantine/")
        assert (len(after), after == before) == (1, False)

    def test_older_versions_go_with_the_one_that_replaced_them(self, redrive: Redrive, shipping: Deployed) -> None:
        quarantine(shipping, "a")
        (key,) = shipping.keys("quarantine/")
        body = shipping.s3.get_object(Bucket=shipping.failed, Key=key)["Body"].read()
        shipping.s3.put_object(Bucket=shipping.failed, Key=key, Body=body)
        shipping.export("app", vendor="s3-logs", oversize="truncate")

        assert redrive().code == 0

        assert (len(shipping.listener.accepted), shipping.versions("quarantine/")) == (1, 0)

    def test_a_message_that_is_nowhere_is_sent_again_after_a_while(
        self, redrive: Redrive, shipping: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        quarantine(shipping, "a")
        shipping.export("app", vendor="s3-logs", oversize="truncate")
        with monkeypatch.context() as patch:
            patch.setattr("moto.sqs.models.SQSBackend.send_message_batch", interrupt)
            assert redrive().code == 130
        assert redrive("--wait", "1").code == 1
        assert shipping.listener.accepted == []
        monkeypatch.setattr("logdock.cli.redrive.quarantine.STALE", timedelta(minutes=-1))

        assert redrive().code == 0

        assert (len(shipping.listener.accepted), shipping.versions("quarantine/")) == (1, 0)

    def test_ctrl_c_stops_after_what_is_under_way_and_the_next_run_goes_on(
        self, redrive: Redrive, shipping: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shipping.export("app", vendor="s3-logs", oversize="quarantine")
        for number in range(3):
            shipping.send("logz", shipping.land(f"{number}.log", LONG))
        shipping.ship()
        shipping.listener.accepted.clear()
        shipping.export("app", vendor="s3-logs", oversize="truncate")

        def one_turn_and_ctrl_c(limiter: RateLimiter, _: int = 1) -> bool:
            if limiter.stopped:
                return False
            os.kill(os.getpid(), signal.SIGINT)
            while not limiter.stopped:
                threading.Event().wait(0.01)
            return True

        with monkeypatch.context() as patch:
            patch.setattr(RateLimiter, "pause", lambda *_: None)
            patch.setattr(RateLimiter, "acquire", one_turn_and_ctrl_c)
            patch.setattr("logdock.cli.redrive.quarantine.CONNECTIONS", 1)
            patch.setattr("logdock.cli.redrive.quarantine.ITEMS", 1)
            ended = redrive()
        assert ended.code == 130
        assert "Stopping after what is under way." in ended.err
        assert (shipping.waiting("logz"), shipping.versions("quarantine/")) == (1, 3)

        assert redrive().code == 0

        assert (len(shipping.listener.accepted), shipping.versions("quarantine/")) == (3, 0)

    @pytest.mark.parametrize(("folder", "gone"), [("gone/logz", "export"), ("app/gone", "destination")])
    def test_records_of_what_is_no_longer_in_the_settings_stay(
        self, redrive: Redrive, shipping: Deployed, folder: str, gone: str
    ) -> None:
        key = f"quarantine/{folder}/dt=2026-11-21/1-a.json.gz"
        shipping.s3.put_object(Bucket=shipping.failed, Key=key, Body=b"damaged")
        ended = redrive()
        assert ended.code == 1
        assert f"no {gone} gone: its records stay" in ended.err
        assert "the quarantine object itself cannot be read" in ended.out
        assert shipping.versions("quarantine/") == 1

    def test_only_records_of_a_reason_are_sent(self, redrive: Redrive, shipping: Deployed) -> None:
        quarantine(shipping, "a")
        shipping.send("logz-dead", shipping.land("a.log", "one"))
        assert redrive("--reason", "malformed").out == "Nothing has failed.\n"
        shipping.export("app", vendor="s3-logs", oversize="truncate")
        assert redrive("--reason", "Longer than").code == 0
        assert (shipping.versions("quarantine/"), shipping.waiting("logz-dead")) == (0, 1)


class TestArchiverEvents:
    @pytest.mark.parametrize("shape", ["async", "stream"])
    def test_are_archived_and_then_deleted(self, redrive: Redrive, deployed: Deployed, shape: str) -> None:
        deployed.keep_event(shape, "one")
        deployed.keep_event(shape, "two")

        ended = redrive("--json")

        assert ended.code == 0
        (row,) = rows(ended)
        assert (row["where"], row["export"], row["destination"]) == ("archiver", "jobs", "archive")
        assert row["reason"] == {"async": "ClientError", "stream": "RetriesExhausted"}[shape]
        assert sorted(deployed.archived()) == [f"one {SECRET_CONTENT}", f"two {SECRET_CONTENT}"]
        assert deployed.versions("aws/lambda/") == 0

    def test_that_fail_again_stay_and_a_second_run_archives_nothing_twice(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.keep_event("async", "one")
        deployed.ssm.delete_parameter(Name="/logdock/acme/exports/jobs")
        ended = redrive()
        assert ended.code == 1
        assert "the archiver failed again: UnknownExportError: export 'jobs'" in ended.err
        assert deployed.versions("aws/lambda/") == 1
        deployed.export("jobs", vendor="cloudwatch-logs")
        with monkeypatch.context() as patch:
            patch.setattr("moto.s3.models.S3Backend.delete_object", interrupt)
            assert redrive().code == 130
        assert redrive().code == 0
        assert deployed.archived() == [f"one {SECRET_CONTENT}"]

    def test_of_an_export_that_was_gone_are_archived_when_it_is_back(
        self, redrive: Redrive, deployed: Deployed
    ) -> None:
        deployed.ssm.delete_parameter(Name="/logdock/acme/exports/jobs")
        deployed.keep_event("stream", "one")
        assert redrive().code == 1  # the batch is archived, but for what is now set aside
        for _ in range(2):
            ended = redrive("--json")
            reason = "the export had no configuration, or the log group was not its own"
            assert (ended.code, [row["reason"] for row in rows(ended)]) == (1, [reason])
            assert len(deployed.keys("unclaimed/jobs/")) == 1
        deployed.export("jobs", vendor="cloudwatch-logs")
        assert redrive().code == 0
        assert deployed.archived() == [f"one {SECRET_CONTENT}"]
        assert deployed.versions("unclaimed/") == 0

    def test_of_an_export_that_is_gone_for_good_stay(self, redrive: Redrive, deployed: Deployed) -> None:
        deployed.s3.put_object(Bucket=deployed.failed, Key="unclaimed/gone/1.json", Body=b"{}")
        ended = redrive("--json")
        assert [(row["export"], row["reason"], row["left"]) for row in rows(ended)] == [
            ("gone", "the settings have no such export", 1)
        ]
        assert deployed.versions("unclaimed/") == 1

    def test_that_are_unreadable_stay_and_say_why(self, redrive: Redrive, deployed: Deployed) -> None:
        body = json.dumps({"Records": [], REASONS: ["it expands to more than 67,108,864"]}).encode()
        deployed.s3.put_object(Bucket=deployed.failed, Key="unclaimed/_unreadable/1.json", Body=body)
        (row,) = rows(redrive("--json"))
        assert row["reason"].startswith("it expands to more than n")
        assert deployed.versions("unclaimed/") == 1

    def test_a_failure_that_may_quote_a_record_is_shown_by_kind(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def quote(*_: object) -> None:
            raise ValueError(f"cannot read {SECRET_CONTENT}")

        deployed.keep_event("async", "one")
        monkeypatch.setattr("log_shipper.archive.handler", quote)
        ended = redrive()
        assert ended.code == 1
        assert "the archiver failed again: ValueError\n" in ended.err

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"requestPayload": None}, "Lambda omitted the event, which was too large"),
            ({"requestContext": {}}, "it is not an invocation record of Lambda"),
            (
                {"requestContext": {"functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:other:$LATEST"}},
                "it is of the function other",
            ),
        ],
    )
    def test_that_cannot_be_given_to_the_archiver_stay_with_their_reason(
        self, redrive: Redrive, deployed: Deployed, changed: dict[str, Any], reason: str
    ) -> None:
        deployed.keep_event("async", "one", **changed)
        ended = redrive("--json")
        assert ended.code == 1
        assert [row["reason"] for row in rows(ended)] == [reason]
        assert deployed.versions("aws/lambda/") == 1


class TestMetrics:
    def test_a_dry_run_shows_them_by_destination_and_reason_and_leaves_all(
        self, redrive: Redrive, deployed: Deployed
    ) -> None:
        deployed.keep_metrics(b"one", b"two", name="a")
        deployed.keep_metrics(b"three", name="b")
        deployed.keep_metrics(b"four", name="c", errorCode="HttpEndpoint.Timeout", errorMessage="no answer in 180 s")
        ended = redrive("--dry-run", "--json")
        assert ended.code == 1
        assert [(row["where"], row["export"], row["destination"], row["reason"], row["found"], row["records"])
                for row in rows(ended)] == [
            ("metrics", "", "logz", "HttpEndpoint.DestinationException: the listener answered 503", 2, 3),
            ("metrics", "", "logz", "HttpEndpoint.Timeout", 1, 1),
        ]  # fmt: skip
        assert (deployed.versions("metrics/"), deployed.streamed()) == (3, b"")

    def test_go_back_on_their_stream_as_they_were_and_are_deleted(self, redrive: Redrive, deployed: Deployed) -> None:
        deployed.keep_metrics(b"\x05\x00\xff", b"two")
        ended = redrive("--json")
        assert (ended.code, [(row["found"], row["gone"], row["left"]) for row in rows(ended)]) == (0, [(1, 1, 0)])
        assert deployed.streamed() == b"\x05\x00\xfftwo"
        assert deployed.versions("metrics/") == 0

    def test_that_are_not_compressed_are_read_as_well(self, redrive: Redrive, deployed: Deployed) -> None:
        line = {"errorCode": "x", "errorMessage": "", "rawData": "b25l"}
        deployed.s3.put_object(Bucket=deployed.failed, Key="metrics/logz/a", Body=json.dumps(line).encode())
        assert redrive().code == 0
        assert deployed.streamed() == b"one"

    def test_of_which_firehose_does_not_take_a_record_stay_whole(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("resource_tags.delivery.sleep", lambda _seconds: None)
        take = FirehoseBackend.put_record_batch

        def take_some(firehose: FirehoseBackend, name: str, records: list[dict[str, bytes]]) -> Any:
            refused = [{"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}]
            taken = [each for each in records if each["Data"] != b"bad"]
            if not taken:
                return {"FailedPutCount": 1, "RequestResponses": refused}
            answer = take(firehose, name, taken)
            return {"FailedPutCount": 1, "RequestResponses": [*answer["RequestResponses"], *refused]}

        deployed.keep_metrics(b"good", b"bad")
        with monkeypatch.context() as patch:
            patch.setattr(FirehoseBackend, "put_record_batch", take_some)
            ended = redrive()
        assert ended.code == 1
        assert "acme-ship-logz_metrics did not take 1 of 2 records in 5 tries: ServiceUnavailableException" in ended.err
        assert (deployed.versions("metrics/"), deployed.streamed()) == (1, b"good")
        assert redrive().code == 0
        assert deployed.versions("metrics/") == 0

    def test_a_run_that_was_stopped_goes_on_where_it_was(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b", "c"):
            deployed.keep_metrics(name.encode(), name=name)
        with monkeypatch.context() as patch:
            # one turn and no more
            patch.setattr(RateLimiter, "acquire", lambda limiter: not limiter.stopped and not limiter.stop())
            ended = redrive()
        assert ended.code == 130
        assert deployed.versions("metrics/") == 2
        assert redrive().code == 0
        assert sorted(deployed.streamed().decode()) == ["a", "b", "c"]

    @pytest.mark.parametrize("destination", ["lake", "gone"])
    def test_of_a_destination_without_metrics_stay(
        self, redrive: Redrive, deployed: Deployed, destination: str
    ) -> None:
        reason = "the settings have no metrics for this destination"
        deployed.keep_metrics(b"one", destination=destination)
        ended = redrive("--json")
        assert [(row["destination"], row["reason"], row["left"]) for row in rows(ended)] == [(destination, reason, 1)]
        assert (deployed.versions("metrics/"), deployed.streamed()) == (1, b"")

    @pytest.mark.parametrize("body", [b"", b"\x1f\x8bcut", b"[]\n", b"{}\n", b'{"errorCode": "x", "rawData": "?"}\n'])
    def test_that_cannot_be_read_stay(self, redrive: Redrive, deployed: Deployed, body: bytes) -> None:
        deployed.s3.put_object(Bucket=deployed.failed, Key="metrics/logz/a", Body=body)
        ended = redrive("--json")
        assert [(row["reason"], row["left"]) for row in rows(ended)] == [("it is not a failure record of Firehose", 1)]
        assert (deployed.versions("metrics/"), deployed.streamed()) == (1, b"")

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            (("--only", "metrics"), True),
            (("--destination", "logz"), True),
            (("--reason", "answered 503"), True),
            (("--only", "quarantine"), False),
            (("--destination", "lake"), False),
            (("--export", "app"), False),
            (("--reason", "timeout"), False),
        ],
    )
    def test_are_chosen_like_other_failures_but_are_of_no_export(
        self, redrive: Redrive, deployed: Deployed, asked: tuple[str, ...], shown: bool
    ) -> None:
        deployed.keep_metrics(b"one")
        assert len(rows(redrive("--dry-run", "--json", *asked))) == shown

    def test_whose_stream_is_gone_say_what_is_not_deployed(self, redrive: Redrive, deployed: Deployed) -> None:
        deployed.keep_metrics(b"one")
        deployed.firehose.delete_delivery_stream(DeliveryStreamName="acme-ship-logz_metrics")
        ended = redrive()
        assert (ended.code, "acme-shipper is not deployed" in ended.err) == (4, True)
        assert deployed.versions("metrics/") == 1


def test_what_is_in_deep_archive_is_shown_and_left(redrive: Redrive, deployed: Deployed) -> None:
    quarantine(deployed, "a ")
    deployed.keep_event("async", "one")
    deployed.keep_metrics(b"two")
    for prefix in ("quarantine/", "aws/lambda/", "metrics/"):
        (key,) = deployed.keys(prefix)
        source = {"Bucket": deployed.failed, "Key": key}
        deployed.s3.copy_object(Bucket=deployed.failed, Key=key, CopySource=source, StorageClass="DEEP_ARCHIVE")
    ended = redrive("--json")
    assert (ended.code, ended.err) == (1, "")
    assert [(row["where"], row["reason"], row["gone"], row["left"]) for row in rows(ended)] == [
        (where, "it is in Deep Archive: restore it first", 0, 1) for where in ("archiver", "metrics", "quarantine")
    ]
    assert deployed.waiting("logz") == 0


class TestMistakes:
    def test_a_shipper_that_is_not_deployed(self, redrive: Redrive, deployed: Deployed) -> None:
        deployed.sqs.delete_queue(QueueUrl=deployed.urls["logz-dead"])
        ended = redrive()
        assert ended.code == 4
        assert ended.err == (
            "Error: acme-shipper is not deployed in eu-west-1 of the account 111122223333: "
            "`npx cdk deploy acme-shipper`\n"
        )

    def test_a_core_that_is_not_deployed(self, redrive: Redrive, deployed: Deployed) -> None:
        deployed.s3.delete_bucket(Bucket=deployed.failed)
        ended = redrive()
        assert (ended.code, "acme-core is not deployed" in ended.err) == (4, True)

    def test_a_permission_that_is_missing_is_named_and_what_was_done_is_shown(
        self, redrive: Redrive, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed.keep_event("async", "one")
        refuse(monkeypatch, "ReceiveMessage", "AccessDenied")
        ended = redrive()
        assert ended.code == 3
        assert "Error: AWS refused ReceiveMessage" in ended.err
        assert "archiver" in ended.out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--export", "apq"), "--export apq: the settings have none; did you mean app?"),
            (("--destination", "nowhere"), "--destination nowhere: the settings have none; there are: logz, lake"),
            (("--rate", "0"), "Invalid value for '--rate'"),
            (("--only", "everything"), "Invalid value for '--only'"),
        ],
    )
    def test_a_choice_that_is_none(self, redrive: Redrive, arguments: tuple[str, ...], says: str) -> None:
        ended = redrive(*arguments)
        assert ended.code == 2
        assert says in ended.err


def test_turns_are_handed_out_at_the_rate_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    limiter = RateLimiter(4, clock=lambda: sum(waits))
    monkeypatch.setattr(limiter, "pause", waits.append)
    assert all(limiter.acquire() for _ in range(5))
    assert limiter.acquire(8)
    assert limiter.acquire()
    assert waits == [0.25, 0.25, 0.25, 0.25, 0.25, 2.0]


def test_no_turn_is_handed_out_after_the_stop() -> None:
    limiter = RateLimiter(1000)
    limiter.stop()
    assert not limiter.acquire()


@pytest.mark.parametrize(
    ("reason", "general"),
    [
        ("the listener answered 413 to the record alone", "the listener answered 413 to the record alone"),
        (
            "refused part of a batch of 17 lines: malformedLines 3",
            "refused part of a batch of n lines: malformedLines n",
        ),
        ("DeliveryError: 127.0.0.1 answered 500, 4 attempts", "DeliveryError: 127.0.0.1 answered 500, n attempts"),
    ],
)
def test_reasons_that_differ_in_figures_are_one(reason: str, general: str) -> None:
    assert without_numbers(reason) == general


# ------------------------------------------------------------------------------------------------------------- faults


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt
