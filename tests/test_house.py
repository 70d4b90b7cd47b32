"""What import-linter cannot see: the app is a module, not a package."""

import ast
import sys

from tests.conftest import ROOT


def test_the_app_imports_the_cdk_its_stacks_and_the_settings_alone() -> None:
    roots = set()
    for node in ast.walk(ast.parse((ROOT / "app.py").read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.split(".")[0])
    assert roots - set(sys.stdlib_module_names) == {"aws_cdk", "constructs_lib", "logdock", "stacks"}


def test_only_the_app_reads_the_environment() -> None:
    for room in ("logdock/settings", "logdock/vendors", "stacks", "constructs_lib"):
        for path in (ROOT / room).rglob("*.py"):
            names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
            assert not names & {"environ", "getenv", "try_get_context"}, path


def test_constructs_know_no_vendors_name() -> None:
    vendors = ("atlas", "mongodb", "cockroach", "aurora", "aptible", "logz")
    for path in (ROOT / "constructs_lib").rglob("*.py"):
        assert not [vendor for vendor in vendors if vendor in path.read_text().lower()], path
