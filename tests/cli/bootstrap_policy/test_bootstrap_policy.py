"""The policies of CloudFormation's execution role: enough for every resource of every example, and nothing more.

What a resource needs is what CloudFormation's schema of its type names, without what belongs to properties that no
template sets. It is asked for on the resource's own ARN, so a name outside of the policies' scope is found too.
"""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from logdock.cli.bootstrap_policy.policies import (
    EXTRA,
    MANAGED_POLICY_CHARACTERS,
    OBJECTS,
    ON_ANYTHING,
    SCOPES,
    SERVICE_LINKED_ROLE,
    length,
    permissions,
    policies,
)
from policy_proof import handlers
from tests.cli.conftest import EVERYTHING, Type
from tests.conftest import VARIANTS, synthesize

ACCOUNT, REGION, DEPLOYMENT = "111122223333", "eu-west-1", "acme-prod"
NAMES = {
    "AWS::DynamoDB::Table": ("dynamodb", "TableName", "table/"),
    "AWS::Events::ApiDestination": ("events", "Name", "api-destination/"),
    "AWS::Events::Connection": ("events", "Name", "connection/"),
    "AWS::Events::EventBus": ("events", "Name", "event-bus/"),
    "AWS::Events::Rule": ("events", "Name", "rule/"),
    "AWS::IAM::ManagedPolicy": ("iam", "ManagedPolicyName", "policy/"),
    "AWS::IAM::Role": ("iam", "RoleName", "role/"),
    "AWS::Kinesis::Stream": ("kinesis", "Name", "stream/"),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", "DeliveryStreamName", "deliverystream/"),
    "AWS::Lambda::Function": ("lambda", "FunctionName", "function:"),
    "AWS::SNS::Topic": ("sns", "TopicName", ""),
    "AWS::SQS::Queue": ("sqs", "QueueName", ""),
    "AWS::SSM::Parameter": ("ssm", "Name", "parameter"),
}
"""Types whose services are scoped by name: service, property of the name, and what is before it in the ARN."""

Document = dict[str, Any]
Needed = frozenset[tuple[str, str]]


EXAMPLES = [
    pytest.param(((EVERYTHING, None),), id="everything"),
    pytest.param(tuple(VARIANTS), id="all", marks=pytest.mark.proof),
]
"""The example with most types of resources; with `make proof` all."""
Examples = tuple[tuple[Path, str | None], ...]


@cache
def resources(examples: Examples) -> tuple[tuple[str, str, Document], ...]:
    """Return every resource of some examples: its type, the name that CloudFormation would choose, its properties."""
    return tuple(
        (resource["Type"], f"{stack}-{logical_id}-1ABCDEFGHIJKL", resource.get("Properties", {}))
        for variant in examples
        for stack, template in synthesize(*variant).templates.items()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"].startswith("AWS::") and resource["Type"] != "AWS::CDK::Metadata"
    )


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{'' if service == 'iam' else REGION}:{ACCOUNT}:{rest}"


@cache
def needed(examples: Examples) -> Needed:
    """Return each action with the ARN of a resource that it is called on."""
    found = {("lambda:InvokeFunction", arn("lambda", f"function:{DEPLOYMENT}-orders-connector"))}
    for kind, chosen, properties in resources(examples):
        service, name, before = NAMES.get(kind, ("", "", ""))
        given = properties.get(name, chosen)
        own = arn(service, before + (given if isinstance(given, str) else chosen))
        for action in permissions()[kind]:
            found.add((action, own if action.partition(":")[0] == service else _elsewhere(action, chosen)))
    return frozenset(found)


def _elsewhere(action: str, chosen: str) -> str:
    """Return an ARN for a resource without a name of its own in the policy, or of another service than the type's."""
    service = action.partition(":")[0]
    if action in OBJECTS:
        return f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}/0123.zip"
    if action == SERVICE_LINKED_ROLE:
        return arn("iam", "role/aws-service-role/apidestinations.events.amazonaws.com/AWSServiceRoleFor")
    rest = {
        "iam": f"role/{chosen}",
        "lambda": f"function:{chosen}",
        "secretsmanager": f"secret:events!connection/{chosen}/0123",
        "sns": chosen,
        "sqs": chosen,
        "kinesis": f"stream/{chosen}",
    }
    return arn(service, rest.get(service, "anything"))


