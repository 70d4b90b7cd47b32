"""The templates, made once: two of them, and with `make proof` all."""

from functools import cache
from typing import Any

import pytest

from templates.build import make_landing_templates, make_shipper_templates
from templates.catalogue import LANDINGS, Landing
from templates.code import Code
from templates.shipper import SHIPPERS as ENTRIES
from templates.shipper import ShipperTemplate
from tests.templates.samples import FILLED

QUICK = ("mongodb-atlas", "aurora-mysql")
"""A bucket and log groups, each with an option."""

CASES = [pytest.param(case, marks=() if FILLED[case][0] in QUICK else pytest.mark.proof) for case in FILLED]
NAMES = [pytest.param(each.name, marks=() if each.name in QUICK else pytest.mark.proof) for each in LANDINGS]


SHIPPERS = {each.name: each for each in ENTRIES}
EVERY_NAME = [*NAMES, *SHIPPERS]


@cache
def _made(*, every: bool) -> dict[str, dict[str, Any]]:
    return make_landing_templates(tuple(each for each in LANDINGS if every or each.name in QUICK))


@cache
def _shipper() -> dict[str, dict[str, Any]]:
    return make_shipper_templates(Code(function="log-shipper-0.zip", layer="log-shipper-layer-0.zip"))


def template(name: str) -> dict[str, Any]:
    """Return a template by name."""
    return _shipper()[name] if name in SHIPPERS else _made(every=name not in QUICK)[name]


def entry(name: str) -> Landing | ShipperTemplate:
    """Return what a template is made from."""
    return SHIPPERS[name] if name in SHIPPERS else next(each for each in LANDINGS if each.name == name)


def comparable(resources: dict[str, Any]) -> dict[str, Any]:
    """Return resources so that two ways to write the same are equal: order of names, a list of one."""
    return {
        name: _comparable({key: each for key, each in resource.items() if key != "DependsOn"})
        for name, resource in resources.items()
    }


def _comparable(value: Any) -> Any:
    match value:
        case dict():
            return {key: _comparable(each) for key, each in value.items()}
        case [single]:
            return _comparable(single)
        case list():
            is_names = all(isinstance(each, str) for each in value)
            return sorted(value) if is_names else [_comparable(each) for each in value]
    return value
