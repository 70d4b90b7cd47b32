"""An account as the templates of a deployment leave it: which policy stands where."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from logdock.inventory import stacks_of
from logdock.settings import Deployment
from logdock.settings.partitions import partition_of
from policy_proof.answers import Answers, made_up
from policy_proof.templates import Resource, Template, Templates, UnresolvedError

Policy = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role, and what it may do by itself."""

    name: str
    arn: str
    policies: Mapping[str, Policy]
    """Its inline policies, and those that other stacks attach to it."""


def other_accounts(settings: Deployment) -> dict[str, str]:
    """Return the account of each stack that is in another account than the deployment's."""
    return {stack.name: stack.other_account for stack in stacks_of(settings) if stack.other_account}


class Account:
    """The resources of a deployment and their policies.

    Parameters
    ----------
    templates, regions
        Its templates and their Regions, by stack.
    physical_ids, answers
        As for `Templates`. Missing answers are made up.
    """

    def __init__(
        self,
        settings: Deployment,
        templates: Mapping[str, Template],
        regions: Mapping[str, str],
        physical_ids: Mapping[tuple[str, str], str] | None = None,
        answers: Answers | None = None,
    ) -> None:
        self.id = settings.account
        self.answers = made_up(settings) if answers is None else answers
        self.regions = dict(regions)
        self.other_accounts = other_accounts(settings)
        self.resources = list(
            Templates(
                templates=templates,
                account=settings.account,
                partition=partition_of(settings.region),
                regions=self.regions,
                accounts=self.other_accounts,
                physical_ids=physical_ids or {},
                answers=self.answers,
            ).resources()
        )

    def of_type(self, resource_type: str) -> list[Resource]:
        """Return every resource of a type."""
        return [each for each in self.resources if each.type == resource_type]

    @cached_property
    def roles(self) -> dict[str, Role]:
        """Every role, by its name."""
        found = {}
        for each in self.of_type("AWS::IAM::Role"):
            name = each.arn.rpartition("/")[2]
            policies = {
                policy["PolicyName"]: policy["PolicyDocument"] for policy in each.properties.get("Policies", [])
            }
            for other in (*self.of_type("AWS::IAM::Policy"), *self.of_type("AWS::IAM::ManagedPolicy")):
                if name in other.properties["Roles"]:
                    policies[f"{other.stack}/{other.logical_id}"] = other.properties["PolicyDocument"]
            if managed := each.properties.get("ManagedPolicyArns"):
                raise UnresolvedError(f"{each.arn}: {managed}: what a managed policy allows is not in the template")
            found[name] = Role(name=name, arn=each.arn, policies=policies)
        return found

    @cached_property
    def functions(self) -> dict[str, str]:
        """The role of each function, by the function's name."""
        return {
            each.arn.rpartition(":")[2]: each.properties["Role"].rpartition("/")[2]
            for each in self.of_type("AWS::Lambda::Function")
        }

    @cached_property
    def keys(self) -> dict[str, str]:
        """Every key's ARN, by its alias."""
        return {
            each.properties["AliasName"].removeprefix("alias/"): each.properties["TargetKeyId"]
            for each in self.of_type("AWS::KMS::Alias")
        }

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """The policy of each resource that has one, by the resource's ARN: buckets, keys, roles' trust and the rest."""
        found: dict[str, Policy] = {}
        for each in self.resources:
            properties = each.properties
            match each.type:
                case "AWS::S3::BucketPolicy":
                    _put(found, f"arn:{_partition(self)}:s3:::{properties['Bucket']}", properties["PolicyDocument"])
                case "AWS::KMS::Key":
                    _put(found, each.arn, properties["KeyPolicy"])
                case "AWS::IAM::Role":
                    _put(found, each.arn, properties["AssumeRolePolicyDocument"])
                case "AWS::Events::EventBus" if "Policy" in properties:
                    _put(found, each.arn, properties["Policy"])
                case "AWS::Logs::Destination":
                    _put(found, each.arn, json.loads(properties["DestinationPolicy"]))
                case "AWS::SNS::TopicPolicy":
                    for topic in properties["Topics"]:
                        _put(found, topic, properties["PolicyDocument"])
                case "AWS::SQS::QueuePolicy":
                    for url in properties["Queues"]:
                        queue = next(one for one in self.of_type("AWS::SQS::Queue") if _is_at(url, one.arn))
                        _put(found, queue.arn, properties["PolicyDocument"])
                case "AWS::Lambda::Permission":
                    function = self._function_arn(properties["FunctionName"])
                    policy = found.setdefault(function, {"Version": "2012-10-17", "Statement": []})
                    policy["Statement"].append(_permission(each, function))
        return found

    def policy_of(self, arn: str) -> Policy | None:
        """Return the policy of the resource that an ARN names, or is inside of: an object's is its bucket's."""
        return self.policy_of_users_key(arn) or self.policies.get(arn.split("/")[0] if ":s3:::" in arn else arn)

    def policy_of_users_key(self, arn: str) -> Policy | None:
        """Return the policy of a new key for a key of the account that no template makes; None for all else."""
        is_the_users = ":key/" in arn and arn not in self.policies and arn.split(":")[4] == self.id
        return _by_iam_alone(arn) if is_the_users else None

    def owner_of(self, arn: str, unrelated_buckets: Mapping[str, str]) -> str:
        """Return the account that owns what an ARN names; a bucket's ARN does not say, so others' are named here."""
        if arn == "*":
            return self.id
        bucket = arn.split("/")[0]
        return arn.split(":")[4] or unrelated_buckets.get(bucket) or self._bucket_owners.get(bucket, self.id)

    @cached_property
    def _bucket_owners(self) -> dict[str, str]:
        """The account of each bucket, by the bucket's ARN."""
        return {each.arn: self.account_of(each.stack) for each in self.of_type("AWS::S3::Bucket")}

    def account_of(self, stack: str) -> str:
        """Return the account that a stack is in."""
        return self.other_accounts.get(stack, self.id)

    def blocks_public_access(self, arn: str) -> bool:
        """Return whether a bucket's RestrictPublicBuckets is on."""
        for each in self.of_type("AWS::S3::Bucket"):
            if each.arn == arn.split("/")[0]:
                return bool(each.properties.get("PublicAccessBlockConfiguration", {}).get("RestrictPublicBuckets"))
        return False

    def _function_arn(self, name: str) -> str:
        return (
            name
            if name.startswith("arn:")
            else next(each.arn for each in self.of_type("AWS::Lambda::Function") if each.arn.endswith(f":{name}"))
        )


