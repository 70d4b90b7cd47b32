"""The claims on the local cloud, after a real deploy: real signed calls, with the sessions of the stand-ins."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from local_cloud.stage import UNRELATED_ACCOUNT, Stage
from local_cloud.stand_ins.sessions import Credentials, assume, role_session, user, vendor_identity
from logdock.settings.names import Names
from policy_proof.account import Account, other_accounts
from policy_proof.answers import Answer, with_role
from policy_proof.calls import NoCallError, parameters_of
from policy_proof.cast import Caller, Cast, Subject
from policy_proof.claim_file import Claim
from policy_proof.deployed import DeployedPolicies
from policy_proof.proof import Outcome, Proof
from policy_proof.requests import Request
from policy_proof.simulator import Verdict
from policy_proof.subjects import role_name, trusting
from policy_proof.templates import Template

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}
_PAST_PERMISSION = {
    "DBParameterGroupAlreadyExists", "InvalidDBParameterGroupState", "InvalidParameterException", "NoSuchKey",
    "NoSuchVersion", "ParameterNotFound", "ResourceAlreadyExistsException",
    "ResourceNotFoundException",
}  # fmt: skip
"""Errors that only an allowed caller gets: the local cloud checks permissions first."""
_NAMED_BY_CLOUDFORMATION = {"AWS::KMS::Key", "AWS::IAM::Role", "AWS::Events::Rule", "AWS::Lambda::Function"}
"""Types of resources that templates leave without a name: the CDK's provider names one of its functions alone."""
_CLIENTS = {"states": "stepfunctions", "tag": "resourcegroupstaggingapi"}
"""The SDK's name of a service, where it is not that of its actions."""


class LocalCloud:
    """Evaluates requests by making them, or by asking the cloud's evaluator where no caller can.

    Parameters
    ----------
    account, cast
        The deployment, with the names that the cloud gave it.
    """

    def __init__(self, stage: Stage, account: Account, cast: Cast) -> None:
        self._stage, self._account, self._cast = stage, account, cast
        self._deployed = DeployedPolicies(stage, account, cast)
        self._credentials: dict[str, Credentials] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._versions: dict[str, str] = {}

    def evaluate(self, claim: Claim, request: Request) -> Verdict:
        """Return what the local cloud says."""
        if claim.live != "call":
            return self._deployed.evaluate(request)
        try:
            method, parameters = parameters_of(request)
        except NoCallError as error:
            return Verdict("inconclusive", str(error))
        if request.also and request.action.startswith("s3:GetObject"):
            self._put(request.resource)
        if parameters.get("VersionId") and request.resource in self._versions:
            parameters["VersionId"] = self._versions[request.resource]
        try:
            getattr(self._client(request), method)(**parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _DENIED:
                return Verdict("deny")
            return Verdict("allow") if code in _PAST_PERMISSION else Verdict("inconclusive", f"{request}: {error}")
        except ParamValidationError as error:
            return Verdict("inconclusive", f"{request}: {error}")
        return Verdict("allow")

    def _put(self, arn: str) -> None:
        """Have the account's owner put an object for a caller to read, under the bucket's own key."""
        if arn not in self._versions:
            bucket, _, key = arn.rpartition(":")[2].partition("/")
            owner = self._account.owner_of(arn, {})
            answer = self._stage.client("s3", owner).put_object(Bucket=bucket, Key=key, Body=b"claims")
            self._versions[arn] = answer.get("VersionId", "null")

    def _client(self, request: Request) -> Any:
        prefix, region = request.action.split(":")[0], self._stage.settings.region
        service = _CLIENTS.get(prefix, prefix)
        if any(each in request.resource for each in (":log-group:", ":kms:", ":ssm:", ":kinesis:", ":states:")):
            region = request.resource.split(":")[3]
        wanted = (request.caller.principal, service, region)
        if wanted not in self._clients:
            self._clients[wanted] = self._new_client(request.caller, service, region)
        return self._clients[wanted]

    def _new_client(self, caller: Caller, service: str, region: str) -> Any:
        if caller.principal == "anonymous":
            return botocore.session.Session().create_client(
                service,
                region_name=region,
                endpoint_url=self._stage.cloud.endpoint_url,
                verify=str(self._stage.cloud.ca_bundle),
                config=Config(signature_version=UNSIGNED, proxies={}, retries={"total_max_attempts": 1}),
            )
        if caller.principal not in self._credentials:
            self._credentials[caller.principal] = self._become(caller)
        return self._stage.client(service, self._credentials[caller.principal], region=region)

    def _become(self, caller: Caller) -> Credentials:
        account, name = caller.principal.split(":")[4], caller.principal.split("/")[1]
        if ":user/" in caller.principal:
            return user(self._stage, account, name)
        own = self._account.roles.get(name)
        if own is None or own.arn.split(":")[4] != account:
            (policy,) = caller.policies.values()
            return role_session(self._stage, account, name, policy=json.dumps(policy))
        for party, _, principal, external_ids in trusting(self._cast):
            if own.name == role_name(self._cast.names, party):
                return assume(self._stage, vendor_identity(self._stage, principal), own.arn, external_ids[-1])
        return self._lend(own.name, own.arn)

    def _lend(self, name: str, arn: str) -> Credentials:
        """Take a session of a role that only an AWS service assumes: its trust is opened to the account, and put back.

        What the role may do, which is what is evaluated, stays as it was deployed.
        """
        account = arn.split(":")[4]
        iam = self._stage.client("iam", account)
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        root = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        }
        opened = {**trust, "Statement": [*trust["Statement"], root]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(opened))
        try:
            return assume(self._stage, {"AccessKeyId": account, "SecretAccessKey": "local"}, arn)
        finally:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


