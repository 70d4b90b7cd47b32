"""A control is met by what the templates have: taken away, the report says so."""

import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

import cdk_nag
import pytest

from policy_proof.claim_file import load_book
from policy_proof.findings import Finding
from policy_proof.templates import Template
from security_report.controls import Assessed, assess, frameworks
from security_report.evidence import Evaluated, Findings, evaluated, sorted_out
from tests.security_report.deployments import NO_FINDINGS, Weaken, proof_of, resource


def assessed(
    control: str, weaken: Weaken | None = None, *, example: str = "everything", findings: Findings = NO_FINDINGS
) -> Assessed:
    """Measure one control, by properties, figures and findings alone."""
    proof = proof_of(example, weaken)
    evidence = evaluated([], proof.findings(), [])
    return next(
        each
        for _, controls in assess(proof.account, evidence, findings)
        for each in controls
        if each.control.id == control
    )


def listed_by_cdk_nag() -> Mapping[str, str]:
    """Return every rule of cdk-nag's packs, with the controls that its own documentation lists for it."""
    (package,) = (Path(cdk_nag.__file__).parent / "_jsii").glob("*.tgz")
    with tarfile.open(package) as archive:
        file = archive.extractfile("package/RULES.md")
        assert file is not None
        rows = [line.split("|") for line in file.read().decode().splitlines() if line.startswith("|")]
    return {re.sub(r"^\[(.*)\]\(.*\)$", r"\1", row[1].strip()): row[-2] for row in rows}


def test_every_control_names_claims_and_rules_that_there_are() -> None:
    claims, rules = {each.id for each in load_book().entries}, set(listed_by_cdk_nag())
    for framework in frameworks():
        for control in framework.controls:
            assert set(control.met_by) <= claims, control.id
            assert set(control.rules) <= rules, control.id
            assert control.met_by or control.figures, control.id


@pytest.mark.parametrize("name", ["HIPAA", "NIST"])
def test_the_rules_of_a_control_are_those_that_cdk_nag_lists_for_it(name: str) -> None:
    listed = listed_by_cdk_nag()
    (framework,) = [each for each in frameworks() if each.framework.startswith(name)]
    pairs = [(control.id, rule) for control in framework.controls for rule in control.rules]
    assert len(pairs) > 5
    assert [pair for pair in pairs if pair[0] not in re.split(r",\s*", listed[pair[1]].strip())] == []


def test_a_control_holds_by_what_every_resource_has() -> None:
    control = assessed("3.6")
    assert control.state == "holds"
    rotates, every_year, findings = (each.result for each in control.items)
    assert re.fullmatch(r"so: (\d+) of \1", rotates)
    assert (every_year, findings) == (rotates, "no finding")
    assert control.items[0].where == "AWS::KMS::Key Properties.EnableKeyRotation: true"


def test_one_key_that_does_not_rotate_fails_the_control() -> None:
    def stop(templates: dict[str, Template]) -> None:
        resource(templates, "acme-prod-orders", "AWS::KMS::Key")["Properties"]["EnableKeyRotation"] = False

    control = assessed("3.6", stop)
    assert control.state == "does not hold"
    fine, keys = map(int, re.findall(r"\d+", control.items[0].result))
    assert fine == keys - 1


@pytest.mark.parametrize(("days", "state"), [(364, "does not hold"), (365, "holds")])
def test_a_year_of_logs_is_a_year_in_every_bucket(days: int, state: str) -> None:
    def keep(templates: dict[str, Template]) -> None:
        bucket = resource(templates, "acme-prod-orders", "AWS::S3::Bucket")["Properties"]
        rule = next(each for each in bucket["LifecycleConfiguration"]["Rules"] if each.get("Id") == "Retention")
        rule["ExpirationInDays"] = days

    control = assessed("10.5.1", keep)
    assert control.state == state
    assert ("has 364" in control.items[0].result) == (state == "does not hold")


def test_a_cold_tier_fails_what_asks_for_logs_at_hand() -> None:
    def cool(templates: dict[str, Template]) -> None:
        bucket = resource(templates, "acme-prod-orders", "AWS::S3::Bucket")["Properties"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            for transition in rule.get("Transitions", []):
                transition["StorageClass"] = "DEEP_ARCHIVE"

    assert assessed("10.5.1", cool).state == "does not hold"


def test_six_years_do_not_hold_under_a_profile_of_four_hundred_days() -> None:
    control = assessed("164.316(b)(2)(i)")
    assert control.state == "does not hold"
    assert "has 400" in control.items[0].result


def test_rules_that_find_nothing_do_not_show_a_control_by_themselves() -> None:
    # The simulator was not asked, so the results of claims are missing.
    control = assessed("2.1.1")
    assert [each.state for each in control.items] == [None] * 4 + [True]
    assert control.state == "nothing of it here"


def test_an_unacknowledged_finding_fails_the_control() -> None:
    found = Finding(tool="cdk-nag", rule="AwsSolutions-KMS5", resource="core/Key1")
    control = assessed("3.6", findings=Findings(resources=1, acknowledged=(), others=(found,)))
    assert control.state == "does not hold"
    assert control.items[2].result == "finds core/Key1"


def test_a_control_says_which_of_its_findings_are_acknowledged() -> None:
    found = Finding(
        tool="cdk-nag", rule="HIPAA.Security-S3BucketReplicationEnabled", resource="acme-core/ArchiveBucket1"
    )
    findings = sorted_out({found}, 1)
    control = assessed("164.308(a)(7)(ii)(A)", findings=findings)
    assert control.state == "holds, with acknowledged findings"
    assert control.items[-1].result == f"acknowledged: {findings.acknowledged[0].entry.title}"


def test_what_was_not_evaluated_does_not_hold() -> None:
    evidence = evaluated([], [], [])
    assert evidence
    assert not any(isinstance(each, Evaluated) and each.holds for each in evidence.values())
