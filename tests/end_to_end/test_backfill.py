"""`logdock backfill` on the local cloud: what landed before shipping was on reaches every destination exactly once.

Two deploys: with the first everything lands and stays, with the second it is shipped. The command is killed and
interrupted in the middle, by a person who may do no more than the page says.
"""

import gzip
import json
import re
import shlex
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local_cloud.cdk import Cdk
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.stand_ins.log_events import put_events
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.end_to_end.person import Needs, Person, the_page_says
from tests.end_to_end.played import are_empty
from tests.end_to_end.waiting import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
LANDING = f"acme-app-{ACCOUNT}-{REGION}"
SETTINGS = """\
deployment: acme
account: "{account}"
region: {region}
destinations:
  - {{name: logz, kind: logzio, token_secret: acme/logzio, listener_url: "{listener}"}}
  - {{name: reader, kind: logzio, mode: fetch, account_id: "406095609952", external_id: "logzio:aws:extid:example"}}
exports:
  - {{name: app, kind: s3-logs, ship_to: {app}}}
  - {{name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs], ship_to: {jobs}}}
"""
OBJECTS, BATCH = 23, 10
"""More objects than two messages to SQS hold, and how many one holds."""
BEFORE, HOUR_MS = "before the export", 3_600_000
SLOWLY = ("--rate", "0.01")
"""After the first batch of ten the next one is due in 1000 seconds."""


@dataclass(frozen=True)
class World:
    """The deployment as it ships now, and what landed before it did."""

    stage: Stage
    listener: LogzioListener
    names: Names
    person: Person
    app: list[str]
    jobs: list[str]

    def client(self, service: str) -> Any:
        return self.stage.customer(service)

    def backfill(self, *arguments: str) -> tuple[int, str]:
        return self.person.logdock("backfill", *arguments, "--since", "1d")

    def at_logzio(self, export: str) -> Counter[str]:
        """Return the messages that the listener took of an export."""
        lines = (json.loads(line) for line in self.listener.lines["logz"])
        return Counter(line["message"] for line in lines if line["export"] == export)

    def in_archive(self, prefix: str) -> Counter[str]:
        """Return the messages that the archive, or a feed, has under a prefix."""
        s3 = self.client("s3")
        return Counter(
            json.loads(line)["message"]
            for item in s3.list_objects_v2(Bucket=self.stage.archive_bucket, Prefix=prefix).get("Contents", [])
            for line in gzip.decompress(
                s3.get_object(Bucket=self.stage.archive_bucket, Key=item["Key"])["Body"].read()
            ).splitlines()
        )

    def nothing_waits(self) -> bool:
        """Say whether everything that was announced has been dealt with."""
        queues = [self.names.queue(destination) for destination in ("logz", "reader", "archive")]
        return are_empty(self.client("sqs"), queues)


