"""The roles of a pipeline: who assumes them, what they may do, and that no part of the trust is there for nothing."""

import copy
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from policy_proof.proof import SIMULATOR
from policy_proof.synthesis import ROOT
from templates.build import make_pipeline_templates
from templates.pipelines import PIPELINES
from templates.yaml_form import to_yaml
from tests.templates.evaluate import Evaluation
from tests.templates.samples import ACCOUNT, REGION
from tests.templates.samples import PIPELINES as VALUES

GITHUB, GITLAB = "token.actions.githubusercontent.com", "gitlab.com"
DEPLOYS = {
    "pipeline-github": (GITHUB, "repo:acme/logs:environment:production"),
    "pipeline-gitlab": (GITLAB, "project_path:acme/platform/logs:ref_type:branch:ref:main"),
}
OTHERS = {
    "pipeline-github": (
        "repo:acme/logs:pull_request",
        "repo:acme/logs:ref:refs/heads/main",
        "repo:acme/logs:environment:staging",
        "repo:acme/other:environment:production",
        "repo:evil/logs:environment:production",
    ),
    "pipeline-gitlab": (
        "project_path:acme/platform/logs:ref_type:branch:ref:feature",
        "project_path:acme/platform/logs:ref_type:tag:ref:main",
        "project_path:acme/other:ref_type:branch:ref:main",
    ),
}
STAND_INS = {"aud": "aws:UserAgent", "sub": "aws:Referer"}
NAMES = [each.name for each in PIPELINES]


@cache
def made() -> dict[str, dict[str, Any]]:
    return make_pipeline_templates()


def role(name: str, which: str, **values: str) -> dict[str, Any]:
    filled = Evaluation(made()[name], VALUES[name] | values, account=ACCOUNT, region=REGION).template()
    return next(
        each["Properties"]
        for each in filled["Resources"].values()
        if each["Properties"].get("RoleName") == f"acme-pipeline-{which}"
    )


def assumes(trust: dict[str, Any], name: str, *, aud: str = "sts.amazonaws.com", sub: str) -> bool:
    """Ask the simulator whether a token assumes a role; the caller has no policy of its own.

    The simulator takes no keys of an identity provider, so global keys stand for them in the policy and in the token.
    """
    issuer, _ = DEPLOYS[name]
    document = json.dumps(trust)
    for key, stand_in in STAND_INS.items():
        document = document.replace(f"{issuer}:{key}", stand_in)
    return _ask(
        principal=f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}",
        action="sts:AssumeRoleWithWebIdentity",
        resource=f"arn:aws:iam::{ACCOUNT}:role/acme-pipeline-deploy",
        context={STAND_INS["aud"]: aud, STAND_INS["sub"]: sub},
        identity={},
        policy=json.loads(document),
    )


def may(properties: dict[str, Any], action: str, resource: str) -> bool:
    """Ask the simulator what a role may do."""
    return _ask(
        principal=f"arn:aws:iam::{ACCOUNT}:role/{properties['RoleName']}",
        action=action,
        resource=resource,
        context={},
        identity={each["PolicyName"]: each["PolicyDocument"] for each in properties["Policies"]},
        policy=None,
    )


def _ask(**question: Any) -> bool:
    asked = {"owner": ACCOUNT, "blocksPublicAccess": False, **question}
    answer = next(iter(SIMULATOR.ask([json.dumps(asked, sort_keys=True)])))
    assert "error" not in answer, answer
    assert answer["ignored"] == [], answer
    return bool(answer["result"] == "Allowed")


@pytest.mark.parametrize("name", NAMES)
def test_trust_of_the_deploy_role_compares_audience_and_subject(name: str) -> None:
    issuer, subject = DEPLOYS[name]
    assert role(name, "deploy", IdentityProvider="existing")["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
                "Condition": {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": [subject]}},
            }
        ],
    }


