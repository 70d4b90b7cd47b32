"""The core and the shipper as plain templates: filled in, they are what the CDK synthesizes."""

import json
import re
from typing import Any

import pytest

from templates.build import synthesize_core_and_shipper
from templates.parameters import EXPORTS_OF_A_KIND
from tests.templates.conftest import SHIPPERS, comparable, template
from tests.templates.evaluate import Evaluation
from tests.templates.samples import ACCOUNT, ATLAS_SETTINGS, REGION, deployment

GROUPS = {"kind": "cloudwatch-logs", "log_groups": ["/acme/app"]}
APTIBLE = {"kind": "aptible", "stack_region": REGION, "decryption_keys_secret": "acme/aptible"}
OTLP = {"OtlpEndpoint": "https://otel.acme.example", "OtlpHeadersSecret": "acme/otlp"}
CODE = {"CodeBucket": "acme-code"}

CASES: dict[str, tuple[dict[str, str], list[dict[str, Any]], dict[str, Any]]] = {
    "logzio": (
        {"LogzioTokenSecret": "acme/logzio", "LogGroupExport1": "app", "AlertEmail": "ops@acme.example"},
        [{**GROUPS, "name": "app", "ship_to": ["logzio"]}],
        {"destinations": ("logzio",), "alerts": {"email": ["ops@acme.example"]}},
    ),
    "everything": (
        {
            **OTLP,
            "LogzioTokenSecret": "acme/logzio",
            "BucketExport1": "prod",
            "BucketExport3": "paas",
            "LogGroupExport2": "app",
            "DecryptionKeysSecret": "acme/aptible",
            "Retention": "hipaa",
        },
        [
            {**ATLAS_SETTINGS, "ship_to": ["archive", "logzio", "otlp"]},
            {**APTIBLE, "name": "paas", "ship_to": ["archive", "logzio", "otlp"]},
            {**GROUPS, "name": "app", "ship_to": ["logzio", "otlp"]},
        ],
        {"destinations": ("logzio", "otlp"), "retention": "hipaa"},
    ),
    "headers": (
        {**OTLP, "BucketExport1": "prod", "LogGroupExport1": "app"},
        [
            {**ATLAS_SETTINGS, "ship_to": ["archive", "otlp"]},
            {**GROUPS, "name": "app", "ship_to": ["otlp"]},
        ],
        {"destinations": ("otlp",)},
    ),
}


@pytest.fixture(autouse=True)
def _two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each destination have the concurrency of the templates, which is that of three destinations."""
    monkeypatch.setattr("logdock.settings.deployment.default_concurrency", lambda _: 2)


def evaluated(name: str, values: dict[str, Any]) -> dict[str, Any]:
    made = template(name)
    known = {key: each for key, each in (values | CODE).items() if key in made["Parameters"]}
    return Evaluation(made, known, account=ACCOUNT, region=REGION).template()


def expected(stack: dict[str, Any]) -> dict[str, Any]:
    """Return a synthesized stack with the code where the parameters say that it is."""
    found = Evaluation(stack, {}, account=ACCOUNT, region=REGION).template()
    resources = {}
    for name, resource in found["Resources"].items():
        properties = resource["Properties"]
        for attribute, kind in (("Code", "log-shipper"), ("Content", "log-shipper-layer")):
            if resource["Type"].startswith("AWS::Lambda") and attribute in properties:
                properties[attribute] = {"S3Bucket": CODE["CodeBucket"], "S3Key": f"{kind}-0.zip"}
        resources["AlertsEmail" if resource["Type"] == "AWS::SNS::Subscription" else name] = resource
    return resources


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case == "logzio" else pytest.mark.proof) for case in CASES]
)
def test_filled_templates_are_the_stacks_that_the_cdk_synthesizes(case: str) -> None:
    values, exports, settings = CASES[case]
    stacks = synthesize_core_and_shipper(deployment(*exports, **{"retention": "soc2", **settings}))
    for name in SHIPPERS:
        made = evaluated(name, {"Deployment": "acme", **values})["Resources"]
        assert comparable(made) == comparable(expected(stacks[name])), name
        missing = {each for resource in made.values() for each in resource.get("DependsOn", [])} - made.keys()
        assert missing == set(), name


@pytest.mark.parametrize("name", SHIPPERS)
def test_template_needs_no_cdk_and_no_asset(name: str) -> None:
    made = template(name)
    assert "Rules" not in made
    assert not re.search("bootstrap|cdk|assets", json.dumps(made), re.IGNORECASE)
    code = [each["Properties"] for each in made["Resources"].values() if each["Type"].startswith("AWS::Lambda")]
    places = [each[key] for each in code for key in ("Code", "Content") if key in each]
    assert {json.dumps(each["S3Bucket"]) for each in places} <= {'{"Ref": "CodeBucket"}'}


def test_code_is_that_of_the_release_unless_a_key_is_given() -> None:
    """An update keeps a parameter's value, so the name of the release's file is no default of a parameter."""

    def keys(**values: str) -> set[str]:
        found = re.findall(r'"S3Key": "([^"]*)"', json.dumps(evaluated("shipper", values)))
        return set(found)

    assert keys() == {"log-shipper-0.zip", "log-shipper-layer-0.zip"}
    assert keys(CodeKey="a/b.zip", LayerKey="c.zip") == {"a/b.zip", "c.zip"}
    assert {template("shipper")["Parameters"][each]["Default"] for each in ("CodeKey", "LayerKey")} == {""}


@pytest.mark.parametrize("name", SHIPPERS)
def test_without_exports_and_destinations_no_policy_has_an_empty_list(name: str) -> None:
    """A deployment begins so: the first landing names roles that must be there."""
    for values in ({}, {"LogzioTokenSecret": "a", "OtlpEndpoint": "https://a.example"}, {"BucketExport5": "last"}):
        made = evaluated(name, values)
        assert "[]" not in json.dumps(made["Resources"]), values
        statements = re.findall(r'"Sid": "(?:ExportRules|ReadArchive)"', json.dumps(made))
        assert bool(statements) == ("BucketExport5" in values and name == "shipper"), values


def test_each_queue_admits_the_rules_of_every_export() -> None:
    exports = {f"BucketExport{n}": f"b{n}" for n in range(1, EXPORTS_OF_A_KIND + 1)}
    exports |= {f"LogGroupExport{n}": f"g{n}" for n in range(1, EXPORTS_OF_A_KIND + 1)}
    values = {"Deployment": "acme", "LogzioTokenSecret": "acme/logzio", **exports}
    made = json.dumps(evaluated("shipper", values)["Resources"])
    for name in exports.values():
        # The archive's queue admits what lands in buckets alone.
        assert made.count(f'"arn:*:events:*:*:rule/acme-{name}"') == (2 if name.startswith("b") else 1), name
