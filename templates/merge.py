"""Two forms of a template as one, with a condition where they differ."""

import json
from collections.abc import Collection
from difflib import SequenceMatcher
from typing import Any

NO_VALUE = {"Ref": "AWS::NoValue"}
CONDITIONAL_SECTIONS = ("Resources", "Outputs")
"""Sections whose entries take a condition of their own."""
UNCONDITIONAL = ("Type", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Condition")
"""Attributes of a resource in which CloudFormation takes no function."""


def merge_templates(
    base: dict[str, Any], other: dict[str, Any], condition: str, implied_by: Collection[str] = ()
) -> dict[str, Any]:
    """Return a template that is ``other`` where the condition holds, and ``base`` where it does not.

    ``Conditions`` are those that combine the condition with one that a resource of ``other`` has already, unless that
    one is among those that the condition is implied by.

    Raises
    ------
    ValueError
        They differ in something that no condition can express.
    """
    merged: dict[str, Any] = {}
    conditions: dict[str, Any] = {}
    for section in CONDITIONAL_SECTIONS:
        first, second = base.get(section, {}), other.get(section, {})
        merged[section] = {}
        for name in [*first, *(name for name in second if name not in first)]:
            if name not in first:
                needed = condition
                inner = second[name].get("Condition")
                if inner in implied_by:
                    needed = inner
                elif inner:
                    needed = f"{condition}And{inner}"
                    conditions[needed] = {"Fn::And": [{"Condition": condition}, {"Condition": inner}]}
                merged[section][name] = {**second[name], "Condition": needed}
            elif name not in second:
                raise ValueError(f"{section} {name}: only the default form has it")
            else:
                merged[section][name] = _merge(first[name], second[name], condition, name)
    return {**merged, **({"Conditions": conditions} if conditions else {})}


def _if(condition: str, yes: Any, no: Any) -> dict[str, Any]:
    return {"Fn::If": [condition, yes, no]}


def _is_function(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _merge(base: Any, other: Any, condition: str, path: str) -> Any:
    if base == other:
        return base
    if path.count(".") == 1 and path.rpartition(".")[2] in UNCONDITIONAL:
        raise ValueError(f"{path}: {base!r} or {other!r}; CloudFormation takes no condition there")
    if isinstance(base, dict) and isinstance(other, dict) and not (_is_function(base) or _is_function(other)):
        merged = {}
        for key in [*base, *(key for key in other if key not in base)]:
            if key in base and key in other:
                merged[key] = _merge(base[key], other[key], condition, f"{path}.{key}")
            elif path.count(".") == 0 and key in UNCONDITIONAL:
                raise ValueError(f"{path}.{key}: only one form has it; CloudFormation takes no condition there")
            elif key in base:
                merged[key] = _if(condition, NO_VALUE, base[key])
            else:
                merged[key] = _if(condition, other[key], NO_VALUE)
        return merged
    if isinstance(base, list) and isinstance(other, list):
        return _merge_lists(base, other, condition, path)
    return _if(condition, other, base)


def _merge_lists(base: list[Any], other: list[Any], condition: str, path: str) -> list[Any]:
    first, second = ([json.dumps(each, sort_keys=True) for each in side] for side in (base, other))
    merged: list[Any] = []
    for _, start, stop, from_, to in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        removed, added = base[start:stop], other[from_:to]
        pairs = min(len(removed), len(added))
        merged += [_merge(removed[at], added[at], condition, path) for at in range(pairs)]
        merged += [_if(condition, NO_VALUE, each) for each in removed[pairs:]]
        merged += [_if(condition, each, NO_VALUE) for each in added[pairs:]]
    return merged
