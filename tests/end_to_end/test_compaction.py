"""Compaction on the local cloud: the deployed function replaces small objects of the archive, and no line changes.

S3's clock is slow here, so that what is archived is hours old. The commands are run by a person who may do no more
than their page says.
"""

import base64
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper.compacted import number_of, part_of
from log_shipper.keys import identity_of

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
archive: {{compact: true}}
destinations:
  - {{name: logz, kind: logzio, token_secret: acme/logzio, listener_url: "{listener}"}}
  - {{name: reader, kind: logzio, mode: fetch, account_id: "406095609952", external_id: "logzio:aws:extid:example"}}
exports:
  - {{name: app, kind: s3-logs, ship_to: [logz, archive]}}
  - {{name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs], ship_to: [logz, reader]}}
"""
AGO_SECONDS = 6 * 3600
"""How old everything is: hours are closed three hours after their end."""
BATCHES, LINES = 24, 3
LARGE, LARGE_LINES, LINE_BYTES = 5, 2400, 1000
"""Of the landing bucket: more than eight MiB that gzip cannot shrink, so that the compacted object takes an upload."""


@dataclass
class World:
    """The deployment, and what was written to it."""

    stage: Stage
    listener: LogzioListener
    names: Names
    person: Person
    jobs: Counter[str]
    before: dict[str, list[str]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return self.stage.customer(service)

    def at_logzio(self, export: str) -> Counter[str]:
        """Return the messages that the listener took of an export."""
        lines = (json.loads(line) for line in self.listener.lines["logz"])
        return Counter(line["message"] for line in lines if line["export"] == export)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the archive under a prefix."""
        listed = self.client("s3").list_objects_v2(Bucket=self.stage.archive_bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def versions(self) -> dict[str, list[tuple[str, str, bool]]]:
        """Return the versions, and the delete markers, of all of the archive that compaction writes or removes."""
        found: dict[str, list[tuple[str, str, bool]]] = {}
        for prefix in ("logs/", "archive-index/"):
            listed = self.client("s3").list_object_versions(Bucket=self.stage.archive_bucket, Prefix=prefix)
            for kind in ("Versions", "DeleteMarkers"):
                for item in listed.get(kind, []):
                    found.setdefault(item["Key"], []).append((kind, item["VersionId"], item["IsLatest"]))
        return found

    def read(self, key: str, **version: str) -> bytes:
        answer = self.client("s3").get_object(Bucket=self.stage.archive_bucket, Key=key, **version)
        body: bytes = answer["Body"].read()
        return body

    def logs(self, export: str) -> list[str]:
        """Return the lines that `logdock logs` prints of an export."""
        code, shown = self.person.logdock("logs", "--export", export, "--since", "1d", "--json")
        assert code == 0, shown
        # the summary is printed to standard error
        return [line for line in shown.splitlines() if line.startswith("{")]

    def nothing_waits(self) -> bool:
        """Say whether everything that was announced has been dealt with."""
        queues = [self.names.queue(destination) for destination in ("logz", "reader", "archive")]
        return are_empty(self.client("sqs"), queues)

    def compact(self) -> Any:
        """Invoke the function as its rule does, and return its answer."""
        events, function = self.client("events"), self.names.compactor
        (rule,) = events.list_rules(NamePrefix=function)["Rules"]
        (target,) = events.list_targets_by_rule(Rule=function)["Targets"]
        assert (rule["ScheduleExpression"], rule["State"], "Input" in target) == ("rate(1 hour)", "ENABLED", False)
        event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": [rule["Arn"]]}
        client = self.stage.cloud.client("lambda", ACCOUNT, region=REGION)
        answer = client.invoke(FunctionName=target["Arn"], Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body


def needs_of(names: Names, archive_key_arn: str) -> Callable[[str], Needs]:
    """Return what the page says that a command needs, each on what the page says."""
    archive, landing = names.bucket_arn(names.bucket("archive")), names.bucket_arn(LANDING)
    queues = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{names.queue(name)}" for name in ("logz", "reader", "archive")]
    dead = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{names.queue(name, '-dead')}" for name in ("logz", "reader", "archive")]
    return {
        "logs": [
            (["s3:ListBucket", "s3:GetObject"], [archive, f"{archive}/*"]),
            (["kms:Decrypt"], [archive_key_arn]),
        ],
        "backfill": [
            (["s3:ListBucket"], [archive, landing]),
            (["s3:GetObject"], [f"{archive}/logs/*/compacted-*", f"{archive}/archive-index/*"]),
            (["kms:Decrypt"], [archive_key_arn]),
            (["sqs:GetQueueUrl", "sqs:SendMessage"], queues),
        ],
        "status": [
            (["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"], ["*"]),
            (["cloudformation:DescribeStacks"], ["*"]),
            (["s3:ListBucket"], [archive, names.bucket_arn(names.bucket("failed"))]),
            (["s3:GetObject"], [f"{archive}/logs/*/compacted-*"]),
            (["kms:Decrypt"], [archive_key_arn]),
            (["logs:FilterLogEvents"], [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{names.compactor}:*"]),
            (["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], [*queues, *dead]),
        ],
    }.__getitem__


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("compaction")
    file = directory / "logdock.yaml"
    with (
        Emulator(log_file=directory / "emulator.log", options={"S3_CLOCK_SLOW_SECONDS": str(AGO_SECONDS)}) as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        listener.tokens["token"] = "logz"
        s3, logs, secrets = (cloud.client(name, ACCOUNT, region=REGION) for name in ("s3", "logs", "secretsmanager"))
        secrets.create_secret(Name="acme/logzio", SecretString="token")
        logs.create_log_group(logGroupName="/acme/jobs")
        logs.create_log_stream(logGroupName="/acme/jobs", logStreamName="nightly")
        file.write_text(SETTINGS.format(account=ACCOUNT, region=REGION, listener=listener.url))
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        settings = load_settings(file)
        stage, names = Stage(cloud, settings, cdk.deploy(directory / "cdk.out").outputs, Vendors(cloud)), None
        names = Names.of(settings)
        key = stage.customer("kms").describe_key(KeyId="alias/acme-archive")["KeyMetadata"]["Arn"]
        world = World(stage, listener, names, Person(stage, file, needs_of(names, key)), Counter())

        ago = int((time.time() - AGO_SECONDS) * 1000)
        for batch in range(BATCHES):
            lines = [f"job {batch}, line {line}" for line in range(LINES)]
            put_events(logs, "/acme/jobs", "nightly", [(ago + batch, line) for line in lines])
            world.jobs.update(lines)
        chance = random.Random(19)  # noqa: S311 - only to fill objects
        for number in range(LARGE):
            lines = [base64.b64encode(chance.randbytes(LINE_BYTES)).decode() for _ in range(LARGE_LINES)]
            s3.put_object(Bucket=LANDING, Key=f"{number}.log", Body="\n".join(lines).encode())
        until("the log group's lines are shipped", lambda: world.at_logzio("jobs") == world.jobs)
        until("the bucket's lines are shipped", lambda: world.at_logzio("app").total() == LARGE * LARGE_LINES)
        until("nothing waits", world.nothing_waits)
        yield world


def test_run_replaces_the_parts_and_no_line(world: World) -> None:
    world.parts = [key for key in world.keys("logs/") if part_of(key)]
    world.before = {export: world.logs(export) for export in ("jobs", "app")}
    assert Counter(json.loads(line)["message"] for line in world.before["jobs"]) == world.jobs
    of_jobs = [key for key in world.parts if key.startswith("logs/jobs/")]
    assert len(of_jobs) >= BATCHES

    assert world.compact()["parts"] == len(world.parts)

    assert {export: world.logs(export) for export in world.before} == world.before
    assert all(number_of(key) for key in world.keys("logs/")), world.keys("logs/")
    hours = {key.rpartition("/")[0] for key in world.parts}
    assert len(world.keys("logs/")) == len(world.keys("archive-index/")) == len(hours)
    versions = world.versions()
    for key in world.parts:
        marker, version = sorted(versions[key])
        assert (marker[0], marker[2], version[0], version[2]) == ("DeleteMarkers", True, "Versions", False)
    for compacted in world.keys("logs/"):
        of_hour = [key for key in world.parts if key.rpartition("/")[0] == compacted.rpartition("/")[0]]
        written = [world.read(key, VersionId=max(versions[key])[1]) for key in of_hour]
        assert world.read(compacted) == b"".join(written)
        if compacted.startswith("logs/app/"):
            head = world.client("s3").head_object(Bucket=world.stage.archive_bucket, Key=compacted)
            assert "-" in head["ETag"]  # of an upload in parts


def test_second_run_changes_nothing(world: World) -> None:
    before = world.versions()
    assert world.compact() == {"objects": 0, "parts": 0}
    assert world.versions() == before


def test_removed_part_that_a_message_names_is_shipped(world: World) -> None:
    assert world.at_logzio("jobs") == world.jobs
    # The marks of every second part are gone, as after 30 days.
    table, bucket = world.names.mark_table, world.stage.archive_bucket
    forgotten = [key for key in world.parts if key.startswith("logs/jobs/")][::2]
    again: Counter[str] = Counter()
    for key in forgotten:
        mark = f"logz/jobs/{identity_of(bucket, key, '')}"
        found = world.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": mark}}, ReturnValues="ALL_OLD")
        assert found.get("Attributes"), mark
        version = max(world.versions()[key])[1]
        lines = gzip.decompress(world.read(key, VersionId=version)).splitlines()
        again.update(json.loads(line)["message"] for line in lines)

    code, shown = world.person.logdock("backfill", "--export", "jobs", "--destination", "logz", "--since", "1d")

    announced = len([key for key in world.parts if key.startswith("logs/jobs/")])
    assert (code, shown.partition(" ")[0]) == (0, str(announced)), shown
    world.jobs += again
    until("the lines come again", lambda: world.at_logzio("jobs") >= world.jobs)
    until("nothing waits", world.nothing_waits)
    assert world.at_logzio("jobs") == world.jobs


def test_compacted_object_is_not_announced(world: World) -> None:
    events = world.client("events")
    rules = [
        rule for rule in events.list_rules()["Rules"] if world.stage.archive_bucket in rule.get("EventPattern", "")
    ]
    assert rules
    compacted = next(key for key in world.keys("logs/") if key.startswith("logs/jobs/"))
    part = next(key for key in world.parts if key.startswith("logs/jobs/"))
    for rule in rules:
        for key, reason, expected in (
            (part, "PutObject", True),
            (compacted, "CompleteMultipartUpload", False),
            (world.keys("archive-index/jobs/")[0], "PutObject", False),
        ):
            event = {
                "id": "1", "source": "aws.s3", "detail-type": "Object Created", "account": ACCOUNT, "region": REGION,
                "time": "2026-11-30T06:00:00Z", "resources": [],
                "detail": {"bucket": {"name": world.stage.archive_bucket}, "object": {"key": key}, "reason": reason},
            }  # fmt: skip
            answer = events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))
            assert answer["Result"] is expected, (rule["Name"], key)
    # nor was it: nothing came but what was asked for
    assert world.at_logzio("jobs") == world.jobs
    assert world.at_logzio("app").total() == LARGE * LARGE_LINES


def test_role_cannot_delete_versions_or_what_landed(world: World) -> None:
    iam, role = world.client("iam"), world.names.compactor
    trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    as_deployed = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    )
    session = world.client("sts").assume_role(RoleArn=world.names.role_arn(role), RoleSessionName="proof")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(as_deployed))
    s3 = world.stage.client("s3", session["Credentials"])
    part, archive = world.parts[0], world.stage.archive_bucket
    version = max(world.versions()[part])[1]
    before = world.versions()
    refused: list[dict[str, str]] = [
        {"Bucket": archive, "Key": part, "VersionId": version},
        {"Bucket": archive, "Key": world.keys("logs/")[0]},
        {"Bucket": archive, "Key": world.keys("archive-index/")[0]},
        {"Bucket": LANDING, "Key": "0.log"},
    ]
    for each in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(**each)
    assert world.versions() == before
    assert world.client("s3").head_object(Bucket=LANDING, Key="0.log")


def test_status_is_what_the_page_says(world: World) -> None:
    code, shown = world.person.logdock("status", "--json")
    assert code == 0, shown
    rows = {(each["export"], each["destination"]): each for each in json.loads(shown)["deliveries"]}
    assert rows["jobs", "logz"]["quarantined"] == 0
    assert (json.loads(shown)["uncompacted"], json.loads(shown)["notes"]) == ([], [])


@pytest.mark.parametrize("command", ["backfill", "status"])
def test_the_page_says_what_the_person_of_this_test_may_do(world: World, command: str) -> None:
    # of log groups, `--destination archive` does other things
    others = {"logs:DescribeLogGroups", "logs:DescribeSubscriptionFilters", "logs:FilterLogEvents"}
    others.add("lambda:InvokeFunction")
    assert world.person.may(command) == the_page_says(command) - (others if command == "backfill" else set())
