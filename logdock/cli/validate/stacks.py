"""Stacks: each deployed, and nothing in it changed by hand since.

CloudFormation compares by itself every property that the template sets (CloudFormation User Guide, "Detect unmanaged
configuration changes to stacks and resources with drift detection"): roles, their trust and policies, keys, buckets,
log groups, subscriptions, queues, functions. It reads them with the caller's permissions.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from logdock.cli.account import Account
from logdock.cli.stacks import NEVER_MADE, orphaned_stacks, other_region, owner_of
from logdock.cli.validate.checks import Check, Checks

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceDriftTypeDef, StackTypeDef

POLL_SECONDS = 1.0
DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})
LONGEST_VALUE = 120


class Stack(NamedTuple):
    """A stack, by its name, and the Region that it is in."""

    name: str
    region: str


def check_stack(account: Account, stack: Stack) -> Checks:
    """Check one stack and, by CloudFormation, each resource in it."""
    checks = Checks(stack.name, account.deploy(stack.name))
    formation = account.cloudformation_in(stack.region)
    with checks.of_thing(f"stack in {stack.region}") as check:
        found = _describe(formation, stack.name)
        status = found["StackStatus"] if found else None
        owner = owner_of(found) if found else ""
        check.require(status is not None, "it is not deployed")
        if status in NEVER_MADE:
            # A deploy alone would fail again at what the first one left, such as a bucket; the plan names that.
            fix = account.destroy(stack.name)
            check.require(False, f"its first deploy failed, and left it empty ({status})", fix)
        else:
            check.require(status in DEPLOYED or status is None, f"its state is {status}")
        is_ours = owner in ("", account.settings.deployment)
        check.require(
            is_ours,
            f"it is of the deployment {owner}, which has a part whose name leads to the same stack",
            "give the export, or this deployment, another name",
        )
        if status == "UPDATE_ROLLBACK_COMPLETE":
            check.require(False, "its last deploy failed and was taken back")
        if status in DEPLOYED and is_ours:
            _compare(formation, stack.name, checks, check, account.deploy(f"{stack.name} --revert-drift"))
    return checks


def check_orphans(account: Account) -> Checks:
    """Check that every stack of this deployment is in the settings, and that no other Region has its name.

    A stack that left the settings before it was destroyed goes on exporting, and no deploy ends it.
    """
    deployment = account.settings.deployment
    checks = Checks(deployment, "")
    region: str | None = None
    with checks.of_thing("the name is in one Region", "give the deployment in the other Region another name") as check:
        region = other_region(account)
        check.require(
            region is None,
            f"a deployment of this name is in {region}, and its roles have the names that a deploy in "
            f"{account.settings.region} needs",
        )
    with checks.of_thing("no stack but those of the settings") as check:
        for stack in orphaned_stacks(account, [region] if region else []):
            check.require(
                False,
                f"{stack.name} in {stack.region} is not in the settings, and goes on exporting",
                " && ".join(stack.commands),
            )
    return checks


def _describe(formation: CloudFormationClient, name: str) -> StackTypeDef | None:
    try:
        return formation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _compare(formation: CloudFormationClient, name: str, checks: Checks, stack: Check, revert: str) -> None:
    detection = formation.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    while True:
        found = formation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        time.sleep(POLL_SECONDS)
    same = 0
    for drift in _drifts(formation, name):
        what = f"{drift['ResourceType'].removeprefix('AWS::')} {_shown(drift)}"
        match drift["StackResourceDriftStatus"]:
            case "IN_SYNC":
                same += 1
            case "MODIFIED":
                with checks.of_thing(what, f"{revert}, or take it into the settings") as it:
                    for each in drift.get("PropertyDifferences", []):
                        is_, was = _short(each["ActualValue"]), _short(each["ExpectedValue"])
                        it.require(False, f"{each['PropertyPath']} is {is_}, and was deployed as {was}")
            case "DELETED":
                with checks.of_thing(what, revert) as it:
                    it.require(False, "it was deleted by hand")
            case other:
                with checks.of_thing(what) as it:
                    it.leave(f"CloudFormation could not compare it ({other})")
    stack.what += f", {same} resources as they were deployed"
    if found["DetectionStatus"] == "DETECTION_FAILED":
        stack.leave(
            f"CloudFormation could not compare all: {found.get('DetectionStatusReason', 'it does not say why')}"
        )


def _drifts(formation: CloudFormationClient, name: str) -> list[StackResourceDriftTypeDef]:
    drifts: list[StackResourceDriftTypeDef] = []
    token = ""
    while True:
        more: Any = {"NextToken": token} if token else {}
        page = formation.describe_stack_resource_drifts(StackName=name, **more)
        drifts += page["StackResourceDrifts"]
        token = page.get("NextToken", "")
        if not token:
            return drifts


def _shown(drift: StackResourceDriftTypeDef) -> str:
    return drift.get("PhysicalResourceId", drift["LogicalResourceId"]).rpartition("/")[2]


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
