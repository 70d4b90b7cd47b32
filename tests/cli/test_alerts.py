"""`logdock alerts test` on an AWS in the test's own process; the end-to-end test has the message arrive."""

import json

import boto3
import pytest
from moto.sns.models import sns_backends

from tests.cli.conftest import ACCOUNT, Type
from tests.conftest import ROOT

SETTINGS = ("--settings", str(ROOT / "examples" / "alerts.yaml"))
pytestmark = pytest.mark.usefixtures("aws")


def machine(region: str = "eu-west-1") -> str:
    made = boto3.client("stepfunctions", region_name=region).create_state_machine(
        name="acme-prod-alerts",
        definition=json.dumps({"StartAt": "Over", "States": {"Over": {"Type": "Succeed"}}}),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/acme-prod-alerts",
    )
    return made["stateMachineArn"]


def asked(arn: str) -> list[object]:
    """Return the input of every execution."""
    client = boto3.client("stepfunctions", region_name=arn.split(":")[3])
    runs = client.list_executions(stateMachineArn=arn)["executions"]
    return [json.loads(client.describe_execution(executionArn=run["executionArn"])["input"]) for run in runs]


@pytest.fixture
def topic(aws: None) -> str:
    return topic_in("eu-west-1")


def topic_in(region: str) -> str:
    arn: str = boto3.client("sns", region_name=region).create_topic(Name="acme-prod-alerts")["TopicArn"]
    return arn


def test_a_test_message_is_sent_and_its_recipients_are_named(logdock: Type, topic: str) -> None:
    arn = machine()
    boto3.client("sns", region_name="eu-west-1").subscribe(
        TopicArn=topic, Protocol="email", Endpoint="oncall@acme.example"
    )
    ended = logdock("alerts", "test", *SETTINGS, "--json")
    assert asked(arn) == [{"state": "TEST"}]
    assert json.loads(ended.out) == {
        "eu-west-1": {
            "oncall@acme.example": "confirmed",
            "arn:aws:sns:eu-west-1:111122223333:oncall": "is sent it",
            "the webhook": "is sent it",
        }
    }
    assert ended.code == 0


def test_two_regions_without_recipients_are_both_reported(logdock: Type) -> None:
    regions = ("eu-west-1", "us-east-1")
    both = [machine(region) for region in regions]
    for region in regions:
        topic_in(region)
    ended = logdock("alerts", "test", "--settings", str(ROOT / "examples" / "cockroachdb.yaml"))
    assert [asked(arn) for arn in both] == [[{"state": "TEST"}]] * 2
    assert ended.code == 1
    assert "No one is notified of a failure in eu-west-1, us-east-1: set alerts.email" in ended.out


def test_who_has_not_confirmed_is_named(logdock: Type, topic: str) -> None:
    machine()
    for name in ("new", "old"):
        boto3.client("sns", region_name="eu-west-1").subscribe(
            TopicArn=topic, Protocol="email", Endpoint=f"{name}@acme.example"
        )
    (pending,) = (each for each in sns_backends[ACCOUNT]["eu-west-1"].subscriptions.values() if "new" in each.endpoint)
    pending.arn = "PendingConfirmation"
    ended = logdock("alerts", "test", *SETTINGS)
    assert ended.code == 1
    assert "new@acme.example" in ended.out
    assert ended.out.count("has not confirmed") == 1


def test_without_the_core_it_says_what_to_deploy(logdock: Type) -> None:
    ended = logdock("alerts", "test", *SETTINGS)
    assert ended.code == 4
    assert "acme-prod-core is not deployed in eu-west-1" in ended.err
    assert "npx cdk deploy acme-prod-core" in ended.err
