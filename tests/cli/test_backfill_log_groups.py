"""`logdock backfill --destination archive`: what log groups held before they were subscribed to is archived, once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.logs.models import LogGroup

from logdock.cli.backfill import log_groups
from logdock.cli.errors import ExitCode
from tests.cli.conftest import Type
from tests.cli.deployed import SECRET_CONTENT, Deployed, stop_at_turn
from tests.cli.log_groups import make, subscribe, write

GROUP = "/acme/jobs"
ARCHIVE = ("backfill", "--export", "jobs", "--destination", "archive", "--since", "10d")


@pytest.fixture
def jobs(deployed: Deployed) -> LogGroup:
    """The export's log group, which the archiver was subscribed to a day ago."""
    group = make(deployed, GROUP)
    subscribe(group, timedelta(days=1))
    return group


def test_what_came_before_the_subscription_is_archived(logdock: Type, deployed: Deployed, jobs: LogGroup) -> None:
    write(jobs, timedelta(days=5), "five days old", "five days old too")
    write(jobs, timedelta(days=2), "two days old", stream="worker/2")
    ended = logdock(*ARCHIVE)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "3 log events (0.0 MB) of jobs archived, and shipped on from there.\n"
    assert sorted(deployed.archived()) == ["five days old", "five days old too", "two days old"]


def test_what_came_after_it_is_left_to_the_subscription(logdock: Type, deployed: Deployed, jobs: LogGroup) -> None:
    write(jobs, timedelta(days=1) - log_groups.UNSURE / 2, "in the first minutes")
    write(jobs, timedelta(days=1) - log_groups.UNSURE * 2, "later")
    write(jobs, timedelta(hours=1), "an hour old")
    assert logdock(*ARCHIVE).code == 0
    assert deployed.archived() == ["in the first minutes"]


def test_a_line_that_arrived_late_is_known_by_its_arrival(logdock: Type, deployed: Deployed, jobs: LogGroup) -> None:
    (event,) = write(jobs, timedelta(days=3), "written before, arrived after")
    event.ingestion_time += int(timedelta(days=2.5).total_seconds() * 1000)
    assert logdock(*ARCHIVE).code == 0
    assert deployed.archived() == []


def test_with_an_end_of_the_range_all_of_it_is_archived(logdock: Type, deployed: Deployed, jobs: LogGroup) -> None:
    write(jobs, timedelta(hours=3), "lost")
    write(jobs, timedelta(hours=1), "after the range")
    ended = logdock(*ARCHIVE[:-1], "4h", "--until", "2h")
    assert ended.code == 0
    assert deployed.archived() == ["lost"]


def test_done_again_nothing_is_archived_twice(
    logdock: Type, deployed: Deployed, jobs: LogGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_groups, "BATCH_BYTES", 1000)
    lines = [f"line {number}" for number in range(60)]
    write(jobs, timedelta(days=5), *lines)
    assert logdock(*ARCHIVE).code == 0
    keys = deployed.keys("", deployed.archive)
    assert len(keys) > 5
    assert logdock(*ARCHIVE[:-1], "20d").code == 0
    assert deployed.keys("", deployed.archive) == keys
    assert sorted(deployed.archived()) == sorted(lines)


def test_a_line_that_has_come_meanwhile_is_not_taken_for_one_that_is_archived(
    logdock: Type, deployed: Deployed, jobs: LogGroup
) -> None:
    (first,) = write(jobs, timedelta(days=5), "first")
    assert logdock(*ARCHIVE).code == 0
    (second,) = write(jobs, timedelta(days=5), "second")
    second.timestamp = first.timestamp
    assert logdock(*ARCHIVE).code == 0
    assert set(deployed.archived()) == {"first", "second"}


