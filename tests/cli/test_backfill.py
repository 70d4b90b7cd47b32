"""`logdock backfill`: what landed is announced as S3 would have, once to each destination, oldest first."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from log_shipper import archive, compacted

from logdock.cli.errors import ExitCode
from tests.cli.conftest import Requests, Type
from tests.cli.deployed import LANDING, SECRET_CONTENT, Deployed, compact_archive, refuse, stop_at_turn
from tests.lambda_src.log_shipper.world import subscription

RANGE = ("--export", "app", "--since", "1h")


def landed_before(deployed: Deployed, count: int) -> list[str]:
    """Land objects without an event; return their lines."""
    lines = [f"line {number}" for number in range(count)]
    for line in lines:
        deployed.land(f"{line.replace(' ', '-')}.log", line)
    return [f"{line} {SECRET_CONTENT}" for line in lines]


def received(deployed: Deployed) -> list[str]:
    return sorted(deployed.listener.messages())


def test_what_landed_is_shipped_to_every_destination(logdock: Type, deployed: Deployed) -> None:
    lines = landed_before(deployed, 12)
    ended = logdock("backfill", *RANGE)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("12 objects (0.0 MB) of app announced to logz, lake.")
    assert (deployed.waiting("logz"), deployed.waiting("lake")) == (12, 12)
    assert deployed.ship() == []
    assert received(deployed) == sorted(lines)


def test_what_a_destination_has_is_not_sent_to_it_again(logdock: Type, deployed: Deployed) -> None:
    lines = landed_before(deployed, 2)
    deployed.send("logz", deployed.land("line-0.log", "line 0"))
    deployed.ship()
    for _ in range(2):
        assert logdock("backfill", *RANGE, "--destination", "logz").code == 0
        assert deployed.ship() == []
    assert received(deployed) == sorted(lines)


def test_a_range_has_what_landed_in_it(logdock: Type, deployed: Deployed) -> None:
    landed_before(deployed, 3)
    ended = logdock("backfill", "--export", "app", "--since", "3h", "--until", "1h", "--json")
    assert json.loads(ended.out)["objects"] == 0
    assert deployed.waiting("logz") == 0


def test_of_log_groups_the_archive_is_shipped(logdock: Type, deployed: Deployed) -> None:
    archive.handler(subscription("jobs", "/acme/jobs", ["a job"]), None)
    month = ("--since", "2025-11-01", "--until", "2025-12-01")
    assert logdock("backfill", "--export", "jobs", *month, "--rate", "1000").code == 0
    assert deployed.ship() == []
    assert received(deployed) == ["a job"]


def test_compacted_objects_are_announced_by_their_first_names_and_shipped_once(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job in ("a job", "another job"):
        archive.handler(subscription("jobs", "/acme/jobs", [job], logStream=job), None)
    monkeypatch.setattr("log_shipper.compaction_plan.SETTLED_AFTER", timedelta(days=-9999))
    bucket = deployed.settings.archive_bucket
    compact_archive(bucket, datetime(2025, 11, 30, tzinfo=UTC))
    listed = deployed.s3.list_objects_v2(Bucket=bucket, Prefix="logs/jobs/")["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in listed] == ["compacted-000001.jsonl.gz"]

    month = ("--since", "2025-11-01", "--until", "2025-12-01")
    for _ in range(2):
        ended = logdock("backfill", "--export", "jobs", *month, "--rate", "1000")
        assert (ended.code, ended.out.partition(" ")[0]) == (0, "2")
        assert deployed.ship() == []
    assert received(deployed) == ["a job", "another job"]

    (index,) = deployed.s3.list_objects_v2(Bucket=bucket, Prefix=compacted.INDEX_PREFIX)["Contents"]
    deployed.s3.put_object(Bucket=bucket, Key=index["Key"], Body=b"{")
    compacted.fetch_index.cache_clear()
    ended = logdock("backfill", "--export", "jobs", *month)
    assert (ended.code, ended.out.partition(" ")[0]) == (3, "0")
    assert f"s3://{bucket}/{index['Key']} is damaged" in ended.err.replace("\n", " ")


def test_a_dry_run_counts_and_sends_nothing(logdock: Type, deployed: Deployed) -> None:
    landed_before(deployed, 3)
    ended = logdock("backfill", *RANGE, "--dry-run")
    assert ended.out == (
        "3 objects (0.0 MB) of app would be sent to logz, lake. Nothing was sent.\n"
        "Not listed: what is named after a day more than 8d before --since (--late).\n"
    )
    assert deployed.waiting("logz") == 0


def test_stopped_it_says_where_to_go_on_and_nothing_is_missed(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = landed_before(deployed, 25)
    turns = stop_at_turn(monkeypatch, 3)
    stopped = logdock("backfill", *RANGE, "--destination", "logz", "--json")
    report = json.loads(stopped.out)
    assert (stopped.code, report["objects"], turns) == (ExitCode.INTERRUPTED, 20, [10, 10, 5])
    assert "Go on with" not in stopped.out
    deployed.ship()
    onward = ("--since", report["go_on"], "--start-after", report["start_after"])
    went_on = logdock("backfill", "--export", "app", "--destination", "logz", *onward, "--json")
    assert (went_on.code, json.loads(went_on.out)["objects"]) == (0, 5)
    deployed.ship()
    assert received(deployed) == sorted(lines)


def test_a_queue_that_takes_not_all_is_said_and_where_to_go_on(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed_before(deployed, 2)
    answer = {"Failed": [{"Id": "0", "Code": "InternalError"}]}
    refusing = SimpleNamespace(get_queue_url=deployed.sqs.get_queue_url, send_message_batch=lambda **_: answer)
    monkeypatch.setattr("logdock.cli.account.Account.sqs", refusing)
    ended = logdock("backfill", *RANGE, "--destination", "logz")
    assert ended.code == ExitCode.AWS
    assert "did not take 1 of 2 messages: InternalError" in ended.err
    assert "Go on with --since" in ended.out


def test_a_copy_of_old_objects_is_found_by_a_longer_delay_and_what_was_not_listed_is_said(
    logdock: Type, deployed: Deployed
) -> None:
    deployed.land("AWSLogs/111122223333/CloudTrail/eu-west-1/2024/03/04/a.json.gz", "copied today")
    short = logdock("backfill", *RANGE, "--dry-run")
    assert short.out.startswith("0 objects")
    assert "Not listed: what is named after a day more than 8d before --since (--late)." in short.out
    report = json.loads(logdock("backfill", *RANGE, "--dry-run", "--late", "2000d", "--json").out)
    assert (report["objects"], report["late"], report["names_from"][:3]) == (1, "2000d", "202")


def test_the_first_message_is_sent_before_the_listing_ends(
    logdock: Type, deployed: Deployed, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moto.settings.get_s3_default_max_keys", lambda: 10)
    landed_before(deployed, 60)
    requests.clear()
    assert logdock("backfill", *RANGE, "--destination", "logz").code == 0
    order = [operation for operation, _ in requests]
    assert deployed.waiting("logz") == 60
    lists = [at for at, operation in enumerate(order) if operation == "ListObjectsV2"]
    assert len(lists) == 6
    assert order.index("SendMessageBatch") < lists[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--export", "apps", "--since", "1h"], "--export apps: the settings have none; did you mean app?"),
        (["--export", "app", "--since", "x"], "--since 'x' is not a time"),
        (["--export", "app", "--since", "1h", "--until", "2h"], "is not before --until"),
        ([*RANGE, "--destination", "log"], "--destination log: app is not shipped there; did you mean logz?"),
        (["--export", "jobs", "--since", "1h", "--start-after", "x"], "--start-after: of jobs, no objects"),
        ([*RANGE, "--destination", "archive"], "app is not shipped there; there are: logz, lake"),
    ],
)
def test_a_error_of_use_has_its_message(logdock: Type, deployed: Deployed, arguments: list[str], says: str) -> None:
    ended = logdock("backfill", *arguments)
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert says in ended.err


def test_a_landing_or_a_shipper_that_is_not_deployed_is_named(logdock: Type, deployed: Deployed) -> None:
    deployed.s3.delete_bucket(Bucket=LANDING)
    assert "acme-app is not deployed" in logdock("backfill", *RANGE).err
    deployed.sqs.delete_queue(QueueUrl=deployed.urls["logz"])
    ended = logdock("backfill", *RANGE)
    assert ended.code == ExitCode.NOT_DEPLOYED
    assert "acme-shipper is not deployed" in ended.err


def test_a_dry_run_that_could_not_list_counts_nothing(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zero would be a claim about what was not looked at."""
    landed_before(deployed, 1)
    refuse(monkeypatch, "ListObjectsV2", "AccessDenied")
    ended = logdock("backfill", *RANGE, "--dry-run")
    assert (ended.code, ended.out) == (ExitCode.AWS, "")
    assert "ListObjectsV2" in ended.err or "s3:ListBucket" in ended.err
