"""Writes the report: ``python -m security_report --settings FILE --out FILE``.

Everything is measured on each run: the templates are synthesized, the claims evaluated, the checkers run. Exit code 0:
all holds. 1: the page says what does not. 2: the settings cannot be used.

With ``--diff OLD NEW`` it compares the access of two settings files, or of two reports written with ``--json``. Exit
code 0: no access is added or changed. 1: some is. 2: a file cannot be used.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aws_cdk import App
from aws_cdk.cx_api import CloudFormationStackArtifact

from app import build_app
from logdock.settings import Deployment, SettingsError, load_settings
from policy_proof.proof import Proof
from policy_proof.synthesis import cdk_context
from security_report.controls import assess
from security_report.data import access_json, as_csv, as_json
from security_report.diff import as_document, as_text, compare
from security_report.evidence import evaluate, find
from security_report.exceptions import exemptions
from security_report.matrix import matrix
from security_report.page import Report, render, stand_ins
from security_report.vendors import vendors

FAILED, UNUSABLE = 1, 2


def measure(path: Path, folder: Path) -> Report:
    """Synthesize a deployment and measure all that the report says of it.

    Parameters
    ----------
    folder
        An empty folder.
    """
    settings = load_settings(path)
    app, stacks, proof = _synthesized(settings, folder)
    templates = {stack.stack_name: stack.template for stack in stacks}
    checkers = folder / "checkers"
    checkers.mkdir()
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


def access(path: Path, folder: Path) -> dict[str, Any]:
    """Return what `compare` needs of a settings file: no claim is evaluated, and no checker is run."""
    settings = load_settings(path)
    _, _, proof = _synthesized(settings, folder)
    written = access_json(settings, path.name, matrix(proof.account), stand_ins(proof.account))
    document: dict[str, Any] = json.loads(written)
    return document


def _synthesized(settings: Deployment, folder: Path) -> tuple[App, Sequence[CloudFormationStackArtifact], Proof]:
    layer = folder / "layer"
    # What is in the wheels changes no policy.
    (layer / "python").mkdir(parents=True)
    app = build_app(settings, shipper_layer=layer, context=cdk_context())
    stacks = app.synth().stacks
    templates = {stack.stack_name: stack.template for stack in stacks}
    proof = Proof(settings, templates, {stack.stack_name: stack.environment.region for stack in stacks})
    return app, stacks, proof


def _read(path: Path) -> dict[str, Any]:
    """Return the access of a report that was written with ``--json``, or of a settings file.

    Raises
    ------
    SettingsError
        When it is neither.
    """
    if path.suffix == ".json":
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            document = None
        if isinstance(document, dict) and {"deployment", "settings", "roles", "resources"} <= document.keys():
            return document
    with tempfile.TemporaryDirectory() as folder:
        return access(path, Path(folder))


def _diff(old: Path, new: Path, to: Path | None) -> int:
    try:
        before, after = _read(old), _read(new)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    differences = compare(before, after)
    if to:
        to.parent.mkdir(parents=True, exist_ok=True)
        document = as_document(before, after, differences)
        to.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(as_text(before, after, differences), end="")
    return FAILED if any(each.change != "removed" for each in differences) else 0


def main(arguments: list[str] | None = None) -> int:
    """Write the page, and the files that were asked for."""
    parser = argparse.ArgumentParser(prog="security_report", description=__doc__)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--json", type=Path, help="everything that the page has, or every difference, as JSON")
    parser.add_argument("--csv", type=Path, help="a row for each statement of each policy")
    parser.add_argument("--diff", type=Path, nargs=2, metavar=("OLD", "NEW"), help="compare the access of two files")
    asked = parser.parse_args(arguments)
    if asked.diff:
        return _diff(asked.diff[0], asked.diff[1], asked.json)
    if not asked.settings or not asked.out:
        parser.error("expected --settings and --out, or --diff")
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
