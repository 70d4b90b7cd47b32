"""The roles that a pipeline assumes with its OpenID Connect token, and the identity provider that signs the token.

Sources: IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM" and "Create a role for OpenID
Connect federation"; AWS CDK Developer Guide, "Bootstrap environments" (the roles of the bootstrap stack).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

SESSION_HOURS = 2
"""Longer than a first deploy of every stack takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRolesProps:
    """Which pipeline may assume which role.

    Attributes
    ----------
    issuer
        Host of the provider, which is also the prefix of its condition keys.
    audience
        The ``aud`` of the tokens.
    creates_provider
        The stack creates the provider. An account has one for each issuer; without this it exists already.
    deploy_subjects, plan_subjects
        The ``sub`` of the tokens of each role, whole.
    deployment
        The deployment's name: the plan reads its stacks. The roles are ``<deployment>-pipeline-deploy`` and ``-plan``.
    qualifier
        Qualifier of the CDK's bootstrap stack.
    """

    issuer: str
    audience: str
    creates_provider: bool
    deploy_subjects: Sequence[str]
    plan_subjects: Sequence[str]
    deployment: str
    qualifier: str


class PipelineRoles(Construct):
    """A role that may assume the CDK's bootstrap roles of this account and nothing else, and one that reads for a plan.

    The trust compares ``aud`` and ``sub`` by ``StringEquals``: a wildcard in ``sub`` admits branches and pull requests
    that no one has reviewed.
    """

    def __init__(self, scope: Construct, construct_id: str, props: PipelineRolesProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._props = props
        self._provider_arn = f"arn:{stack.partition}:iam::{stack.account}:oidc-provider/{props.issuer}"
        if props.creates_provider:
            provider = iam.CfnOIDCProvider(
                self, "Provider", url=f"https://{props.issuer}", client_id_list=[props.audience]
            )
            self._provider_arn = provider.attr_arn
        bootstrap = f"arn:{stack.partition}:iam::{stack.account}:role/cdk-{props.qualifier}"
        self.deploy = self._role(
            "Deploy",
            "deploys with the CDK",
            props.deploy_subjects,
            [
                iam.PolicyStatement(
                    sid="AssumeBootstrapRoles",
                    actions=["sts:AssumeRole"],
                    # Every Region: one `cdk deploy --all` deploys the stacks of all Regions of a deployment.
                    resources=[f"{bootstrap}-{role}-role-{stack.account}-*" for role in ("deploy", "file-publishing")],
                )
            ],
        )
        self.plan = self._role(
            "Plan",
            "reads what is deployed, for a plan",
            props.plan_subjects,
            self._read_for_plan(),
        )

    def _read_for_plan(self) -> list[iam.PolicyStatement]:
        """Return what `logdock plan` needs (docs/logdock.md, "logdock plan")."""
        stack, deployment = Stack.of(self), self._props.deployment

        def arns(service: str, region: str, name: str) -> list[str]:
            return [f"arn:{stack.partition}:{service}:{region}:{stack.account}:{name}"]

        def allow(sid: str, actions: list[str], resources: list[str]) -> iam.PolicyStatement:
            return iam.PolicyStatement(sid=sid, actions=actions, resources=resources)

        return [
            allow("FindStacks", ["cloudformation:DescribeStacks"], ["*"]),
            allow(
                "ReadTemplates", ["cloudformation:GetTemplate"], arns("cloudformation", "*", f"stack/{deployment}-*/*")
            ),
            allow("ReadArchiverPolicy", ["iam:GetRolePolicy"], arns("iam", "", f"role/{deployment}-archiver")),
            allow(
                "CountMessages",
                ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"],
                arns("sqs", "*", f"{deployment}-ship-*"),
            ),
            allow("SeeRoles", ["iam:GetRole"], arns("iam", "", f"role/{deployment}-*")),
            allow("SeeBucketsAndLogGroups", ["s3:ListAllMyBuckets", "logs:DescribeLogGroups"], ["*"]),
            # CloudWatch has no resource for it (Service Authorization Reference, "Amazon CloudWatch").
            allow("CountDeliveries", ["cloudwatch:GetMetricData"], ["*"]),
        ]

    def _role(
        self, construct_id: str, about: str, subjects: Sequence[str], permissions: Sequence[iam.PolicyStatement]
    ) -> iam.Role:
        issuer = self._props.issuer
        claims = {f"{issuer}:aud": self._props.audience, f"{issuer}:sub": list(subjects)}
        return iam.Role(
            self,
            construct_id,
            role_name=f"{self._props.deployment}-pipeline-{construct_id.lower()}",
            description=f"Logdock: a pipeline {about}",
            assumed_by=iam.FederatedPrincipal(
                self._provider_arn, {"StringEquals": claims}, "sts:AssumeRoleWithWebIdentity"
            ),
            max_session_duration=Duration.hours(SESSION_HOURS),
            inline_policies={"Pipeline": iam.PolicyDocument(statements=list(permissions))},
        )
