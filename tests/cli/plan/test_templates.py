"""Two sets of templates: what comes, goes, changes in place or is replaced, and what of it loses data or fails."""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from logdock.assembly import AssemblyStack
from logdock.cli.plan.effects import Kind
from logdock.cli.plan.templates import (
    Template,
    compare_templates,
    dangers,
    moved_away,
    parse_template,
    replacement_table,
)
from tests.cli.conftest import Type
from tests.conftest import ROOT, VARIANTS, synthesize

ACCOUNTS, REGION = ("222233334444", "666677778888"), "eu-west-1"
TABLE = ROOT / "logdock" / "cli" / "plan" / "replacement.json"


def template(**resources: dict[str, Any]) -> Template:
    return {"Resources": resources}


def bucket(name: str = "acme-a", **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **more.pop("properties", {})}, **more}


def metric_filter(**more: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::MetricFilter", "Properties": {"LogGroupName": "/acme/a", **more}}


def table(name: str) -> dict[str, Any]:
    return {"Type": "AWS::Glue::Table", "Properties": {"DatabaseName": "acme", "TableInput": {"Name": name}}}


RETAINED: dict[str, Any] = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "acme-ship-logz"}}
NOTHING: dict[str, Any] = {"Type": "AWS::SNS::TopicPolicy"}


@pytest.mark.parametrize(
    ("before", "after", "sentences", "kinds"),
    [
        (template(A=bucket()), template(A=bucket()), [], []),
        (None, template(A=bucket()), ["s: new stack: 1 resources"], []),
        (template(A=NOTHING), template(A=NOTHING, B=NOTHING), ["s: added: SNS::TopicPolicy ×1"], []),
        (
            template(A=bucket()),
            template(A=bucket(properties={"X": 1})),
            ["s: changed in place: S3::Bucket ×1"],
            [],
        ),
        (
            template(A=bucket(**RETAINED)),
            template(A=bucket("acme-b", **RETAINED)),
            ["s: S3::Bucket A `acme-a` is replaced (another BucketName)"],
            [Kind.RETAINS],
        ),
        (
            template(A={"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Key": "a"}}}),
            template(A={"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Key": "b"}}}),
            [
                (
                    "s: Lambda::LayerVersion A is replaced (another Content): other code is another version of the "
                    "layer, which holds no data"
                )
            ],
            [],
        ),
        (template(A=bucket(**RETAINED)), template(), ["s: S3::Bucket A `acme-a` is left behind"], [Kind.RETAINS]),
        (template(A=bucket()), template(), ["s: S3::Bucket A `acme-a` is deleted"], [Kind.LOSES]),
        (template(A=QUEUE), template(), ["s: SQS::Queue A `acme-ship-logz` is deleted"], [Kind.LOSES]),
        (
            template(A=QUEUE),
            template(A={**QUEUE, "Properties": {**QUEUE["Properties"], "FifoQueue": True}}),
            ["s: SQS::Queue A `acme-ship-logz` is replaced (another FifoQueue)"],
            [Kind.FAILS],
        ),
        (
            template(A=bucket(**RETAINED)),
            template(B=bucket(**RETAINED)),
            ["s: S3::Bucket A `acme-a` is left behind", "s: added: S3::Bucket ×1"],
            [Kind.FAILS],
        ),
        (
            template(A=metric_filter()),
            template(B=metric_filter()),
            ["s: Logs::MetricFilter A is deleted", "s: added: Logs::MetricFilter ×1"],
            [],
        ),
        (
            template(A=metric_filter(FilterName="failed")),
            template(B=metric_filter(FilterName="failed")),
            ["s: Logs::MetricFilter A `failed /acme/a` is deleted", "s: added: Logs::MetricFilter ×1"],
            [Kind.FAILS],
        ),
        (
            template(A=table("orders"), B=table("carts")),
            template(B=table("carts")),
            ["s: Glue::Table A `acme orders` is deleted"],
            [],
        ),
    ],
)
def test_difference(before: Template | None, after: Template, sentences: list[str], kinds: list[Kind]) -> None:
    assert [each.sentence for each in compare_templates("s", before, after)] == sentences
    assert [each.kind for each in (dangers("s", before, after, "x") if before else ())] == kinds


def test_template_that_the_cdk_sent_as_yaml_is_the_same() -> None:
    sent = (
        "Resources:\n  A:\n    Type: AWS::IAM::Role\n    Properties:\n      D: {Version: 2012-10-17, N: 5, B: true}\n"
    )
    role = {"Type": "AWS::IAM::Role", "Properties": {"D": {"Version": "2012-10-17", "N": "5", "B": "true"}}}
    assert compare_templates("s", parse_template(sent), template(A=role)) == []


