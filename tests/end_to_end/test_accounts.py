"""`make demo ACCOUNTS=2`: exports in two workload accounts, archived in a third, and refusals between them."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNTS = {"orders": "222233334444", "network": "444455556666"}
ARCHIVE = "111122223333"


def test_two_accounts_are_archived_in_a_third_and_reach_nothing_of_each_other() -> None:
    report = ROOT / "build" / "demo-report.json"
    report.unlink(missing_ok=True)
    result = subprocess.run(
        ["make", "demo", "ACCOUNTS=2"],  # noqa: S607
        cwd=ROOT,
        env={**os.environ, "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Every promise held" in result.stdout

    exports = {export["name"]: export for export in json.loads(report.read_text())["exports"]}
    assert exports.keys() == ACCOUNTS.keys()
    for name, export in exports.items():
        assert export["lost_records"] == export["duplicate_records"] == 0, name
        assert export["landed_records"] == export["archived_records"] == export["found_records"] > 0, name
        refused = set(export["refused"])
        others = {ARCHIVE, *ACCOUNTS.values()} - {ACCOUNTS[name]}
        assert {f"read the landing as {account}" for account in others} <= refused, name
        assert {"read the archive from there", "announce without the landing's role"} <= refused, name
        assert {
            "a rule of that account with another role announces nothing",
            "the landing's rule announces no object of another bucket, changed or not",
            "nothing of another bucket was archived or shipped",
        } <= {*export["allowed"]}, name
