"""Each gate of the Makefile fails on what it is for: a verdict that is thrown away passes everything."""

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT


class Gate(NamedTuple):
    """A make target, what it needs of the tree, and a file that it must refuse."""

    target: str
    needs: tuple[str, ...]
    planted: str
    content: str
    says: str
    variables: tuple[str, ...] = ()


IMPORTING = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
PACKAGES = ("app.py", "lambda_src", *(name for name in IMPORTING if name != "tests" and (ROOT / name).is_dir()))
STRAY, PACKAGE = "logdock/settings/planted.py", "planted/__init__.py"
WRONG_TYPE = 'value: int = "text"\n'
FAILING = "import pytest\n\n\n@pytest.mark.{mark}\ndef test_it():\n    assert False\n"
PLANTED_TEST = ("TESTS=test_planted.py -n 0",)
GATES = {
    "style": Gate("lint", (), STRAY, '"""Planted."""\n\nimport os\n', "F401"),
    "format": Gate("lint", (), STRAY, '"""Planted."""\n\nvalue = {  "a":1 }\n', "planted.py"),
    "import rule": Gate(
        "lint",
        PACKAGES,
        STRAY,
        '"""Planted."""\n\nimport aws_cdk\n\nNAME = aws_cdk.__name__\n',
        "logdock.settings.planted",
    ),
    "types": Gate("types", (), PACKAGE, WRONG_TYPE, "Incompatible", ("TYPED=planted", "TYPED_FUNCTIONS=clean")),
    "function types": Gate(
        "types", (), PACKAGE, WRONG_TYPE, "Incompatible", ("TYPED=clean", "TYPED_FUNCTIONS=planted")
    ),
    "tests": Gate(
        "unit", (), "test_planted.py", FAILING.format(mark="filterwarnings('error')"), "FAILED", PLANTED_TEST
    ),
    "end-to-end tests": Gate(
        "end-to-end", (), "test_planted.py", FAILING.format(mark="end_to_end"), "FAILED", PLANTED_TEST
    ),
    "proof": Gate("proof", (), "test_planted.py", FAILING.format(mark="proof"), "FAILED", PLANTED_TEST),
}
MARKED_PROOF = ("format", "import rule", "types", "function types", "end-to-end tests", "proof")


def make(gate: Gate, tree: Path) -> subprocess.CompletedProcess[str]:
    # Without SETUP: nothing is installed from here into the environment that the tests run in.
    command = ["make", "--no-print-directory", gate.target, "SETUP=", *gate.variables]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.proof) if name in MARKED_PROOF else name for name in GATES]
)
def test_gate_with_a_planted_violation_fails(name: str, tmp_path: Path) -> None:
    gate = GATES[name]
    for each in ("Makefile", "pyproject.toml", *gate.needs):
        source, target = ROOT / each, tmp_path / each
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "__init__.py").write_text('"""Nothing to find."""\n')
    # The import order that ruff wants depends on which folders there are; it looks into no symbolic link.
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    planted = tmp_path / gate.planted
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(gate.content)
    refused = make(gate, tmp_path)
    assert refused.returncode != 0, refused.stdout + refused.stderr
    # It is the planted file that is refused, and nothing that the copy of the tree lacks.
    assert gate.says in refused.stdout + refused.stderr, refused.stdout + refused.stderr
