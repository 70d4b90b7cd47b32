"""The stacks of a deployment: those of the settings are those that the app makes, and the others are named."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from logdock.cli.account import Account
from logdock.cli.plan.live import deployed_settings
from logdock.cli.stacks import deployed_stacks, expected_stacks
from logdock.cli.validate.checks import Verdict
from logdock.cli.validate.command import _parts
from logdock.cli.validate.log_groups import WHOLE
from logdock.cli.validate.stacks import Stack, check_orphans, check_stack
from logdock.inventory import stacks_of
from logdock.settings import load_settings
from tests.aws_in_memory import Stacks
from tests.cli.conftest import Type
from tests.cli.deployed import Deployed, refuse
from tests.conftest import EXAMPLES, synthesize


def stacks(*names: str, deployment: str = "acme") -> Stacks:
    return Stacks({name: {} for name in names}, deployment=deployment)


def other_deployment(region: str) -> None:
    """Have the role that a deployment of this name in a Region makes."""
    untyped: Any = boto3
    iam = untyped.client("iam", region_name="eu-west-1")
    iam.create_role(RoleName="acme-archiver", AssumeRolePolicyDocument="{}")
    statement = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::acme-archive-111122223333-{region}/logs/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="acme-archiver", PolicyName="Shipper", PolicyDocument=document)


def test_stacks_of_the_settings_are_those_of_the_app() -> None:
    for example in EXAMPLES:
        settings = load_settings(example)
        regions = {stack.name: stack.region for stack in stacks_of(settings)}
        assert regions == synthesize(example).regions, example.name
        own = {stack.name: stack.region for stack in stacks_of(settings) if not stack.other_account}
        assert expected_stacks(settings) == own, example.name


def test_templates_have_the_settings_that_they_were_made_from() -> None:
    for example in EXAMPLES:
        assert deployed_settings(synthesize(example).templates, load_settings(example)) == load_settings(example)


def test_stack_without_the_tag_is_found_by_the_settings(deployed: Deployed) -> None:
    deployed.stacks_in({"eu-west-1": stacks("acme-app", "acme-old", deployment="")})
    account = Account(deployed.settings, None, None)
    assert [stack.name for stack in deployed_stacks(account, ["eu-west-1"])] == ["acme-app"]


def test_status_names_stack_that_the_settings_do_not_have(logdock: Type, deployed: Deployed) -> None:
    deployed.stacks_in({"eu-west-1": stacks("acme-app", "acme-old")})
    ended = logdock("status")
    assert ended.code == 1
    assert "acme-old in eu-west-1 is deployed and not in the settings" in ended.out
    assert "aws cloudformation delete-stack --stack-name acme-old --region eu-west-1" in ended.out
    assert [each["name"] for each in json.loads(logdock("status", "--json").out)["orphans"]] == ["acme-old"]


def test_status_passes_over_stack_of_another_deployment(logdock: Type, deployed: Deployed) -> None:
    deployed.stacks_in({"eu-west-1": stacks("other-old", deployment="other")})
    ended = logdock("status")
    assert (ended.code, "other-old" in ended.out) == (0, False)


def test_validate_names_stack_that_the_settings_do_not_have(deployed: Deployed) -> None:
    deployed.stacks_in({"eu-west-1": stacks("acme-app", "acme-old-core")})
    name, orphans = check_orphans(Account(deployed.settings, None, None)).all
    assert (name.verdict, orphans.verdict) == (Verdict.FINE, Verdict.WRONG)
    assert orphans.reason == "acme-old-core in eu-west-1 is not in the settings, and goes on exporting"
    assert orphans.fix == (
        "aws cloudformation update-termination-protection --no-enable-termination-protection "
        "--stack-name acme-old-core --region eu-west-1 && "
        "aws cloudformation delete-stack --stack-name acme-old-core --region eu-west-1"
    )


@pytest.mark.parametrize(("region", "verdict"), [("eu-west-1", Verdict.FINE), ("us-east-1", Verdict.WRONG)])
def test_validate_names_deployment_of_this_name_in_another_region(
    deployed: Deployed, region: str, verdict: Verdict
) -> None:
    other_deployment(region)
    name, orphans = check_orphans(Account(deployed.settings, None, None)).all
    assert (name.verdict, orphans.verdict) == (verdict, Verdict.FINE)


def test_validate_of_everything_looks_for_them(deployed: Deployed) -> None:
    account = Account(deployed.settings, None, None)
    exports = [*deployed.settings.exports]
    work = [part for whole in (True, False) for part in _parts(account, exports, everything=whole, groups=WHOLE)]
    assert [part for part in work if isinstance(part, partial) and part.func is check_orphans] != []


def assembly(directory: Path, *, templates: dict[str, dict[str, Any]], region: str = "eu-west-1") -> Path:
    """Write a cloud assembly as the CDK does."""
    directory.mkdir()
    artifacts = {
        name: {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://111122223333/{region}",
            "properties": {"templateFile": f"{name}.template.json"},
        }
        for name in templates
    }
    (directory / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    for name, template in templates.items():
        (directory / f"{name}.template.json").write_text(json.dumps(template))
    return directory


def test_plan_names_stack_that_the_settings_do_not_have(logdock: Type, deployed: Deployed, tmp_path: Path) -> None:
    deployed.stacks_in({"eu-west-1": stacks("acme-old")})
    made = assembly(tmp_path / "cdk.out", templates={})
    ended = logdock("plan", "--templates", str(made), "--json")
    (effect,) = json.loads(ended.out)["effects"]
    assert (ended.code, effect["name"], effect["kind"]) == (2, "old:stack", "not destroyed")
    assert effect["steps"] == ["`aws cloudformation delete-stack --stack-name acme-old --region eu-west-1`"]
    assert logdock("plan", "--templates", str(made), "--accept", "old").code == 0


def test_plan_refuses_deployment_of_this_name_in_another_region(
    logdock: Type, deployed: Deployed, tmp_path: Path
) -> None:
    other_deployment("us-east-1")
    deployed.stacks_in({"us-east-1": stacks("acme-core", "acme-app")})
    ended = logdock("plan", "--templates", str(assembly(tmp_path / "cdk.out", templates={})), "--json")
    (effect,) = json.loads(ended.out)["effects"]
    assert (ended.code, effect["name"], effect["kind"]) == (2, "deployment:region", "the deploy fails")
    assert "us-east-1" in effect["sentence"]


RETAINED = {
    "Landing": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/acme/retained"}},
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "acme-retained"}},
    "New": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/acme/retain"}},
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/acme-app-connector"}},
}


def test_plan_names_log_group_and_bucket_that_are_there_already(
    logdock: Type, deployed: Deployed, tmp_path: Path
) -> None:
    untyped: Any = boto3
    logs, s3 = (untyped.client(service, region_name="eu-west-1") for service in ("logs", "s3"))
    for name in ("/acme/retained", "/aws/lambda/acme-app-connector"):
        logs.create_log_group(logGroupName=name)
    s3.create_bucket(Bucket="acme-retained", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    made = assembly(tmp_path / "cdk.out", templates={"acme-app": {"Resources": RETAINED}})
    ended = logdock("plan", "--templates", str(made), "--json")
    effects = json.loads(ended.out)["effects"]
    assert ended.code == 2
    assert [(each["name"], each["kind"]) for each in effects] == [
        ("app:resource.Landing", "the deploy fails"),
        ("app:resource.Bucket", "the deploy fails"),
    ]
    assert "`/acme/retained` exists already" in effects[0]["sentence"]
    # What the stack has is updated, under whichever logical id.
    has = {"acme-app": {"Resources": {f"Other{name}": resource for name, resource in RETAINED.items()}}}
    deployed.stacks_in({"eu-west-1": Stacks({"acme-app": {}}, templates=has)})
    effects = json.loads(logdock("plan", "--templates", str(made), "--json").out)["effects"]
    assert not [each for each in effects if "exists already" in each["sentence"]]
    # A stack whose first deploy was rolled back has a template, and nothing of it.
    deployed.stacks_in({"eu-west-1": Stacks({"acme-app": {}}, templates=has, status="ROLLBACK_COMPLETE")})
    effects = json.loads(logdock("plan", "--templates", str(made), "--json").out)["effects"]
    assert [each["name"] for each in effects] == ["app:resource.Landing", "app:resource.Bucket"]


def test_plan_names_stack_and_roles_of_another_deployment(logdock: Type, deployed: Deployed, tmp_path: Path) -> None:
    """`ac` with the exports `me-app` and `me-archiver`, beside `acme`."""
    untyped: Any = boto3
    iam = untyped.client("iam", region_name="eu-west-1")
    of_other = [{"Key": "logdock:deployment", "Value": "ac"}]
    iam.create_role(RoleName="acme-archiver", AssumeRolePolicyDocument="{}", Tags=of_other)
    iam.create_role(RoleName="acme-by-hand", AssumeRolePolicyDocument="{}")
    names = ("acme-archiver", "acme-by-hand", "acme-new")
    roles = {
        f"Role{at}": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": name, "AssumeRolePolicyDocument": {}}}
        for at, name in enumerate(names)
    }
    deployed.stacks_in({"eu-west-1": stacks("acme-app", deployment="ac")})
    made = assembly(tmp_path / "cdk.out", templates={"acme-jobs": {"Resources": roles}, "acme-app": {"Resources": {}}})
    ended = logdock("plan", "--templates", str(made), "--json")
    stack, *found = json.loads(ended.out)["effects"]
    assert (ended.code, stack["name"], stack["kind"]) == (2, "app:stack", "data is lost")
    assert "`acme-app` in `eu-west-1` is of the deployment `ac`" in stack["sentence"]
    assert [(each["name"], each["kind"]) for each in found] == [
        ("jobs:resource.Role0", "the deploy fails"),
        ("jobs:resource.Role1", "the deploy fails"),
    ]
    assert found[0]["steps"] == ["It is of the deployment `ac`: rename the export, or `deployment`."]


def test_validate_names_stack_of_another_deployment(deployed: Deployed) -> None:
    deployed.stacks_in({"eu-west-1": stacks("acme-app", deployment="ac")})
    (stack,) = check_stack(Account(deployed.settings, None, None), Stack("acme-app", "eu-west-1")).all
    assert stack.verdict is Verdict.WRONG
    assert stack.reason == "it is of the deployment ac, which has a part whose name leads to the same stack"


@pytest.mark.parametrize(
    ("code", "exit_code", "where"), [("ThrottlingException", 1, "not_looked_at"), ("AccessDenied", 0, "notes")]
)
def test_plan_with_question_that_aws_does_not_answer_ends_with_1(
    logdock: Type,
    deployed: Deployed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    exit_code: int,
    where: str,
) -> None:
    refuse(monkeypatch, "GetRolePolicy", code)
    made = assembly(tmp_path / "cdk.out", templates={})
    ended = logdock("plan", "--templates", str(made), "--json")
    (said,) = json.loads(ended.out)[where]
    assert (ended.code, "whether another Region has a deployment of this name" in said) == (exit_code, True)
    text = logdock("plan", "--templates", str(made)).out
    assert ("Not looked at: whether another Region" in text, "but 1 not looked at" in text) == (exit_code == 1,) * 2
    deployed.stacks_in({"eu-west-1": stacks("acme-old")})
    assert logdock("plan", "--templates", str(made)).code == 2
