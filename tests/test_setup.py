"""`make setup` says what is wrong with the system before it installs anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

TARGET = ".venv/.installed"


def make(folder: Path, programs: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a copy of the Makefile, with some programs replaced by shell scripts."""
    for name in ("Makefile", "requirements.lock", "requirements-setup.lock"):
        shutil.copy(ROOT / name, folder)
    own = folder / "own"
    own.mkdir()
    for name, script in programs.items():
        (own / name).write_text(f"#!/bin/sh\n{script}\n")
        (own / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", *arguments, TARGET]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({"uname": "echo Darwin x86_64"}, "does not install on an Intel Mac: cryptography has no wheel"),
        ({"ldd": "echo 'musl libc (x86_64)' >&2; exit 1"}, "does not install on Alpine (musl): duckdb has no wheel"),
    ],
)
def test_unsupported_system_is_refused_before_anything_is_installed(
    tmp_path: Path, programs: dict[str, str], message: str
) -> None:
    ended = make(tmp_path, programs)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert not (tmp_path / ".venv").exists()


def test_missing_python_is_named(tmp_path: Path) -> None:
    ended = make(tmp_path, {}, "PYTHON=")
    assert ended.returncode == 2
    assert "needs Python 3.11 or later; none was found. Set PYTHON=" in ended.stderr


@pytest.mark.parametrize("python", ["exit 1", None], ids=["too-old", "gone"])
def test_unusable_environment_is_made_again(tmp_path: Path, python: str | None) -> None:
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (tmp_path / ".venv" / ".installed").touch()
    if python:
        (binaries / "python").write_text(f"#!/bin/sh\n{python}\n")
        (binaries / "python").chmod(0o755)
    ended = make(tmp_path, {}, "PYTHON=false")
    assert "is gone or older than 3.11: .venv is made again" in ended.stdout
    assert not binaries.exists()
    assert "false cannot make a virtual environment" in ended.stderr
