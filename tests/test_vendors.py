"""A kind of export or destination is complete: every part of Logdock that needs to know it does."""

import ast
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest
from log_shipper.line_readers import VENDOR_FORMATS

from logdock.settings.destinations import Destination
from logdock.vendors import registry
from logdock.vendors.registry import DESTINATIONS, EXPORTS, UnknownKindError, has_part, load_part
from tests.conftest import ROOT
from tests.settings.documents import EXPORTS as DOCUMENTS

VENDORS = ROOT / "logdock" / "vendors"
OF_EACH = {
    "checks": ("CHECKS",),
    "questions": ("QUESTIONS",),
    "plan": ("RULES",),
    "access": ("access_of",),
}
"""The modules that every kind has, and what is in them."""
OF_AN_EXPORT = {"settings": ("EXPORT",), "smoke_test": ("object_record", "event_message"), **OF_EACH}
OF_A_DESTINATION = {"settings": ("DESTINATION",), **OF_EACH}
EXPORTER = "local_cloud.vendors.{}.exporter"
FILES = ("docs/{}.md", "examples/{}.yaml", "policy_proof/claims/{}.yaml")
CDK = {"aws_cdk", "constructs", "constructs_lib", "stacks", "jsii"}


def lacking_parts(kind: str, parts: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for part, names in parts.items():
        # in some parts one name of several is enough
        if not has_part(kind, part) or not any(hasattr(load_part(kind, part), name) for name in names):
            yield f"{kind}: {registry.package(kind)}.{part} with {' or '.join(names)}"


def lacking(kind: str) -> list[str]:
    """Return what a kind of export does not have, by the name to look for."""
    module = EXPORTER.format(kind.replace("-", "_"))
    found = [
        *lacking_parts(kind, OF_AN_EXPORT),
        *([] if has_part(kind, "stack") else [f"{kind}: {registry.package(kind)}.stack with STACK"]),
        *([] if _exists(module) else [f"{kind}: {module} with exporter()"]),
        *(f"{kind}: {name}" for file in FILES if not (ROOT / (name := file.format(kind))).exists()),
    ]
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    registered = {
        "mkdocs.yml, under Exports": f" {kind}.md\n" in navigation,
        "log_shipper.line_readers.VENDOR_FORMATS": kind in VENDOR_FORMATS,
        "tests/settings/documents.py, EXPORTS": kind in DOCUMENTS,
        "docs/settings.md: make schema": f"kind `{kind}`" in (ROOT / "docs" / "settings.md").read_text("utf-8"),
    }
    return found + [f"{kind}: {where}" for where, is_there in registered.items() if not is_there]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_kind_of_export_is_known_everywhere(kind: str) -> None:
    assert lacking(kind) == []


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_a_kind_of_destination_is_known_everywhere(kind: str) -> None:
    assert list(lacking_parts(kind, OF_A_DESTINATION)) == []


def test_a_kind_that_is_only_registered_is_named_with_all_that_it_lacks() -> None:
    found = lacking("acme")
    assert len(found) == len(OF_AN_EXPORT) + 2 + len(FILES) + 4
    assert "acme: logdock.vendors.acme.stack with STACK" in found
    assert "acme: policy_proof/claims/acme.yaml" in found


def test_every_package_of_a_vendor_is_a_kind() -> None:
    packages = {path.parent.name for path in VENDORS.glob("*/__init__.py")}
    assert packages == {kind.replace("-", "_") for kind in (*EXPORTS, *DESTINATIONS)}
    for root in ("local_cloud", "lambda_src/log_shipper/log_shipper", "lambda_src/vendor_connector/vendor_connector"):
        assert {path.parent.name for path in (ROOT / root / "vendors").glob("*/__init__.py")} <= packages, root


def test_destinations_of_the_settings_are_those_of_the_registry() -> None:
    models = get_args(get_args(Destination)[0])
    assert {load_part(kind, "settings").DESTINATION for kind in DESTINATIONS} == set(models)


@pytest.mark.parametrize("kind", ["", "zzz", "mongodb_atlas.settings", "../rds"])
def test_an_unknown_kind_is_named_with_those_that_exist(kind: str) -> None:
    with pytest.raises(UnknownKindError, match="mongodb-atlas"):
        load_part(kind, "settings")


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UnknownKindError, match=r"rds: .* no module zzz"):
        load_part("rds", "zzz")


def test_only_a_stack_is_made_of_constructs() -> None:
    """import-linter knows modules by the parts that exist; this one finds any module."""
    for path in VENDORS.rglob("*.py"):
        if not _is_stack(path):
            assert not CDK & set(_imported(path)), path


def _is_stack(path: Path) -> bool:
    return path.relative_to(VENDORS).with_suffix("").parts[1:2] == ("stack",)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
