"""The scan for known vulnerabilities: what it found, and what it could not look at, are never taken for each other."""

import json
from subprocess import CompletedProcess

import pytest

from supply_chain import audit
from supply_chain.shipped import LOCK

NOWHERE = "http://127.0.0.1:9"


def answer(document: object, stderr: str = "") -> CompletedProcess[str]:
    return CompletedProcess([], 0, document if isinstance(document, str) else json.dumps(document), stderr)


@pytest.mark.proof
def test_without_a_network_it_says_what_was_not_checked_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setattr(audit, "LOCKS", {"wheels that ship": LOCK})

    assert audit.main() == 3

    wheels, commands, end = capsys.readouterr().out.splitlines()
    assert wheels.startswith("wheels that ship: NOT CHECKED: ")
    assert "Connection refused" in wheels
    assert commands.startswith("the CDK command line (npm): NOT CHECKED: ")
    assert "ECONNREFUSED" in commands
    assert end.startswith("Not everything was checked: this says nothing about the rest.")


def test_a_package_that_was_skipped_is_not_a_package_without_vulnerabilities(
    capsys: pytest.CaptureFixture[str],
) -> None:
    skipped = {"name": "orjson", "version": "3.13.0", "skip_reason": "Dependency not found on PyPI"}
    clean = {"name": "isal", "version": "1.9.1", "vulns": []}

    found = audit.read_pip_audit("wheels", answer({"dependencies": [skipped, clean]}, "No known vulnerabilities found"))

    assert (found.checked, found.known, found.unchecked) == (1, (), ("Dependency not found on PyPI",))
    assert audit.report([found]) == 3
    assert "wheels: NOT CHECKED: Dependency not found on PyPI" in capsys.readouterr().out


def test_an_answer_about_no_package_is_no_verdict() -> None:
    empty = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 0}}}
    found = [audit.read_pip_audit("wheels", answer({"dependencies": []})), audit.read_npm_audit(answer(empty))]
    assert [bool(each.unchecked) for each in found] == [True, True]
    assert audit.report(found) == audit.UNCHECKED


def test_a_known_vulnerability_is_named_with_its_remedy_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    bad = {"name": "orjson", "version": "3.13.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.13.1"]}]}
    unchecked = audit.Audit(what="other", checked=0, known=(), unchecked=("no network",))

    assert audit.report([audit.read_pip_audit("wheels", answer({"dependencies": [bad]})), unchecked]) == 1
    assert "  orjson 3.13.0: PYSEC-1, fixed in 3.13.1" in capsys.readouterr().out


def test_npms_findings_are_named() -> None:
    via = [{"url": "https://github.com/advisories/GHSA-1"}, "another-package"]
    report = {
        "vulnerabilities": {"aws-cdk": {"range": "<2", "severity": "high", "via": via}},
        "metadata": {"dependencies": {"total": 2}},
    }
    found = audit.read_npm_audit(answer(report))
    assert (found.checked, found.unchecked) == (2, ())
    assert found.known == ("aws-cdk <2: high, https://github.com/advisories/GHSA-1",)


@pytest.mark.parametrize("stdout", ["", "{}", '{"message": "405 Method Not Allowed"}'])
def test_an_answer_of_npm_without_a_report_is_no_clean_bill(stdout: str) -> None:
    found = audit.read_npm_audit(answer(stdout, "npm error code EAUDIT"))
    assert found.checked == 0
    assert found.unchecked != ()


def test_everything_checked_and_nothing_known_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.report([audit.Audit(what="wheels", checked=7, known=(), unchecked=())]) == 0
    assert capsys.readouterr().out == "wheels: 7 checked, 0 known vulnerabilities\n"


def test_every_lock_is_audited() -> None:
    assert {path.name for path in audit.LOCKS.values()} == {
        "requirements.txt",
        "requirements.lock",
        "requirements-docs.lock",
        "requirements-setup.lock",
        "requirements-tools.lock",
    }
    assert all(path.exists() for path in audit.LOCKS.values())
