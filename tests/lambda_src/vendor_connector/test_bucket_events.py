import json
from typing import Any

import boto3
import pytest
from vendor_connector.request import ConnectorError

STATE = "/logdock/acme/trail/bucket-events"
OWNER = "123456789012"
PROPERTIES = {
    "Operation": "bucket-events",
    "BucketName": "trail-logs",
    "BucketOwner": OWNER,
    "StateParameter": STATE,
}
THEIRS = {
    "QueueConfigurations": [
        {
            "Id": "q",
            "QueueArn": f"arn:aws:sqs:eu-west-1:{OWNER}:q",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
        }
    ],
    "TopicConfigurations": [{"Id": "t", "TopicArn": f"arn:aws:sns:eu-west-1:{OWNER}:t", "Events": ["s3:Restore:*"]}],
    "LambdaFunctionConfigurations": [
        {"Id": "f", "LambdaFunctionArn": f"arn:aws:lambda:eu-west-1:{OWNER}:function:f", "Events": ["s3:Replication:*"]}
    ],
}
ON: dict[str, Any] = {"EventBridgeConfiguration": {}}

Buckets = dict[str, dict[str, Any]]


@pytest.fixture
def buckets(wire: Any, connector: Any) -> Buckets:
    """Buckets' notification configurations, each PUT replacing the whole: moto does not give EventBridge back."""
    kept: Buckets = {"trail-logs": {}, "second": {}}

    def checked(arguments: dict[str, Any], operation: str) -> str:
        assert arguments["ExpectedBucketOwner"] == OWNER
        if arguments["Bucket"] not in kept:
            raise connector.refusal("NoSuchBucket", operation)
        return str(arguments["Bucket"])

    def get(arguments: dict[str, Any]) -> Any:
        return {**kept[checked(arguments, "Get")], "ResponseMetadata": {"HTTPStatusCode": 200}}

    def put(arguments: dict[str, Any]) -> Any:
        kept[checked(arguments, "Put")] = arguments["NotificationConfiguration"]
        return {}

    wire.answers["GetBucketNotificationConfiguration"] = get
    wire.answers["PutBucketNotificationConfiguration"] = put
    return kept


def puts(wire: Any) -> list[dict[str, Any]]:
    return list(wire.requests("PutBucketNotificationConfiguration"))


def test_create_switches_eventbridge_on_and_keeps_what_else_is_notified(buckets: Buckets, connector: Any) -> None:
    buckets["trail-logs"] = dict(THEIRS)
    assert connector.create(PROPERTIES) == {"WasOn": "false"}
    assert buckets["trail-logs"] == {**THEIRS, **ON}


def test_no_target_of_the_owner_is_tested(buckets: Buckets, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.delete(PROPERTIES)
    assert [call["SkipDestinationValidation"] for call in puts(wire)] == [True, True]


def test_create_twice_writes_once(buckets: Buckets, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    assert connector.create(PROPERTIES) == {"WasOn": "false"}
    assert len(puts(wire)) == 1


def test_delete_switches_off_what_was_off_and_forgets(buckets: Buckets, connector: Any) -> None:
    buckets["trail-logs"] = dict(THEIRS)
    connector.create(PROPERTIES)
    connector.delete(PROPERTIES)
    assert buckets["trail-logs"] == THEIRS
    assert connector.remembered(STATE) is None


def test_delete_keeps_what_others_added_meanwhile(buckets: Buckets, connector: Any) -> None:
    connector.create(PROPERTIES)
    buckets["trail-logs"] = {**ON, **THEIRS}
    connector.delete(PROPERTIES)
    assert buckets["trail-logs"] == THEIRS


def test_delete_leaves_on_what_was_on(buckets: Buckets, connector: Any) -> None:
    buckets["trail-logs"] = dict(ON)
    assert connector.create(PROPERTIES) == {"WasOn": "true"}
    connector.delete(PROPERTIES)
    assert buckets["trail-logs"] == ON
    assert connector.remembered(STATE) is None


def test_delete_of_what_was_never_created_writes_nothing(buckets: Buckets, connector: Any) -> None:
    buckets["trail-logs"] = dict(ON)
    connector.delete(PROPERTIES)
    assert buckets["trail-logs"] == ON


def test_delete_succeeds_when_the_bucket_is_gone(buckets: Buckets, connector: Any) -> None:
    connector.create(PROPERTIES)
    del buckets["trail-logs"]
    connector.delete(PROPERTIES)
    assert connector.remembered(STATE) is None


def test_rejects_a_bucket_that_does_not_exist_and_remembers_nothing(buckets: Buckets, connector: Any) -> None:
    del buckets["trail-logs"]
    with pytest.raises(ConnectorError, match="NoSuchBucket"):
        connector.create(PROPERTIES)
    assert connector.remembered(STATE) is None


def test_writes_again_when_another_caller_replaced_the_configuration(
    buckets: Buckets, wire: Any, connector: Any
) -> None:
    put = wire.answers["PutBucketNotificationConfiguration"]

    def replaced_once(arguments: dict[str, Any]) -> Any:
        put(arguments)
        if len(puts(wire)) == 1:
            buckets["trail-logs"] = dict(THEIRS)
        return {}

    wire.answers["PutBucketNotificationConfiguration"] = replaced_once
    connector.create(PROPERTIES)
    assert buckets["trail-logs"] == {**THEIRS, **ON}


def test_rejects_a_bucket_whose_configuration_is_replaced_again_and_again(
    buckets: Buckets, wire: Any, connector: Any
) -> None:
    wire.answers["PutBucketNotificationConfiguration"] = lambda _: {}
    with pytest.raises(ConnectorError, match=r"bucket trail-logs.*something else keeps replacing it"):
        connector.create(PROPERTIES)
    assert connector.remembered(STATE) is None


def test_a_replaced_bucket_is_put_back_and_the_new_one_stays_remembered(buckets: Buckets, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.update({**PROPERTIES, "BucketName": "second"}, PROPERTIES)
    connector.delete(PROPERTIES)
    assert buckets == {"trail-logs": {}, "second": ON}
    assert connector.remembered(STATE) == {"bucket-events/second": {"was_on": False}}


OTHER = "/logdock/acme/front/bucket-events"


@pytest.mark.parametrize("first", [STATE, OTHER])
def test_two_exports_of_a_bucket_the_last_to_go_switches_it_off(connector: Any, buckets: Buckets, first: str) -> None:
    ssm = boto3.client("ssm")
    for name, vendor in (("trail", "s3-logs"), ("front", "s3-logs"), ("orders", "mongodb-atlas")):
        document = json.dumps({"vendor": vendor})
        ssm.put_parameter(Name=f"/logdock/acme/exports/{name}", Value=document, Type="String")
    both = {state: {**PROPERTIES, "StateParameter": state} for state in (STATE, OTHER)}
    for properties in both.values():
        connector.create(properties)
    last = OTHER if first == STATE else STATE

    connector.delete(both[first])
    assert buckets["trail-logs"] == ON
    connector.delete(both[last])
    assert buckets["trail-logs"] == {}
    assert connector.remembered(STATE) is None
    assert connector.remembered(OTHER) is None
