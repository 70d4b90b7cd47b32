"""The policies of CloudFormation's execution role: enough for every resource of every example, and nothing more.

What a resource needs is what CloudFormation's schema of its type names, without what belongs to properties that no
template sets. It is asked for on the resource's own ARN, so a name outside of the policies' scope is found too.
"""

import copy
import dataclasses
import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.resource_types import (
    NEEDED_BY,
    Environment,
    Operation,
    action_details,
    property_names,
    requests,
    schema,
)
from logdock.cli.bootstrap_policy.policies import (
    EXTRA,
    MANAGED_POLICY_CHARACTERS,
    ON_ANYTHING,
    SCOPES,
    length,
    permissions,
    policies,
    secrets_of,
)
from logdock.settings import load_settings
from logdock.settings.alerts import Webhook
from policy_proof import handlers
from policy_proof.account import Account
from policy_proof.synthesis import settings_of
from policy_proof.templates import Resource
from tests.cli.conftest import EVERYTHING, Type
from tests.conftest import ROOT, VARIANTS, synthesize

ACCOUNT, REGION, DEPLOYMENT = "111122223333", "eu-west-1", "acme-prod"
OPERATIONS: tuple[Operation, ...] = ("create", "update", "delete")
SECRETS = secrets_of(load_settings(ROOT / "examples" / "alerts.yaml"))
Document = dict[str, Any]
Needed = frozenset[tuple[str, str]]


EXAMPLES = [
    pytest.param(((EVERYTHING, None),), id="everything"),
    pytest.param(tuple(VARIANTS), id="all", marks=pytest.mark.proof),
]
"""The example with most types of resources; with `make proof` all."""
Examples = tuple[tuple[Path, str | None], ...]


@cache
def resources(examples: Examples) -> tuple[Resource, ...]:
    """Return every resource of some examples, without references; those of other accounts as if they were of this."""
    found = []
    for variant in examples:
        synthesized = synthesize(*variant)
        account = Account(settings_of(*variant), synthesized.templates, synthesized.regions)
        for each in account.resources:
            own = account.other_accounts.get(each.stack, account.id)
            found.append(dataclasses.replace(each, body=json.loads(json.dumps(each.body).replace(own, ACCOUNT))))
    return tuple(found)


def on_aws(examples: Examples) -> Iterator[Resource]:
    """Yield those that CloudFormation makes itself."""
    for each in resources(examples):
        if each.type.startswith("AWS::") and each.type != "AWS::CDK::Metadata":
            yield each


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{'' if service == 'iam' else REGION}:{ACCOUNT}:{rest}"


@cache
def needed(examples: Examples) -> Needed:
    """Return each action with the ARN of a resource that it is called on."""
    found = {("ssm:GetParameters", arn("ssm", "parameter/cdk-bootstrap/hnb659fds/version"))}
    for each in resources(examples):
        if token := each.properties.get("ServiceToken"):
            found.add(("lambda:InvokeFunction", token))
        for secret in re.findall(r"{{resolve:secretsmanager:([^:}]+)", json.dumps(each.properties)):
            found.add(("secretsmanager:GetSecretValue", arn("secretsmanager", f"secret:{secret}-AbCdEf")))
    for each in on_aws(examples):
        environment = Environment("aws", REGION, ACCOUNT)
        name = f"{each.stack}-{each.logical_id}"
        for operation in OPERATIONS:
            found |= requests(each.type, operation, each.properties, name=name, environment=environment)
    return frozenset(found)


def made() -> list[Document]:
    return policies(DEPLOYMENT, ACCOUNT, "aws", SECRETS)


def denied(documents: list[Document], asked: Needed) -> set[str]:
    """Return the actions that the policies do not allow on the resource that they are needed on."""
    patterns: dict[str, list[str]] = {}
    for document in documents:
        for statement in document["Statement"]:
            for action in statement["Action"]:
                patterns.setdefault(action, []).extend(statement["Resource"])
    return {
        action for action, own in asked if not any(fnmatchcase(own, pattern) for pattern in patterns.get(action, []))
    }


@pytest.mark.parametrize("examples", EXAMPLES)
def test_policies_allow_what_every_resource_needs(examples: Examples) -> None:
    assert {each.type for each in on_aws(examples)} <= permissions().keys()
    assert denied(made(), needed(examples)) == set()


@pytest.mark.proof
def test_each_action_of_the_policies_is_needed() -> None:
    every = needed(tuple(VARIANTS))
    assert {each.type for each in on_aws(tuple(VARIANTS))} == permissions().keys()
    for number, document in enumerate(made()):
        for at, statement in enumerate(document["Statement"]):
            for action in statement["Action"]:
                fewer = copy.deepcopy(made())
                fewer[number]["Statement"][at]["Action"].remove(action)
                assert denied(fewer, every) == {action}


def test_policies_fit_into_iam_and_have_no_wildcard_in_an_action() -> None:
    assert all(length(document) <= MANAGED_POLICY_CHARACTERS for document in made())
    # a role takes 10 managed policies (IAM User Guide, "IAM and AWS STS quotas")
    assert len(policies("a" * 16, ACCOUNT, "aws-us-gov")) <= 10
    actions = [action for document in made() for each in document["Statement"] for action in each["Action"]]
    assert len(actions) == len(set(actions))
    assert [each for each in actions if "*" in each] == []


