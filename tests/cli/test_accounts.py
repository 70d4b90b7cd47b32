"""Exports that land in another account: what commands do there with a profile of it, and say without one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import boto3
import pytest

from logdock.cli.account import Account, LandingAccount
from logdock.cli.validate.checks import Verdict
from logdock.cli.validate.exports import check_export
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.aws_in_memory import Stacks
from tests.cli.conftest import Type
from tests.conftest import ROOT

FILE = ROOT / "examples" / "log-archive-account.yaml"
REGION: Literal["eu-west-1"] = "eu-west-1"
WORKLOAD, UNRELATED = "222233334444", "999988887777"
MISSING = f"lands in the account {WORKLOAD}: name a profile of it with --landing-profile"
WITH_PROFILE = ("--settings", str(FILE), "--landing-profile", WORKLOAD)


@pytest.fixture(autouse=True)
def profiles(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles of the workload account and of an unrelated one; moto has one account, so STS answers with theirs."""
    keys = "aws_access_key_id = testing\naws_secret_access_key = testing\n"
    file = tmp_path / "aws-config"
    file.write_text(f"[profile {WORKLOAD}]\n{keys}[profile {UNRELATED}]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    admit = LandingAccount._admit
    monkeypatch.setattr(LandingAccount, "_admit", lambda self, _, arn: admit(self, self._session.profile, arn))


def test_next_steps_of_another_account_are_in_its_stack(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {WORKLOAD: {"acme-prod-Landing-orders": {"NextSteps": "curl atlas"}}}
    formation = lambda account, _region: Stacks(outputs[account.names.account])  # noqa: E731
    monkeypatch.setattr("logdock.cli.account.Account.cloudformation_in", formation)
    assert "curl atlas\n" in logdock("next-steps", "orders", *WITH_PROFILE).out


def test_next_steps_without_a_profile_names_the_account(logdock: Type) -> None:
    found = logdock("next-steps", "orders", "--settings", str(FILE))
    assert (found.code, found.err.strip()) == (2, f"Error: orders {MISSING}")
    others = logdock("next-steps", "--settings", str(FILE))
    assert (others.code, f"orders {MISSING}" in others.err) == (0, True)


def test_backfill_lists_the_landing_of_another_account(logdock: Type) -> None:
    settings = load_settings(FILE)
    names, export = Names.of(settings), settings.exports[0]
    for destination in export.ship_to:
        boto3.client("sqs", region_name=REGION).create_queue(QueueName=names.queue(destination))
    bucket = str(export.landing(settings).document["bucket"])
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="atlas/orders/Cluster0/host/mongodb/x.log", Body=b"line\n")

    asked = ("backfill", "--export", "orders", "--since", "1d", "--dry-run")
    assert "1 object " in logdock(*asked, *WITH_PROFILE).out
    without = logdock(*asked, "--settings", str(FILE))
    assert without.code == 2
    assert f"orders {MISSING}" in without.err


def test_a_profile_of_an_account_without_landings_is_refused(logdock: Type) -> None:
    found = logdock("next-steps", "orders", "--settings", str(FILE), "--landing-profile", UNRELATED)
    assert found.code == 2
    assert f"credentials are of the account {UNRELATED}" in found.err
    assert "land in: 222233334444, 444455556666" in found.err


def test_the_landing_of_another_account_is_not_searched(logdock: Type) -> None:
    found = logdock("logs", "--export", "orders", "--from", "landing", "--settings", str(FILE))
    assert found.code == 2
    assert "orders lands in the account 222233334444, and the archive has its lines" in found.err


def test_validate_without_a_profile_does_not_check_the_landing() -> None:
    settings = load_settings(FILE)
    checks = {each.what: each for each in check_export(Account(settings, None, None, FILE), settings.exports[0]).all}
    assert (checks["landing"].verdict, checks["landing"].reason) == (Verdict.NOT_CHECKED, f"it {MISSING}")
    assert checks["rule acme-prod-orders of the account 111122223333"].reason == "it is not there"