_ALWAYS_TRIED = frozenset(
    {"vendor-role", "logzio-fetch", "logzio-archive", "metrics", "other-account", "other-account-logs", "stream"}
)


def is_tried_live(subject: Subject, names: Names, *, whole: bool) -> bool:
    """Return whether the cloud is asked about a subject; see `evaluate_live`."""
    shared = {names.core_stack, names.in_region("shipper", names.region)}
    return whole or subject.kind in _ALWAYS_TRIED or not shared & {*subject.stacks}


def evaluate_live(
    stage: Stage, templates: Mapping[str, Template], regions: Mapping[str, str], *, whole: bool
) -> list[Outcome]:
    """Evaluate every claim about a deployed example, by the simulator and by the cloud that it is deployed to.

    Parameters
    ----------
    templates, regions
        What was deployed, and where, by stack.
    whole
        Ask the cloud about everything. Otherwise about what the exports' own stacks hold: the core and the shipper are
        the same in every example, and one of them shows it.
    """
    names = Names.of(stage.settings)
    proof = Proof(
        stage.settings,
        templates,
        regions,
        physical_ids=physical_ids(stage, regions),
        foreign_key=create_unrelated_resources(stage),
        answers={
            name: Answer(
                principal_arn=stage.vendors.principal_arn(party), external_id=stage.vendors.external_ids(party)[-1]
            )
            for name, party in with_role(stage.settings).items()
        },
    )
    cloud = LocalCloud(stage, proof.account, proof.cast)

    return proof.outcomes(live=cloud.evaluate, is_tried=partial(is_tried_live, names=names, whole=whole))


def physical_ids(stage: Stage, stacks: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return what CloudFormation named stacks and their resources, given the Region of each stack."""
    named = {}
    others = other_accounts(stage.settings)
    for stack, region in stacks.items():
        formation = stage.client("cloudformation", others.get(stack, stage.settings.account), region=region)
        for resource in formation.describe_stack_resources(StackName=stack)["StackResources"]:
            named[stack, "AWS::StackId"] = resource["StackId"]
            if resource["ResourceType"] in _NAMED_BY_CLOUDFORMATION:
                named[stack, resource["LogicalResourceId"]] = resource["PhysicalResourceId"].rpartition("/")[2]
    return named


def create_unrelated_resources(stage: Stage) -> str:
    """Create the bucket and the key of the unrelated account that claims name; return the key's ARN."""
    stage.client("s3", UNRELATED_ACCOUNT, region="us-east-1").create_bucket(Bucket=f"foreign-{stage.settings.account}")
    key: str = stage.client("kms", UNRELATED_ACCOUNT).create_key()["KeyMetadata"]["Arn"]
    return key
