"""What belongs to another account: its keys, its event buses, and who here may use them.

Sources: AWS KMS Developer Guide, "Allowing users in other accounts to use a KMS key"; Amazon EventBridge User Guide,
"Sending and receiving events between AWS accounts in Amazon EventBridge" and "Permissions for event buses in Amazon
EventBridge"; CloudFormation Template Reference, `AWS::Events::EventBus`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, lambda_runtime, responses
from ministack.services import cloudwatch, eventbridge, iam, kms, s3
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENTBRIDGE = "events.amazonaws.com"
_INPUTS = ("Input", "InputPath", "InputTransformer")


def apply() -> None:
    """Make these corrections."""
    say_who_asks_and_whose_it_is()
    _ask_the_policy_of_another_accounts_key()
    _ask_the_policy_of_a_bus()
    _apply_the_policy_of_a_template()
    _keep_buses_with_rules()
    _announce_to_other_accounts()
    _count_matches()


def say_who_asks_and_whose_it_is() -> None:
    """`aws:PrincipalArn` of a session is its role, and `aws:ResourceAccount` of a bucket its owner.

    MiniStack says the session and the caller's account (IAM User Guide, "AWS global condition context keys").
    """
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        name = key.lower()
        if name == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
            role, _, _ = context.principal_arn.rpartition("/")
            return role.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")
        if name in ("aws:resourceaccount", "s3:resourceaccount") and context.resource_arn.startswith("arn:aws:s3:::"):
            bucket = context.resource_arn.removeprefix("arn:aws:s3:::").partition("/")[0]
            known = context.service_context.get(name) or s3._bucket_owner_account(bucket)
            return known or original(key, context)
        return original(key, context)

    iam_evaluator._resolve_condition_key = resolve


def _ask_the_policy_of_another_accounts_key() -> None:
    """The policy of a key is asked in the key's account; MiniStack looks in the caller's, finds none, and allows."""
    original = kms.key_policy_for_arn

    def key_policy_for_arn(arn: str) -> Any:
        _, _, _, region, account, _ = arn.split(":", 5)
        with responses.request_scope(account, region):
            return original(arn)

    kms.key_policy_for_arn = key_policy_for_arn


def _ask_the_policy_of_a_bus() -> None:
    """Across accounts the policy of a bus must allow `PutEvents` too; MiniStack asks the caller's own alone."""

    def bus_policy_for_arn(arn: str) -> tuple[Any, str] | None:
        _, _, _, region, account, name = arn.split(":", 5)
        if not name.startswith("event-bus/"):
            return None
        with responses.request_scope(account, region):
            return eventbridge._event_bus_policies.get(name.partition("/")[2]) or "", account

    eventbridge.bus_policy_for_arn = bus_policy_for_arn
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["events"] = ("eventbridge", "bus_policy_for_arn")


def _apply_the_policy_of_a_template() -> None:
    """CloudFormation gives a bus the policy of its template; MiniStack drops it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]

    def with_policy(make: Callable[..., Any], properties_at: int) -> Callable[..., Any]:
        def put(*arguments: Any) -> Any:
            made, properties = make(*arguments), arguments[properties_at]
            if policy := properties.get("Policy"):
                eventbridge._event_bus_policies[made[0]] = policy
            else:
                eventbridge._event_bus_policies.pop(made[0], None)
            return made

        return put

    handlers["create"], handlers["update"] = with_policy(handlers["create"], 1), with_policy(handlers["update"], 2)


def _keep_buses_with_rules() -> None:
    """A bus that has rules is not deleted (EventBridge User Guide, "Deleting an event bus"); MiniStack deletes both."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]
    original = handlers["delete"]

    def delete(name: str, properties: Any) -> None:
        if rules := sorted(each["Name"] for each in eventbridge._rules.values() if each.get("EventBusName") == name):
            raise ValueError(f"Event bus {name} can't be deleted since it has rules: {', '.join(rules)}")
        original(name, properties)

    handlers["delete"] = delete


