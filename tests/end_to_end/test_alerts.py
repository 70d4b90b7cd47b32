"""Alarms watch metrics that the deployment makes, and what follows a change of state reaches the webhook and topics.

The local cloud evaluates no alarm: the tests compare the properties of an alarm with the metric that was recorded, and
change its state by SetAlarmState, which has the same consequences.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local_cloud.cdk import Cdk
from local_cloud.emulator import Emulator
from local_cloud.journal import Journal
from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import enter, vendor_identity
from local_cloud.stand_ins.webhook import HEADER_VALUE, Webhook
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings
from logdock.settings.names import Names
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from tests.conftest import ROOT
from tests.end_to_end.person import Needs, Person, the_page_says
from tests.end_to_end.played import are_empty
from tests.end_to_end.waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.literals import StateValueType

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT = "111122223333"
WAIT_SCALE = 0.003
"""An hour between two reminders passes in eleven seconds."""
TOKEN = "4f0c8a1d2b7e4c55a1d0f3b2c6e79a11"


@dataclass
class World:
    """What the tests look at."""

    stage: Stage
    webhook: Webhook
    listener: LogzioListener
    write: Callable[[], None]
    settings_file: Path

    def wait_for_message(self, *words: str) -> str:
        """Wait for a text with all of these words, take it away and return it."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for text in self.webhook.texts:
                if all(word in text for word in words):
                    self.webhook.texts.remove(text)
                    return text
            assert time.monotonic() < deadline, f"no message has {words}; received: {self.webhook.texts}"
            time.sleep(0.1)

    def set_state(self, alarm: str, state: StateValueType) -> None:
        """Change the state of an alarm."""
        self.stage.customer("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="test")

    def wait_for_metric(self, name: str, satisfies: Callable[[float], bool]) -> None:
        """Wait until the metric of an alarm, with its own dimensions and statistic, has a value that satisfies."""
        cloudwatch = self.stage.customer("cloudwatch")
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            values = [
                point[alarm["Statistic"]]
                for point in cloudwatch.get_metric_statistics(
                    Namespace=alarm["Namespace"],
                    MetricName=alarm["MetricName"],
                    Dimensions=alarm["Dimensions"],
                    StartTime=time.time() - 3600,
                    EndTime=time.time() + 60,
                    Period=alarm["Period"],
                    Statistics=[alarm["Statistic"]],
                )["Datapoints"]
            ]
            if any(satisfies(value) for value in values):
                return
            assert time.monotonic() < deadline, f"{name}: {values}"
            time.sleep(0.2)

    def messages_of_the_topic(self) -> list[dict[str, Any]]:
        """Return what the user's own topic got: the alarms as documents, the other messages as {text}."""
        sqs = self.stage.customer("sqs")
        url, found = sqs.get_queue_url(QueueName="oncall")["QueueUrl"], []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                text = json.loads(message["Body"])["Message"]
                found.append(json.loads(text) if text.startswith("{") else {"text": text})
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found


def document(listener_url: str) -> dict[str, Any]:
    """Return the settings: the example of alerts, with the one export that is played here."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "alerts.yaml").read_text())
    whole["exports"] = whole["exports"][:1]
    whole["destinations"][0]["listener_url"] = listener_url
    whole["alerts"] |= {"silent_after_minutes": 30, "lag_after_minutes": 60, "remind_after_minutes": 60}
    return whole


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("alerts")
    faster = {"SFN_WAIT_SCALE": str(WAIT_SCALE)}
    with ExitStack() as everything:
        cloud = everything.enter_context(Emulator(log_file=directory / "emulator.log", options=faster))
        listener = everything.enter_context(LogzioListener(certificate=cloud.certificate, key=cloud.key))
        webhook = everything.enter_context(Webhook(certificate=cloud.certificate, key=cloud.key))
        listener.tokens[TOKEN] = "logz"
        file = directory / "logdock.yaml"
        file.write_text(yaml.safe_dump(document(listener.url)))
        settings = load_settings(file)
        prepare(cloud, settings.region, webhook)
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=settings.region, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        outputs = cdk.deploy(directory / "cdk.out", outputs_file=directory / "outputs.json").outputs
        stage = Stage(cloud, settings, outputs, Vendors(cloud))
        yield World(stage, webhook, listener, writer(stage), file)


def prepare(cloud: Emulator, region: str, webhook: Webhook) -> None:
    """Make what the settings name: secrets, and the trail's log group."""
    secrets = cloud.client("secretsmanager", ACCOUNT, region=region)
    texts = {"acme/logzio": TOKEN, "acme/chat-webhook": webhook.url, "acme/chat-key": HEADER_VALUE}
    for name, text in texts.items():
        secrets.create_secret(Name=name, SecretString=text)
    cloud.client("logs", ACCOUNT, region=region).create_log_group(logGroupName="/acme/trail")
    sns, sqs = (cloud.client(service, ACCOUNT, region=region) for service in ("sns", "sqs"))
    topic = sns.create_topic(Name="oncall")["TopicArn"]
    url, queue = sqs.create_queue(QueueName="oncall")["QueueUrl"], topic.replace(":sns:", ":sqs:")
    admit = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)


def writer(stage: Stage) -> Callable[[], None]:
    """Enter the account as Atlas does, and return what writes one object."""
    export = stage.settings.exports[0]
    assert isinstance(export, MongodbAtlasExport)
    assert export.atlas_principal_arn
    assert export.external_id
    outputs = stage.stack_outputs(export.name)
    identity = vendor_identity(stage, export.atlas_principal_arn)
    session = enter(stage, Journal(), identity, outputs["RoleArn"], export.external_id[-1], export.session_seconds)
    s3 = stage.client("s3", session)

    def write() -> None:
        key = f"{outputs['Prefix']}/Cluster0/host/mongod/{time.time_ns()}.log"
        s3.put_object(Bucket=outputs["BucketName"], Key=key, Body=gzip.compress(b'{"msg":"one"}\n'))

    return write