def kinds() -> set[str]:
    """Return the types of resources that the examples have."""
    return {
        resource["Type"]
        for variant in VARIANTS
        for each in synthesize(*variant).templates.values()
        for resource in each["Resources"].values()
        if not resource["Type"].startswith("Custom::")
    } | {"AWS::CloudFormation::CustomResource", "AWS::CDK::Metadata"}


def test_table_has_every_type() -> None:
    assert set(replacement_table()) == kinds()


@pytest.mark.proof
def test_table_is_that_of_the_resource_schemas() -> None:
    """Regenerate with LOGDOCK_WRITE_TRANSCRIPTS=1."""
    table = {kind: create_only(kind) for kind in sorted(kinds())}
    if "LOGDOCK_WRITE_TRANSCRIPTS" in os.environ:
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
    assert replacement_table() == table


def create_only(kind: str) -> list[str]:
    """Read the schema as cfn-lint ships it; cfn-lint itself takes half a second for each."""
    schemas = Path(str(find_spec("cfnlint").submodule_search_locations[0])) / "data" / "schemas"  # type: ignore[union-attr,index]
    names = json.loads((schemas / "providers" / "us-east-1.json").read_text())
    schema = json.loads((schemas / "resources" / f"{names[kind]}.json").read_text())
    paths = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return sorted(path.removeprefix("/properties/").replace("/", ".") for path in paths)


def test_an_export_can_get_and_lose_its_account(tmp_path: Path) -> None:
    """CloudFormation replaces a rule that changes its bus, and refuses to replace what has a name of its own.

    `orders` lands in a bucket, `ledger` in log groups.
    """
    example, file = ROOT / "examples" / "log-archive-account.yaml", tmp_path / "without.yaml"
    file.write_text("".join(line for line in example.read_text().splitlines(True) if ACCOUNTS[0] not in line))
    with_account, without = (synthesize(each).templates for each in (example, file))
    for stack in ("acme-prod-orders", "acme-prod-ledger"):
        for before, after in ((with_account, without), (without, with_account)):
            changes = compare_templates(stack, before[stack], after[stack])
            assert not [each.sentence for each in changes if each.action == "replaced"]
            found = dangers(stack, before[stack], after[stack], stack)
            assert not [each.sentence for each in found if each.kind is Kind.FAILS]


def test_a_stack_of_another_account_is_new_and_the_old_one_stays() -> None:
    """A stack is of one account: in another one CloudFormation replaces nothing of it."""
    body = {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "x"}}}}
    before, after = (AssemblyStack(region=REGION, account=each, template=body, template_bytes=1) for each in ACCOUNTS)
    left = moved_away("acme-prod-Landing-orders", before, after)
    assert left is not None
    assert left.sentence == (
        f"acme-prod-Landing-orders: left behind: 1 resource in {REGION} of the account {ACCOUNTS[0]}"
    )
    assert moved_away("acme-prod-Landing-orders", before, before) is None


def test_plan_from_templates_shows_another_account_as_a_new_stack(logdock: Type, tmp_path: Path) -> None:
    example = (ROOT / "examples" / "log-archive-account.yaml").read_text()
    found = {}
    for account in ACCOUNTS:
        file, folder = tmp_path / f"{account}.yaml", tmp_path / account
        file.write_text(example.replace(ACCOUNTS[0], account))
        write_assembly(folder, "acme-prod-Landing-orders", account, f"acme-prod-orders-{account}-{REGION}")
        found[account] = file, folder
    (old, was), (new, now) = found.values()
    logdock_plan = logdock("plan", str(new), "--from", str(old), "--from-templates", str(was), "--templates", str(now))
    assert f"acme-prod-Landing-orders: left behind: 1 resource in {REGION} of the account {ACCOUNTS[0]}" in (
        logdock_plan.out
    )
    assert "acme-prod-Landing-orders: new stack: 1 resources" in logdock_plan.out
    assert "is replaced" not in logdock_plan.out
    assert f"The stack `acme-prod-Landing-orders` in the account `{ACCOUNTS[0]}` leaves the settings" in (
        " ".join(logdock_plan.out.split())
    )


def write_assembly(folder: Path, stack: str, account: str, bucket: str) -> None:
    """Write a cloud assembly with one stack, as the CDK does."""
    folder.mkdir()
    body = {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}}}
    (folder / "t.json").write_text(json.dumps(body))
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{account}/{REGION}",
        "properties": {"templateFile": "t.json"},
    }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {stack: artifact}}))
