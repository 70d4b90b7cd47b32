"""The templates of a deployment, as the CDK command line would synthesize them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_cdk import App

    from logdock.settings import Deployment

ROOT = Path(__file__).resolve().parents[1]


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
    from logdock.settings import load_settings

    settings = load_settings(example)
    if subscriptions:
        settings = settings.model_copy(update={"subscriptions": subscriptions})
    known_by = settings.model_dump_json()
    if known_by not in _synthesized:
        _synthesized[known_by] = synthesize_now(settings)
    return _synthesized[known_by]


def synthesize_now(settings: Deployment) -> Synthesized:
    """Synthesize a deployment, with an empty layer: the wheels are 40 MB that every App would copy."""
    from app import build_app

    with TemporaryDirectory() as layer:
        (Path(layer) / "python").mkdir()
        app = build_app(settings, shipper_layer=Path(layer), context=cdk_context())
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
