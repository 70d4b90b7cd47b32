"""Stacks: CloudFormation makes at once whatever has no dependency path; here it comes in the worst order of those."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ministack.services.cloudformation import engine, stacks

from local_cloud.resource_types import NAMED_BY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHECKED = {
    "AWS::Events::Rule",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogStream",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::SubscriptionFilter",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
}
"""Resources whose creation asks whether what they name is there."""


def apply() -> None:
    """Make these corrections.

    AWS CloudFormation User Guide, "CloudFormation stack creation events" and "DependsOn attribute": resources without
    a dependency are made, updated and deleted in parallel, and a name that is spelled out is no dependency. MiniStack
    goes by the alphabet, so a missing dependency shows by chance. Deletes go the other way round, also those of an
    update, which come after everything new and changed ("Update behaviors of stack resources").
    """
    for module in (engine, stacks):
        _ = module._topological_sort  # a release that renames it stops the emulator
        module._topological_sort = worst_order


def worst_order(resources: Mapping[str, Any], conditions: Mapping[str, Any]) -> list[str]:
    """Return an order that the dependencies allow, in which what others only name comes as late as it can.

    Of the resources that are ready, the next is the one that the fewest unfinished resources name. Those that check
    what they name go before those that do not.
    """
    active = {
        name: found
        for name, found in resources.items()
        if not found.get("Condition") or conditions.get(found["Condition"], True)
    }
    waits_for = {name: engine._extract_deps(found, set(active)) - {name} for name, found in active.items()}
    named_by = _literal_references(active)
    order: list[str] = []
    while len(order) < len(active):
        ready = [name for name in active if name not in order and waits_for[name] <= set(order)]
        if not ready:
            left = sorted(set(active) - set(order))
            raise ValueError(f"Circular dependency detected among resources: {', '.join(left)}")

        def rank(name: str) -> tuple[int, bool, str]:
            return len(named_by[name] - set(order)), active[name]["Type"] not in _CHECKED, name

        order.append(min(ready, key=rank))
    return order


def _literal_references(resources: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return for each resource the others that spell out its name."""
    names: dict[str, str] = {}
    for logical_id, resource in resources.items():
        name = resource.get("Properties", {}).get(NAMED_BY.get(resource["Type"], ""))
        if isinstance(name, str):
            names[logical_id] = name
    texts = {logical_id: "\n".join(_strings(found.get("Properties", {}))) for logical_id, found in resources.items()}
    found: dict[str, set[str]] = defaultdict(set)
    for logical_id, name in names.items():
        whole = re.compile(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])")
        for other, text in texts.items():
            if other != logical_id and whole.search(text):
                found[logical_id].add(other)
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
