"""How much of AWS's limits a deployment takes, as it grows; and what is said when it would take more."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from logdock.settings import Deployment
from stacks.limits import LIMITS, limit_violations, measures
from tests.conftest import ROOT, synthesize_now
from tests.costly import sample
from tests.settings.documents import FETCH, OTLP, PUSH, Document, document, export

PAGE = ROOT / "docs" / "limits.md"
SIZES = (1, 10, 100)
AT_ONCE = [1, 10, pytest.param(100, marks=pytest.mark.proof)]
METRICS_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme/logzio-metrics-a1B2c3"
DESTINATIONS = [PUSH | {"metrics": {"token_secret": METRICS_SECRET, "tags": True}}, FETCH, OTLP]
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"
Templates = dict[str, dict[str, Any]]


def templates_of(*exports: Document, destinations: list[Document]) -> Templates:
    settings = Deployment.model_validate(document(*exports, destinations=destinations))
    return synthesize_now(settings).templates


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
    templates = templates_of(*map(mixed, range(exports)), destinations=DESTINATIONS)
    found: dict[str, int] = dict.fromkeys((limit.name for limit in LIMITS), 0)
    for measure in measures(templates):
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
    templates = templates_of(export("cloudwatch-logs", ship_to=ship_to), destinations=destinations)
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
    lines = limit_violations(templates_of(*exports, destinations=[PUSH]))
    assert any(re.match(message, line) for line in lines), lines
