"""Subscriptions through Kinesis: nothing of them without, and what stays; what they add is in the snapshots, whole."""

import json
import re
from typing import Any

import pytest

from tests.conftest import ROOT, Synthesized, synthesize

ACCOUNT = "111122223333"
HOME, ABROAD = "eu-west-1", "us-east-1"
CORE, SHIPPER = "acme-prod-core", "acme-prod-shipper"
# Where the stream of a Region is made, and with which key.
OWNER = {HOME: (CORE, "ArchiveKey5FADDB58"), ABROAD: (f"{SHIPPER}-{ABROAD}", "Key9BCD29C7")}
IMPORTED = {"Fn::ImportValue": "acme-prod-subscriptions-stream-arn"}


def example(name: str, subscriptions: str = "kinesis") -> Synthesized:
    return synthesize(ROOT / "examples" / f"{name}.yaml", subscriptions)


def role_arn(region: str = HOME) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/acme-prod-shipper-subscriptions" + ("" if region == HOME else f"-{region}")


def only(of: Synthesized, stack: str, resource_type: str) -> dict[str, Any]:
    (found,) = [resource for name, _, resource in of.resources(resource_type) if name == stack]
    return found


def test_by_default_there_is_no_stream_no_role_for_it_and_nothing_that_reads_one() -> None:
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        if path.stem == "log-archive-account":
            continue  # log groups of other accounts require a stream
        whole = json.dumps(synthesize(path, "direct").templates)
        assert not re.search(r"AWS::Kinesis::|kinesis:|kinesis\.", whole), path
        assert '"Service": "logs.amazonaws.com"' not in whole, path


@pytest.mark.parametrize("name", ["cloudwatch-logs", "cockroachdb", "everything"])
def test_every_subscription_keeps_its_id_and_name_and_goes_to_its_regions_stream(name: str) -> None:
    direct = {
        (stack, logical_id): resource
        for stack, logical_id, resource in example(name, "direct").resources("AWS::Logs::SubscriptionFilter")
    }
    for stack, logical_id, resource in example(name).resources("AWS::Logs::SubscriptionFilter"):
        before = direct.pop((stack, logical_id))["Properties"]
        # FilterName and LogGroupName are all that CloudFormation replaces a filter for.
        assert resource["Properties"] == before | {
            "DestinationArn": IMPORTED,
            "RoleArn": role_arn(ABROAD if stack.endswith(ABROAD) else HOME),
            "Distribution": "ByLogStream",
        }
        assert "ConfigurationParameterD3996BE8" in resource["DependsOn"]
    assert direct == {}


@pytest.mark.parametrize("region", [HOME, ABROAD])
def test_the_stream_is_exported_where_the_log_groups_of_its_region_import_it(region: str) -> None:
    outputs = example("cockroachdb").templates[OWNER[region][0]]["Outputs"].values()
    (found,) = [output for output in outputs if output.get("Export", {}).get("Name") == IMPORTED["Fn::ImportValue"]]
    assert found["Value"] == {"Fn::GetAtt": ["SubscriptionsStream521D4E3A", "Arn"]}


def test_log_groups_that_are_not_moved_yet_may_still_invoke_the_archiver() -> None:
    for stack in (SHIPPER, f"{SHIPPER}-{ABROAD}"):
        permissions = [
            only(example("cockroachdb", subscriptions), stack, "AWS::Lambda::Permission")
            for subscriptions in ("direct", "kinesis")
        ]
        assert permissions[0] == permissions[1]


def test_nothing_else_changes_with_the_way_that_subscriptions_travel() -> None:
    changed = set()
    for name in ("cloudwatch-logs", "cockroachdb", "everything"):
        direct, kinesis = example(name, "direct").templates, example(name).templates
        for stack, template in kinesis.items():
            before = direct[stack]["Resources"]
            changed |= {
                resource["Type"]
                for logical_id, resource in template["Resources"].items()
                if resource != before.get(logical_id)
            }
            # Each is named after what it holds, which names the stream; and no recommendation is needed.
            configured = re.compile(
                r"ConnectorSubscriptionsConfiguration[0-9a-f]{12}|ConnectorPolicy[0-9a-f]{12}"
                r"|AlarmsarchiverDeliveries[0-9A-F]{8}"
            )
            gone = before.keys() - template["Resources"].keys()
            assert [each for each in gone if not configured.match(each)] == []
    assert changed == {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Logs::SubscriptionFilter",
        "AWS::SSM::Parameter",
        "Custom::LogdockLogGroupSubscriptions",
    }


def test_log_groups_of_another_account_have_a_destination_for_that_account_alone() -> None:
    """Trust and access policy are compared whole: CloudWatch Logs User Guide, "Step 1: Create a destination"."""
    archive = synthesize(ROOT / "examples" / "log-archive-account.yaml")
    sender, arn = "222233334444", f"arn:aws:logs:{HOME}:{ACCOUNT}:destination:acme-prod-ledger"
    stream = f"arn:aws:kinesis:{HOME}:{ACCOUNT}:stream/acme-prod-shipper-subscriptions"
    destination = only(archive, "acme-prod-ledger", "AWS::Logs::Destination")["Properties"]
    admitted = {
        "Sid": "Subscribe",
        "Effect": "Allow",
        "Action": "logs:PutSubscriptionFilter",
        "Resource": arn,
        "Principal": {"AWS": sender},
    }
    assert json.loads(destination["DestinationPolicy"]) == {"Version": "2012-10-17", "Statement": [admitted]}
    assert destination["RoleArn"]["Fn::GetAtt"][0].startswith("SubscriptionsRole")
    assert (destination["DestinationName"], destination["TargetArn"]) == ("acme-prod-ledger", IMPORTED)

    role = only(archive, "acme-prod-ledger", "AWS::IAM::Role")["Properties"]
    sources = [f"arn:aws:logs:{HOME}:{each}:*" for each in (sender, ACCOUNT)]
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Condition": {"StringLike": {"aws:SourceArn": sources}},
            "Effect": "Allow",
            "Principal": {"Service": "logs.amazonaws.com"},
        }
    ]
    put, encrypt = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert (put["Action"], put["Resource"]) == ("kinesis:PutRecord", stream)
    via_kinesis = {"kms:ViaService": f"kinesis.{HOME}.amazonaws.com", "kms:EncryptionContext:aws:kinesis:arn": stream}
    assert (encrypt["Action"], encrypt["Condition"]) == ("kms:GenerateDataKey", {"StringEquals": via_kinesis})

    subscription = only(archive, "acme-prod-Landing-ledger", "AWS::Logs::SubscriptionFilter")["Properties"]
    assert (subscription["DestinationArn"], "RoleArn" in subscription) == (arn, False)


def test_a_landing_elsewhere_is_deployed_after_its_destination() -> None:
    """A log group cannot be subscribed to what is not there; CloudFormation has no reference between accounts."""
    app = synthesize(ROOT / "examples" / "log-archive-account.yaml")
    for name in ("ledger", "services"):
        assert f"acme-prod-{name}" in app.dependencies[f"acme-prod-Landing-{name}"]
        assert SHIPPER in app.dependencies[f"acme-prod-{name}"]
