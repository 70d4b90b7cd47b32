"""The templates, made once: two of them, and with `make proof` all."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from templates.build import make_landing_templates
from templates.catalogue import LANDINGS
from tests.templates.samples import FILLED

QUICK = ("mongodb-atlas", "aurora-mysql")
"""A bucket and log groups, each with an option."""

CASES = [pytest.param(case, marks=() if FILLED[case][0] in QUICK else pytest.mark.proof) for case in FILLED]
NAMES = [pytest.param(each.name, marks=() if each.name in QUICK else pytest.mark.proof) for each in LANDINGS]


@cache
def _made(*, every: bool) -> dict[str, dict[str, Any]]:
    return make_landing_templates(tuple(each for each in LANDINGS if every or each.name in QUICK))


def template(name: str) -> dict[str, Any]:
    """Return a template by name."""
    return _made(every=name not in QUICK)[name]
