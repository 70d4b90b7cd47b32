"""The app of docs/constructs.md: it synthesizes, and the logical ids that the page calls public are in it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PUBLIC = {
    "Key9BCD29C7": "AWS::KMS::Key",
    "KeyAlias711EE8F4": "AWS::KMS::Alias",
    "LandingBucket6D60388F": "AWS::S3::Bucket",
    "LandingBucketPolicyA8222AB4": "AWS::S3::BucketPolicy",
    "LogGroup40808897": "AWS::Logs::LogGroup",
    "Role8C6B06EB": "AWS::IAM::Role",
}
"""Another logical id of a resource would replace it in every app that uses the constructs."""


@pytest.mark.proof
def test_example_app_synthesizes_with_stable_ids(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CDK_OUTDIR": str(tmp_path)}
    app = ROOT / "examples" / "constructs" / "app.py"
    subprocess.run([sys.executable, "-P", str(app)], cwd=tmp_path, env=environment, check=True)
    resources = json.loads((tmp_path / "VendorLogs.template.json").read_text())["Resources"]
    assert {name: each["Type"] for name, each in resources.items()} == PUBLIC


def test_page_names_constructs_that_exist() -> None:
    page = (ROOT / "docs" / "constructs.md").read_text(encoding="utf-8")
    assert "PYTHONPATH=. .venv/bin/python examples/constructs/app.py" in page
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, flags=re.MULTILINE)
    assert len(rows) == 4
    for construct, module in rows:
        source = (ROOT / "constructs_lib" / f"{module}.py").read_text(encoding="utf-8")
        assert f"class {construct}(Construct)" in source
        assert f"class {construct}Props" in source
