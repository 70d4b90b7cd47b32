"""Every template of every example against CloudFormation's own rules: cfn-lint, and the CDK's strict validation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, VARIANTS, Synthesized, synthesize

# W3005, an explicit DependsOn that is already implied: the CDK writes them for every dependency of a construct.
# W2001 and the like do not apply: the templates have no parameters but the bootstrap version.
CFN_LINT = str(Path(sys.executable).parent / "cfn-lint")
IGNORED = ("W3005",)


def test_cfn_lint_finds_nothing_in_any_template_of_any_example(tmp_path: Path) -> None:
    files = []
    for example, subscriptions in VARIANTS:
        for name, template in synthesize(example, subscriptions).templates.items():
            files.append(tmp_path / f"{example.stem}-{subscriptions}-{name}.json")
            files[-1].write_text(json.dumps(template))
    command = [CFN_LINT, "--ignore-checks", *IGNORED, "--template", *map(str, files)]
    result = subprocess.run([*command, "--regions", "eu-west-1"], capture_output=True, text=True, check=False)
    assert result.stdout + result.stderr == ""
    assert result.returncode == 0


def test_a_template_with_a_mistake_is_found(tmp_path: Path, everything: Synthesized) -> None:
    template = json.loads(json.dumps(everything.templates["acme-prod-orders"]))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::S3::Bucket":
            resource["Properties"]["VersioningConfiguration"] = {"Status": "On"}
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(template))
    command = [CFN_LINT, "--template", str(broken)]
    assert "E3030" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


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
