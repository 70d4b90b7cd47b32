"""The deployed policies, evaluated by the local cloud, for requests that no call can make."""

import json
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator

from local_cloud.corrections.other_accounts import say_who_asks_and_whose_it_is
from local_cloud.stage import UNRELATED_ACCOUNT, Stage
from policy_proof.account import Account, Policy
from policy_proof.cast import Caller, Cast
from policy_proof.requests import Request
from policy_proof.simulator import Verdict

_REQUIRED = ("kms", "sts")
"""Services whose resource policy must allow even the owner's own users and roles: keys, and the trust of roles.

IAM User Guide, "Policy evaluation for requests within a single account".
"""


class DeployedPolicies:
    """Reads policies from the cloud, each once, and evaluates requests by them."""

    def __init__(self, stage: Stage, account: Account, cast: Cast) -> None:
        self._stage, self._account, self._cast = stage, account, cast
        self._policies: dict[str, Policy | None] = {}
        # here as in the process of the local cloud
        say_who_asks_and_whose_it_is()

    def evaluate(self, request: Request) -> Verdict:
        """Return what the local cloud's evaluator says."""
        verdict = Verdict("allow" if self._is_allowed(request) else "deny")
        return self.evaluate(request.also) if request.also and verdict.answer == "allow" else verdict

    def _is_allowed(self, request: Request) -> bool:
        caller, owner = (
            request.caller,
            self._account.owner_of(request.resource, {self._cast.foreign_bucket: UNRELATED_ACCOUNT}),
        )
        context = iam_evaluator.EvalContext(
            principal_arn=caller.principal,
            principal_type="Service" if caller.is_service else "AssumedRole",
            principal_account="" if caller.is_service else caller.principal.split(":")[4],
            action=request.action,
            resource_arn=request.resource,
            region=self._stage.settings.region,
            source_ip="127.0.0.1",
            secure_transport=request.context.get("aws:SecureTransport") != "false",
            service_context={
                "aws:resourceaccount": owner,
                **{key.lower(): value for key, value in request.context.items()},
            },
        )
        policy = self._policy(request.resource)
        if caller.is_service:
            decision = iam_evaluator.evaluate_resource_policy(policy, context, service=caller.principal)
        else:
            statements = [iam_evaluator.parse_policy_document(each) for each in self._identity(caller)]
            identity = iam_evaluator.evaluate(context, statements)
            required = request.action.split(":")[0] in _REQUIRED
            decision = iam_evaluator.combine_resource_policy(identity, context, policy, owner, required=required)
        return bool(decision.decision == "Allow")

    def _identity(self, caller: Caller) -> list[Policy]:
        name = caller.principal.split("/")[1] if ":assumed-role/" in caller.principal else ""
        role, account = self._account.roles.get(name), caller.principal.split(":")[4]
        if role is None or role.arn.split(":")[4] != account:
            return list(caller.policies.values())
        iam = self._iam(account)
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        found = [iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline]
        for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)["PolicyVersion"]
            found.append(policy["Document"])
        return found

    @cache  # noqa: B019  (as long as the process that asks)
    def _iam(self, account: str) -> Any:
        return self._stage.client("iam", account)

    def _policy(self, arn: str) -> Policy | None:
        bucket = arn.split("/")[0] if ":s3:::" in arn else arn
        if bucket not in self._policies:
            try:
                text = self._read(bucket)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchBucketPolicy", "NoSuchBucket", "NotFoundException"):
                    raise
                # A key of the user's own is not made here.
                text = self._account.policy_of_users_key(arn)
            self._policies[bucket] = json.loads(text) if isinstance(text, str) else text
        return self._policies[bucket]

    def _read(self, arn: str) -> Any:
        _, _, service, region, account, name = arn.split(":", 5)
        owner = account or self._account.owner_of(arn, {self._cast.foreign_bucket: UNRELATED_ACCOUNT})
        client = self._stage.client(service, owner, region=region or None)
        match service:
            case "s3":
                return None if name.startswith("accesspoint/") else client.get_bucket_policy(Bucket=name)["Policy"]
            case "dynamodb" | "firehose" | "kinesis" | "ssm":
                return None  # No table, stream or standard parameter here has a policy of its own.
            case "kms":
                return client.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
            case "iam":
                return client.get_role(RoleName=name.partition("/")[2])["Role"]["AssumeRolePolicyDocument"]
            case "lambda":
                return client.get_policy(FunctionName=arn)["Policy"]
            case "sns":
                return client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
            case "sqs":
                url = client.get_queue_url(QueueName=name)["QueueUrl"]
                return client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
            case "logs" if name.startswith("destination:"):
                prefix = name.removeprefix("destination:")
                (found,) = client.describe_destinations(DestinationNamePrefix=prefix)["destinations"]
                return found.get("accessPolicy") or None
            case "logs":
                return None
            case "events":
                is_bus = name.startswith("event-bus/")
                return client.describe_event_bus(Name=name.partition("/")[2]).get("Policy") if is_bus else None
        raise LookupError(f"{arn}: where {service} keeps its policy is not known")