def _put(found: dict[str, Policy], arn: str, policy: Policy) -> None:
    if arn in found:
        raise ValueError(f"{arn} has two policies; the second would replace the first")
    found[arn] = policy


def _principal(principal: str) -> str | dict[str, str]:
    if principal == "*":
        return principal
    return {"Service" if principal.endswith(".amazonaws.com") else "AWS": principal}


def _permission(permission: Resource, function: str) -> Policy:
    """Write a Lambda permission as the statement that AddPermission adds (Lambda Developer Guide)."""
    properties = permission.properties
    conditions: dict[str, dict[str, str]] = {}
    if "SourceAccount" in properties:
        conditions["StringEquals"] = {"AWS:SourceAccount": properties["SourceAccount"]}
    if "SourceArn" in properties:
        conditions["ArnLike"] = {"AWS:SourceArn": properties["SourceArn"]}
    return {
        "Sid": permission.logical_id,
        "Effect": "Allow",
        "Principal": _principal(properties["Principal"]),
        "Action": properties["Action"],
        "Resource": function,
        **({"Condition": conditions} if conditions else {}),
    }


def _partition(account: Account) -> str:
    return next(each.arn for each in account.resources if each.arn).split(":")[1]


def _is_at(url: str, arn: str) -> bool:
    return url.rpartition("/")[2] == arn.rpartition(":")[2]


def _by_iam_alone(key_arn: str) -> Policy:
    """Return the policy that a new key has, which leaves permissions to IAM (KMS Developer Guide, "Default policy")."""
    _, partition, _, _, account, _ = key_arn.split(":")
    principal = {"AWS": f"arn:{partition}:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