@pytest.mark.parametrize("name", NAMES)
def test_deploy_role_is_assumed_by_the_protected_job_alone(name: str) -> None:
    trust = role(name, "deploy", IdentityProvider="existing")["AssumeRolePolicyDocument"]
    _, subject = DEPLOYS[name]
    assert assumes(trust, name, sub=subject)
    assert [sub for sub in OTHERS[name] if assumes(trust, name, sub=sub)] == []
    assert not assumes(trust, name, aud="https://example.com", sub=subject)


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    def weaken(equals: dict[str, Any]) -> None:
        del equals[next(each for each in equals if each.endswith(key))]

    return weaken


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", [":aud", ":sub"])
def test_each_condition_of_the_trust_is_needed(name: str, key: str) -> None:
    """The mutations: without a condition, a token that is refused above is accepted."""
    trust = copy.deepcopy(role(name, "deploy", IdentityProvider="existing")["AssumeRolePolicyDocument"])
    _without(key)(trust["Statement"][0]["Condition"]["StringEquals"])
    _, subject = DEPLOYS[name]
    others = [("https://example.com", subject)] if key == ":aud" else [("sts.amazonaws.com", s) for s in OTHERS[name]]
    assert [sub for aud, sub in others if not assumes(trust, name, aud=aud, sub=sub)] == []


@pytest.mark.parametrize("name", NAMES)
def test_deploy_role_assumes_the_bootstrap_roles_and_does_nothing_else(name: str) -> None:
    deploy = role(name, "deploy")
    bootstrap = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds"
    allowed = [
        f"{bootstrap}-{each}-role-{ACCOUNT}-{region}"
        for each in ("deploy", "file-publishing")
        for region in (REGION, "us-east-1")
    ]
    assert [arn for arn in allowed if not may(deploy, "sts:AssumeRole", arn)] == []
    denied = [
        f"{bootstrap}-cfn-exec-role-{ACCOUNT}-{REGION}",
        f"{bootstrap}-lookup-role-{ACCOUNT}-{REGION}",
        f"arn:aws:iam::{ACCOUNT}:role/cdk-another-deploy-role-{ACCOUNT}-{REGION}",
        f"arn:aws:iam::999988887777:role/cdk-hnb659fds-deploy-role-999988887777-{REGION}",
        f"arn:aws:iam::{ACCOUNT}:role/Administrator",
    ]
    assert [arn for arn in denied if may(deploy, "sts:AssumeRole", arn)] == []
    assert not may(
        deploy, "cloudformation:CreateStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/acme-core/1f6b2c3d"
    )


@pytest.mark.parametrize("name", NAMES)
def test_plan_role_reads_stacks_and_changes_nothing(name: str) -> None:
    plan = role(name, "plan")
    stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/acme-core/1f6b2c3d"
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:acme-ship-logz"
    assert may(plan, "cloudformation:GetTemplate", stack)
    assert may(plan, "sqs:GetQueueAttributes", queue)
    assert may(plan, "iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/acme-archiver")
    statements = [each for policy in plan["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    # the simulator asks of no action that has no resource
    assert [each["Resource"] for each in statements if each["Action"] == "cloudwatch:GetMetricData"] == ["*"]
    tried = [("cloudformation:DeleteStack", stack), ("sqs:ReceiveMessage", queue), ("sqs:PurgeQueue", queue)]
    tried += [("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}")]
    assert [each for each in tried if may(plan, *each)] == []


@pytest.mark.parametrize("name", NAMES)
def test_provider_is_created_only_where_the_account_has_none(name: str) -> None:
    def types(choice: str) -> list[str]:
        values = VALUES[name] | {"IdentityProvider": choice}
        filled = Evaluation(made()[name], values, account=ACCOUNT, region=REGION).template()
        return sorted(each["Type"] for each in filled["Resources"].values())

    assert types("existing") == ["AWS::IAM::Role", "AWS::IAM::Role"]
    assert types("create") == ["AWS::IAM::OIDCProvider", "AWS::IAM::Role", "AWS::IAM::Role"]


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_the_synthesis_survives(name: str) -> None:
    assert (
        re.findall(r"zq\w*|arn:aws:|100200300400|eu-central-2|[Bb]ootstrapVersion", to_yaml(name, made()[name])) == []
    )


def test_page_lists_every_parameter_without_a_default() -> None:
    page = (ROOT / "docs" / "pipelines.md").read_text()
    required = [each.name for entry in PIPELINES for each in entry.parameters if each.default is None]
    assert [each for each in required if f"`{each}`" not in page] == []
