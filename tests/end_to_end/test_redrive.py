"""`logdock redrive` on the local cloud, by a person who may do no more than the page says: nothing lost, nothing twice.

Logz.io's listener is down while one object comes, refuses a record of another as too long, and the archiver fails for
want of its configuration. Then all three are fixed.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
exports:
  - {{name: app, kind: s3-logs, ship_to: [logz]}}
  - {{name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs], ship_to: [logz]}}
"""


class Listener(LogzioListener):
    """A listener that can be down."""

    is_down = False

    def take(self, query: Mapping[str, list[str]], body: bytes) -> tuple[int, bytes]:
        return (503, b"") if self.is_down else super().take(query, body)

    def messages(self) -> Counter[str]:
        return Counter(json.loads(line)["message"] for line in self.lines["logz"])


@dataclass(frozen=True)
class World:
    """The deployment, and what a test does to it."""

    stage: Stage
    listener: Listener
    names: Names
    person: Person

    def client(self, service: str) -> Any:
        return self.stage.customer(service)

    @property
    def failed(self) -> str:
        return self.names.bucket("failed")

    def kept(self, prefix: str) -> list[str]:
        found = self.client("s3").list_object_versions(Bucket=self.failed, Prefix=prefix)
        return [version["Key"] for version in found.get("Versions", [])]

    def dead(self) -> int:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=self.names.queue("logz", "-dead"))["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def needs_of(names: Names, archive_key_arn: str) -> Callable[[str], Needs]:
    """Return what the page says that a command needs, each on what the page says."""
    failed, archive = (names.bucket_arn(names.bucket(purpose)) for purpose in ("failed", "archive"))
    queues = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{names.queue('logz', suffix)}" for suffix in ("", "-dead")]
    return {
        "status": [
            (["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"], ["*"]),
            (["cloudformation:DescribeStacks"], ["*"]),
            (["s3:ListBucket"], [archive, failed]),
            (["s3:GetObject"], [f"{archive}/logs/*/compacted-*"]),
            (["kms:Decrypt"], [archive_key_arn]),
            (["logs:FilterLogEvents"], [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{names.compactor}:*"]),
            (["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], queues),
        ],
        "redrive": [
            (["s3:ListBucketVersions", "s3:GetObjectVersion"], [failed, f"{failed}/*"]),
            (["s3:DeleteObject", "s3:DeleteObjectVersion"], [f"{failed}/*"]),
            (["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"], [names.mark_table_arn]),
            (["kms:Decrypt"], [archive_key_arn]),
            (["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:SendMessage"], queues),
            (["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"], queues[1:]),
            (["lambda:InvokeFunction"], [names.archiver_arn(REGION)]),
            (["firehose:PutRecordBatch"], [f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/acme-ship-*"]),
            (["logs:FilterLogEvents"], [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/acme-ship-*:*"]),
        ],
    }.__getitem__


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("redrive")
    options = {"LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.01"}
    with (
        Emulator(log_file=directory / "emulator.log", options=options) as cloud,
        Listener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        file = directory / "logdock.yaml"
        file.write_text(SETTINGS.format(account=ACCOUNT, region=REGION, listener=listener.url))
        settings = load_settings(file)
        listener.tokens["token"] = "logz"
        cloud.client("secretsmanager", ACCOUNT, region=REGION).create_secret(Name="acme/logzio", SecretString="token")
        cloud.client("logs", ACCOUNT, region=REGION).create_log_group(logGroupName="/acme/jobs")
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        outputs = cdk.deploy(directory / "cdk.out").outputs
        stage, names = Stage(cloud, settings, outputs, Vendors(cloud)), Names.of(settings)
        key = stage.customer("kms").describe_key(KeyId="alias/acme-archive")["KeyMetadata"]["Arn"]
        yield World(stage, listener, names, Person(stage, file, needs_of(names, key)))


def test_what_failed_is_sent_later_once_and_deleted_only_after_it_arrived(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = world.listener
    s3, sqs, ssm, logs = (world.client(name) for name in ("s3", "sqs", "ssm", "logs"))
    expected = Counter([*(f"refused {number}" for number in range(2)), "y" * 2000])

    # Of three records, the listener refuses one as too long.
    with monkeypatch.context() as patch:
        patch.setattr(listener, "max_line_bytes", 1000)
        s3.put_object(Bucket=LANDING, Key="refused.log", Body=f"refused 0\n{'y' * 2000}\nrefused 1\n".encode())
        until("a record is quarantined", lambda: world.kept("quarantine/app/logz/"))

    # The listener is down, and a message is given up after its first try.
    listener.is_down = True
    url = sqs.get_queue_url(QueueName=world.names.queue("logz"))["QueueUrl"]
    as_deployed = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy", "VisibilityTimeout"])
    once = json.dumps(json.loads(as_deployed["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": once, "VisibilityTimeout": "1"})
    lines = [f"dead {number}" for number in range(50)]
    s3.put_object(Bucket=LANDING, Key="dead.log", Body="\n".join(lines).encode())
    until("the object's message is dead", world.dead)
    expected.update(lines)

    # The archiver cannot read the configuration of its export.
    parameter = f"{world.names.parameter_path}jobs"
    document = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    ssm.delete_parameter(Name=parameter)
    logs.create_log_stream(logGroupName="/acme/jobs", logStreamName="nightly")
    lines = [f"job {number}" for number in range(5)]
    now = int(time.time() * 1000)
    put_events(logs, "/acme/jobs", "nightly", [(now + number, line) for number, line in enumerate(lines)])
    until("the archiver's event is kept", lambda: world.kept("aws/lambda/async/"))
    expected.update(lines)

    code, shown = world.person.logdock("status", "--json")
    status = json.loads(shown)
    assert (code, status["failures"], status["kept"]) == (1, 3, {REGION: 1}), shown
    assert [(each["destination"], each["dead"]) for each in status["queues"]] == [("logz", 1)]
    assert {(each["export"], each["destination"]): each["quarantined"] for each in status["deliveries"]} == {
        ("app", "logz"): 1,
        ("jobs", "archive"): 0,
        ("jobs", "logz"): 0,
    }

    code, shown = world.person.logdock("redrive", "--dry-run")
    assert code == 1, shown
    assert re.search(r"^archiver +jobs +archive +[\w.]+ +1 *$", shown, re.MULTILINE), shown
    assert re.search(r"^dead-letters +app +logz +DeliveryError: .*answered 503.* 1 *$", shown, re.MULTILINE), shown
    assert re.search(r"^quarantine +app +logz +the listener refused the record as malf.* 1 +1$", shown, re.MULTILINE), (
        shown
    )
    assert "yyyy" not in shown

    # The command is killed while it waits for the record, whose message dies too. Started again it waits for the same
    # one; as long as nothing arrives, nothing is deleted.
    quarantined = world.kept("quarantine/")
    killed = world.person.type_in("redrive", "--only", "quarantine")
    until("the record's message is dead too", lambda: world.dead() == 2)
    killed.kill()
    killed.communicate()
    code, shown = world.person.logdock("redrive", "--only", "quarantine", "--wait", "3")
    assert (code, world.kept("quarantine/")) == (1, quarantined), shown

    listener.is_down = False
    sqs.set_queue_attributes(QueueUrl=url, Attributes=as_deployed["Attributes"])
    ssm.put_parameter(Name=parameter, Type="String", Value=document)
    code, shown = world.person.logdock("redrive", "--wait", "60")
    assert code == 0, shown
    assert "Nothing is left." in shown
    until("all of it arrives", lambda: listener.messages() >= expected)

    assert listener.messages() == expected
    assert (world.kept("quarantine/"), world.kept("aws/lambda/"), world.dead()) == ([], [], 0)
    assert world.person.logdock("redrive") == (0, "Nothing has failed.\n")
    code, shown = world.person.logdock("status", "--json")
    (jobs,) = (each for each in json.loads(shown)["deliveries"] if each["destination"] == "archive")
    assert (code, json.loads(shown)["failures"], jobs["landed"] is None) == (0, 0, False), shown


@pytest.mark.parametrize("command", ["status", "redrive"])
def test_the_page_says_what_the_person_of_this_test_may_do(world: World, command: str) -> None:
    assert world.person.may(command) == the_page_says(command)
