"""Subscriptions through Kinesis: every resource and every document that they add, whole; and nothing of it without."""

from __future__ import annotations

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
FAILURES = ["FailuresBucketPolicyA0085020", "FailuresBucket3D5A4556"]
IMPORTED = {"Fn::ImportValue": "acme-prod-subscriptions-stream-arn"}


def example(name: str, subscriptions: str = "kinesis") -> Synthesized:
    return synthesize(ROOT / "examples" / f"{name}.yaml", subscriptions)


def stream_arn(region: str) -> str:
    return f"arn:aws:kinesis:{region}:{ACCOUNT}:stream/acme-prod-shipper-subscriptions"


def role_arn(region: str = HOME) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/acme-prod-shipper-subscriptions" + ("" if region == HOME else f"-{region}")


def via_kinesis(region: str) -> dict[str, Any]:
    context = {
        "kms:ViaService": f"kinesis.{region}.amazonaws.com",
        "kms:EncryptionContext:aws:kinesis:arn": stream_arn(region),
    }
    return {"StringEquals": context}


def only(of: Synthesized, stack: str, resource_type: str) -> dict[str, Any]:
    (found,) = [resource for name, _, resource in of.resources(resource_type) if name == stack]
    return found


def named(of: Synthesized, stack: str, resource_type: str, key: str, name: str) -> dict[str, Any]:
    (found,) = [
        resource
        for where, _, resource in of.resources(resource_type)
        if where == stack and resource["Properties"].get(key) == name
    ]
    return found


def without_tags(properties: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key != "Tags"}


def test_event_that_the_archiver_cannot_take_is_tried_twice_and_kept() -> None:
    config = only(example("cloudwatch-logs", "direct"), SHIPPER, "AWS::Lambda::EventInvokeConfig")["Properties"]
    assert config["MaximumRetryAttempts"] == 2
    kept = {"OnFailure": {"Destination": f"arn:aws:s3:::acme-prod-failed-{ACCOUNT}-{HOME}"}}
    assert config["DestinationConfig"] == kept


def test_by_default_there_is_no_stream_no_role_for_it_and_nothing_that_reads_one() -> None:
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        whole = json.dumps(synthesize(path, "direct").templates)
        assert not re.search(r"AWS::Kinesis::|kinesis:|kinesis\.", whole), path
        assert '"Service": "logs.amazonaws.com"' not in whole, path


@pytest.mark.parametrize("region", [HOME, ABROAD])
def test_each_region_has_a_stream_on_demand_under_the_key_of_its_stack_that_is_kept_for_a_day(region: str) -> None:
    stack, key = OWNER[region]
    found = only(example("cockroachdb"), stack, "AWS::Kinesis::Stream")

    assert without_tags(found["Properties"]) == {
        "Name": "acme-prod-shipper-subscriptions",
        "RetentionPeriodHours": 24,
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
        "StreamEncryption": {"EncryptionType": "KMS", "KeyId": {"Fn::GetAtt": [key, "Arn"]}},
    }
    assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize("region", [HOME, ABROAD])
def test_cloudwatch_logs_of_this_account_and_region_may_put_records_on_the_stream_and_nothing_else(region: str) -> None:
    stack, key = OWNER[region]
    found = named(example("cockroachdb"), stack, "AWS::IAM::Role", "RoleName", role_arn(region).rpartition("/")[2])

    assert found["Properties"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "logs.amazonaws.com"},
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
                "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{region}:{ACCOUNT}:*"},
            },
        }
    ]
    (policy,) = found["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Sid": "PutEvents", "Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": stream_arn(region)},
        {
            "Sid": "EncryptEvents",
            "Effect": "Allow",
            "Action": "kms:GenerateDataKey",
            "Resource": {"Fn::GetAtt": [key, "Arn"]},
            "Condition": via_kinesis(region),
        },
    ]
    assert "ManagedPolicyArns" not in found["Properties"]


def test_the_archiver_may_also_read_each_regions_stream_and_decrypt_its_own() -> None:
    def statements(subscriptions: str) -> list[dict[str, Any]]:
        found = named(example("cockroachdb", subscriptions), CORE, "AWS::IAM::Role", "RoleName", "acme-prod-archiver")
        (policy,) = found["Properties"]["Policies"]
        documents: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
        return documents

    assert statements("kinesis") == [
        *statements("direct"),
        {
            "Sid": "ReadStreams",
            "Effect": "Allow",
            "Action": [
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            "Resource": [stream_arn(HOME), stream_arn(ABROAD)],
        },
        {
            "Sid": "DecryptEvents",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": {"Fn::GetAtt": ["ArchiveKey5FADDB58", "Arn"]},
            "Condition": via_kinesis(HOME),
        },
    ]


def test_another_regions_key_lets_the_archiver_decrypt_that_regions_stream() -> None:
    def statements(subscriptions: str) -> list[dict[str, Any]]:
        key = only(example("cockroachdb", subscriptions), f"{SHIPPER}-{ABROAD}", "AWS::KMS::Key")
        documents: list[dict[str, Any]] = key["Properties"]["KeyPolicy"]["Statement"]
        return documents

    assert statements("kinesis") == [
        *statements("direct"),
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/acme-prod-archiver"},
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": via_kinesis(ABROAD),
        },
    ]


