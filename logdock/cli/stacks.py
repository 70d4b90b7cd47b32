"""The stacks of a deployment: those of the settings, those that are deployed, and those that only are deployed.

Every stack has the tag `logdock:deployment` (app.py). A stack that the settings no longer have is not destroyed by any
deploy: it goes on exporting, and the CDK does not know its name any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from logdock.cli.errors import is_absent
from logdock.cli.terminal import one_line
from logdock.inventory import stacks_of
from logdock.settings import Deployment

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

    from logdock.cli.account import Account

TAG = "logdock:deployment"
"""The tag of every stack of a deployment."""
NEVER_MADE = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
"""Statuses of a stack whose first deploy was rolled back or never ran: it has a template, and nothing of that."""
_GONE = frozenset({"DELETE_COMPLETE"})


def expected_stacks(settings: Deployment) -> dict[str, str]:
    """Return the stacks of the settings in the deployment's own account, each with its Region."""
    return {stack.name: stack.region for stack in stacks_of(settings) if not stack.other_account}


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployedStack:
    """A stack that CloudFormation has."""

    name: str
    region: str
    status: str
    protected: bool
    """Its termination protection is on."""
    owner: str
    """The deployment that made it; empty where its tags do not say."""

    @property
    def commands(self) -> tuple[str, ...]:
        """What ends it. `cdk destroy` does not: it knows the stacks of the settings alone, and says nothing."""
        at = f"--stack-name {self.name} --region {self.region}"
        unprotect = f"aws cloudformation update-termination-protection --no-enable-termination-protection {at}"
        return (*((unprotect,) if self.protected else ()), f"aws cloudformation delete-stack {at}")


def deployed_stacks(account: Account, regions: Iterable[str]) -> list[DeployedStack]:
    """List this deployment's stacks in some Regions, by their tag or, as release 0.1.0 set none, by the settings.

    A stack of another deployment is among them if it has the name of one of this.
    """
    found, expected = [], expected_stacks(account.settings)
    for region in regions:
        for page in account.cloudformation_in(region).get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                owner = owner_of(stack)
                is_ours = owner == account.settings.deployment or expected.get(stack["StackName"]) == region
                if is_ours and stack["StackStatus"] not in _GONE:
                    found.append(
                        DeployedStack(
                            name=one_line(stack["StackName"]),
                            region=region,
                            status=stack["StackStatus"],
                            protected=stack.get("EnableTerminationProtection", False),
                            owner=owner,
                        )
                    )
    return found


def owner_of(stack: StackTypeDef) -> str:
    """Return the deployment that a stack is of; empty where its tags do not say."""
    return next((one_line(tag["Value"]) for tag in stack.get("Tags", []) if tag["Key"] == TAG), "")


def regions_to_search(account: Account, further: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the Regions that a deployment's stacks are looked for in: those of the settings, or the one chosen."""
    replica = account.settings.replica
    others = (replica.region,) if replica and len(account.regions) == len(account.settings.regions) else ()
    return tuple(dict.fromkeys((*account.regions, *others, *further)))


def orphaned_stacks(account: Account, further: Iterable[str] = ()) -> list[DeployedStack]:
    """List the stacks of this deployment that the settings do not have."""
    expected = expected_stacks(account.settings)
    found = deployed_stacks(account, regions_to_search(account, further))
    return [stack for stack in found if expected.get(stack.name) != stack.region]


def other_region(account: Account) -> str | None:
    """Return the Region of another deployment with this one's name, in this account.

    The role of the archiver names the archive's bucket, and the bucket's name ends with the Region. IAM has no Region:
    two deployments of one name would both make a role of that name.
    """
    names = account.names
    try:
        policy = account.iam.get_role_policy(RoleName=names.archiver, PolicyName="Shipper")["PolicyDocument"]
    except ClientError as error:
        if is_absent(error):
            return None
        raise
    archive = re.compile(rf"{re.escape(names.deployment)}-archive-{names.account}-([a-z0-9-]+)/")
    found = archive.search(json.dumps(policy))
    return found[1] if found and found[1] != names.region else None