def needs_of(names: Names, archive_key_arn: str) -> Callable[[str], Needs]:
    """Return what the page says that the command needs, each on what the page says."""
    buckets = [names.bucket_arn(bucket) for bucket in (LANDING, names.bucket("archive"))]
    compacted = [f"{buckets[1]}/logs/*/compacted-*", f"{buckets[1]}/archive-index/*"]
    queues = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{names.queue(name)}" for name in ("logz", "reader", "archive")]
    log_groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
    return lambda _: [
        (["s3:ListBucket"], buckets),
        (["s3:GetObject"], compacted),
        (["kms:Decrypt"], [archive_key_arn]),
        (["sqs:GetQueueUrl", "sqs:SendMessage"], queues),
        (["logs:DescribeLogGroups"], [f"{log_groups}*"]),
        (["logs:DescribeSubscriptionFilters", "logs:FilterLogEvents"], [f"{log_groups}/acme/jobs:*"]),
        (["lambda:InvokeFunction"], [names.archiver_arn(REGION)]),
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("backfill")
    file = directory / "logdock.yaml"
    with (
        Emulator(log_file=directory / "emulator.log") as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        listener.tokens["token"] = "logz"
        s3, logs, secrets = (cloud.client(name, ACCOUNT, region=REGION) for name in ("s3", "logs", "secretsmanager"))
        secrets.create_secret(Name="acme/logzio", SecretString="token")
        logs.create_log_group(logGroupName="/acme/jobs")
        logs.create_log_stream(logGroupName="/acme/jobs", logStreamName="nightly")
        now = int(time.time() * 1000)
        put_events(logs, "/acme/jobs", "nightly", [(now - 2 * HOUR_MS, BEFORE)])
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()

        def deploy(app: str, jobs: str) -> Stage:
            file.write_text(SETTINGS.format(account=ACCOUNT, region=REGION, listener=listener.url, app=app, jobs=jobs))
            cdk.synth(file, directory / "cdk.out")
            return Stage(cloud, load_settings(file), cdk.deploy(directory / "cdk.out").outputs, Vendors(cloud))

        stage = deploy("[]", "[]")
        names = Names.of(stage.settings)
        app = [f"{number:02d}: line {line}" for number in range(OBJECTS) for line in range(3)]
        for number in range(OBJECTS):
            body = "\n".join(app[number * 3 : number * 3 + 3]).encode()
            s3.put_object(Bucket=LANDING, Key=f"{number:02d}.log", Body=body)
        jobs = [f"job {number}" for number in range(5)]
        put_events(logs, "/acme/jobs", "nightly", [(now + number, line) for number, line in enumerate(jobs, start=1)])
        key = stage.customer("kms").describe_key(KeyId="alias/acme-archive")["KeyMetadata"]["Arn"]
        person = Person(stage, file, needs_of(names, key))
        world = World(stage, listener, names, person, app, jobs)
        until("the log group's events are archived", lambda: world.in_archive("logs/jobs/") == Counter(jobs))
        assert person.logdock("backfill", "--export", "app", "--since", "1d")[0] == 2

        deploy("[logz, reader, archive]", "[logz, reader]")
        # What lands from now on is shipped by itself.
        s3.put_object(Bucket=LANDING, Key="99.log", Body=b"after the deploy")
        app.append("after the deploy")
        until("what lands is shipped", lambda: world.at_logzio("app") and world.in_archive("feed/reader/app/"))
        yield world


def test_killed_in_the_middle_and_started_again_nothing_is_lost_and_nothing_comes_twice(world: World) -> None:
    code, shown = world.backfill("--export", "app", "--destination", "logz", "--dry-run")
    assert (code, shown.splitlines()[0]) == (0, "24 objects (0.0 MB) of app would be sent to logz. Nothing was sent.")
    assert world.at_logzio("app") == Counter(world.app[-1:])

    # It waits for the second batch's turn when it is killed: the rate lets it do no more.
    killed = world.person.type_in("backfill", "--export", "app", "--destination", "logz", "--since", "1d", *SLOWLY)
    until("a batch arrives", lambda: world.at_logzio("app").total() > BATCH * 3)
    until("the batch is done", world.nothing_waits)
    assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    oldest = Counter(world.app[: BATCH * 3] + world.app[-1:])
    assert world.at_logzio("app") == oldest

    code, shown = world.backfill("--export", "app", "--destination", "logz", "--rate", "1000")
    assert (code, shown.splitlines()[0]) == (
        0,
        "24 objects (0.0 MB) of app announced to logz. `logdock status` shows what becomes of them.",
    )
    until("everything arrives", lambda: world.at_logzio("app") >= Counter(world.app))
    until("nothing waits", world.nothing_waits)
    assert world.at_logzio("app") == Counter(world.app)


def test_interrupted_it_says_where_to_go_on_and_the_archive_has_everything_once(world: World) -> None:
    only = ("--export", "app", "--destination", "archive")
    stopped = world.person.type_in("backfill", *only, "--since", "1d", *SLOWLY)
    until("a batch is archived", lambda: world.in_archive("logs/app/").total() > BATCH * 3)
    stopped.send_signal(signal.SIGINT)
    shown, _ = stopped.communicate()
    assert stopped.returncode == 130
    assert "10 objects (0.0 MB) of app announced to archive." in shown
    go_on = re.search(r"^Not finished\. Go on with (--since .+)$", shown, re.MULTILINE)
    assert go_on, shown

    assert world.person.logdock("backfill", *only, *shlex.split(go_on[1]))[0] == 0
    until("everything is archived", lambda: world.in_archive("logs/app/") >= Counter(world.app))
    until("nothing waits", world.nothing_waits)
    assert world.in_archive("logs/app/") == Counter(world.app)


def test_a_log_group_is_shipped_from_its_archive_and_what_it_held_before_is_archived(world: World) -> None:
    code, shown = world.backfill("--export", "jobs")
    assert (code, "of jobs announced to logz, reader." in shown) == (0, True), shown
    until("the jobs arrive", lambda: world.at_logzio("jobs") and world.in_archive("feed/reader/jobs/"))
    until("nothing waits", world.nothing_waits)
    assert world.at_logzio("jobs") == world.in_archive("feed/reader/jobs/") == Counter(world.jobs)

    # An hour ago none of the others was there.
    for _ in range(2):
        code, shown = world.backfill("--export", "jobs", "--destination", "archive", "--until", "1h")
        assert (code, shown) == (0, "1 log event (0.0 MB) of jobs archived, and shipped on from there.\n")
    world.jobs.append(BEFORE)
    until("it is shipped on", lambda: world.at_logzio("jobs")[BEFORE] and world.in_archive("feed/reader/jobs/")[BEFORE])
    until("nothing waits", world.nothing_waits)
    assert world.at_logzio("jobs") == world.in_archive("feed/reader/jobs/") == Counter(world.jobs)


def test_run_again_everything_is_announced_and_nothing_is_shipped_again(world: World) -> None:
    # Only the reader has not had it all yet.
    for _ in range(2):
        for export in ("app", "jobs"):
            assert world.backfill("--export", export)[0] == 0
        until("nothing waits", world.nothing_waits)
    assert world.in_archive("feed/reader/app/") == world.in_archive("logs/app/") == Counter(world.app)
    assert world.in_archive("feed/reader/jobs/") == world.in_archive("logs/jobs/") == Counter(world.jobs)
    assert world.at_logzio("app") + world.at_logzio("jobs") == Counter(world.app + world.jobs)


def test_the_page_says_what_the_person_of_this_test_may_do(world: World) -> None:
    assert world.person.may("backfill") == the_page_says("backfill")
