"""What CloudFormation calls for a resource, and on which ARN."""

from typing import Any

import pytest

from local_cloud.resource_types import Environment, Operation, requests

PREFIX = "arn:aws:{}:eu-west-1:111122223333:"
EVENTS, LOGS = PREFIX.format("events"), PREFIX.format("logs")
FUNCTION = PREFIX.format("lambda") + "function:f"
ROLE = "arn:aws:iam::111122223333:role/acme"
BUS = "arn:aws:events:eu-west-1:444455556666:event-bus/theirs"
CONNECTION = f"{EVENTS}connection/acme/0f"
DESTINATION = "arn:aws:logs:eu-west-1:444455556666:destination:theirs"


def asked(kind: str, action: str, properties: dict[str, Any], operation: Operation = "create") -> set[str]:
    environment = Environment("aws", "eu-west-1", "111122223333")
    found = requests(kind, operation, properties, name="stack-Resource", environment=environment)
    return {arn for each, arn in found if each == action}


@pytest.mark.parametrize(
    ("kind", "action", "properties", "arns"),
    [
        ("Events::Rule", "events:PutRule", {"Name": "r"}, {f"{EVENTS}rule/r"}),
        ("Events::Rule", "events:PutRule", {"Name": "r", "EventBusName": "default"}, {f"{EVENTS}rule/r"}),
        ("Events::Rule", "events:PutRule", {"Name": "r", "EventBusName": BUS}, {f"{EVENTS}rule/theirs/r"}),
        ("Events::Rule", "events:PutRule", {}, {f"{EVENTS}rule/stack-Resource"}),
        ("Events::Rule", "events:TagResource", {"Name": "r", "Targets": [{"Arn": BUS}]}, {f"{EVENTS}rule/r"}),
        ("Events::Rule", "iam:PassRole", {"Targets": [{"Arn": BUS, "RoleArn": ROLE}]}, {ROLE}),
        ("Events::Rule", "iam:PassRole", {"Targets": [{"Arn": BUS}]}, set()),
        (
            "Events::ApiDestination", "events:CreateApiDestination", {"Name": "a", "ConnectionArn": CONNECTION},
            {CONNECTION, f"{EVENTS}api-destination/a/1f6b2c3d"},
        ),
        (
            "Logs::SubscriptionFilter", "logs:PutSubscriptionFilter",
            {"LogGroupName": "/g", "DestinationArn": DESTINATION}, {DESTINATION, f"{LOGS}log-group:/g"},
        ),
        ("Lambda::Permission", "lambda:AddPermission", {"FunctionName": FUNCTION}, {FUNCTION}),
        ("Lambda::Function", "s3:GetObject", {"Code": {"S3Bucket": "b", "S3Key": "k.zip"}}, {"arn:aws:s3:::b/k.zip"}),
        ("Lambda::Function", "ec2:DescribeVpcs", {}, {"*"}),
        ("Lambda::Function", "kms:CreateGrant", {"FunctionName": "f"}, {PREFIX.format("kms") + "key/f"}),
        ("SQS::QueuePolicy", "sqs:SetQueueAttributes", {"Queues": ["https://sqs/1/q"]}, {PREFIX.format("sqs") + "q"}),
        ("SNS::Topic", "sns:Subscribe", {"TopicName": "t"}, set()),
        ("IAM::Policy", "iam:PutRolePolicy", {"Roles": ["acme"], "PolicyDocument": {"Resource": ROLE + "s"}}, {ROLE}),
    ],
)  # fmt: skip
def test_action_is_called_on_the_resource_and_on_what_it_names(
    kind: str, action: str, properties: dict[str, Any], arns: set[str]
) -> None:
    assert asked(f"AWS::{kind}", action, properties) == arns


def test_actions_of_a_property_are_called_where_it_is_set() -> None:
    bucket, own = {"BucketName": "b"}, {"arn:aws:s3:::b"}
    assert asked("AWS::S3::Bucket", "s3:PutBucketWebsite", bucket) == set()
    assert asked("AWS::S3::Bucket", "s3:PutBucketWebsite", bucket | {"WebsiteConfiguration": {}}) == own


def test_operation_calls_its_handlers_actions_alone() -> None:
    made = {each: asked("AWS::SQS::Queue", "sqs:CreateQueue", {}, each) for each in ("create", "update", "delete")}
    assert {each for each, arns in made.items() if arns} == {"create"}
    # an update reads the resource too
    assert asked("AWS::S3::Bucket", "s3:GetBucketVersioning", {"BucketName": "b"}, "update")
    assert not asked("AWS::S3::Bucket", "s3:GetBucketVersioning", {"BucketName": "b"}, "create")


def test_resource_is_read_by_its_identifier_whatever_properties_are_set() -> None:
    topic, bare, arn = "AWS::SNS::Topic", {"TopicName": "t"}, PREFIX.format("sns") + "t"
    assert asked(topic, "sns:ListSubscriptionsByTopic", bare, "update") == {arn}
    assert asked(topic, "sns:Subscribe", bare, "update") == set()


def test_secret_of_a_connection_is_deleted_with_it() -> None:
    connection, action = "AWS::Events::Connection", "secretsmanager:DeleteSecret"
    (arn,) = asked(connection, action, {"Name": "acme"}, "delete")
    assert arn.startswith(PREFIX.format("secretsmanager") + "secret:events!connection/acme/")
    assert asked(connection, action, {"Name": "acme"}) == set()
