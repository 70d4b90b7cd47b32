"""The recording has what the report of the demo has, and nothing is written of a run that broke a promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local_cloud import recording

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


def test_run_that_broke_a_promise_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report, picture = tmp_path / "report.json", tmp_path / "demo.svg"
    report.write_text(json.dumps({**REPORT, "broken": ["orders: lost a record"]}))
    monkeypatch.setattr(recording, "REPORT", report)
    monkeypatch.setattr(recording, "PICTURE", picture)
    assert recording.main() == 2
    assert "orders: lost a record" in capsys.readouterr().err
    assert not picture.exists()
