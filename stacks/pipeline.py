"""The roles of a pipeline: deployed once by an administrator, before the pipeline can deploy anything.

A stack of its own and not a setting of a deployment: a pipeline that deploys its own trust could widen it.

Sources: GitHub Docs, "OpenID Connect reference" (subject claims); GitLab Docs, "OpenID Connect (OIDC) Authentication
Using ID Tokens" (token payload).
"""

from dataclasses import dataclass
from typing import Any, Literal

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from constructs_lib.pipeline_roles import PipelineRoles, PipelineRolesProps

AUDIENCE = "sts.amazonaws.com"
ISSUERS = {"github": "token.actions.githubusercontent.com", "gitlab": "gitlab.com"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """Whose pipeline it is."""

    host: Literal["github", "gitlab"]
    """Where it runs."""
    repository: str
    """GitHub: ``owner/repository``, as the tokens have it. GitLab: the path of the project."""
    branch: str
    """The branch that is deployed."""
    environment: str = ""
    """GitHub: the environment that protects the deploy. GitLab: not used, its ``sub`` has none."""

    @property
    def deploy_subjects(self) -> tuple[str, ...]:
        """The ``sub`` of the job that deploys."""
        if self.host == "github":
            return (f"repo:{self.repository}:environment:{self.environment}",)
        return (f"project_path:{self.repository}:ref_type:branch:ref:{self.branch}",)

    @property
    def plan_subjects(self) -> tuple[str, ...]:
        """The ``sub`` of the jobs that plan. On GitLab a merge request has its own branch's, which no one protects."""
        if self.host == "github":
            return (f"repo:{self.repository}:pull_request", f"repo:{self.repository}:ref:refs/heads/{self.branch}")
        return self.deploy_subjects


class PipelineStack(Stack):
    """The identity provider and the two roles of one pipeline."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: Pipeline,
        deployment: str,
        qualifier: str,
        creates_provider: bool,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        roles = PipelineRoles(
            self,
            "Roles",
            PipelineRolesProps(
                issuer=ISSUERS[pipeline.host],
                audience=AUDIENCE,
                creates_provider=creates_provider,
                deploy_subjects=pipeline.deploy_subjects,
                plan_subjects=pipeline.plan_subjects,
                deployment=deployment,
                qualifier=qualifier,
            ),
        )
        CfnOutput(self, "DeployRoleArn", value=roles.deploy.role_arn, description="Role of the job that deploys")
        CfnOutput(self, "PlanRoleArn", value=roles.plan.role_arn, description="Role of the job that plans")
