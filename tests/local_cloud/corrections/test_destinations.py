"""Destinations of CloudWatch Logs, as strict as AWS is: who subscribes, and as which role events are written.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

SENDER, OTHER = "222233334444", "555566667777"
SERVICE = {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}


def destination_arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:logs:{region}:{ACCOUNT}:destination:{name}"


def stream(emulator: Emulator) -> str:
    kinesis, name = emulator.client("kinesis", ACCOUNT, region=REGION), made.new_name()
    kinesis.create_stream(StreamName=name, ShardCount=1)
    made.until(
        lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
    )
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def trust(*accounts: str) -> dict[str, Any]:
    sources = [f"arn:aws:logs:{REGION}:{each}:*" for each in accounts]
    return {**SERVICE, "Condition": {"StringLike": {"aws:SourceArn": sources}}}


def role(emulator: Emulator, target: str, trusted: dict[str, Any], action: str = "kinesis:PutRecord") -> str:
    iam, name = emulator.client("iam", ACCOUNT, region=REGION), made.new_name()
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=made.document(trusted))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=made.document(made.allow(action, target)))
    return str(arn)


def policy(name: str, account: str) -> str:
    admitted = {**made.allow("logs:PutSubscriptionFilter", destination_arn(name)), "Principal": {"AWS": account}}
    return made.document(admitted)


def template(name: str, target: str, role_arn: str, account: str = SENDER) -> dict[str, Any]:
    return {
        "D": {
            "Type": "AWS::Logs::Destination",
            "Properties": {
                "DestinationName": name,
                "TargetArn": target,
                "RoleArn": role_arn,
                "DestinationPolicy": policy(name, account),
            },
        }
    }


def payloads(emulator: Emulator, target: str) -> list[dict[str, Any]]:
    kinesis = emulator.client("kinesis", ACCOUNT, region=REGION)
    shard = kinesis.list_shards(StreamARN=target)["Shards"][0]["ShardId"]
    at = kinesis.get_shard_iterator(StreamARN=target, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = kinesis.get_records(ShardIterator=at)["Records"]
    data = [each["Data"] if isinstance(each["Data"], bytes) else base64.b64decode(each["Data"]) for each in found]
    return [json.loads(gzip.decompress(each)) for each in data]


def log_group(emulator: Emulator, account: str = SENDER) -> tuple[Any, str]:
    logs, name = emulator.client("logs", account, region=REGION), made.new_name()
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    return logs, name


def subscribe(logs: Any, group: str, arn: str) -> None:
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)


def test_events_of_another_account_reach_the_stream_as_long_as_policy_and_trust_say_so(emulator: Emulator) -> None:
    target, name = stream(emulator), made.new_name()
    role_arn = role(emulator, target, trust(ACCOUNT, SENDER))
    assert made.deploy(emulator, name, template(name, target, role_arn)) == "CREATE_COMPLETE"
    logs, group = log_group(emulator)
    subscribe(logs, group, destination_arn(name))

    def put(text: str) -> None:
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[made.event(text)])

    put("first")
    made.until(lambda: len(payloads(emulator, target)) == 2)
    control, data = payloads(emulator, target)
    assert control["messageType"] == "CONTROL_MESSAGE"
    assert (data["owner"], data["logGroup"]) == (SENDER, group)
    assert [each["message"] for each in data["logEvents"]] == ["first"]

    central, iam = emulator.client("logs", ACCOUNT, region=REGION), emulator.client("iam", ACCOUNT, region=REGION)
    central.put_destination_policy(destinationName=name, accessPolicy=policy(name, OTHER))
    put("no longer admitted")
    central.put_destination_policy(destinationName=name, accessPolicy=policy(name, SENDER))
    put("second")
    role_name = role_arn.rpartition("/")[2]
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=made.document(trust(ACCOUNT, OTHER)))
    put("not for this account")
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=made.document(trust(ACCOUNT, SENDER)))
    put("third")
    made.until(lambda: len(payloads(emulator, target)) == 4)
    texts = [each["message"] for payload in payloads(emulator, target)[1:] for each in payload["logEvents"]]
    assert texts == ["first", "second", "third"]


def test_who_subscribes_is_asked_by_the_destination_and_by_its_own_account(emulator: Emulator) -> None:
    target, name = stream(emulator), made.new_name()
    role_arn = role(emulator, target, trust(ACCOUNT, SENDER))
    assert made.deploy(emulator, name, template(name, target, role_arn)) == "CREATE_COMPLETE"
    _, group = log_group(emulator)
    other, others_group = log_group(emulator, OTHER)
    with pytest.raises(ClientError, match=f"accountId: {OTHER} is not authorized"):
        subscribe(other, others_group, destination_arn(name))

    iam, caller = emulator.client("iam", SENDER, region=REGION), made.new_name()
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{SENDER}:root"}, "Action": "sts:AssumeRole"}
    subscriber = iam.create_role(RoleName=caller, AssumeRolePolicyDocument=made.document(root))["Role"]["Arn"]
    may = [made.allow("logs:PutSubscriptionFilter", f"arn:aws:logs:{REGION}:{SENDER}:log-group:*")]
    iam.put_role_policy(RoleName=caller, PolicyName="p", PolicyDocument=made.document(*may))
    session = made.assume(emulator, subscriber, caller=SENDER)
    with pytest.raises(ClientError, match="not authorized to perform: logs:PutSubscriptionFilter"):
        subscribe(emulator.client("logs", session, region=REGION), group, destination_arn(name))
    may.append(made.allow("logs:PutSubscriptionFilter", destination_arn(name)))
    iam.put_role_policy(RoleName=caller, PolicyName="p", PolicyDocument=made.document(*may))
    subscribe(emulator.client("logs", session, region=REGION), group, destination_arn(name))

    elsewhere = emulator.client("logs", SENDER, region="us-east-1")
    elsewhere.create_log_group(logGroupName=group)
    with pytest.raises(ClientError, match="must be in the same region"):
        subscribe(elsewhere, group, destination_arn(name))


def test_a_template_subscribes_no_account_that_the_destination_does_not_name(emulator: Emulator) -> None:
    target, name = stream(emulator), made.new_name()
    role_arn = role(emulator, target, trust(ACCOUNT, SENDER))
    assert made.deploy(emulator, name, template(name, target, role_arn)) == "CREATE_COMPLETE"
    _, group = log_group(emulator, ACCOUNT)
    properties = {"LogGroupName": group, "FilterPattern": "", "DestinationArn": destination_arn(name)}
    resource = {"F": {"Type": "AWS::Logs::SubscriptionFilter", "Properties": properties}}
    assert made.deploy(emulator, f"{name}-filter", resource) == "CREATE_FAILED"


@pytest.mark.parametrize("missing", ["permission", "trust", "stream"])
def test_a_destination_that_could_not_be_written_to_is_refused(emulator: Emulator, missing: str) -> None:
    target, name = stream(emulator), made.new_name()
    action = "kinesis:ListShards" if missing == "permission" else "kinesis:PutRecord"
    role_arn = role(emulator, f"{target}*", trust(SENDER if missing == "trust" else ACCOUNT), action)
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    with pytest.raises(ClientError, match="Could not deliver test message"):
        logs.put_destination(
            destinationName=name, targetArn=f"{target}-gone" if missing == "stream" else target, roleArn=role_arn
        )
    assert logs.describe_destinations(DestinationNamePrefix=name)["destinations"] == []


def test_an_update_keeps_the_policy_and_who_puts_a_destination_passes_its_role(emulator: Emulator) -> None:
    target, name = stream(emulator), made.new_name()
    role_arn = role(emulator, target, trust(ACCOUNT, SENDER))
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    wanted = {"destinationName": name, "targetArn": target, "roleArn": role_arn}
    logs.put_destination(**wanted)
    _, group = log_group(emulator)
    sender = emulator.client("logs", SENDER, region=REGION)
    with pytest.raises(ClientError, match="not authorized"):
        subscribe(sender, group, destination_arn(name))
    logs.put_destination_policy(destinationName=name, accessPolicy=policy(name, SENDER))
    logs.put_destination(**wanted)
    subscribe(sender, group, destination_arn(name))

    caller = made.role(
        emulator,
        made.allow("logs:*", "*"),
        principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    )
    session = made.assume(emulator, caller, caller=ACCOUNT)
    with pytest.raises(ClientError, match="iam:PassRole"):
        emulator.client("logs", session, region=REGION).put_destination(**wanted)