def test_stopped_it_says_where_to_go_on_and_nothing_is_missed(
    logdock: Type, deployed: Deployed, jobs: LogGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (5, 4, 3):
        write(jobs, timedelta(days=days), f"{days} days old")
    stop_at_turn(monkeypatch, 2)
    stopped = logdock(*ARCHIVE, "--json")
    report = json.loads(stopped.out)
    assert (stopped.code, report["log_events"]) == (ExitCode.INTERRUPTED, 1)
    assert deployed.archived() == ["5 days old"]
    assert logdock(*ARCHIVE[:-1], report["go_on"]).code == 0
    assert sorted(deployed.archived()) == ["3 days old", "4 days old", "5 days old"]


def test_a_dry_run_counts_and_archives_nothing(logdock: Type, deployed: Deployed, jobs: LogGroup) -> None:
    write(jobs, timedelta(days=5), "a line")
    ended = logdock(*ARCHIVE, "--dry-run")
    assert ended.out == "1 log event (0.0 MB) of jobs would be sent to archive. Nothing was sent.\n"
    assert deployed.archived() == []


def test_days_of_which_the_log_group_has_nothing_for_us_are_not_looked_at(
    logdock: Type, deployed: Deployed, jobs: LogGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.logs.put_retention_policy(logGroupName=GROUP, retentionInDays=3)
    asked: list[datetime] = []

    def nothing(_: object, _group: object, start: datetime, _end: datetime) -> Iterator[Any]:
        asked.append(start)
        return iter(())

    monkeypatch.setattr(log_groups.LogGroupEvents, "_cut", nothing)
    assert logdock(*ARCHIVE[:-1], "2020-01-01").code == 0
    assert min(asked) > datetime.now(UTC) - timedelta(days=4)
    assert max(asked) < datetime.now(UTC) - timedelta(days=1) + log_groups.UNSURE + log_groups.NEWEST


def test_an_archiver_that_fails_is_said_without_what_it_was_given(
    logdock: Type, deployed: Deployed, jobs: LogGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(jobs, timedelta(days=5), SECRET_CONTENT)
    deployed.s3.delete_bucket(Bucket=deployed.archive)
    ended = logdock(*ARCHIVE)
    assert ended.code == ExitCode.AWS
    assert "the archiver did not archive events of /acme/jobs: NoSuchBucket" in ended.err
    assert "Go on with --since" in ended.out
    assert SECRET_CONTENT not in ended.out + ended.err


def test_a_log_group_that_is_not_there_or_not_subscribed_to_is_named(
    logdock: Type, deployed: Deployed, jobs: LogGroup
) -> None:
    jobs.subscription_filters.clear()
    subscribe(jobs, timedelta(days=1), "jobs-of-another")
    ended = logdock(*ARCHIVE)
    assert ended.code == ExitCode.NOT_DEPLOYED
    assert "the log group /acme/jobs in eu-west-1 is not subscribed to for jobs" in ended.err
    deployed.logs.delete_log_group(logGroupName=GROUP)
    make(deployed, f"{GROUP}-of-another-owner")
    ended = logdock(*ARCHIVE)
    assert (ended.code, "eu-west-1 has no log group /acme/jobs" in ended.err) == (ExitCode.NOT_DEPLOYED, True)


def test_of_a_prefix_every_log_group_but_the_deployments_own(logdock: Type, deployed: Deployed, jobs: LogGroup) -> None:
    file = Path("logdock.yaml")
    file.write_text(file.read_text().replace("log_groups: [/acme/jobs]", "log_group_prefixes: [/acme/, /aws/lambda/]"))
    for name in ("/acme/web", "/aws/lambda/theirs", "/aws/lambda/acme-archiver"):
        group = make(deployed, name)
        subscribe(group, timedelta(days=1))
        write(group, timedelta(days=5), f"of {name}")
    assert logdock(*ARCHIVE).out.startswith("2 log events")
    assert sorted(deployed.archived()) == ["of /acme/web", "of /aws/lambda/theirs"]


def test_an_export_that_is_not_shipped_is_archived_when_asked(
    logdock: Type, deployed: Deployed, jobs: LogGroup
) -> None:
    file = Path("logdock.yaml")
    file.write_text(file.read_text().replace("log_groups: [/acme/jobs], ship_to: [logz]", "log_groups: [/acme/jobs]"))
    write(jobs, timedelta(days=5), "a line")
    refused = logdock("backfill", "--export", "jobs", "--since", "10d")
    assert (refused.code, "or choose --destination archive" in refused.err) == (ExitCode.USAGE, True)
    assert logdock(*ARCHIVE).code == 0
    assert deployed.archived() == ["a line"]
