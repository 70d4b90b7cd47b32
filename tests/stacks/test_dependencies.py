"""Every literal reference to a resource of the same stack has a dependency path to it.

CloudFormation creates in parallel whatever has no dependency (CloudFormation User Guide, "DependsOn attribute"), and a
name or ARN that is written out is none. Then `PutBucketLogging` meets no bucket and `PutMetricFilter` no log group.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from local_cloud.resource_types import ARNS as RESOURCE_ARNS
from local_cloud.resource_types import NAMED_BY
from logdock.settings import Deployment
from tests.conftest import Synthesized, synthesize_now
from tests.settings.documents import OTLP, document, export

Path = tuple[str | int, ...]

ARNS = {
    **RESOURCE_ARNS,
    "AWS::CloudWatch::Alarm": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::KMS::Alias": "arn:{partition}:kms:{region}:{account}:{name}",
}


class Exemption(NamedTuple):
    """References that need no dependency: those of a type of resource below a path of its properties."""

    resource_type: str
    path: str
    reason: str


EXEMPT = (
    # Policies: IAM, KMS, S3, SQS and SNS check that a principal exists, and nothing else that a statement names.
    Exemption("*", r".*(PolicyDocument|KeyPolicy)/Statement/\d+/(Resource|Condition)(/.*)?", "may come later"),
    Exemption("AWS::CloudWatch::*", r".*Dimensions/.*", "an alarm on a metric without data is valid"),
    Exemption("AWS::CloudWatch::Alarm", "AlarmActions/.*", "used when the state changes"),
    Exemption("AWS::Lambda::Function", "Environment/.*", "read when the function runs; its event source has the path"),
    Exemption("AWS::Events::Rule", "EventPattern/.*", "a pattern that matches nothing yet is valid"),
    Exemption("AWS::Events::Rule", "Targets/.*Input.*", "passed on as text"),
    Exemption("AWS::StepFunctions::StateMachine", "DefinitionString", "used when an execution runs"),
    Exemption("AWS::Athena::WorkGroup", "WorkGroupConfiguration/.*", "used when a query runs"),
    Exemption("AWS::CloudWatch::Dashboard", "DashboardBody", "read when a user opens it"),
    Exemption("*", ".*Description", "text for people"),
    # The vendor is asked whom to trust before the role can be made, and gets the role's name for that.
    Exemption("Custom::LogdockAtlasAccessRole", "(RoleArn|Bucket|StateParameter)", "used when the stack is destroyed"),
    Exemption("Custom::LogdockLogzioAccount", "RoleName", "identifies what this deployment created"),
)
"""Everything that is exempt, and why."""


def is_exempt(resource_type: str, path: str) -> bool:
    return any(
        (each.resource_type == "*" or re.fullmatch(each.resource_type.replace("*", ".*"), resource_type))
        and re.fullmatch(each.path, path)
        for each in EXEMPT
    )


def strings(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every string of a template's value that is no reference, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from strings(each, (*path, at))
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in ("Ref", "Fn::GetAtt", "Fn::ImportValue"):
                yield from strings(each, (*path, key))


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value refers to."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0] if isinstance(each, list) else each.partition(".")[0]
            elif key == "Fn::Sub":
                text, *variables = each if isinstance(each, list) else [each]
                yield from re.findall(r"\$\{(\w+)", text)
                yield from references(variables)
            elif key == "DependsOn":
                yield from [each] if isinstance(each, str) else each
            else:
                yield from references(each)


def reachable(template: dict[str, Any]) -> dict[str, set[str]]:
    """Return the resources that CloudFormation has made before each resource."""
    resources = template["Resources"]
    direct = {name: {each for each in references(body) if each in resources} for name, body in resources.items()}
    found: dict[str, set[str]] = {}
    for name in resources:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            for each in direct[waiting.pop()] - seen:
                seen.add(each)
                waiting.append(each)
        found[name] = seen
    return found


def unordered(example: Synthesized, *, account: str = "111122223333", partition: str = "aws") -> list[str]:
    """List the literal references that have no dependency path: within a stack, or between stacks of a Region."""
    before = {stack: reachable(template) for stack, template in example.templates.items()}
    stacks = {stack: stacks_before(example, stack) for stack in example.templates}
    named: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for stack, template in example.templates.items():
        region = example.regions[stack]
        for logical_id, body in template["Resources"].items():
            name = body.get("Properties", {}).get(NAMED_BY.get(body["Type"], ""))
            if not isinstance(name, str):
                continue
            named.setdefault((region, name), []).append((stack, logical_id))
            if arn := ARNS.get(body["Type"]):
                text = arn.format(partition=partition, region=region, account=account, name=name)
                named.setdefault((region, text), []).append((stack, logical_id))
    missing = []
    for stack, template in example.templates.items():
        for logical_id, body in template["Resources"].items():
            for path, text in strings(body.get("Properties", {})):
                where = "/".join(map(str, path))
                if where == NAMED_BY.get(body["Type"]) or is_exempt(body["Type"], where):
                    continue
                # An ARN of what is inside: objects of a bucket, streams of a log group.
                outer = re.split(r"/\*|:\*|:log-stream:", text)[0] if text.startswith("arn:") else text
                found = named.get((example.regions[stack], outer), [])
                targets = [each for each in found if each != (stack, logical_id)]
                # A name without a type may be that of several resources: one of them is enough.
                if targets and not any(
                    other in before[stack][logical_id] if of == stack else of in stacks[stack] for of, other in targets
                ):
                    missing.append(
                        f"{stack}: {body['Type']} {logical_id}: {where} is {text}: no path to any of {targets}"
                    )
    return missing


def stacks_before(example: Synthesized, stack: str) -> set[str]:
    """Return the stacks that are deployed before a stack."""
    direct = example.dependencies.get(stack, set())
    return direct.union(*(stacks_before(example, each) for each in direct))


def test_every_literal_reference_has_a_dependency_path(example: Synthesized) -> None:
    missing = unordered(example)
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, True),
        ({"DependsOn": "Target"}, False),
        ({"DependsOn": ["Between"]}, False),
        ({"Metadata": {"Fn::Sub": "${Target.Arn}"}}, False),
        ({"Metadata": {"Fn::Join": ["", ["x", {"Ref": "Target"}]]}}, False),
    ],
)
def test_unordered_finds_a_literal_without_any_kind_of_path(body: dict[str, Any], found: bool) -> None:
    logged = {"LoggingConfiguration": {"DestinationBucketName": "target"}}
    template = {
        "Resources": {
            "Target": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "target"}},
            "Between": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Target"}}},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": logged, **body},
        }
    }
    example = Synthesized(
        templates={"one": template}, regions={"one": "eu-west-1"}, dependencies={"one": set()}, tags={"one": {}}
    )
    assert bool(unordered(example)) is found


KEEPING = {"AWS::IAM::Policy": "Roles", "AWS::IAM::ManagedPolicy": "Roles"}
"""Types that keep what they name from being deleted (IAM API Reference, DeleteRole: DeleteConflict)."""


def kept_by_other_stacks(example: Synthesized) -> list[str]:
    """Return the roles that a stack cannot delete while a stack that is deployed after it is there."""
    roles = {
        body["Properties"].get("RoleName"): stack
        for stack, template in example.templates.items()
        for body in template["Resources"].values()
        if body["Type"] == "AWS::IAM::Role"
    }
    return [
        f"{stack}: {logical_id} gives a policy to the role {name} of {roles[name]}"
        for stack, template in example.templates.items()
        for logical_id, body in template["Resources"].items()
        for name in body.get("Properties", {}).get(KEEPING.get(body["Type"], ""), [])
        if isinstance(name, str) and roles.get(name, stack) != stack
    ]


def test_no_stack_keeps_a_role_of_another_from_being_deleted(example: Synthesized) -> None:
    """A role that leaves the settings goes with the core's deploy, which comes before that of the exports.

    CloudFormation's clean-up of an update skips what it cannot delete, so the role would stay under its name, with
    those who may assume it.
    """
    assert kept_by_other_stacks(example) == []


def test_no_stack_keeps_a_role_that_reads_an_existing_bucket_from_being_deleted() -> None:
    existing = export("s3-logs", services=None, existing_bucket="acme-legacy", ship_to=["lake"])
    readers = ["arn:aws:iam::111122223333:role/Searchers"]
    settings = Deployment.model_validate(document(existing, destinations=[OTLP], readers=readers))
    assert kept_by_other_stacks(synthesize_now(settings)) == []
