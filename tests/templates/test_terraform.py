"""The Terraform module: it parses, and it passes on what the templates take."""

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from logdock.settings.retention import PROFILES
from policy_proof.synthesis import ROOT
from templates.catalogue import LANDINGS
from templates.parameters import SHIP_TO_DESTINATIONS

MODULE = ROOT / "modules" / "logdock-export"
EXAMPLE = MODULE / "examples" / "basic"
SHARED = {
    "Deployment", "ExportName", "BucketName", "Retention", "RetentionInDays", "AccessLogBucket", "AlertTopicArn",
    "ShipTo",
}  # fmt: skip


def parsed(path: Path) -> dict[str, Any]:
    with path.open() as file:
        return hcl2.load(file)


def blocks(path: Path, kind: str) -> dict[str, Any]:
    return {name.strip('"'): body for block in parsed(path).get(kind, []) for name, body in block.items()}


def variable(name: str) -> str:
    """Return the text of a variable; building the parser takes five seconds."""
    found = re.search(rf'^variable "{name}" {{\n(.*?)^}}', (MODULE / "variables.tf").read_text(), re.M | re.S)
    assert found is not None
    return found[1]


def allowed(name: str) -> list[str]:
    """Return the strings that a variable's condition names."""
    condition = variable(name).partition("condition")[2].partition("error_message")[0]
    return re.findall(r'"([\w-]+)"', condition)


@pytest.mark.parametrize("path", sorted(MODULE.rglob("*.tf")), ids=lambda path: path.name)
@pytest.mark.proof
def test_file_parses_and_every_variable_and_output_is_described(path: Path) -> None:
    bare = [
        name
        for kind in ("variable", "output")
        for name, body in blocks(path, kind).items()
        if not body.get("description") or (kind == "variable" and not body.get("type"))
    ]
    assert (bool(parsed(path)), bare) == (True, [])


def test_every_variable_of_the_module_is_used_and_none_is_missing() -> None:
    used = set(re.findall(r"\bvar\.(\w+)", (MODULE / "main.tf").read_text()))
    assert used == set(re.findall(r'^variable "(\w+)"', (MODULE / "variables.tf").read_text(), re.MULTILINE))


def test_shared_parameters_are_those_of_every_template() -> None:
    text = (MODULE / "main.tf").read_text()
    assert set(re.findall(r"^    (\w+) += (?:var|tostring)", text, re.MULTILINE)) == SHARED
    known = {each.name for landing in LANDINGS for each in landing.parameters}
    own = {each.name for landing in LANDINGS for each in landing.own} - {"ExportName", "BucketName"}
    own |= {landing.option.parameter.name for landing in LANDINGS if landing.option}
    own |= {each.name for landing in LANDINGS for each in landing.shipping.values()}
    assert known - own == SHARED
    assert set(allowed("vendor_parameters")) >= SHARED


def test_retention_profiles_are_those_of_the_settings() -> None:
    assert allowed("retention") == list(PROFILES)


def test_ship_to_takes_what_the_parameter_takes() -> None:
    """Terraform has a list of destinations, which the parameter writes in the order of its allowed values."""
    assert tuple(allowed("ship_to")) == SHIP_TO_DESTINATIONS
    order = re.search(r"for each in \[(.*?)\] : each if contains\(var\.ship_to", (MODULE / "main.tf").read_text())
    assert order is not None
    assert tuple(re.findall(r'"(\w+)"', order[1])) == SHIP_TO_DESTINATIONS


@pytest.mark.proof
def test_example_sets_every_variable_and_parameter_that_has_no_default() -> None:
    call = blocks(EXAMPLE / "main.tf", "module")["atlas"]
    variables = blocks(MODULE / "variables.tf", "variable")
    assert {name for name, body in variables.items() if "default" not in body} <= call.keys()
    assert call.keys() - {"source", "vendor_parameters", "__is_block__"} <= variables.keys()
    landing = next(each for each in LANDINGS if each.name == "mongodb-atlas")
    required = {each.name for each in landing.parameters if each.default is None} - SHARED
    passed = {name.strip('"') for name in call["vendor_parameters"]}
    assert required <= passed <= {each.name for each in landing.parameters}
