"""Forged queue messages on the local cloud, by a caller that may send to the queues and do nothing else.

Each message puts together what does not belong together. Nothing of it is shipped, its reason is in the function's log,
and it ends on the dead-letter queue, while what lands beside it is shipped as its export asks for.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.cdk import Cdk
from local_cloud.emulator import Emulator
from local_cloud.stage import UNRELATED_ACCOUNT, Stage
from local_cloud.stand_ins.log_events import put_events
from local_cloud.stand_ins.sessions import role_session
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.end_to_end.waiting import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
SETTINGS = """\
deployment: acme
account: "{account}"
region: {region}
destinations:
  - {{name: logz, kind: logzio, token_secret: acme/logzio, listener_url: "{listener}"}}
  - {{name: other, kind: logzio, token_secret: acme/other, listener_url: "{listener}"}}
exports:
  - {{name: cards, kind: s3-logs, ship_to: [logz], redaction: {{detectors: [payment-card, email]}}}}
  - {{name: plain, kind: s3-logs, ship_to: [logz, other]}}
  - {{name: vault, kind: cloudwatch-logs, log_groups: [/acme/vault]}}
"""
CARD_LINE = "paid with 4111 1111 1111 1111 by anna@example.com"
TRIES = 2


@dataclass(frozen=True)
class World:
    """The deployment, and what arrives at its listener."""

    stage: Stage
    names: Names
    listener: LogzioListener

    def client(self, service: str) -> Any:
        return self.stage.customer(service)

    def landing(self, export: str) -> str:
        return f"acme-{export}-{ACCOUNT}-{REGION}"

    def land(self, export: str, key: str, line: str) -> str:
        """Put an object where an export lands; return its version."""
        bucket, body = self.landing(export), f"{line}\n".encode()
        return str(self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])

    def messages(self) -> list[str]:
        return sorted(json.loads(line)["message"] for lines in self.listener.lines.values() for line in list(lines))

    def url(self, destination: str, suffix: str = "") -> str:
        return str(self.client("sqs").get_queue_url(QueueName=self.names.queue(destination, suffix))["QueueUrl"])

    def dead(self, destination: str) -> int:
        """Return how many messages are on a destination's dead-letter queue."""
        name = "ApproximateNumberOfMessages"
        url = self.url(destination, "-dead")
        return int(self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def reasons(self, destination: str) -> dict[str, str]:
        """Return why messages failed, by their ids, as the function's log says it."""
        group = f"/aws/lambda/{self.names.shipper(destination)}"
        events = self.client("logs").filter_log_events(logGroupName=group, filterPattern='"failed"')["events"]
        said = [json.loads(each["message"]) for each in events if each["message"].startswith("{")]
        return {each["message_id"]: each["error"] for each in said if each.get("event") == "failed"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("queue-messages")
    with (
        Emulator(log_file=directory / "emulator.log") as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        file = directory / "logdock.yaml"
        file.write_text(SETTINGS.format(account=ACCOUNT, region=REGION, listener=listener.url))
        settings = load_settings(file)
        for name in ("logzio", "other"):
            listener.tokens[f"token-{name}"] = name
            secrets = cloud.client("secretsmanager", ACCOUNT, region=REGION)
            secrets.create_secret(Name=f"acme/{name}", SecretString=f"token-{name}")
        cloud.client("logs", ACCOUNT, region=REGION).create_log_group(logGroupName="/acme/vault")
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        age_versions_at_once(directory / "cdk.out")
        outputs = cdk.deploy(directory / "cdk.out").outputs
        yield World(Stage(cloud, settings, outputs, Vendors(cloud)), Names.of(settings), listener)


def age_versions_at_once(assembly: Path) -> None:
    """Shorten the fifteen minutes after which a version may be of a deleted object: no test waits so long."""
    (source,) = assembly.glob("asset.*/log_shipper/objects.py")
    code = source.read_text(encoding="utf-8")
    assert code.count("FRESH = timedelta(minutes=15)") == 1
    source.write_text(code.replace("FRESH = timedelta(minutes=15)", "FRESH = timedelta()"), encoding="utf-8")


def forged(export: str, bucket: str, key: str, version: str = "") -> str:
    item = {"key": key, "version-id": version, "etag": ""}
    document = {
        "export": export,
        "time": "2026-11-21T02:03:04Z",
        "detail": {"bucket": {"name": bucket}, "object": item},
    }
    return json.dumps(document)


def test_forged_messages_ship_nothing_and_die_with_their_reason(world: World) -> None:
    s3, sqs, names = world.client("s3"), world.client("sqs"), world.names
    archive, failed = names.bucket("archive"), names.bucket("failed")

    # What the attacker would like to have sent: cards in the clear, an archive that ships nowhere, a deleted line.
    card = world.land("cards", "card.log", CARD_LINE)
    until("the line of cards arrives", world.messages)
    logs, now = world.client("logs"), int(time.time() * 1000)
    logs.create_log_stream(logGroupName="/acme/vault", logStreamName="n1")
    put_events(logs, "/acme/vault", "n1", [(now, "of the vault")])
    until("the vault is archived", lambda: s3.list_objects_v2(Bucket=archive, Prefix="logs/vault/").get("Contents"))
    (archived,) = s3.list_objects_v2(Bucket=archive, Prefix="logs/vault/")["Contents"]
    world.client("events").disable_rule(Name=names.export("plain"))
    deleted = world.land("plain", "deleted.log", "deleted")
    s3.delete_object(Bucket=world.landing("plain"), Key="deleted.log")
    world.client("events").enable_rule(Name=names.export("plain"))
    world.stage.client("s3", UNRELATED_ACCOUNT, region="us-east-1").create_bucket(Bucket="unrelated-logs")
    quarantined = "quarantine/cards/other/dt=2026-11-21/1-a.json.gz"
    s3.put_object(Bucket=failed, Key=quarantined, Body=b"{}\n")
    arrived = world.messages()
    assert len(arrived) == 1
    assert "4111" not in arrived[0]
    assert "anna" not in arrived[0]

    for destination in ("logz", "other"):
        policy = json.dumps({"deadLetterTargetArn": names.queue_arn(destination) + "-dead", "maxReceiveCount": TRIES})
        sqs.set_queue_attributes(QueueUrl=world.url(destination), Attributes={"RedrivePolicy": policy})

    statement = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:acme-ship-*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    attacker = world.stage.client("sqs", role_session(world.stage, ACCOUNT, "sender", policy=policy))
    attacks = [
        # Under the name of an export that redacts nothing, and to a destination that its own does not ship to.
        ("logz", forged("plain", world.landing("cards"), "card.log", card), "plain does not land in the bucket"),
        ("other", forged("cards", world.landing("cards"), "card.log", card), "cards is not shipped to other"),
        # Of another account.
        ("logz", forged("plain", "unrelated-logs", "a.log"), "plain does not land in the bucket unrelated-logs"),
        # An archive that ships nowhere, under its own name and another's.
        ("logz", forged("vault", archive, archived["Key"]), "vault is not shipped to logz"),
        ("logz", forged("plain", archive, archived["Key"]), "is not an archive object of plain"),
        # What another destination refused.
        ("logz", forged("cards", failed, quarantined), "only what logz refused of cards is sent"),
        # A version of a deleted object.
        ("logz", forged("plain", world.landing("plain"), "deleted.log", deleted), "has been deleted"),
        # An export that there is not.
        (
            "logz",
            forged("no-such-export", world.landing("plain"), "a.log"),
            "export 'no-such-export' has no configuration",
        ),
    ]
    expected = {}
    for destination, body, reason in attacks:
        sent = attacker.send_message(QueueUrl=world.url(destination), MessageBody=body)
        expected[sent["MessageId"]] = reason
    with pytest.raises(ClientError, match="AccessDenied"):
        attacker.receive_message(QueueUrl=world.url("logz"))

    # What lands meanwhile is shipped, to each of its destinations.
    world.land("plain", "own.log", "of plain itself")
    until("what landed beside them arrives", lambda: len(world.messages()) >= 3)

    until("the forged messages are dead", lambda: (world.dead("logz"), world.dead("other")) == (7, 1))
    assert world.messages() == sorted([*arrived, "of plain itself", "of plain itself"])
    assert s3.list_objects_v2(Bucket=failed, Prefix="quarantine/").get("KeyCount") == 1
    said = {**world.reasons("logz"), **world.reasons("other")}
    assert {number: reason for number, reason in expected.items() if reason not in said.get(number, "")} == {}, said
