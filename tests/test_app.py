"""What the app says when it cannot build anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.settings.documents import document, export

LAYER = ROOT / "tests" / "stacks" / "layer"


def run(context: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK command line does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=folder,
        env=os.environ | {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(folder / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (
            {"settings": "logdock.yaml", "shipper_layer": str(LAYER)},
            "logdock.yaml: no such file; copy one of examples/",
        ),
        pytest.param(
            {"settings": "logdock.yaml", "shipper_layer": "nowhere"},
            "nowhere: the shipper's wheels are not there; run",
            marks=pytest.mark.proof,
        ),
    ],
)
def test_says_what_is_missing_and_ends_with_2(context: dict[str, str], message: str, tmp_path: Path) -> None:
    result = run(context, tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.proof
def test_says_that_a_deployment_is_larger_than_aws_allows_and_ends_with_2(tmp_path: Path) -> None:
    too_long = export("cloudwatch-logs", exclude=[f"{number}{'é' * 400}" for number in range(6)])
    (tmp_path / "logdock.yaml").write_text(yaml.safe_dump(document(too_long)), encoding="utf-8")
    result = run({"shipper_layer": str(LAYER)}, tmp_path)
    assert result.returncode == 2
    assert "/logdock/acme-prod/exports/apps: parameter of an export: 4" in result.stderr
    assert "Traceback" not in result.stderr
