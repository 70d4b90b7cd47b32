"""Deployments for the report's tests: an example's templates, as they are or weakened, and what is measured of them."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from logdock.settings import load_settings
from policy_proof.account import Account
from policy_proof.proof import Proof
from policy_proof.templates import Template
from security_report.controls import assess
from security_report.evidence import Findings, evaluated
from security_report.exceptions import exemptions
from security_report.matrix import matrix
from security_report.page import Report, stand_ins
from security_report.vendors import vendors
from tests.conftest import ROOT, synthesize

Weaken = Callable[[dict[str, Template]], object]
NO_FINDINGS = Findings(resources=0, acknowledged=(), others=())
DEPLOYS = ("arn:aws:iam::111122223333:role/cdk-hnb659fds-cfn-exec-role-111122223333-eu-west-1",)


def account_of(example: str, weaken: Weaken | None = None) -> Account:
    """Return an example's account, with its templates changed."""
    return proof_of(example, weaken).account


def proof_of(example: str, weaken: Weaken | None = None) -> Proof:
    """Return an example's proof, with its templates changed."""
    path = ROOT / "examples" / f"{example}.yaml"
    synthesized = synthesize(path)
    templates = copy.deepcopy(synthesized.templates)
    if weaken:
        weaken(templates)
    return Proof(load_settings(path), templates, synthesized.regions)


def report_of(example: str, weaken: Weaken | None = None, *, looked: bool = True) -> Report:
    """Return a report without what takes a simulator or a checker: properties alone are evaluated, or nothing."""
    proof = proof_of(example, weaken)
    evidence = evaluated([], proof.findings() if looked else [], [])
    return Report(
        settings=proof.settings,
        file=f"{example}.yaml",
        made=datetime(2026, 11, 21, tzinfo=UTC),
        templates={},
        stand_ins=stand_ins(proof.account),
        matrix=matrix(proof.account),
        evidence=evidence,
        findings=NO_FINDINGS,
        frameworks=assess(proof.account, evidence, NO_FINDINGS),
        exemptions=exemptions(proof.account, DEPLOYS),
        vendors=vendors(proof.settings, matrix(proof.account), evidence),
    )


def resource(templates: dict[str, Template], stack: str, resource_type: str) -> dict[str, Any]:
    """Return the first resource of a type in a stack."""
    found: dict[str, Any] = next(
        each for each in templates[stack]["Resources"].values() if each["Type"] == resource_type
    )
    return found


def trust(templates: dict[str, Template]) -> dict[str, Any]:
    """Return the statement by which Atlas assumes its role."""
    role = resource(templates, "acme-prod-orders", "AWS::IAM::Role")
    statement: dict[str, Any] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    return statement
