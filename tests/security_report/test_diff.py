"""What access two reports differ in: what is added, removed and changed, and the exit code."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from security_report import __main__ as command
from security_report.data import access_json
from security_report.diff import Difference, compare
from security_report.matrix import matrix
from security_report.page import stand_ins
from tests.conftest import ROOT
from tests.security_report.deployments import proof_of

Document = dict[str, Any]
ATLAS = "arn:aws:iam::772401394250:root"
BUCKET = "arn:aws:s3:::acme-landing"
WRITES = "Vendor's role `acme-orders`: what is allowed (Write)"


def statement(sid: str = "", effect: str = "Allow", **elements: list[str]) -> Document:
    empty: dict[str, list[str]] = {"who": [], "actions": [], "resources": [], "conditions": []}
    return {"effect": effect, "sid": sid, **empty, **elements}


def report() -> Document:
    """Return a report of a vendor's role that writes to a bucket."""
    trust = statement(who=[ATLAS], actions=["sts:AssumeRole"])
    writes = statement("Write", actions=["s3:PutObject"], resources=[f"{BUCKET}/*"])
    role = {"name": "acme-orders", "stack": "acme-orders", "kind": "vendor", "session_seconds": 3600}
    role |= {"trusts": [{"statement": trust, "external_ids": ["one"]}], "statements": [writes]}
    denies = statement("Tls", "Deny", who=["*"], actions=["s3:*"], resources=[BUCKET], conditions=["Bool tls: false"])
    bucket = {"kind": "bucket", "name": "acme-landing", "stack": "acme-orders", "statements": [denies]}
    return {"deployment": "acme", "settings": "logdock.yaml", "roles": [role], "resources": [bucket]}


def role_of(document: Document) -> Document:
    role: Document = document["roles"][0]
    return role


def differences(change: Callable[[Document], object]) -> list[Difference]:
    new = copy.deepcopy(report())
    change(new)
    return compare(report(), new)


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (
            lambda new: role_of(new)["statements"][0]["actions"].append("s3:GetObject"),
            "added",
            "Vendor's role `acme-orders`: what is allowed (Write) changes. Actions added: `s3:GetObject`.",
        ),
        (
            lambda new: role_of(new)["statements"].append(statement(actions=["s3:GetObject"], resources=["*"])),
            "added",
            "Vendor's role `acme-orders`: it may now `s3:GetObject` on `*`.",
        ),
        (
            lambda new: role_of(new)["statements"].clear(),
            "removed",
            f"Vendor's role `acme-orders`: it may no longer `s3:PutObject` on `{BUCKET}/*`.",
        ),
        (
            lambda new: role_of(new)["statements"][0].update(resources=["all but a"]),
            "changed",
            f"{WRITES} changes. Resources added: `all but a`. Resources removed: `{BUCKET}/*`.",
        ),
        (
            lambda new: role_of(new)["trusts"][0].update(external_ids=[]),
            "changed",
            "Vendor's role `acme-orders`: who may assume it (sts:AssumeRole) changes. External ids removed: `one`.",
        ),
        (
            lambda new: role_of(new)["trusts"][0]["statement"]["who"].append("*"),
            "added",
            "Vendor's role `acme-orders`: who may assume it (sts:AssumeRole) changes. Principals added: `*`.",
        ),
        (
            lambda new: role_of(new).update(session_seconds=43_200),
            "added",
            "Vendor's role `acme-orders`: a session lasts up to 12 h instead of 1 h.",
        ),
        (
            lambda new: new["resources"][0]["statements"].clear(),
            "added",
            f"Bucket `acme-landing`: `*` is no longer denied `s3:*` on `{BUCKET}`, if Bool tls: false.",
        ),
        (
            lambda new: new["resources"][0]["statements"][0]["conditions"].append("Bool mfa: false"),
            "changed",
            "Bucket `acme-landing`: what is denied (Tls) changes. Conditions added: `Bool mfa: false`.",
        ),
        (
            lambda new: new["resources"].clear(),
            "removed",
            "Bucket `acme-landing` leaves the deployment, with what its policies allow.",
        ),
        (
            lambda new: new["roles"].clear(),
            "removed",
            "Vendor's role `acme-orders` leaves the deployment, with what its policies allow.",
        ),
        (
            lambda new: new["resources"].append({**new["resources"][0], "name": "acme-other"}),
            "added",
            "Bucket `acme-other` is new; its policies allow nothing.",
        ),
    ],
)
def test_difference_is_one_sentence(change: Callable[[Document], object], kind: str, sentence: str) -> None:
    assert [(each.change, each.sentence) for each in differences(change)] == [(kind, sentence)]


