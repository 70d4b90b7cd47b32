"""`logdock alerts test` on an AWS in the test's own process; the end-to-end test has the message arrive."""

from __future__ import annotations

import json

import boto3
import pytest

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


def test_the_state_machine_is_asked_for_a_test_message(logdock: Type) -> None:
    arn = machine()
    ended = logdock("alerts", "test", *SETTINGS)
    assert asked(arn) == [{"state": "TEST"}]
    assert ended.out.splitlines() == [
        "eu-west-1: a test message is on its way to the topic acme-prod-alerts",
        "Who should hear: oncall@acme.example, arn:aws:sns:eu-west-1:111122223333:oncall, the webhook",
    ]
    assert ended.code == 0


def test_a_deployment_of_two_regions_is_asked_in_both(logdock: Type) -> None:
    both = [machine("eu-west-1"), machine("us-east-1")]
    everything = ("--settings", str(ROOT / "examples" / "cockroachdb.yaml"), "--json")
    ended = logdock("alerts", "test", *everything)
    assert [asked(arn) for arn in both] == [[{"state": "TEST"}]] * 2
    assert json.loads(ended.out)["regions"] == ["eu-west-1", "us-east-1"]


def test_without_the_core_it_says_what_to_deploy(logdock: Type) -> None:
    ended = logdock("alerts", "test", *SETTINGS)
    assert ended.code == 4
    assert "acme-prod-core is not deployed in eu-west-1" in ended.err
    assert "npx cdk deploy acme-prod-core" in ended.err


def test_its_help_has_an_example_and_the_page_has_it(logdock: Type) -> None:
    assert "logdock alerts test" in logdock("alerts", "test", "--help").out.partition("Example")[2]
    assert "## logdock alerts test\n" in (ROOT / "docs" / "logdock.md").read_text()
