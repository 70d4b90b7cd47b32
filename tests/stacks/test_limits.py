"""How much of AWS's limits a deployment takes, as it grows; and what is said when it would take more."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.inventory import stacks_of
from logdock.limits import LIMITS, Measure, fullest, limit_violations, limit_warnings, measures
from logdock.settings import Deployment, load_settings
from tests.conftest import ROOT, VARIANTS, synthesize_now
from tests.costly import sample
from tests.settings.documents import FETCH, OTLP, PUSH, Document, document, export
from tests.stacks.test_snapshots import OPTIONS, SNAPSHOTS, WITH_SHARED_STACKS, name_of

PAGE = ROOT / "docs" / "limits.md"
SIZES = (1, 10, 100)
AT_ONCE = [pytest.param(1, marks=pytest.mark.proof), 10, pytest.param(100, marks=pytest.mark.proof)]
METRICS_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme/logzio-metrics-a1B2c3"
DESTINATIONS = [PUSH | {"metrics": {"token_secret": METRICS_SECRET, "tags": True}}, FETCH, OTLP]
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"


def measured(*exports: Document, destinations: list[Document]) -> list[Measure]:
    settings = Deployment.model_validate(document(*exports, destinations=destinations))
    return list(measures(settings, synthesize_now(settings).templates))


def existing_bucket(number: int, **changes: object) -> Document:
    return export("s3-logs", name=f"legacy-{number}", services=None, **changes) | {
        "existing_bucket": f"acme-legacy-logs-{number}"
    }


def mixed(number: int) -> Document:
    """The export of a number: every kind in turn, each shipping to every destination."""
    name = f"export-{number}"
    kinds: list[Document] = [
        existing_bucket(number, kms_key_arn=KEY),
        export("mongodb-atlas", project_id=f"{number:024}"),
        export("cockroachdb", cluster_id=f"f78b7feb-b6cf-4396-9d7f-{number:012}", log_group=f"/acme/cockroach/{name}"),
        export("aurora-mysql", cluster_id=name, log_groups="adopt"),
        export("aptible", decryption_keys_secret=f"acme/aptible-keys-{number}"),
        export("s3-logs", services=["cloudtrail", "vpc-flow", "nlb", "cloudfront"]),
        export("cloudwatch-logs", log_groups=[f"/acme/apps/{name}"], log_group_prefixes=[f"/acme/{name}/"]),
    ]
    found = kinds[number % len(kinds)]
    lands_in_a_bucket = found["kind"] in ("mongodb-atlas", "aptible", "s3-logs")
    ship_to = [each["name"] for each in DESTINATIONS] + ["archive"] * lands_in_a_bucket
    return found | {"name": name, "ship_to": ship_to}


@cache
def largest(exports: int) -> dict[str, int]:
    """Measure the largest of everything that has a limit, in a deployment of so many exports."""
    found: dict[str, int] = dict.fromkeys((limit.name for limit in LIMITS), 0)
    for measure in measured(*map(mixed, range(exports)), destinations=DESTINATIONS):
        found[measure.limit.name] = max(found[measure.limit.name], measure.size)
    return found


@pytest.mark.parametrize("exports", AT_ONCE)
def test_a_deployment_of_mixed_exports_that_ship_everywhere_is_within_every_limit(exports: int) -> None:
    found = largest(exports)
    assert {limit.name: found[limit.name] for limit in LIMITS if found[limit.name] > limit.allowed} == {}


@pytest.mark.parametrize("exports", AT_ONCE)
def test_the_page_says_how_much_is_taken_and_not_much_more(exports: int) -> None:
    rows = re.findall(r"^\| ([^|`]+) \| ([\d,]+) \w+ \|" + r" ([\d,]+) \|" * len(SIZES), PAGE.read_text(), re.MULTILINE)
    said = {name: [int(cell.replace(",", "")) for cell in cells] for name, *cells in rows}

    assert {name: cells[0] for name, cells in said.items()} == {limit.name: limit.allowed for limit in LIMITS}
    for name, (_, *at_most) in said.items():
        size, cell = largest(exports)[name], at_most[SIZES.index(exports)]
        assert size <= cell <= size * 1.5 + 10, f"{name}: the page says {cell}, measured is {size}"


def test_an_export_has_one_rule_with_a_target_for_each_destination() -> None:
    destinations = [OTLP | {"name": f"lake-{number}"} for number in range(5)]
    ship_to = [each["name"] for each in destinations]
    settings = Deployment.model_validate(
        document(export("cloudwatch-logs", ship_to=ship_to), destinations=destinations)
    )
    templates = synthesize_now(settings).templates
    (rule,) = [
        each for each in templates["acme-prod-apps"]["Resources"].values() if each["Type"] == "AWS::Events::Rule"
    ]
    assert rule["Properties"]["Name"] == "acme-prod-apps"
    assert {target["Id"]: target["Arn"].split(":")[-1] for target in rule["Properties"]["Targets"]} == {
        name: f"acme-prod-ship-{name}" for name in ship_to
    }


INLINE = r"inline policies of a role: \d+ characters; AWS takes 10240\. What adds to a shipper's role is each existing"
TOO_MUCH: dict[str, tuple[list[Document], str]] = {
    "existing buckets of one destination": (
        [existing_bucket(number, kms_key_arn=KEY, ship_to=["logz"]) for number in range(22)],
        rf"acme-prod-ship-logz: {INLINE}",
    ),
    "log groups of one export": (
        [export("cloudwatch-logs", log_groups=[f"/acme/apps/service-{each}" for each in range(100)], encrypt=True)],
        rf"acme-prod-apps/ConnectorRole\w+: {INLINE}",
    ),
    "patterns of one export": (
        [export("cloudwatch-logs", exclude=[f"{number}{'é' * 400}" for number in range(6)])],
        r"/logdock/acme-prod/exports/apps: parameter of an export: 4\d+ bytes; AWS takes 4096\. Shorten or merge",
    ),
}


@pytest.mark.parametrize("case", sample(TOO_MUCH, 3))
def test_names_what_is_too_large_the_limit_and_what_to_do(case: str) -> None:
    exports, message = TOO_MUCH[case]
    lines = limit_violations(measured(*exports, destinations=[PUSH]))
    assert any(re.match(message, line) for line in lines), lines


def counts(templates: dict[str, Any]) -> dict[str, int]:
    """Count in a stack's template what `logdock.inventory` counts from the settings."""
    resources = list(templates["Resources"].values())
    kinds = Counter(each["Type"].removeprefix("AWS::") for each in resources)
    properties = [each.get("Properties", {}) for each in resources]
    # each object has a parameter of its own below its operation's
    states = {
        json.dumps([each["StateParameter"], *(each.get(name) for name in ("ProjectId", "ClusterId"))])
        for each in properties
        if "StateParameter" in each
    }
    fetchers = sum(
        2 * len(each["Properties"]["Exports"]) for each in resources if each["Type"] == "Custom::LogdockLogzioFetchers"
    )
    archives = kinds["Custom::LogdockLogzioArchive"]
    return {
        "roles": kinds["IAM::Role"],
        "functions": kinds["Lambda::Function"],
        "rules": kinds["Events::Rule"],
        "wildcard_rules": sum("wildcard" in json.dumps(each.get("EventPattern", "")) for each in properties),
        "parameters": kinds["SSM::Parameter"] + len(states) + fetchers + archives,
        "alarms": kinds["CloudWatch::Alarm"] + kinds["CloudWatch::CompositeAlarm"],
    }