def test_new_role_is_described_whole() -> None:
    def add(new: Document) -> None:
        new["roles"].insert(0, {**role_of(new), "name": "acme-new", "kind": "function"})
        new["roles"].append({**role_of(report()), "name": "acme-other"})

    found = differences(add)
    assert [(each.change, each.of, each.name) for each in found] == [
        *[("added", "vendor's role", "acme-other")] * 2, *[("added", "role", "acme-new")] * 2
    ]  # fmt: skip
    assert found[0].sentence == f"Vendor's role `acme-other`: `{ATLAS}` may now assume it, with the external id `one`."


def test_order_of_statements_without_a_name_is_no_difference() -> None:
    both = [statement(actions=["s3:Get*"], resources=[name]) for name in ("a", "b")]
    old, new = report(), report()
    role_of(old)["statements"], role_of(new)["statements"] = both, [*both[::-1]]
    assert compare(old, new) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _: None, 0),
        (lambda new: role_of(new)["statements"].clear(), 0),
        (lambda new: role_of(new)["statements"].append(statement(actions=["s3:GetObject"])), 1),
        (lambda new: role_of(new)["trusts"][0].update(external_ids=["two"]), 1),
    ],
)
def test_two_reports_are_compared_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Document], object], code: int
) -> None:
    new = report()
    change(new)
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    for file, document in zip(files, (report(), new), strict=True):
        file.write_text(json.dumps(document))
    written = tmp_path / "build" / "diff.json"
    assert command.main(["--diff", *map(str, files), "--json", str(written)]) == code
    found = compare(report(), new)
    printed = capsys.readouterr().out
    assert printed.startswith("Access of acme: logdock.yaml → logdock.yaml\n")
    assert [line[2:] for line in printed.splitlines() if line.startswith("* ")] == [each.sentence for each in found]
    assert ("No role" in printed) == (not found)
    document = json.loads(written.read_text())
    assert [each["sentence"] for each in document["differences"]] == [each.sentence for each in found]


def test_file_that_is_neither_report_nor_settings_ends_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text(json.dumps(report()))
    (tmp_path / "new.json").write_text("{}")
    assert command.main(["--diff", str(tmp_path / "old.json"), str(tmp_path / "new.json")]) == 2
    assert "new.json" in capsys.readouterr().err


def test_weakened_template_shows_as_access_that_is_added() -> None:
    def documents(weaken: Callable[[Any], object] | None) -> Document:
        proof = proof_of("mongodb-atlas", weaken)
        written = access_json(proof.settings, "a.yaml", matrix(proof.account), stand_ins(proof.account))
        document: Document = json.loads(written)
        return document

    def open_bucket(templates: dict[str, Any]) -> None:
        for each in templates["acme-prod-orders"]["Resources"].values():
            if each["Type"] == "AWS::S3::BucketPolicy":
                each["Properties"]["PolicyDocument"]["Statement"].append(
                    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
                )

    (found,) = compare(documents(None), documents(open_bucket))
    assert (found.change, found.of) == ("added", "bucket")
    assert found.sentence.endswith(": `*` may now `s3:GetObject` on `*`.")


@pytest.mark.proof
def test_two_settings_files_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = ROOT / "examples" / "mongodb-atlas.yaml"
    new = tmp_path / "new.yaml"
    new.write_text(old.read_text().replace("772401394250", "222233334444"))
    assert command.main(["--diff", str(old), str(new)]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("* ")]
    assert "Principals added: `arn:aws:iam::222233334444:root`. Principals removed: `arn:aws:iam::7724" in line
