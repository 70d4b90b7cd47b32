"""`make demo ACCOUNTS=2`: exports in two workload accounts, archived in a third, and refusals between them."""

import json
import os
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

IN_BUCKETS = {"orders": "222233334444", "network": "444455556666"}
IN_LOG_GROUPS = {"ledger": "222233334444", "services": "444455556666"}
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
    assert exports.keys() == IN_BUCKETS.keys() | IN_LOG_GROUPS.keys()
    for name, account in (IN_BUCKETS | IN_LOG_GROUPS).items():
        export = exports[name]
        assert export["lost_records"] == export["duplicate_records"] == 0, name
        assert export["landed_records"] == export["archived_records"] == export["found_records"] > 0, name
        assert {"read the archive from there", "write into it from there"} <= {*export["refused"]}, name
        assert "nothing else of that account was archived or shipped" in export["allowed"], name
        refused, allowed, others = {*export["refused"]}, {*export["allowed"]}, {*IN_BUCKETS.values()} - {account}
        if name in IN_BUCKETS:
            assert {f"read the landing as {each}" for each in {ARCHIVE, *others}} <= refused, name
            assert "announce without the landing's role" in refused, name
            assert {
                "a rule of that account with another role announces nothing",
                "the landing's rule announces no object of another bucket, changed or not",
            } <= allowed, name
        else:
            assert {f"subscribe a log group as {each}" for each in others} <= refused, name
            assert {"write to the stream from there", "assume the destination's role from there"} <= refused, name
            assert {
                "another log group of that account is not archived as the export's",
                "nor as another account's",
            } <= allowed, name
