"""What tests share: the templates of every example, synthesized once per process."""

from __future__ import annotations

import gc
import itertools
import json
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import hypothesis
import moto.core.models
import pytest

if TYPE_CHECKING:
    from aws_cdk import App

    from settings import Deployment

os.environ.setdefault("JSII_NODE", str(Path(sysconfig.get_path("scripts")) / "node"))
# How long an example takes says how busy the machine is; benchmarks measure time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
# The strict validator runs in one policy test and in every real synth; here it would cost seconds per App.
os.environ.setdefault("CDK_VALIDATION", "false")
# Each test has AWS sessions of its own, and each would look for the same service models again: 30 ms per client.
botocore.session.create_loader = cache(botocore.session.create_loader)
# moto answers what `requests` sends too, by 1,300 patterns that each test would set up again; nothing here sends by it.
moto.core.models.RESPONSES_METHODS.clear()
# The CDK, moto and AWS's service models stay; by default the collector walks them all again every few tests.
gc.set_threshold(2_000, 10, 100)

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# Every kind of log group export, two Regions, a prefix and every destination; the others have no subscriptions.
_THROUGH_KINESIS = [ROOT / "examples" / f"{name}.yaml" for name in ("cloudwatch-logs", "cockroachdb", "everything")]
VARIANTS = [(path, None) for path in EXAMPLES] + [(path, "kinesis") for path in _THROUGH_KINESIS]


def cdk_context() -> dict[str, Any]:
    """Return the feature flags that the CDK command line would pass."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


@dataclass(frozen=True)
class Synthesized:
    """One example's App, and its stacks: their templates and Regions, and which other stacks each waits for."""

    app: App
    templates: dict[str, dict[str, Any]]
    regions: dict[str, str]
    dependencies: dict[str, set[str]]

    def resources(self, resource_type: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield every resource of a type: stack name, logical id, resource."""
        for stack, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] == resource_type:
                    yield stack, logical_id, resource


_synthesized: dict[str, Synthesized] = {}
"""What has been synthesized, by its settings."""


@cache
def synthesize(example: Path, subscriptions: str | None = None) -> Synthesized:
    """Synthesize an example as it is, or with its subscriptions travelling another way; the same settings once."""
    from settings import load_settings

    settings = load_settings(example)
    if subscriptions:
        settings = settings.model_copy(update={"subscriptions": subscriptions})
    known_by = settings.model_dump_json()
    if known_by not in _synthesized:
        _synthesized[known_by] = synthesize_now(settings)
    return _synthesized[known_by]


def synthesize_now(settings: Deployment) -> Synthesized:
    """Synthesize a deployment."""
    from app import build_app

    # The real wheels are 40 MB that every App would copy.
    layer = ROOT / "tests" / "stacks" / "layer"
    app = build_app(settings, shipper_layer=layer, context=cdk_context())
    stacks = app.synth().stacks
    return Synthesized(
        app=app,
        templates={stack.stack_name: stack.template for stack in stacks},
        regions={stack.stack_name: stack.environment.region for stack in stacks},
        dependencies={
            stack.stack_name: {found.id for found in stack.dependencies if not found.id.endswith(".assets")}
            for stack in stacks
        },
    )


def covering(*axes: dict[str, Any]) -> list[Any]:
    """Return the product of some axes as parameters: each value at least once now, all else with `make proof`."""
    longest = max(map(len, axes))
    now = {tuple(turn % len(axis) for axis in axes) for turn in range(longest)}
    return [
        pytest.param(
            *(list(axis.values())[index] for axis, index in zip(axes, place, strict=True)),
            id="-".join(list(axis)[index] for axis, index in zip(axes, place, strict=True)),
            marks=() if place in now else pytest.mark.proof,
        )
        for place in itertools.product(*(range(len(axis)) for axis in axes))
    ]


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join(filter(None, (variant[0].stem, variant[1]))))
def example(request: pytest.FixtureRequest) -> Synthesized:
    """Each example in turn, and those with log groups once more with their subscriptions through Kinesis."""
    return synthesize(*request.param)


@pytest.fixture
def everything() -> Synthesized:
    """The example with every kind in it."""
    return synthesize(ROOT / "examples" / "everything.yaml")
