"""What the command ends with: the page, and an exit code that a pipeline can go by."""

from pathlib import Path

import pytest

from security_report import __main__ as command
from tests.security_report.deployments import Weaken, report_of, trust


def run(path: Path, monkeypatch: pytest.MonkeyPatch, weaken: Weaken | None = None) -> int:
    monkeypatch.setattr(command, "measure", lambda *_: report_of("mongodb-atlas", weaken))
    return command.main(["--settings", "logdock.yaml", "--out", str(path)])


def test_a_deployment_whose_claims_hold_ends_with_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "build" / "report.html"
    assert run(path, monkeypatch) == 0
    assert path.read_text().endswith("</html>")
    assert capsys.readouterr().out == f"{path}: everything that is claimed holds\n"


def test_what_does_not_hold_ends_with_one_is_named_and_the_page_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"
    assert run(path, monkeypatch, lambda templates: trust(templates).pop("Condition")) == 1
    assert path.exists()
    assert "acme-prod-orders" in capsys.readouterr().err


def test_settings_that_cannot_be_used_end_with_two_and_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, page = tmp_path / "logdock.yaml", tmp_path / "report.html"
    settings.write_text("deployment: acme-prod\n")
    assert command.main(["--settings", str(settings), "--out", str(page)]) == 2
    assert not page.exists()
    assert "account" in capsys.readouterr().err
