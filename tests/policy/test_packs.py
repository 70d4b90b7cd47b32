"""What the rule packs find in every template of every example, against what is acknowledged."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from policy_proof import packs
from policy_proof.findings import PAGE, TOOLS, Acknowledgement, Finding, acknowledged, page, stale, unacknowledged
from policy_proof.synthesis import build_now, settings_of
from tests.conftest import EXAMPLES, ROOT, synthesize

EVERYTHING = ROOT / "examples" / "everything.yaml"
WEAKENED = "weakened"
"""A stack that is put among the examples' own, with an error for each checker: it shows whether they see anything."""


def templates(examples: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Every template of these examples by ``<example>/<stack>``, and a weakened one."""
    found = {
        f"{example.stem}/{stack}": template
        for example in examples
        for stack, template in synthesize(example).templates.items()
    }
    weakened = copy.deepcopy(found["everything/acme-prod-orders"])
    for resource in weakened["Resources"].values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::S3::Bucket":
            del properties["PublicAccessBlockConfiguration"]
            properties["VersioningConfiguration"]["Status"] = "On"
        if resource["Type"] == "AWS::IAM::Role":
            for policy in properties.get("Policies", []):
                policy["PolicyDocument"]["Statement"][0]["Action"] = "s3:PutObjects"
    return found | {f"{WEAKENED}/{WEAKENED}": weakened}


def nag(examples: Sequence[Path]) -> set[Finding]:
    """These examples' findings, and those of a bucket without anything."""
    from aws_cdk import App, Stack
    from aws_cdk import aws_s3 as s3

    app = App()
    s3.Bucket(Stack(app, WEAKENED), "LandingBucket")
    return packs.nag(app).union(*(packs.nag(build_now(settings_of(example))) for example in examples))


RUN: dict[str, Callable[[Sequence[Path], Path], set[Finding]]] = {
    "cdk-nag": lambda examples, _: nag(examples),
    "checkov": lambda examples, folder: packs.checkov(templates(examples), folder),
    "cfn-lint": lambda examples, folder: packs.cfn_lint(templates(examples), folder),
    "parliament": lambda examples, _: packs.parliament(templates(examples)),
}
SEEN = {"cdk-nag": "AwsSolutions-S1", "checkov": "CKV_AWS_53", "cfn-lint": "E3030", "parliament": "UNKNOWN_ACTION"}


def found_in(examples: Sequence[Path], tool: str, folder: Path) -> set[Finding]:
    """Return what a tool finds in these examples, after a look at what it finds in the weakened template."""
    findings = RUN[tool](examples, folder)
    of_examples = {each for each in findings if not each.resource.startswith(f"{WEAKENED}/")}
    assert SEEN[tool] in {each.rule for each in findings - of_examples}, f"{tool} does not see the weakened template"
    return of_examples


# checkov and cfn-lint take ten seconds and more: with `make proof`.
@pytest.mark.parametrize(
    "tool", [pytest.param(one, marks=pytest.mark.proof if one in ("checkov", "cfn-lint") else ()) for one in TOOLS]
)
def test_finds_nothing_in_the_largest_example_that_is_not_acknowledged(tool: str, tmp_path: Path) -> None:
    assert unacknowledged(found_in([EVERYTHING], tool, tmp_path), acknowledged()) == []


@pytest.mark.proof
@pytest.mark.parametrize("tool", TOOLS)
def test_finds_what_is_acknowledged_in_the_examples_and_nothing_else(tool: str, tmp_path: Path) -> None:
    findings = found_in(EXAMPLES, tool, tmp_path)
    assert unacknowledged(findings, acknowledged()) == []
    assert stale(tool, findings, acknowledged()) == []


ENTRY = Acknowledgement(
    title="Two functions",
    rules=(("checkov", "CKV_1"), ("checkov", "CKV_2")),
    resources=("*/One*", "*/Two*"),
    details=("about [*]",),
    reason="",
    sources=(),
)


def found(rule: str, resource: str, detail: str = "about *", tool: str = "checkov") -> Finding:
    return Finding(tool=tool, rule=rule, resource=resource, detail=detail)


ALL = [found(rule, resource) for rule in ("CKV_1", "CKV_2") for resource in ("core/One1", "core/Two2")]


@pytest.mark.parametrize(
    "other",
    [
        found("CKV_3", "core/One1"),
        found("CKV_1", "core/Three3"),
        found("CKV_1", "core/One1", "about more"),
        found("CKV_1", "core/One1", tool="cdk-nag"),
    ],
)
def test_a_finding_with_another_rule_resource_detail_or_tool_is_not_acknowledged(other: Finding) -> None:
    assert unacknowledged([*ALL, other], [ENTRY]) == [other]


@pytest.mark.parametrize("missing", ALL)
def test_a_rule_and_pattern_that_find_nothing_any_more_are_named(missing: Finding) -> None:
    (line,) = stale("checkov", [each for each in ALL if each != missing], [ENTRY])
    assert line == f"Two functions: {missing.rule} on */{missing.resource.split('/')[1][:3]}*"


def test_a_misspelt_part_of_an_entry_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "acknowledged.yaml"
    file.write_text('- {title: One, rules: {checkov: [CKV_1]}, resource: ["*"], resources: ["*"], reason: none}')
    with pytest.raises(ValueError, match=r"One: unknown \['resource'\]"):
        acknowledged(file)


def test_every_acknowledged_finding_has_a_reason_of_a_sentence() -> None:
    assert [entry.title for entry in acknowledged() if len(entry.reason) < 40 or not entry.reason.endswith(".")] == []


def test_the_page_of_acknowledged_findings_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make schema`"
