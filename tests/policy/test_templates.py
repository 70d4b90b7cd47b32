"""The CDK's strict validation of a real synth."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.proof
def test_strict_validation_of_the_real_synth_finds_nothing(tmp_path: Path) -> None:
    # Every other example is synthesized like this by its end-to-end test.
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | {
        "settings": str(ROOT / "examples" / "everything.yaml"),
        "shipper_layer": str(ROOT / "tests" / "stacks" / "layer"),
    }
    assert context["@aws-cdk/core:validateAgainstDefaultRules"] is True
    environment = {name: value for name, value in os.environ.items() if name != "CDK_VALIDATION"}
    result = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=ROOT,
        env=environment | {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(tmp_path / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr
    assert (tmp_path / "cdk.out" / "acme-prod-core.template.json").exists()
