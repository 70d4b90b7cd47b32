"""Exports that land in another account: what commands do there with a profile of it, and say without one."""

import base64
import gzip
import json
import time
from pathlib import Path
from typing import Any, Literal

import boto3
import pytest

from logdock.cli.account import Account, LandingAccount
from logdock.cli.archiver import Answer
from logdock.cli.validate.checks import Check, Checks, Verdict
from logdock.cli.validate.exports import check_export
from logdock.cli.validate.log_groups import check_log_groups
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


def destination(account: str = WORKLOAD, role: str = "acme-prod-ledger_destination") -> None:
    """Put the destination of `ledger`, as its stack does."""
    logs, arn = boto3.client("logs", region_name=REGION), "arn:aws:iam::111122223333:role"
    stream = f"arn:aws:kinesis:{REGION}:111122223333:stream/acme-prod-shipper-subscriptions"
    logs.put_destination(destinationName="acme-prod-ledger", targetArn=stream, roleArn=f"{arn}/{role}")
    admitted = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "logs:PutSubscriptionFilter"}
    logs.put_destination_policy(destinationName="acme-prod-ledger", accessPolicy=json.dumps({"Statement": [admitted]}))


def check_of(what: str) -> Check:
    settings = load_settings(FILE)
    (ledger,) = [each for each in settings.exports if each.name == "ledger"]
    (found,) = [each for each in check_export(Account(settings, None, None, FILE), ledger).all if each.what == what]
    return found


def test_validate_looks_at_the_destination_of_log_groups_without_a_profile() -> None:
    what = "destination acme-prod-ledger"
    assert check_of(what).reason == "it is not there: no log group can be subscribed to it"
    destination()
    assert check_of(what).verdict is Verdict.FINE
    destination(account=f"arn:aws:iam::{UNRELATED}:root")
    expected = f"its policy lets {UNRELATED} subscribe log groups, and the settings say {WORKLOAD}"
    assert (check_of(what).verdict, check_of(what).reason) == (Verdict.WRONG, expected)
    destination(role="another")
    assert check_of(what).reason == (
        "it writes as arn:aws:iam::111122223333:role/another, not as "
        "arn:aws:iam::111122223333:role/acme-prod-ledger_destination"
    )


def test_validate_asks_the_landings_account_for_its_log_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(FILE)
    (ledger,) = [each for each in settings.exports if each.name == "ledger"]
    logs = boto3.client("logs", region_name=REGION)
    logs.create_log_group(logGroupName="/acme/cockroach/ledger")
    there = Account(settings, None, None, FILE, landing_profiles=[WORKLOAD]).require_landing_of(ledger)

    def subscription() -> Check:
        checks = Checks("ledger", "")
        check_log_groups(there, checks, ledger)
        (found,) = [each for each in checks.all if each.what.startswith("subscription of")]
        return found

    assert subscription().reason == "the archiver is not subscribed: nothing of it is archived"
    assert subscription().fix.startswith("npx cdk deploy acme-prod-Landing-ledger --revert-drift")
    to = {"destinationArn": f"arn:aws:logs:{REGION}:111122223333:destination:acme-prod-ledger"}
    monkeypatch.setattr("logdock.cli.validate.log_groups.subscription_of", lambda *_: to)
    assert subscription().verdict is Verdict.FINE


def test_backfill_reads_the_log_groups_of_another_account_in_its_name(
    logdock: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archiver takes of an export what its own account has, also when `backfill` hands it over."""
    logs = boto3.client("logs", region_name=REGION)
    logs.create_log_group(logGroupName="/acme/cockroach/ledger")
    logs.create_log_stream(logGroupName="/acme/cockroach/ledger", logStreamName="s")
    event: Any = {"timestamp": int(time.time() * 1000) - 60_000, "message": "line"}
    logs.put_log_events(logGroupName="/acme/cockroach/ledger", logStreamName="s", logEvents=[event])
    subscribed = {"creationTime": int(time.time() * 1000)}
    monkeypatch.setattr("logdock.cli.backfill.log_groups.subscription_of", lambda *_: subscribed)
    sent: list[dict[str, object]] = []

    def invoke(_account: Account, _region: str, text: str) -> Answer:
        (record,) = json.loads(text)["Records"]
        sent.append(json.loads(gzip.decompress(base64.b64decode(record["kinesis"]["data"]))))
        return Answer(error=None, took_any=True)

    monkeypatch.setattr("logdock.cli.archiver.invoke", invoke)
    asked = ("backfill", "--export", "ledger", "--destination", "archive", "--since", "1d")
    without = logdock(*asked, "--settings", str(FILE))
    assert (without.code, f"ledger {MISSING}" in without.err) == (2, True)
    assert logdock(*asked, *WITH_PROFILE).code == 0
    assert [each["owner"] for each in sent] == [WORKLOAD]
