"""What the app says when it cannot build anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYER = ROOT / "tests" / "stacks" / "layer"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (
            {"settings": "logdock.yaml", "shipper_layer": str(LAYER)},
            "logdock.yaml: no such file; copy one of examples/",
        ),
        ({"settings": "logdock.yaml", "shipper_layer": "nowhere"}, "nowhere: the shipper's wheels are not there; run"),
    ],
)
def test_says_what_is_missing_and_ends_with_2(context: dict[str, str], message: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=tmp_path,
        env=os.environ | {"CDK_CONTEXT_JSON": json.dumps(context)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
