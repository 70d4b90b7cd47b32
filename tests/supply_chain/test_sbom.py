"""What ships is named whole, with versions and hashes, and under licences that let it ship."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from license_expression import get_spdx_licensing

from supply_chain import sbom
from supply_chain.audit import LOCKS
from supply_chain.shipped import LAYER, LOCK, pinned, wheels
from tests.conftest import ROOT

ALLOWED = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unicode-3.0",
    "Unlicense", "Zlib",
    "MPL-2.0",  # obliges to offer the source of changed files; ours are unchanged
}  # fmt: skip
"""Licences under which a part may ship in a function. What is not here is not, whatever it is called."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write both files, once."""
    folder = tmp_path_factory.mktemp("sbom")
    assert sbom.main(folder) == 0
    return folder


@pytest.fixture(scope="module")
def bill(written: Path) -> dict[str, Any]:
    """Read the bill of materials as a document."""
    found: dict[str, Any] = json.loads((written / "logdock.cdx.json").read_text())
    return found


def parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """List components, with those inside of components."""
    found = document.get("components", [])
    return [*found, *(inner for component in found for inner in parts(component))]


@pytest.mark.proof
def test_the_bill_is_valid_cyclonedx(written: Path, bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    # Here, because importing it builds the grammars of every IRI: seconds, for each worker that only collects.
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(sbom.SCHEMA)
    assert validator.validate_str((written / "logdock.cdx.json").read_text()) is None
    assert validator.validate_str(json.dumps(bill | {"components": [{"name": "nameless"}]})) is not None


@pytest.mark.proof
def test_it_names_every_wheel_of_the_lock_with_its_version_and_hashes(bill: dict[str, Any]) -> None:
    found = {part["name"]: part for part in bill["components"]}
    for name, version, hashes in re.findall(
        r"^([\w-]+)==(\S+) \\\n((?:    --hash=sha256:\w+(?: \\)?\n)+)", LOCK.read_text(), re.MULTILINE
    ):
        part = found.pop(name)
        assert part["version"] == version
        assert part["purl"] == f"pkg:pypi/{name}@{version}"
        (files,) = part["externalReferences"]
        assert {each["content"] for each in files["hashes"]} == set(re.findall(r"sha256:(\w+)", hashes))
        assert {each["alg"] for each in files["hashes"]} == {"SHA-256"}
    assert set(found) == {"log_shipper", "resource_tags", "vendor_connector", "aws-cdk-lib"}


@pytest.mark.proof
def test_it_names_what_is_compiled_into_a_wheel(bill: dict[str, Any]) -> None:
    inside = {part["name"]: {inner["name"] for inner in parts(part)} for part in bill["components"]}
    assert "openssl" in inside["cryptography"]
    assert "pyo3-ffi" in inside["orjson"]


@pytest.mark.proof
def test_it_says_which_function_needs_what(bill: dict[str, Any]) -> None:
    needs = {each["ref"]: set(each.get("dependsOn", [])) for each in bill["dependencies"]}
    assert needs["logdock"] == {"log_shipper", "resource_tags", "vendor_connector"}
    assert needs["log_shipper"] == set(pinned(LOCK))
    assert needs["vendor_connector"] == {"aws-cdk-lib"}
    assert needs["cryptography"] == {"cffi"}


@pytest.mark.proof
def test_every_function_of_the_house_is_in_it(bill: dict[str, Any]) -> None:
    folders = {path.name for path in (ROOT / "lambda_src").iterdir() if path.is_dir()}
    assert folders == {part["name"] for part in bill["components"] if part["type"] == "application"}


@pytest.mark.proof
def test_everything_that_ships_may_under_its_licence(bill: dict[str, Any]) -> None:
    licensing = get_spdx_licensing()
    for part in parts(bill):
        said = [each.get("expression") or each["license"].get("id") for each in part["licenses"]]
        assert said, part["name"]
        assert all(said), part["name"]
        for expression in said:
            may = licensing.parse(expression, validate=True).subs(
                {symbol: licensing.TRUE for symbol in licensing.license_symbols(expression) if symbol.key in ALLOWED}
            )
            assert may.simplify() == licensing.TRUE, f"{part['name']}: {expression}"


@pytest.mark.proof
def test_the_list_has_the_licence_of_every_part(written: Path, bill: dict[str, Any]) -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \| ([^|]+) \|", (written / "licences.md").read_text(), re.MULTILINE)[2:]
    assert sorted((name, version) for name, version, _ in rows) == sorted(
        (part["name"], part["version"]) for part in parts(bill)
    )
    assert all(licence.strip() for _, _, licence in rows)


def test_a_layer_that_is_not_what_the_lock_says_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(LOCK.read_text().replace("orjson==", "orjson==9"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"which is not what .* says; run `make setup`"):
        wheels(lock, LAYER)


@pytest.mark.parametrize("lock", LOCKS.values(), ids=lambda path: path.name)
def test_every_lock_has_hashes_and_no_registrys_address(lock: Path) -> None:
    text = lock.read_text()
    pins = re.findall(r"^\S+==", text, re.MULTILINE)
    assert pins
    assert len(pins) == len(re.findall(r"^\S+==.*\\\n    --hash=sha256:", text, re.MULTILINE))
    assert "://" not in text
    assert "index-url" not in text
