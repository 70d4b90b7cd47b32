"""Conditions of the templates, and the functions that use them."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from templates.parameters import BUCKET_EXPORTS, LOG_GROUP_EXPORTS, SHIP_TO, SHIP_TO_DESTINATIONS, Parameter

NO_VALUE = {"Ref": "AWS::NoValue"}
SHIPS_TO = {each: f"ShipsTo{each.title()}" for each in SHIP_TO_DESTINATIONS}
"""The condition that a landing is shipped to a destination."""


def equals(parameter: str, value: str | int) -> dict[str, Any]:
    """Return the condition that a parameter has a value."""
    return {"Fn::Equals": [{"Ref": parameter}, value]}


def is_set(parameter: str) -> dict[str, Any]:
    """Return the condition that a parameter is not empty."""
    return {"Fn::Not": [equals(parameter, "")]}


def any_of(conditions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the condition that one of some conditions holds."""
    return {"Fn::Or": list(conditions)}


def all_of(*names: str) -> dict[str, Any]:
    """Return the condition that every one of some named conditions holds."""
    return {"Fn::And": [{"Condition": name} for name in names]}


def when(condition: str, value: Any, otherwise: Any = None) -> dict[str, Any]:
    """Return a value that is there under a condition."""
    return {"Fn::If": [condition, value, NO_VALUE if otherwise is None else otherwise]}


def landing_conditions() -> dict[str, Any]:
    """Return the conditions of a landing that may be shipped."""
    return {
        "IsShipped": is_set(SHIP_TO.name),
        **{
            condition: any_of([equals(SHIP_TO.name, each) for each in SHIP_TO.allowed if name in str(each).split(",")])
            for name, condition in SHIPS_TO.items()
        },
    }


def has(parameter: Parameter) -> str:
    """Return the name of the condition that a parameter is set."""
    return f"Has{parameter.name}"


def export_conditions() -> dict[str, Any]:
    """Return the conditions of the exports that the core and the shipper are given."""
    some = {"HasBucketExports": BUCKET_EXPORTS, "HasLogGroupExports": LOG_GROUP_EXPORTS}
    return {
        **{has(each): is_set(each.name) for each in (*BUCKET_EXPORTS, *LOG_GROUP_EXPORTS)},
        **{name: any_of([{"Condition": has(each)} for each in slots]) for name, slots in some.items()},
        "HasExports": any_of([{"Condition": name} for name in some]),
    }


def wrap_elements(value: Any, condition_of: Callable[[str], str | None]) -> Any:
    """Return a value in which each element of a list that a condition governs is there only under it.

    Parameters
    ----------
    condition_of
        Takes an element as JSON, and returns the name of its condition or None.
    """
    if isinstance(value, dict):
        return {key: wrap_elements(each, condition_of) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    wrapped = []
    for each in value:
        inner = wrap_elements(each, condition_of)
        # Only the innermost list: what holds conditional elements itself is governed by its caller.
        condition = None if "Fn::If" in json.dumps(inner) else condition_of(json.dumps(each))
        wrapped.append(when(condition, inner) if condition else inner)
    return wrapped


def one_of(pattern: str, conditions: dict[str, str]) -> Callable[[str], str | None]:
    """Return a function that finds the one name in a string that a pattern's group captures, and its condition."""
    compiled = re.compile(pattern)

    def condition_of(text: str) -> str | None:
        found = set(compiled.findall(text))
        return conditions[found.pop()] if len(found) == 1 else None

    return condition_of
