"""Every correction is described as a patch of MiniStack."""

from tests.conftest import ROOT

FOLDER = ROOT / "local_cloud" / "corrections"
OWN = {"__init__", "logs_roles", "operations", "templates", "requests"}
"""What the corrections are made with, and what counts for a test."""


def test_every_correction_is_described() -> None:
    described = (FOLDER / "UPSTREAM.md").read_text(encoding="utf-8")
    names = {file.stem for file in FOLDER.glob("*.py")} - OWN
    assert {name for name in names if f"`{name}.py`" not in described} == set()