@pytest.mark.parametrize("region", [HOME, ABROAD])
def test_the_archiver_takes_a_minute_at_once_and_the_same_batch_again_for_six_hours(region: str) -> None:
    stack = SHIPPER if region == HOME else f"{SHIPPER}-{region}"
    found = named(
        example("cockroachdb"), stack, "AWS::Lambda::EventSourceMapping", "EventSourceArn", stream_arn(region)
    )

    assert without_tags(found["Properties"]) == {
        "FunctionName": {"Ref": "ArchiverFunction7556FBAD"},
        "EventSourceArn": stream_arn(region),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10_000,
        "MaximumBatchingWindowInSeconds": 60,
        "MaximumRecordAgeInSeconds": 6 * 3600,
        "MaximumRetryAttempts": -1,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:s3:::acme-prod-failed-{ACCOUNT}-{region}"}},
    }
    waits = found.get("DependsOn", [])
    assert waits == ([] if region == HOME else [*FAILURES, "SubscriptionsRoleC072043E", "SubscriptionsStream521D4E3A"])


@pytest.mark.parametrize("region", [HOME, ABROAD])
def test_an_alarm_rises_long_before_a_batch_is_given_up(region: str) -> None:
    stack = SHIPPER if region == HOME else f"{SHIPPER}-{region}"
    name = "acme-prod/archiver/behind"
    found = named(example("cockroachdb"), stack, "AWS::CloudWatch::Alarm", "AlarmName", name)["Properties"]

    assert {key: value for key, value in without_tags(found).items() if key != "AlarmDescription"} == {
        "AlarmName": name,
        "AlarmActions": [f"arn:aws:sns:{region}:{ACCOUNT}:acme-prod-alerts"],
        "Namespace": "AWS/Lambda",
        "MetricName": "IteratorAge",
        "Dimensions": [{"Name": "FunctionName", "Value": "acme-prod-archiver"}],
        "Statistic": "Maximum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 30 * 60_000,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


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


def test_log_groups_by_prefix_are_subscribed_to_the_stream_now_and_every_hour() -> None:
    of, stack = example("cloudwatch-logs"), "acme-prod-services"
    found = only(of, stack, "Custom::LogdockLogGroupSubscriptions")
    assert found["Properties"]["DestinationArn"] == IMPORTED
    assert found["Properties"]["RoleArn"] == role_arn()
    assert "ConfigurationParameterD3996BE8" in found["DependsOn"]
    configuration = found["Properties"]["Configuration"]
    parameter = named(
        of, stack, "AWS::SSM::Parameter", "Name", f"/logdock/acme-prod/services/connector/{configuration}"
    )
    parts = parameter["Properties"]["Value"]["Fn::Join"][1]
    assert IMPORTED in parts
    assert json.loads("".join(part if isinstance(part, str) else "x" for part in parts))["RoleArn"] == role_arn()
    assert named(of, stack, "AWS::Events::Rule", "ScheduleExpression", "rate(60 minutes)")
    function = named(of, stack, "AWS::Lambda::Function", "FunctionName", "acme-prod-services-connector-schedule")
    assert function["Properties"]["Environment"]["Variables"]["LOGDOCK_SCHEDULED"] == configuration


def test_the_connector_may_hand_that_role_to_cloudwatch_logs_and_no_other_service() -> None:
    def statements(subscriptions: str) -> list[dict[str, Any]]:
        (found,) = [
            policy["Properties"]["PolicyDocument"]["Statement"]
            for stack, _, policy in example("cloudwatch-logs", subscriptions).resources("AWS::IAM::Policy")
            if stack == "acme-prod-services" and "SubscribeLogGroups" in str(policy)
        ]
        documents: list[dict[str, Any]] = found
        return documents

    assert statements("kinesis") == [
        *statements("direct"),
        {
            "Sid": "PassSubscriptionRole",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": role_arn(),
            "Condition": {"StringEquals": {"iam:PassedToService": "logs.amazonaws.com"}},
        },
    ]


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