def test_an_alarm_is_notified_reminded_and_recovered(world: World) -> None:
    world.write()
    world.wait_for_metric("acme-prod/orders/silence", lambda landed: landed >= 1)
    assert not world.webhook.texts, "a fresh deploy is no alarm"
    world.set_state("acme-prod/orders/silence", "ALARM")

    began = world.wait_for_message("[acme-prod] alarm acme-prod/orders/silence since 20")
    assert "No object of orders has landed for 30 minutes. Run first: logdock validate orders." in began
    assert "https://wiki.acme.example/logdock/runbook#silence" in began

    still = world.wait_for_message("[acme-prod] still on: acme-prod/orders, since 20")
    assert "acme-prod/orders/silence: No object of orders has landed for 30 minutes." in still
    assert world.wait_for_message("[acme-prod] still on: acme-prod/orders, since 20") == still

    world.set_state("acme-prod/orders/silence", "OK")
    assert world.wait_for_message("[acme-prod] recovered: none of the alarms of acme-prod/orders is on, since 20")
    # One reminder may have been on its way; with the alarm, the reminders have ended.
    machine = world.stage.customer("stepfunctions").list_state_machines()["stateMachines"][0]["stateMachineArn"]
    until_no_execution_runs(world, machine)
    assert not [text for text in world.webhook.texts if "recovered" in text and "orders" in text]

    messages = world.messages_of_the_topic()
    (first,) = [message for message in messages if message.get("AlarmName") == "acme-prod/orders/silence"]
    assert (first["NewStateValue"], first["AlarmDescription"] in began) == ("ALARM", True)
    texts = [message["text"] for message in messages if "text" in message]
    assert still in texts
    assert len([text for text in texts if "recovered: none of the alarms of acme-prod/orders is on" in text]) == 1


def until_no_execution_runs(world: World, machine: str) -> None:
    machines = world.stage.customer("stepfunctions")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while machines.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    failed = machines.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"]
    causes = [machines.describe_execution(executionArn=each["executionArn"]).get("cause") for each in failed]
    assert not causes


def test_a_failing_destination_breaches_its_alarms_and_is_notified(world: World) -> None:
    world.webhook.texts.clear()
    world.listener.tokens.clear()
    world.write()
    world.wait_for_metric("acme-prod/ship-logz/failing", lambda failed: failed >= 1)
    (lag,) = world.stage.customer("cloudwatch").describe_alarms(AlarmNames=["acme-prod/ship-logz/lag"])["MetricAlarms"]
    (queue,) = [each["Value"] for each in lag["Dimensions"]]
    assert (lag["MetricName"], lag["Threshold"]) == ("ApproximateAgeOfOldestMessage", 3600)
    assert not are_empty(world.stage.customer("sqs"), [queue]), "the queue that it watches holds the message"

    world.set_state("acme-prod/ship-logz/failing", "ALARM")
    failing = world.wait_for_message("alarm acme-prod/ship-logz/failing")
    assert "Shipping to logz fails again and again" in failing
    assert "/aws/lambda/acme-prod-ship-logz. Run first: logdock status." in failing
    world.set_state("acme-prod/ship-logz/lag", "ALARM")
    late = world.wait_for_message("alarm acme-prod/ship-logz/lag")
    assert "What has landed for logz has waited on its queue for more than 60 minutes." in late

    world.listener.tokens[TOKEN] = "logz"
    world.wait_for_metric("acme-prod/orders/lag-logz", lambda lag: lag > 0)
    world.set_state("acme-prod/orders/lag-logz", "ALARM")
    own = world.wait_for_message("alarm acme-prod/orders/lag-logz")
    assert "A record of orders waited for more than 60 minutes to get to logz, or waits still." in own
    assert "runbook#lag" in own
    for name in ("ship-logz/failing", "ship-logz/lag", "orders/lag-logz"):
        assert not [text for text in world.webhook.texts if "recovered" in text and name.split("/")[0] in text]
        world.set_state(f"acme-prod/{name}", "OK")
    world.wait_for_message("[acme-prod] recovered: none of the alarms of acme-prod/ship-logz is on")
    world.wait_for_message("[acme-prod] recovered: none of the alarms of acme-prod/orders is on")


def needs(stage: Stage) -> Needs:
    """Return what the page says that `logdock alerts test` needs, each on what the page says."""
    names, region = Names.of(stage.settings), stage.settings.region
    return [
        (["states:StartExecution"], [names.alerts_machine_arn(region)]),
        (["sns:ListSubscriptionsByTopic"], [names.alert_topic_arn]),
    ]


def test_a_test_message_reaches_everybody(world: World) -> None:
    person = Person(world.stage, world.settings_file, lambda _: needs(world.stage))
    code, shown = person.logdock("alerts", "test")
    assert re.findall(r"^eu-west-1 +(\S.*?) {2,}(.+?) *$", shown, re.MULTILINE) == [
        ("oncall@acme.example", "confirmed"),
        ("arn:aws:sns:eu-west-1:111122223333:oncall", "is sent it"),
        ("the webhook", "is sent it"),
    ]
    assert code == 0
    message = "[acme-prod] test: you receive the alarms of acme-prod."
    assert world.wait_for_message("test") == message
    assert {"text": message} in world.messages_of_the_topic()


def test_the_page_says_what_who_sends_a_test_message_may_do(world: World) -> None:
    assert the_page_says("alerts test") == {action for actions, _ in needs(world.stage) for action in actions}
