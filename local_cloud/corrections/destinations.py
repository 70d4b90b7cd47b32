"""Destinations of CloudWatch Logs: who may subscribe log groups of another account, and how their events are written.

Source: CloudWatch Logs User Guide, "Setting up a new cross-account subscription"; CloudWatch
Logs API Reference, PutDestination, PutDestinationPolicy and PutSubscriptionFilter. MiniStack stores a destination and
never looks at it again.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import uuid
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, responses
from ministack.services import cloudwatch_logs, kinesis

from local_cloud.corrections.logs_roles import control_message, role_may, service_may_assume, writer
from local_cloud.corrections.operations import client, intercept, json_error
from local_cloud.corrections.permissions import refusal_to_pass
from local_cloud.corrections.templates import define, extend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request

_SUBSCRIBE = "logs:PutSubscriptionFilter"
_UNDELIVERED = "Could not deliver test message to specified destination. Check if the destination is valid."


def apply() -> None:
    """Make these corrections."""
    module: Any = cloudwatch_logs
    module.destination_policy_for_arn = _policy_for
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["logs"] = ("cloudwatch_logs", "destination_policy_for_arn")
    intercept(cloudwatch_logs, "PutDestination")(_test_the_destination)
    intercept(cloudwatch_logs, "PutSubscriptionFilter")(_ask_the_destination)
    define("AWS::Logs::Destination", _put, delete=lambda name: client("logs").delete_destination(destinationName=name))
    extend("AWS::Logs::SubscriptionFilter", check=_check_template)


def is_destination(arn: str) -> bool:
    """Say whether an ARN is that of a destination of CloudWatch Logs."""
    return ":destination:" in arn


def _find(arn: str) -> Mapping[str, Any] | None:
    """Return a destination, in whichever account it is."""
    _, _, _, region, account, _, name = arn.split(":", 6)
    with responses.request_scope(account, region):
        found: Mapping[str, Any] | None = cloudwatch_logs._destinations.get(name)
    return found


def _policy_for(arn: str) -> tuple[Any, str] | None:
    """Return a destination's access policy and its account, for IAM's evaluation; None for a log group."""
    if not is_destination(arn):
        return None
    found = _find(arn)
    return (found or {}).get("accessPolicy") or "", arn.split(":")[4]


def admits(arn: str, account: str) -> bool:
    """Say whether a destination's access policy lets an account subscribe log groups."""
    found = _find(arn)
    if found is None or not found.get("accessPolicy"):
        return False
    asks = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account}:root",
        principal_type="Account",
        principal_account=account,
        action=_SUBSCRIBE,
        resource_arn=arn,
        region=arn.split(":")[3],
        source_ip="127.0.0.1",
        secure_transport=True,
        service_context={},
    )
    return bool(iam_evaluator.evaluate_resource_policy(found["accessPolicy"], asks).decision == "Allow")


def route(arn: str, log_group: str) -> tuple[str, str] | None:
    """Return the stream and the role by which events of a log group of this account go there; None if they may not.

    A destination whose policy no longer names the account takes nothing more of it (same guide, "Modify destination
    membership at runtime").
    """
    sender, region = responses.get_account_id(), responses.get_region()
    found = _find(arn)
    if found is None or arn.split(":")[3] != region or not admits(arn, sender):
        return None
    source = f"arn:aws:logs:{region}:{sender}:log-group:{log_group}:*"
    with responses.request_scope(arn.split(":")[4], region):
        if not service_may_assume(found["roleArn"], sender, source):
            return None
    return found["targetArn"], found["roleArn"]


async def _test_the_destination(request: Request, proceed: Proceed) -> Answer:
    """PutDestination needs iam:PassRole, and CloudWatch Logs sends the stream a message on the recipient's behalf.

    It sets no access policy and takes none away.
    """
    named = request.parameters
    role_arn, stream_arn, name = (str(named.get(each, "")) for each in ("roleArn", "targetArn", "destinationName"))
    if not request.is_own and (refusal := refusal_to_pass(request, role_arn, "logs.amazonaws.com")):
        return json_error("AccessDeniedException", refusal)
    account, region = responses.get_account_id(), responses.get_region()
    arn = f"arn:aws:logs:{region}:{account}:destination:{name}"
    is_delivered = (
        ":kinesis:" in stream_arn
        and service_may_assume(role_arn, account, arn)
        and role_may(writer(role_arn), "kinesis:PutRecord", stream_arn)
        and kinesis.put_record_internal(
            stream_arn, uuid.uuid4().hex, gzip.compress(json.dumps(control_message()).encode())
        )
    )
    if not is_delivered:
        return json_error("InvalidParameterException", _UNDELIVERED)
    before = (_find(arn) or {}).get("accessPolicy")
    answer = await proceed()
    if before:
        cloudwatch_logs._destinations[name]["accessPolicy"] = before
    return answer


def _refusal(arn: str, account: str) -> str:
    """Return why an account may not subscribe a log group to a destination; empty where it may."""
    if arn.split(":")[3] != responses.get_region():
        return "destination and log group must be in the same region"
    if not admits(arn, account):
        return f"User with accountId: {account} is not authorized to perform: {_SUBSCRIBE} on resource: {arn}"
    return ""


async def _ask_the_destination(request: Request, proceed: Proceed) -> Answer:
    """Who subscribes a log group to a destination is asked for both sides: its own policies and the destination's."""
    arn = str(request.parameters.get("destinationArn", ""))
    if not is_destination(arn) or request.is_own:
        return await proceed()
    region, account = responses.get_region(), responses.get_account_id()
    if refusal := _refusal(arn, account):
        return json_error("AccessDeniedException" if "authorized" in refusal else "InvalidParameterException", refusal)
    if iam_evaluator.enforce(request.access_key_id, _SUBSCRIBE, "logs", region, arn) is not None:
        return json_error("AccessDeniedException", f"not authorized to perform: {_SUBSCRIBE} on resource: {arn}")
    return await proceed()


def _check_template(properties: Mapping[str, Any], _: str | None) -> None:
    """A template's subscription is asked the same; MiniStack's handler calls no operation."""
    arn = str(properties.get("DestinationArn", ""))
    if is_destination(arn) and (refusal := _refusal(arn, responses.get_account_id())):
        raise ValueError(refusal)


def _put(properties: Mapping[str, Any]) -> str:
    """CloudFormation puts a destination, and then its policy."""
    logs, name = client("logs"), properties["DestinationName"]
    found = logs.put_destination(
        destinationName=name, targetArn=properties["TargetArn"], roleArn=properties["RoleArn"]
    )["destination"]
    if policy := properties.get("DestinationPolicy"):
        text = policy if isinstance(policy, str) else json.dumps(policy)
        try:
            logs.put_destination_policy(destinationName=name, accessPolicy=text)
        except Exception:
            with contextlib.suppress(Exception):
                logs.delete_destination(destinationName=name)
            raise
    return str(found["arn"])
