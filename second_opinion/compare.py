"""What a template says of a resource, held against what an API says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from second_opinion.read_back import KNOWN_GAPS, NOT_COMPARED

_SETS = frozenset({"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "AlarmActions"})
"""Lists whose order says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One property of one resource."""

    stack: str
    logical_id: str
    kind: str
    name: str
    verdict: str
    """``same``, ``different``, ``known gap`` or ``not compared``."""
    reason: str = ""
    """Why it is a gap, or is not compared."""
    expected: Any = None
    found: Any = None
    """`expected`, `found`: What the template and the API say, where they differ."""


def compare(
    stack: str, logical_id: str, kind: str, expected: Mapping[str, Any], found: Mapping[str, Any]
) -> list[Finding]:
    """Compare every property of a template, and every setting that the API has and the template has not."""
    findings = []
    for name, value in expected.items():
        where = {"stack": stack, "logical_id": logical_id, "kind": kind, "name": name}
        unread = NOT_COMPARED.get((kind, name)) or NOT_COMPARED.get(("*", name))
        gap = KNOWN_GAPS.get((kind, name))
        wanted, read = normal(value), normal(found.get(name))
        if unread:
            findings.append(Finding(**where, verdict="not compared", reason=unread))
        elif wanted == read:
            findings.append(Finding(**where, verdict="same"))
        elif gap:
            findings.append(Finding(**where, verdict="known gap", reason=gap))
        else:
            findings.append(Finding(**where, verdict="different", expected=wanted, found=read))
    return findings


def normal(value: Any, name: str = "") -> Any:
    """Return a value so that two ways to write the same compare equal.

    JSON in a string is read; a number and a boolean are their strings, as CloudFormation takes both; a policy's single
    action is a list of one, and its lists are sorted.
    """
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict):
        return {key: normal(inner, key) for key, inner in sorted(value.items())}
    if name in _SETS:
        return sorted(str(each) for each in (value if isinstance(value, list) else [value]))
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if value < 1e6 else str(int(value))
    return value