def _announce_to_other_accounts() -> None:
    """A rule sends to a bus of another account if its role and that bus's policy let it; MiniStack finds no such bus.

    The event arrives as it was, its `account` too: a rule of the receiving bus matches the sender's (EventBridge API
    Reference, PutPermission, "Principal"). A target that is a bus of another account takes no input of its own
    (EventBridge API Reference, PutTargets).
    """
    original, validate = eventbridge._invoke_target, eventbridge._validate_target_arn

    def is_elsewhere(target: Mapping[str, Any]) -> bool:
        arn = target.get("Arn", "")
        return ":event-bus/" in arn and arn.split(":")[4] != responses.get_account_id()

    def validate_target(target: Mapping[str, Any]) -> Any:
        if is_elsewhere(target) and any(name in target for name in _INPUTS):
            reason = "Input, InputPath and InputTransformer are not supported for an event bus of another account"
            return responses.error_response_json("ValidationException", reason, 400)
        return validate(target)

    def invoke(target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None) -> None:
        if not is_elsewhere(target):
            original(target, event, rule, view)
        elif _may_announce(target.get("RoleArn", ""), rule["Arn"], target["Arn"]):
            _arrive(event, target["Arn"])
        else:
            cloudwatch.record_metric("AWS/Events", "FailedInvocations", 1, "Count", {"RuleName": rule["Name"]})

    eventbridge._validate_target_arn, eventbridge._invoke_target = validate_target, invoke


def _may_announce(role_arn: str, rule_arn: str, bus_arn: str) -> bool:
    """Say whether EventBridge may assume a rule's role, and whether that may put events on a bus."""
    account, region = rule_arn.split(":")[4], rule_arn.split(":")[3]
    with responses.request_scope(account, region):
        role = iam._roles.get(role_arn.rpartition("/")[2])
        if role is None or role["Arn"] != role_arn:
            return False
        asks = iam_evaluator.EvalContext(
            principal_arn=_EVENTBRIDGE,
            principal_type="Service",
            principal_account="",
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=region,
            source_ip="127.0.0.1",
            secure_transport=True,
            service_context={"aws:sourceaccount": account, "aws:sourcearn": rule_arn},
        )
        trust = role["AssumeRolePolicyDocument"]
        trust = json.loads(trust) if isinstance(trust, str) else trust
        if iam_evaluator.evaluate_resource_policy(trust, asks, service=_EVENTBRIDGE).decision != "Allow":
            return False
        actor = f"arn:aws:lambda:{region}:{account}:function:EventBridge"
        session = lambda_runtime.execution_credentials(
            {"FunctionName": "EventBridge", "FunctionArn": actor, "Role": role_arn}
        )
        return (
            iam_evaluator.enforce(session["AWS_ACCESS_KEY_ID"], "events:PutEvents", "events", region, bus_arn) is None
        )


def _arrive(event: Mapping[str, Any], bus_arn: str) -> None:
    _, _, _, region, account, name = bus_arn.split(":", 5)
    bus = name.partition("/")[2]
    with responses.request_scope(account, region):
        if bus in eventbridge._event_buses:
            eventbridge._dispatch_event({**event, "EventBusName": bus})


def _count_matches() -> None:
    """EventBridge counts what a rule of a bus matches, with the bus's name too unless that is the default one.

    Source: Amazon EventBridge User Guide, "Monitoring Amazon EventBridge".
    """
    original = eventbridge._matches_pattern_view

    def matches(pattern: str, view: Any, owner: str = "rule") -> bool:
        matched = bool(original(pattern, view, owner))
        bus, _, name = owner.removeprefix("rule ").partition("|")
        if matched and owner.startswith("rule ") and bus != "default":
            dimensions = {"EventBusName": bus, "RuleName": name}
            cloudwatch.record_metric("AWS/Events", "MatchedEvents", 1, "Count", dimensions)
        return matched

    eventbridge._matches_pattern_view = matches
