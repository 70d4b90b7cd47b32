"""Streams, the subscriptions that write to them and the mappings that read them, as strict as AWS is.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

READS = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]


@pytest.mark.proof
def test_a_subscription_reaches_a_stream_by_its_role_after_a_control_message(emulator: Emulator) -> None:
    stream = _stream(emulator)
    logs, name = made.log_group(emulator)
    logs.put_subscription_filter(**_subscription(emulator, name, stream))
    for text in ("first", "second"):
        logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[made.event(text)])

    made.until(lambda: len(_payloads(emulator, stream)) == 3)
    control, *data = [payload for _, payload in _payloads(emulator, stream)]
    assert control["messageType"] == "CONTROL_MESSAGE"
    assert [event["message"] for payload in data for event in payload["logEvents"]] == ["first", "second"]


def test_the_events_of_a_log_stream_share_a_partition_key(emulator: Emulator) -> None:
    stream = _stream(emulator)
    logs, name = made.log_group(emulator)
    logs.put_subscription_filter(**_subscription(emulator, name, stream))
    logs.create_log_stream(logGroupName=name, logStreamName="other")
    for log_stream in ("s", "other", "s"):
        logs.put_log_events(logGroupName=name, logStreamName=log_stream, logEvents=[made.event("a line")])

    made.until(lambda: len(_payloads(emulator, stream)) == 4)
    keys = [key for key, payload in _payloads(emulator, stream) if payload["logGroup"]]
    assert keys[0] == keys[2] != keys[1]


@pytest.mark.parametrize("missing", ["permission", "key", "trust", "account", "stream"])
def test_rejects_a_subscription_that_could_not_be_delivered(emulator: Emulator, missing: str) -> None:
    key = made.key(emulator, made.delegation())
    stream = _stream(emulator, key=key)
    logs, name = made.log_group(emulator)
    request = _subscription(
        emulator,
        name,
        f"{stream}-gone" if missing == "stream" else stream,
        made.allow("kinesis:ListShards" if missing == "permission" else "kinesis:PutRecord", f"{stream}*"),
        *([] if missing == "key" else [_via_kinesis("kms:GenerateDataKey", key, stream)]),
        service="lambda.amazonaws.com" if missing == "trust" else "logs.amazonaws.com",
        source_account="999988887777" if missing == "account" else ACCOUNT,
    )

    with pytest.raises(ClientError, match="Could not deliver test message"):
        logs.put_subscription_filter(**request)
    assert logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"] == []


def test_accepts_a_subscription_whose_role_may_use_stream_and_key(emulator: Emulator) -> None:
    key = made.key(emulator, made.delegation())
    stream = _stream(emulator, key=key)
    logs, name = made.log_group(emulator)
    may = (made.allow("kinesis:PutRecord", stream), _via_kinesis("kms:GenerateDataKey", key, stream))
    logs.put_subscription_filter(**_subscription(emulator, name, stream, *may))
    assert logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]


@pytest.mark.parametrize(("service", "passed"), [("logs.amazonaws.com", True), ("lambda.amazonaws.com", False)])
def test_who_subscribes_to_a_stream_must_pass_the_role(emulator: Emulator, service: str, passed: bool) -> None:
    stream = _stream(emulator)
    _, name = made.log_group(emulator)
    request = _subscription(emulator, name, stream)
    passing = made.allow("iam:PassRole", request["roleArn"]) | {
        "Condition": {"StringEquals": {"iam:PassedToService": service}}
    }
    owner = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    subscriber = made.role(emulator, made.allow("logs:*", "*"), passing, principal=owner)
    logs = made.client(emulator, "logs", made.assume(emulator, subscriber, caller=ACCOUNT))
    with made.refused_unless(passed, "iam:PassRole"):
        logs.put_subscription_filter(**request)


def test_a_template_encrypts_a_stream(emulator: Emulator) -> None:
    key, name = made.key(emulator, made.delegation()), made.new_name()
    properties = {"Name": name, "StreamEncryption": {"EncryptionType": "KMS", "KeyId": key}}
    made.deploy(emulator, name, {"S": {"Type": "AWS::Kinesis::Stream", "Properties": properties}})

    kinesis = made.client(emulator, "kinesis")
    found = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (found["EncryptionType"], found["KeyId"]) == ("KMS", key)


@pytest.mark.parametrize("missing", ["GetRecords", "Decrypt", None])
@pytest.mark.proof
def test_a_mapping_reads_a_stream_by_the_role_of_its_function(emulator: Emulator, missing: str | None) -> None:
    key = made.key(emulator, made.delegation())
    stream, name = _stream(emulator, key=key), made.new_name()
    functions = made.client(emulator, "lambda")

    def mapped(name: str, *, without: str | None = None) -> str:
        """Map the stream to a function whose role lacks an action."""
        may = [made.allow([f"kinesis:{action}" for action in READS if action != without], stream)]
        may += [] if without == "Decrypt" else [_via_kinesis("kms:Decrypt", key, stream)]
        made.function(emulator, name, "def handler(event, context):\n    return None\n", *may)
        mapping = functions.create_event_source_mapping(
            FunctionName=name, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
        )
        return str(mapping["UUID"])

    mapping = mapped(name, without=missing)
    # Another function that may read shows that the mappings have been looked at.
    witness = mapped(made.new_name())
    made.client(emulator, "kinesis").put_record(StreamARN=stream, Data=b"a", PartitionKey="a")

    def processed(uuid: str) -> bool:
        return bool(functions.get_event_source_mapping(UUID=uuid)["LastProcessingResult"].startswith("OK"))

    made.until(lambda: processed(witness) and (missing is not None or processed(mapping)))
    assert processed(mapping) == (missing is None)


def test_an_update_keeps_an_export_that_is_in_use(emulator: Emulator) -> None:
    cloudformation, name = made.client(emulator, "cloudformation"), made.new_name()

    def topic(**more: Any) -> dict[str, Any]:
        return {"Type": "AWS::SNS::Topic", "Properties": more}

    exported = {"O": {"Value": "x", "Export": {"Name": name}}}
    made.deploy(emulator, f"{name}-from", {"T": topic()}, outputs=exported)
    made.deploy(emulator, f"{name}-to", {"T": topic(DisplayName={"Fn::ImportValue": name})})

    without = json.dumps({"Resources": {"T": topic(DisplayName="changed")}})
    with pytest.raises(ClientError, match=f"{name} cannot be deleted as it is in use by {name}-to"):
        cloudformation.update_stack(StackName=f"{name}-from", TemplateBody=without)
    cloudformation.update_stack(StackName=f"{name}-to", TemplateBody=without)
    made.until(lambda: made.status(cloudformation, f"{name}-to") == "UPDATE_COMPLETE")
    cloudformation.update_stack(StackName=f"{name}-from", TemplateBody=without)


def _via_kinesis(action: str, key: str, stream: str) -> dict[str, Any]:
    context = {
        "kms:ViaService": f"kinesis.{REGION}.amazonaws.com",
        "kms:EncryptionContext:aws:kinesis:arn": stream,
    }
    return made.allow(action, key) | {"Condition": {"StringEquals": context}}


def _stream(emulator: Emulator, *, key: str | None = None) -> str:
    kinesis, name = made.client(emulator, "kinesis"), made.new_name()
    kinesis.create_stream(StreamName=name, ShardCount=1)
    made.until(
        lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
    )
    if key:
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def _subscription(
    emulator: Emulator,
    group: str,
    stream: str,
    *statements: dict[str, Any],
    service: str = "logs.amazonaws.com",
    source_account: str = ACCOUNT,
) -> dict[str, str]:
    source = {"aws:SourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:*"}
    role = made.role(
        emulator,
        *(statements or [made.allow("kinesis:PutRecord", stream)]),
        principal={"Service": service},
        condition={"StringEquals": {"aws:SourceAccount": source_account}, "ArnLike": source},
    )
    return {
        "logGroupName": group,
        "filterName": "all",
        "filterPattern": "",
        "destinationArn": stream,
        "roleArn": role,
    }


def _payloads(emulator: Emulator, stream: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the partition key and the payload of every record, in order."""
    kinesis = made.client(emulator, "kinesis")
    (shard,) = kinesis.list_shards(StreamARN=stream)["Shards"]
    start = kinesis.get_shard_iterator(StreamARN=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records = kinesis.get_records(ShardIterator=start)["Records"]
    return [(record["PartitionKey"], json.loads(gzip.decompress(record["Data"]))) for record in records]
