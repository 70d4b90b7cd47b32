"""The documentation of every release: a folder each, a list of them, and a redirect to the newest."""

import json
from pathlib import Path

from supply_chain.site_versions import project_version, write_versions
from tests.conftest import ROOT


def test_releases_are_listed_newest_first(tmp_path: Path) -> None:
    for name in ("0.9.0", "0.10.0", "0.2.1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    (tmp_path / "no-release").mkdir()
    assert write_versions(tmp_path) == ["0.10.0", "0.9.0", "0.2.1"]
    listed = json.loads((tmp_path / "versions.json").read_text())
    assert [(each["version"], each["aliases"]) for each in listed] == [
        ("0.10.0", ["latest"]), ("0.9.0", []), ("0.2.1", [])
    ]  # fmt: skip
    assert "url=0.10.0/index.html" in (tmp_path / "index.html").read_text()
    assert write_versions(tmp_path) == ["0.10.0", "0.9.0", "0.2.1"]


def test_selector_is_on_for_a_release_only() -> None:
    assert project_version()[0].isdigit()
    written = (ROOT / "mkdocs.yml").read_text().partition("\nextra:")[2].partition("\n# ")[0]
    assert 'provider: !ENV [VERSION_PROVIDER, ""]' in written
    assert "VERSION_PROVIDER=mike" in (ROOT / "Makefile").read_text()
