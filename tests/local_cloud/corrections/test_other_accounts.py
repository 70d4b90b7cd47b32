"""Event buses of other accounts: whose rules may announce to them, and what arrives.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

SENDER = "222233334444"
SERVICE = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}


def bus_arn(name: str) -> str:
    return f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name}"


def bus(name: str, role: str) -> dict[str, Any]:
    """A bus that takes the events of one role of the other account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{SENDER}:root"},
        "Action": "events:PutEvents",
        "Resource": bus_arn(name),
        "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{SENDER}:role/{role}"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::Events::EventBus", "Properties": {"Name": name, "Policy": policy}}


def sender(emulator: Emulator, name: str, *, trust: dict[str, Any], may: str, target: str) -> None:
    """Make a rule of the other account that sends to a bus, with a role of the rule's name."""
    iam, events = (made.client(emulator, each, SENDER) for each in ("iam", "events"))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=made.document(trust))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=made.document(made.allow("events:PutEvents", may))
    )
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "bus", "Arn": target, "RoleArn": role}])


def matched(emulator: Emulator, bus_name: str) -> float:
    of = {"EventBusName": bus_name, "RuleName": "from-there"}
    return made.statistic(emulator, "AWS/Events", "MatchedEvents", "Sum", **of)


def test_a_rule_announces_to_another_account_if_both_sides_let_it(emulator: Emulator) -> None:
    """The role is EventBridge's for this rule, and may send; the bus names it. An event keeps its account."""
    name = made.new_name()
    at = {"StringEquals": {"aws:SourceAccount": SENDER}}
    named = f"{name}-named"
    assert made.deploy(emulator, name, {"Bus": bus(name, named)}) == "CREATE_COMPLETE"
    central = made.client(emulator, "events")
    central.put_rule(Name="from-there", EventBusName=name, EventPattern=json.dumps({"account": [SENDER]}))
    there = made.client(emulator, "events", SENDER)
    cases: dict[str, tuple[dict[str, Any], str]] = {
        f"{name}-unnamed": ({**SERVICE, "Condition": at}, "*"),
        named: ({**SERVICE, "Condition": at}, bus_arn(name)),
    }
    for rule, (trust, may) in cases.items():
        sender(emulator, rule, trust=trust, may=may, target=bus_arn(name))
        there.put_events(Entries=[{"Source": rule, "DetailType": "x", "Detail": "{}"}])
    assert matched(emulator, name) == 1

    iam = made.client(emulator, "iam", SENDER)
    elsewhere = made.document(made.allow("events:PutEvents", bus_arn("another")))
    another = made.document({**SERVICE, "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:events:x:y:rule/z"}}})

    def send() -> None:
        there.put_events(Entries=[{"Source": named, "DetailType": "x", "Detail": "{}"}])

    iam.put_role_policy(RoleName=named, PolicyName="p", PolicyDocument=elsewhere)
    send()
    iam.put_role_policy(RoleName=named, PolicyName="p", PolicyDocument=made.document(made.allow("events:*", "*")))
    iam.update_assume_role_policy(RoleName=named, PolicyDocument=another)
    send()
    assert matched(emulator, name) == 1


def test_a_target_in_another_account_takes_no_input_and_a_bus_with_rules_stays(emulator: Emulator) -> None:
    name = made.new_name()
    assert made.deploy(emulator, name, {"Bus": bus(name, name)}) == "CREATE_COMPLETE"
    there = made.client(emulator, "events", SENDER)
    there.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {"Id": "bus", "Arn": bus_arn(name), "RoleArn": f"arn:aws:iam::{SENDER}:role/{name}"}
    with pytest.raises(ClientError, match="InputTransformer are not supported"):
        there.put_targets(Rule=name, Targets=[{**target, "InputTransformer": {"InputTemplate": '"forged"'}}])
    entry = {"Source": "x", "DetailType": "x", "Detail": "{}", "EventBusName": bus_arn(name)}
    role = made.role(emulator, made.allow("events:PutEvents", "*"))
    caller = made.client(emulator, "events", made.assume(emulator, role))
    assert caller.put_events(Entries=[entry])["FailedEntryCount"] == 0  # of the bus's own account: its policies alone

    formation = made.client(emulator, "cloudformation")
    made.client(emulator, "events").put_rule(
        Name="from-there", EventBusName=name, EventPattern=json.dumps({"account": [SENDER]})
    )
    formation.delete_stack(StackName=name)
    made.until(lambda: not made.status(formation, name).endswith("_IN_PROGRESS"))
    assert made.status(formation, name) == "DELETE_FAILED"
