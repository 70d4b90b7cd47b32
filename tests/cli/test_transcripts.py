"""The transcripts of docs/logdock.md are what the commands print.

With LOGDOCK_WRITE_TRANSCRIPTS set, the page is written instead of compared.
"""

import gzip
import json
import os
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from log_shipper.keys import identity_of
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape, archive_key

from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.settings import load_settings
from logdock.vendors.mongodb_atlas.next_steps import atlas_steps
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from tests.cli.conftest import Type, typed
from tests.cli.deployed import Deployed
from tests.cli.log_groups import make, subscribe, write
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "logdock.md"
BLOCK = re.compile(r"^```console\n\$ (logdock[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
A_SEARCH = r"logdock logs --export jobs --since '2026-11-17 03:00' --until '2026-11-17 04:00' --grep 'status=5\d\d'"
A_COUNT = (
    "logdock sql \"SELECT hour, count(*) AS lines FROM archive WHERE export = 'jobs' AND dt = '2026-11-17' "
    'GROUP BY ALL ORDER BY hour"'
)
LONG = "x" * 40_000


def after_an_outage(deployed: Deployed) -> None:
    """Logz.io was down for hours, metrics and all, refused two records as too long; the archiver was throttled once."""
    deployed.export("app", vendor="s3-logs", oversize="quarantine")
    deployed.send("logz", deployed.land("long.log", f"a{LONG}", f"b{LONG}"))
    deployed.ship()
    deployed.export("app", vendor="s3-logs", oversize="split")
    for number in range(12):
        died = deployed.send("logz-dead", deployed.land(f"{number}.log", "line"))
        deployed.said("logz", died, "DeliveryError: listener.logz.io answered 503, 4 attempts")
    deployed.keep_event("async", "one")
    deployed.keep_metrics(b"one", b"two", b"three")


def a_morning(deployed: Deployed) -> None:
    """All is well, but for what Logz.io has not taken."""
    after_an_outage(deployed)
    deployed.measured("AWS/Events", "MatchedEvents", 3, timedelta(hours=3), RuleName="acme-app")
    for export, destination, lag_ms in (("app", "logz", 33_000), ("app", "lake", 4_000), ("jobs", "archive", 5_000)):
        deployed.shipped(export, destination, timedelta(hours=3), lag_ms=lag_ms)
    deployed.archive_object("jobs", timedelta(hours=3))
    deployed.send("lake", deployed.land("late.log", "line"))
    deployed.measured("AWS/SQS", "ApproximateAgeOfOldestMessage", 600, timedelta(minutes=2), QueueName="acme-ship-lake")


def after_a_night(deployed: Deployed) -> None:
    """Two workers could not reach the payment service at three, and one of them again at five."""
    for worker, time, status in (
        (7, "2026-11-17T03:12:04.201Z", 502),
        (2, "2026-11-17T03:12:09.870Z", 503),
        (2, "2026-11-17T05:00:00.000Z", 503),
    ):
        message = f"charge failed status={status} order=47{10 + status % 100 - 1}"
        record = Record(message, time, f"worker/{worker}")
        renderer = Renderer(Shape(), export="jobs", vendor="cloudwatch-logs", source="cloudwatch:/acme/jobs")
        key = archive_key("jobs", time, identity_of(message))
        deployed.s3.put_object(Bucket=deployed.archive, Key=key, Body=gzip.compress(renderer.archived(record)))


def not_shipped_yet(deployed: Deployed) -> None:
    """Three objects landed before the destination existed."""
    for number in range(3):
        deployed.land(f"{number}.log", "line")


def not_archived_yet(deployed: Deployed) -> None:
    """A log group had lines before it was subscribed to."""
    group = make(deployed, "/acme/jobs")
    subscribe(group, timedelta(days=1))
    write(group, timedelta(days=9), "nine days old")
    write(group, timedelta(days=2), "two days old")


def an_atlas_export(deployed: Deployed) -> None:
    """One export, deployed; its settings are those of an example."""
    settings = load_settings(ROOT / "examples" / "mongodb-atlas.yaml")
    Path("atlas.yaml").write_text((ROOT / "examples" / "mongodb-atlas.yaml").read_text())
    export = settings.exports[0]
    assert isinstance(export, MongodbAtlasExport)
    role, bucket = "arn:aws:iam::111122223333:role/acme-prod-orders", export.landing(settings).bucket
    key = "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"
    steps = atlas_steps(export, role_arn=role, bucket=bucket, key_arn=key)
    outputs = {"RoleArn": role, "BucketName": bucket, "Prefix": export.prefix, "KmsKeyArn": key, "NextSteps": steps}
    deployed.stacks({"acme-prod-orders": outputs})


def confirmed_recipients(deployed: Deployed) -> None:
    """One address has confirmed."""
    untyped: Any = boto3
    sns = untyped.client("sns", region_name="eu-west-1")
    topic = sns.create_topic(Name="acme-alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@acme.example")
    untyped.client("stepfunctions", region_name="eu-west-1").create_state_machine(
        name="acme-alerts",
        definition=json.dumps({"StartAt": "Over", "States": {"Over": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::111122223333:role/acme-alerts",
    )


def a_new_deployment(deployed: Deployed) -> None:
    """No file exists yet, and the questions are answered."""
    cluster = ("ledger", "f78b7feb-b6cf-4396-9d7f-494982d7d81e", "", "222233334444", "/acme/cockroach/ledger", "")
    deployed.answer(typed("acme", "", "", "", "oncall@acme.example", *cluster))


def another_cluster(deployed: Deployed) -> None:
    """There is a file, and a user answers."""
    deployed.answer(typed("shop", "shop", "", ""))


def a_vendor_that_has_changed(deployed: Deployed) -> None:
    """Both ids are trusted, and the vendor has used the new one last."""
    old, new = "6d1f0c5be8a14c6f9f0d2b7a", "0c6b8f529c574c0e8c1e6b6f0a2f4d11"
    example = (ROOT / "examples" / "cockroachdb.yaml").read_text()
    Path("ledger.yaml").write_text(example.replace(f"external_id: {old}", f"external_id: [{old}, {new}]"))
    condition = {"StringEquals": {"sts:ExternalId": [old, new]}}
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    untyped: Any = boto3
    iam = untyped.client("iam", region_name="eu-west-1")
    iam.create_role(RoleName="acme-prod-ledger", AssumeRolePolicyDocument=document)
    deployed.trail(
        {old: datetime(2026, 11, 20, 9, 12, 41, tzinfo=UTC), new: datetime(2026, 11, 20, 21, 3, 7, tzinfo=UTC)}
    )


SCENES: dict[str, Callable[[Deployed], None]] = {
    "logdock init --kind cockroachdb --settings prod.yaml": a_new_deployment,
    "logdock add --kind aurora-mysql": another_cluster,
    "logdock validate --offline": lambda _: None,
    "logdock next-steps orders --settings atlas.yaml": an_atlas_export,
    "logdock alerts test": confirmed_recipients,
    "logdock explain acme-prod/ship-logz": lambda _: None,
    "logdock status": a_morning,
    A_SEARCH: after_a_night,
    A_COUNT: after_a_night,
    "logdock rotate-external-id ledger --settings ledger.yaml": a_vendor_that_has_changed,
    "logdock backfill --export app --since 90d --dry-run": not_shipped_yet,
    "logdock backfill --export app --since 90d --rate 50": not_shipped_yet,
    "logdock backfill --export jobs --destination archive --since 90d": not_archived_yet,
    "logdock redrive --dry-run": after_an_outage,
    "logdock redrive": after_an_outage,
}


@pytest.mark.parametrize("command", SCENES)
def test_a_transcript_of_the_page_is_what_the_command_prints(
    command: str, logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RateLimiter, "pause", lambda *_: deployed.ship())
    SCENES[command](deployed)
    ended = logdock(*shlex.split(command)[1:])
    # an answer is summed up when it is printed; what else is noted comes before the result
    is_summed_up = command.startswith(("logdock logs", "logdock sql"))
    shown = ended.out + ended.err if is_summed_up else ended.err + ended.out
    printed = re.sub(r" +$", "", shown, flags=re.MULTILINE)
    page = PAGE.read_text()
    if "LOGDOCK_WRITE_TRANSCRIPTS" in os.environ:
        page = BLOCK.sub(
            lambda block: f"```console\n$ {command}\n{printed}```" if block[1] == command else block[0], page
        )
        PAGE.write_text(page)
    assert dict(BLOCK.findall(page)).get(command) == printed


def test_every_transcript_of_the_page_is_of_a_scene() -> None:
    assert {command for command, _ in BLOCK.findall(PAGE.read_text())} == set(SCENES)