def test_other_deployments_are_out_of_reach() -> None:
    other = {
        ("iam:PutRolePolicy", arn("iam", "role/Administrator")),
        ("iam:PassRole", arn("iam", "role/Administrator")),
        ("iam:CreatePolicyVersion", arn("iam", "policy/Administrator")),
        ("iam:CreateServiceLinkedRole", arn("iam", "role/acme-prod-x")),
        ("iam:CreateServiceLinkedRole", arn("iam", "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")),
        ("lambda:UpdateFunctionCode", arn("lambda", "function:billing")),
        ("sqs:DeleteQueue", arn("sqs", "acme-test-ship-logz")),
        ("ssm:PutParameter", arn("ssm", "parameter/logdock/acme-test/exports/orders")),
        ("ssm:DeleteParameter", arn("ssm", "parameter/cdk-bootstrap/hnb659fds/version")),
        ("s3:GetObject", f"arn:aws:s3:::cdk-hnb659fds-assets-444455556666-{REGION}/1.zip"),
        ("s3:GetObject", f"arn:aws:s3:::cdk-{ACCOUNT}/1.zip"),
        ("s3:GetObject", "arn:aws:s3:::acme-prod-archive/logs/orders/1.json.gz"),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:acme/logzio-AbCdEf")),
    }
    assert [each for each in other if not denied(made(), frozenset([each]))] == []


@pytest.mark.proof
def test_table_is_that_of_the_schemas() -> None:
    """After another cfn-lint or type of resource: add the type to the file, then `python -m policy_proof.handlers`."""
    assert permissions() == handlers.permissions(permissions())


@pytest.mark.parametrize("examples", EXAMPLES)
def test_what_is_left_out_belongs_to_properties_that_no_template_sets(examples: Examples) -> None:
    used: dict[str, set[str]] = {}
    for each in on_aws(examples):
        used.setdefault(each.type, set()).update(property_names(each.properties))
    wrong = []
    for name, patterns in NEEDED_BY.items():
        kind = f"AWS::{name}"
        known = set(property_names(schema(kind)))
        actions = {action for each in schema(kind)["handlers"].values() for action in each["permissions"]}
        for pattern, needing in patterns.items():
            wrong += [f"{kind} has no {each}" for each in needing if each not in known]
            set_ones = [each for each in needing if each in used.get(kind, ())]
            wrong += [f"{kind}: a template sets {each}, so {pattern} is needed" for each in set_ones]
            if not any(fnmatchcase(action, pattern) for action in actions):
                wrong.append(f"{kind}: {pattern} is no action of the schema")
    assert wrong == []


def test_actions_that_iam_allows_on_all_resources_alone_are_allowed_on_all() -> None:
    """IAM ignores a resource for such an action, so a scope would refuse it (Service Authorization Reference)."""
    scoped = {action for document in made() for each in document["Statement"] for action in each["Action"]}
    scoped = {action for action in scoped if action.partition(":")[0] in SCOPES}
    without = {action for action in scoped if not (action_details(action) or {})["resourceTypes"]}
    assert without == ON_ANYTHING
    assert scoped >= EXTRA


@pytest.mark.usefixtures("no_aws")
def test_command_writes_the_policies_and_says_how_to_use_them(logdock: Type, tmp_path: Path) -> None:
    ended = logdock("bootstrap-policy", "--settings", str(EVERYTHING), "--output", "out")
    assert ended.code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [json.loads(file.read_text()) for file in files] == policies(DEPLOYMENT, ACCOUNT, "aws")
    lines = ended.out.splitlines()
    assert lines[0] == (
        "aws iam create-policy --policy-name acme-prod-cloudformation-1 --policy-document "
        "file://out/acme-prod-cloudformation-1.json"
    )
    arns = ",".join(f"arn:aws:iam::{ACCOUNT}:policy/{file.stem}" for file in files)
    assert lines[-1].startswith(f"npx cdk bootstrap --cloudformation-execution-policies {arns} aws://{ACCOUNT}/")


@pytest.mark.usefixtures("no_aws")
def test_command_allows_the_webhooks_secrets_in_the_deployments_account_alone(logdock: Type, tmp_path: Path) -> None:
    file = tmp_path / "logdock.yaml"
    document = yaml.safe_load((ROOT / "examples" / "log-archive-account.yaml").read_text())
    document["alerts"] = {"webhook": {"url_secret": "acme/chat-webhook"}}
    file.write_text(yaml.safe_dump(document))
    assert logdock("bootstrap-policy", "--settings", str(file), "--output", "out").code == 0
    secret = arn("secretsmanager", "secret:acme/chat-webhook-??????").replace(ACCOUNT, document["account"])
    named = {path.parent.name for path in (tmp_path / "out").rglob("*.json") if secret in path.read_text()}
    assert named == {"out"}


def test_webhooks_secret_is_readable_in_every_region_with_a_webhook() -> None:
    settings = load_settings(ROOT / "examples" / "cockroachdb.yaml")
    assert len(settings.regions) > 1
    shared = "arn:aws:secretsmanager:us-east-1:444455556666:secret:theirs-AbCdEf"
    webhook = Webhook(url_secret="acme/chat", header_secret=shared)
    alerts = settings.alerts.model_copy(update={"webhook": webhook})
    here = [f"arn:aws:secretsmanager:{each}:{ACCOUNT}:secret:acme/chat-??????" for each in settings.regions]
    assert secrets_of(settings.model_copy(update={"alerts": alerts})) == [*here, shared]


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials: the command asks no service."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


def test_printed_commands_take_a_directory_of_any_name(logdock: Type, tmp_path: Path) -> None:
    ended = logdock("bootstrap-policy", "--settings", str(EVERYTHING), "--output", "a b; c/$d")
    files = [shlex.split(line)[-1] for line in ended.out.splitlines() if "create-policy" in line]
    assert {Path(each.removeprefix("file://")) for each in files} == {*Path("a b; c/$d").glob("*.json")}
