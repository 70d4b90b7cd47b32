"""Every statement is spelled as AWS's Service Authorization Reference has it, trust and resource policies too.

parliament, with an older list, is given identity, bucket, key, queue and topic policies alone. An action that does not
exist, or does not support the resource or the condition key, makes an Allow never match and a Deny never bite.
"""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from logdock.cli.bootstrap_policy.policies import policies
from templates.build import make_pipeline_templates
from tests.conftest import EXAMPLES, ROOT, synthesize
from tests.stacks.test_snapshots import SNAPSHOTS

REFERENCE = ROOT / "node_modules" / "@cloud-copilot" / "iam-data" / "data"
EXCEPTIONS = {
    # acknowledged.yaml, "DescribeLogGroups on an ARN"
    ("logs:DescribeLogGroups", "resource"),
    # a key of the caller's session, whatever it calls (Lambda Developer Guide, "Using source function ARN")
    *((f"ec2:{action}", "lambda:SourceFunctionArn") for action in (
        "AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces",
        "DescribeSubnets", "UnassignPrivateIpAddresses",
    )),
    # the statement of the guide as it is, where this action never matches (CloudWatch Logs User Guide, "Encrypt log
    # data in CloudWatch Logs using AWS Key Management Service")
    ("kms:Describe*", "kms:EncryptionContext:aws:logs:arn"),
}  # fmt: skip
"""What the reference does not have, and another page of AWS's has: an action, and `resource` or a condition key."""


CLAIM = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+:(aud|sub)")
"""A claim of a token, behind the name of who signs it: condition keys of every OpenID Connect provider."""


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the statements of every policy in a template, or in a text of JSON in one."""
    if isinstance(value, str) and value.startswith('{"') and '"Statement"' in value:
        value = json.loads(value)
    if isinstance(value, dict):
        found = value.get("Statement", [])
        yield from found if isinstance(found, list) else [found]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from statements(each)


def arn(value: Any) -> str:
    """Write an ARN with a star for each reference."""
    if isinstance(value, dict) and "Fn::Join" in value:
        return "".join(arn(part) for part in value["Fn::Join"][1])
    return value if isinstance(value, str) else "*"


@cache
def reference(what: str, service: str) -> dict[str, Any]:
    file = REFERENCE / what / f"{service}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


@cache
def overlap(one: str, other: str) -> bool:
    """Say whether there is an ARN that two patterns match."""
    if not one or not other:
        return not (one + other).strip("*")
    if "*" in (one[0], other[0]):
        pattern, rest = (one, other) if one[0] == "*" else (other, one)
        return overlap(pattern[1:], rest) or overlap(pattern, rest[1:])
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlap(one[1:], other[1:])


def violations(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the reference does not have of a statement: an action, and what is wrong with it."""
    keys = [key for operator in statement.get("Condition", {}).values() for key in operator]
    for action in as_list(statement["Action"]):
        service, _, name = action.partition(":")
        entries = [one for each, one in reference("actions", service).items() if fnmatchcase(each, name.lower())]
        if not entries:
            yield action, "action"
            continue
        types = reference("resourceTypes", service)
        used = [kind for one in entries for kind in one["resourceTypes"]]
        kinds = [types[kind["name"].lower()] for kind in used]
        patterns = [re.sub(r"\$\{[^}]*\}", "*", kind["arn"]) for kind in kinds]
        resources = [arn(each) for each in as_list(statement.get("Resource", "*"))]
        if not any(each == "*" or any(overlap(each, pattern) for pattern in patterns) for each in resources):
            yield action, "resource"
        known = {key.lower() for one in (*entries, *used, *kinds) for key in one.get("conditionKeys", ())}
        for key in keys:
            is_everywhere = key.lower().startswith("aws:") or CLAIM.fullmatch(key)
            if not is_everywhere and not any(of_key(key.lower(), each) for each in known):
                yield action, key


def of_key(key: str, known: str) -> bool:
    return fnmatchcase(key, re.sub(r"\$\{[^}]*\}", "*", known))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def wrong_in(templates: object) -> set[tuple[str, str]]:
    return {each for statement in statements(templates) for each in violations(statement)}


def test_statements_of_every_template_are_those_of_the_reference() -> None:
    settings = [*EXAMPLES, SNAPSHOTS / "options.yaml"]
    assert wrong_in([synthesize(each).templates for each in settings]) == EXCEPTIONS


def test_statements_of_pipelines_and_of_the_bootstrap_are_those_of_the_reference() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:webhook-AbCdEf"
    bootstrap = policies("acme-prod", "111122223333", "aws", [secret])
    assert len([*statements(bootstrap)]) > 10
    assert wrong_in([bootstrap, make_pipeline_templates()]) == set()


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"Action": "s3:PutObjects"}, ("s3:PutObjects", "action")),
        ({"Resource": "arn:aws:s3:::bucket"}, ("s3:PutObject", "resource")),
        ({"Condition": {"StringLike": {"s3:prefix": "x"}}}, ("s3:PutObject", "s3:prefix")),
    ],
)
def test_a_statement_that_the_reference_does_not_have_is_found(
    changes: dict[str, Any], violation: tuple[str, str]
) -> None:
    right = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/x"}
    assert [*violations(right)] == []
    assert [*violations(right | changes)] == [violation]