def committed(variant: tuple[Path, str | None]) -> tuple[Deployment, dict[str, Any]]:
    """Return the settings of an example, and its templates as their snapshot has them."""
    path, subscriptions = variant
    settings = load_settings(path)
    if subscriptions:
        settings = settings.model_copy(update={"subscriptions": subscriptions})
    text = (SNAPSHOTS / f"{name_of(variant)}.snapshot.yaml").read_text(encoding="utf-8")
    return settings, yaml.load(text, Loader=yaml.CSafeLoader)


def test_the_counts_from_the_settings_are_those_of_the_templates() -> None:
    wrong = {}
    for variant in (*VARIANTS, *OPTIONS):
        settings, templates = committed(variant)
        counted = {stack.name: stack for stack in stacks_of(settings)}
        assert set(templates) <= set(counted), name_of(variant)
        for name, template in templates.items():
            expected = counts(template)
            found = {count: int(getattr(counted[name], count)) for count in expected}
            if found != expected:
                wrong[name_of(variant), name] = (found, expected)
    assert wrong == {}


@pytest.mark.parametrize("variant", [each for each in (*VARIANTS, *OPTIONS) if name_of(each) in WITH_SHARED_STACKS])
def test_what_is_measured_without_templates_is_what_the_templates_have(variant: tuple[Path, str | None]) -> None:
    settings, templates = committed(variant)
    without = {(each.limit.name, each.size) for each in measures(settings)}
    assert without <= {(each.limit.name, each.size) for each in measures(settings, templates)}


def databases(number: int) -> Deployment:
    exports = [
        export("aurora-mysql", name=f"db-{each}", cluster_id=f"db-{each}", ship_to=["logz"]) for each in range(number)
    ]
    return Deployment.model_validate(document(*exports, destinations=[PUSH]))


def test_the_settings_alone_show_what_exceeds_a_limit_and_what_a_default_quota() -> None:
    found = list(measures(databases(301)))
    assert [line.partition(". ")[0] for line in limit_violations(found) if "wildcards" in line] == [
        "eu-west-1: rules with wildcards of an event bus: 301 rules; AWS takes 30"
    ]
    assert [line.partition(":")[2] for line in limit_violations(found) if "queue" in line]
    (rules,) = (line for line in limit_warnings(found) if "rules of an event bus" in line)
    assert "603 rules; AWS takes 300 by default. Ask AWS for more (Service Quotas)" in rules
    assert {each.limit.name: each.left for each in fullest(found)}["roles of an account"] < 1000


def test_regions_with_a_smaller_default_quota_have_their_own() -> None:
    settings = databases(1).model_copy(update={"region": "af-south-1"})
    assert {each.allowed for each in measures(settings) if each.limit.name == "rules of an event bus"} == {100}
