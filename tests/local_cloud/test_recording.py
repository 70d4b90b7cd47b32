"""The recording has what the report of the demo has, and nothing is written of a run that broke a promise."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from local_cloud import recording
from tests.conftest import ROOT

EXPORT = {
    "name": "orders", "kind": "mongodb-atlas", "stack": "acme-orders", "session_seconds": 43200, "refused": ["a", "b"],
    "landed_records": 7, "shipped_records": None, "archived_records": 5, "found_records": 4,
    "vendor_clean_after_destroy": True,
}  # fmt: skip
REPORT: dict[str, Any] = {"seconds": {"playing `every` vendor": 61.25}, "exports": [EXPORT], "broken": []}


def test_picture_has_each_step_with_its_time_and_each_export() -> None:
    shown = " ".join(re.sub(r"<style>.*?</style>|<[^>]*>|&#160;", " ", recording.draw(REPORT), flags=re.DOTALL).split())
    assert "✓ playing every vendor 61.2 s" in shown
    assert "mongodb-atlas 7 - 4 2" in shown
    assert shown.endswith("Every promise held.")


def test_table_has_a_row_for_each_export() -> None:
    row = recording.table(REPORT).splitlines()[-1]
    assert row == "| orders (mongodb-atlas) | acme-orders | 12 h | 2 | 7 | – | 5 | 4 | yes |"


def test_terminal_shows_what_is_left_at_the_end_with_its_colours(tmp_path: Path) -> None:
    script = tmp_path / "environment.sh"
    script.write_text("WORD=bold\n")
    command = r"""printf '50%%\r\033[K\033[1;33m%s\033[0m %s\n\nend' $WORD "$(stty size <&2)" """
    rows = recording.run_in_terminal(command, script, tmp_path)
    assert [row.plain for row in rows] == ["bold 400 52", "", "end"]
    assert [str(rows[0].get_style_at_offset(Console(), at)) for at in (0, 5)] == ["bold yellow", "not bold default"]


def test_picture_of_commands_has_each_with_what_it_shows() -> None:
    picture = recording.draw_commands(
        {"logdock status": [Text("No failures.")], "logdock logs": [Text("a"), Text("b")]}
    )
    shown = re.sub(r"<style>.*?</style>|<[^>]*>|&#160;", " ", picture, flags=re.DOTALL).split()
    assert " ".join(shown) == "logdock $ logdock status No failures. $ logdock logs a b"


def test_commands_are_recorded_while_a_demo_is_kept_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, picture = tmp_path / "environment.sh", ROOT / "build" / "test-commands.svg"
    environment.touch()
    monkeypatch.setattr(recording, "ENVIRONMENT", environment)
    monkeypatch.setattr(recording, "COMMANDS_PICTURE", picture)
    monkeypatch.setattr(recording, "COMMANDS", ("echo 1",))
    picture.parent.mkdir(exist_ok=True)
    try:
        assert recording.main() == 0
        assert "echo" in picture.read_text()
    finally:
        picture.unlink(missing_ok=True)


def test_run_that_broke_a_promise_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording, "ENVIRONMENT", tmp_path / "none")
    report, picture = tmp_path / "report.json", tmp_path / "demo.svg"
    report.write_text(json.dumps({**REPORT, "broken": ["orders: lost a record"]}))
    monkeypatch.setattr(recording, "REPORT", report)
    monkeypatch.setattr(recording, "PICTURE", picture)
    assert recording.main() == 2
    assert "orders: lost a record" in capsys.readouterr().err
    assert not picture.exists()
