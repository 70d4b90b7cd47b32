"""`make demo` as a user runs it: every kind of export, nothing lost, nothing let in that must stay out."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.end_to_end

KINDS = {
    "mongodb-atlas", "cockroachdb", "aurora-mysql", "aptible", "cloudflare", "s3-logs", "cloudwatch-logs", "logzio",
}  # fmt: skip

CONNECTED = {"mongodb-atlas", "cockroachdb", "aurora-mysql", "cloudflare", "logzio"}


def test_the_demo_keeps_every_promise_for_every_kind() -> None:
    report = ROOT / "build" / "demo-report.json"
    report.unlink(missing_ok=True)
    result = subprocess.run(
        [sys.executable, "-m", "local_cloud.demo", "--settings", "examples/everything.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Every promise held" in result.stdout

    exports = json.loads(report.read_text())["exports"]
    assert [export["name"] for export in exports if export["redriven"]] == ["orders"]
    picture = (ROOT / "build" / "dashboard.svg").read_text()
    for export in exports:
        assert export["kind"] == "logzio" or f">{export['name']}</text>" in picture
    assert {export["kind"] for export in exports} == KINDS
    assert {export["kind"] for export in exports if export["connected"]} == CONNECTED
    for export in exports:
        assert export["vendor_clean_after_destroy"] is (True if export["connected"] else None), export["name"]
        assert export["lost_records"] == 0, export["name"]
        assert len(export["refused"]) >= 8, export["name"]
        assert export["allowed"], export["name"]
        assert export["found_by_logdock"] is (None if export["kind"] == "logzio" else True), export["name"]
        counts = {export[f"{count}_records"] for count in ("landed", "shipped", "archived", "found")}
        assert counts == {export["landed_records"]}, export["name"]
        assert export["landed_records"] > 0, export["name"]


@pytest.mark.proof
def test_a_demo_that_is_kept_answers_logdock_until_it_is_stopped() -> None:
    make = ["make", "--no-print-directory"]
    subprocess.run([*make, "demo", "KEEP=1", "SETTINGS=examples/s3-logs.yaml"], cwd=ROOT, check=True, timeout=580)
    try:
        script = ". build/demo/environment.sh && logdock status --json --settings build/demo/logdock.yaml"
        ended = subprocess.run(
            ["/bin/sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=120
        )
        assert {each["export"] for each in json.loads(ended.stdout)["deliveries"]}
    finally:
        stopped = subprocess.run([*make, "local-stop"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert "Stopped." in stopped.stdout
    assert not (ROOT / "build" / "demo" / "environment.sh").exists()
