"""Writes the report: ``python -m security_report --settings FILE --out FILE``.

Everything is measured on each run: the templates are synthesized, the claims evaluated, the checkers run. Exit code 0:
all holds. 1: the page says what does not. 2: the settings cannot be used.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from app import build_app
from policy_proof.proof import Proof
from policy_proof.synthesis import cdk_context
from security_report.controls import assess
from security_report.data import as_csv, as_json
from security_report.evidence import evaluate, find
from security_report.exceptions import exemptions
from security_report.matrix import matrix
from security_report.page import Report, render, stand_ins
from security_report.vendors import vendors
from settings import SettingsError, load_settings

FAILED, UNUSABLE = 1, 2


def measure(path: Path, folder: Path) -> Report:
    """Synthesize a deployment and measure all that the report says of it.

    Parameters
    ----------
    path
        The settings file.
    folder
        An empty folder.
    """
    settings = load_settings(path)
    layer, checkers = folder / "layer", folder / "checkers"
    # What is in the wheels changes no policy.
    (layer / "python").mkdir(parents=True)
    checkers.mkdir()
    app = build_app(settings, shipper_layer=layer, context=cdk_context())
    stacks = app.synth().stacks
    templates = {stack.stack_name: stack.template for stack in stacks}
    proof = Proof(settings, templates, {stack.stack_name: stack.environment.region for stack in stacks})
    found = matrix(proof.account)
    evidence, findings = evaluate(proof), find(app, templates, settings.deployment, checkers)
    deploy_roles = {
        (stack.cloud_formation_execution_role_arn or "").replace("${AWS::Partition}", proof.cast.names.partition)
        for stack in stacks
    }
    return Report(
        settings=settings,
        file=path.name,
        made=datetime.now(UTC),
        templates=templates,
        stand_ins=stand_ins(proof.account),
        matrix=found,
        evidence=evidence,
        findings=findings,
        frameworks=assess(proof.account, evidence, findings),
        exemptions=exemptions(proof.account, sorted(deploy_roles)),
        vendors=vendors(settings, found, evidence),
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the page, and the files that were asked for."""
    parser = argparse.ArgumentParser(prog="security_report", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the page")
    parser.add_argument("--json", type=Path, help="everything that the page has, as JSON")
    parser.add_argument("--csv", type=Path, help="a row for each statement of each policy")
    asked = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = measure(asked.settings, Path(folder))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    for file, written in ((asked.out, render), (asked.json, as_json), (asked.csv, as_csv)):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(written(report), encoding="utf-8")
    for line in report.errors:
        print(line, file=sys.stderr)
    print(f"{asked.out}: {report.verdict}")
    return FAILED if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