def made() -> list[Document]:
    return policies(DEPLOYMENT, ACCOUNT, "aws")


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
    assert {kind for kind, _, _ in resources(examples)} <= permissions().keys()
    assert denied(made(), needed(examples)) == set()


@pytest.mark.proof
def test_each_action_of_the_policies_is_needed() -> None:
    every = needed(tuple(VARIANTS))
    assert {kind for kind, _, _ in resources(tuple(VARIANTS))} == permissions().keys()
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
        ("lambda:UpdateFunctionCode", arn("lambda", "function:billing")),
        ("sqs:DeleteQueue", arn("sqs", "acme-test-ship-logz")),
        ("ssm:PutParameter", arn("ssm", "parameter/logdock/acme-test/exports/orders")),
        ("s3:GetObject", "arn:aws:s3:::acme-prod-archive/logs/orders/1.json.gz"),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:acme/logzio-AbCdEf")),
    }
    assert denied(made(), frozenset(other)) == {action for action, _ in other}


@pytest.mark.proof
def test_table_is_that_of_the_schemas() -> None:
    """After another cfn-lint or type of resource: add the type to the file, then `python -m policy_proof.handlers`."""
    assert permissions() == handlers.permissions(permissions())


@pytest.mark.parametrize("examples", EXAMPLES)
def test_what_is_left_out_belongs_to_properties_that_no_template_sets(examples: Examples) -> None:
    schemas = handlers.schemas(permissions())
    used: dict[str, set[str]] = {}
    for kind, _, properties in resources(examples):
        used.setdefault(kind, set()).update(_keys(properties))
    wrong = []
    for name, patterns in handlers.NOT_USED.items():
        kind = f"AWS::{name}"
        known = set(_keys(schemas[kind]))
        actions = set(handlers.named(schemas[kind]))
        for pattern, needing in patterns.items():
            wrong += [f"{kind} has no {each}" for each in needing if each not in known]
            set_ones = [each for each in needing if each in used.get(kind, ())]
            wrong += [f"{kind}: a template sets {each}, so {pattern} is needed" for each in set_ones]
            if not any(fnmatchcase(action, pattern) for action in actions):
                wrong.append(f"{kind}: {pattern} is no action of the schema")
    assert wrong == []


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


def test_actions_that_iam_allows_on_all_resources_alone_are_allowed_on_all() -> None:
    """IAM ignores a resource for such an action, so a scope would refuse it (Service Authorization Reference)."""
    scoped = {action for document in made() for each in document["Statement"] for action in each["Action"]}
    scoped = {action for action in scoped if action.partition(":")[0] in SCOPES}
    without = {action for action in scoped if not (handlers.action_details(action) or {})["resourceTypes"]}
    assert without == ON_ANYTHING
    assert scoped >= EXTRA


@pytest.mark.usefixtures("no_aws")
def test_command_writes_the_policies_and_says_how_to_use_them(logdock: Type, tmp_path: Path) -> None:
    ended = logdock("bootstrap-policy", "--settings", str(EVERYTHING), "--output", "out")
    assert ended.code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [json.loads(file.read_text()) for file in files] == made()
    lines = ended.out.splitlines()
    assert lines[0] == (
        "aws iam create-policy --policy-name acme-prod-cloudformation-1 --policy-document "
        "file://out/acme-prod-cloudformation-1.json"
    )
    arns = ",".join(f"arn:aws:iam::{ACCOUNT}:policy/{file.stem}" for file in files)
    assert lines[-1].startswith(f"npx cdk bootstrap --cloudformation-execution-policies {arns} aws://{ACCOUNT}/")


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials: the command asks no service."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


def test_printed_commands_take_a_directory_of_any_name(logdock: Type, tmp_path: Path) -> None:
    ended = logdock("bootstrap-policy", "--settings", str(EVERYTHING), "--output", "a b; c/$d")
    files = [shlex.split(line)[-1] for line in ended.out.splitlines() if "create-policy" in line]
    assert {Path(each.removeprefix("file://")) for each in files} == {*Path("a b; c/$d").glob("*.json")}
