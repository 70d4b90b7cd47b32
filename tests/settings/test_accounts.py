"""Exports that land in another account: what they name, and what is refused."""

import pytest

from logdock.inventory import stacks_of
from logdock.settings.names import Names
from logdock.settings.remarks import remarks
from logdock.settings.shipper_document import configuration_document
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import FETCH, PUSH, destination, document, export

ACCOUNT = "444455556666"
BUCKET_KINDS = ("mongodb-atlas", "aptible", "s3-logs", "cloudflare")
LOG_GROUP_KINDS = ("cockroachdb", "aurora-mysql", "rds", "cloudwatch-logs")


def elsewhere(kind: str, **changes: object) -> dict[str, object]:
    more = {"decryption_keys_secret": "acme/keys"} if kind == "aptible" else {}
    return export(kind, **{"account": ACCOUNT, "ship_to": ["archive"], **more, **changes})


@pytest.mark.parametrize("kind", BUCKET_KINDS)
def test_landing_in_another_account_is_named_after_it(load: Load, kind: str) -> None:
    settings = load(document(elsewhere(kind, name="orders")))
    names = Names.of(settings)
    assert settings.exports[0].landing(settings).document["bucket"] == f"acme-prod-orders-{ACCOUNT}-eu-west-1"
    assert {stack.name: stack.other_account for stack in stacks_of(settings) if "rders" in stack.name} == {
        "acme-prod-Landing-orders": ACCOUNT,
        "acme-prod-orders": None,
    }
    assert names.rule_dimensions(settings.exports[0]) == {
        "EventBusName": "acme-prod-landings",
        "RuleName": "acme-prod-orders",
    }


GROUPS_ELSEWHERE: dict[str, dict[str, object]] = {
    "cockroachdb": {},
    "aurora-mysql": {"configure_cluster": False},
    "rds": {"configure_database": False},
    "cloudwatch-logs": {},
}


def groups_elsewhere(kind: str, **changes: object) -> dict[str, object]:
    return export(kind, **{"account": ACCOUNT, **GROUPS_ELSEWHERE[kind], **changes})


@pytest.mark.parametrize("kind", LOG_GROUP_KINDS)
def test_log_groups_of_another_account_are_subscribed_to_a_destination(load: Load, kind: str) -> None:
    settings = load(document(groups_elsewhere(kind, name="orders"), subscriptions="kinesis"))
    (one,) = settings.exports
    names = Names.of(settings)
    assert names.destination_arn("orders") == "arn:aws:logs:eu-west-1:111122223333:destination:acme-prod-orders"
    assert configuration_document(settings, one)["landing"]["account"] == ACCOUNT
    assert {stack.name: stack.other_account for stack in stacks_of(settings) if "rders" in stack.name} == {
        "acme-prod-Landing-orders": ACCOUNT,
        "acme-prod-orders": None,
    }
    # No bus is between them: the archive's objects are announced in the deployment's own account.
    assert (one.announcing_account, names.rule_dimensions(one)) == (None, {"RuleName": "acme-prod-orders"})


@pytest.mark.parametrize("kind", LOG_GROUP_KINDS)
def test_log_groups_of_another_account_require_kinesis(refusal: Refusal, kind: str) -> None:
    (line,) = refusal(document(groups_elsewhere(kind)))
    assert line.startswith(
        f"exports[0].account: got '{ACCOUNT}'; expected nothing without `subscriptions: kinesis` of the deployment"
    )


NO_GROUPS_ELSEWHERE: dict[str, tuple[str, dict[str, object], str]] = {
    "own account": ("cloudwatch-logs", {"account": "111122223333"}, "account: got '111122223333'; expected another"),
    "another Region": (
        "cockroachdb",
        {"regions": ["eu-west-1", "us-east-1"]},
        "regions[1]: got 'us-east-1'; expected the deployment's region alone, eu-west-1",
    ),
    "connect": (
        "cockroachdb",
        {"connect": {"secret": "acme/crdb"}, "cluster_account_id": None, "external_id": None},
        "connect: got a mapping; expected nothing with `account`",
    ),
    "adopted": ("cockroachdb", {"adopt_log_groups": True}, "adopt_log_groups: got true; expected false with `account`"),
    "adopted of a database": ("rds", {"log_groups": "adopt"}, "log_groups: got 'adopt'; expected create with"),
    "a configured cluster": (
        "aurora-mysql",
        {"configure_cluster": None},
        "configure_cluster: missing: false with `account`",
    ),
    "a configured database": (
        "rds",
        {"configure_database": True},
        "configure_database: got true; expected false with `account`",
    ),
    "prefixes": (
        "cloudwatch-logs",
        {"log_group_prefixes": ["/acme/services/"]},
        "log_group_prefixes: got ['/acme/services/']; expected nothing with `account`",
    ),
    "retention": ("cloudwatch-logs", {"retention_days": 30}, "retention_days: got 30; expected nothing with `account`"),
    "encryption": ("cloudwatch-logs", {"encrypt": True}, "encrypt: got true; expected false with `account`"),
    "counted lines": (
        "cockroachdb",
        {"alerts": {"failed_logins_per_hour": 5}},
        "alerts.failed_logins_per_hour: got 5; expected nothing with `account`",
    ),
}


@pytest.mark.parametrize("what", NO_GROUPS_ELSEWHERE)
def test_what_log_groups_of_another_account_cannot_have_is_refused(refusal: Refusal, what: str) -> None:
    kind, changes, expected = NO_GROUPS_ELSEWHERE[what]
    (line,) = refusal(document(groups_elsewhere(kind, **changes), subscriptions="kinesis"))
    assert line.startswith(f"exports[0].{expected}")


def test_counts_that_exports_of_other_accounts_do_not_have_are_named(load: Load) -> None:
    there = [groups_elsewhere(kind, name=kind) for kind in LOG_GROUP_KINDS]
    here = [export("cockroachdb", name="here", cluster_id="00000000-0000-4000-8000-000000000000", log_group="/here")]
    alerts = {"failed_logins_per_hour": 5, "schema_changes_per_hour": 5}
    settings = load(document(*there, *here, subscriptions="kinesis", alerts=alerts))
    expected = "does not count cockroachdb, aurora-mysql, rds: lines of log groups are counted in the deployment's own"
    assert list(remarks(settings)) == [f"alerts.{each} {expected} account only" for each in alerts]
    assert not list(remarks(load(document(*there, subscriptions="kinesis"))))
    assert not list(remarks(load(document(*here, alerts=alerts))))
    assert not list(remarks(load(document(elsewhere("mongodb-atlas"), alerts=alerts))))


def test_the_deployments_own_account_is_one_error(refusal: Refusal) -> None:
    (line,) = refusal(document(groups_elsewhere("cloudwatch-logs", account="111122223333")))
    assert "expected another account than the deployment's" in line


def test_accounts_may_have_log_groups_and_databases_of_the_same_name(load: Load, refusal: Refusal) -> None:
    pairs = [("cloudwatch-logs", {}), ("rds", {"configure_database": False})]
    for kind, changes in pairs:
        here, there = (export(kind, name=name, **changes) for name in ("one", "two"))
        assert load(document(here, {**there, "account": ACCOUNT}, subscriptions="kinesis"))
        assert refusal(document(here, there))
        assert refusal(document({**here, "account": ACCOUNT}, {**there, "account": ACCOUNT}, subscriptions="kinesis"))


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "own account": (
        {"account": "111122223333"},
        "account: got '111122223333'; expected another account than the deployment's",
    ),
    "not archived": (
        {"ship_to": ["logz"]},
        "ship_to: got ['logz']; expected a list with `archive`, because `account` is set",
    ),
    "not shipped": ({"ship_to": None}, "ship_to: missing: a list with `archive`, because `account` is set"),
    "access point": (
        {"mrap_arn": "arn:aws:s3::222233334444:accesspoint/abcdefghijklm.mrap"},
        "mrap_arn: got 'arn:aws:s3::222233334444:accesspoint/abcdefghijklm.mrap'; expected nothing with `account`",
    ),
    "connect": (
        {"connect": {"secret": "acme/atlas"}, "atlas_principal_arn": None, "external_id": None},
        "connect: got a mapping; expected nothing with `account`",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_another_account_cannot_have_is_refused(refusal: Refusal, what: str) -> None:
    changes, expected = REFUSED[what]
    (line,) = refusal(document(elsewhere("mongodb-atlas", **changes), destinations=[PUSH]))
    assert line.startswith(f"exports[0].{expected}: ")


def test_an_existing_bucket_of_another_account_is_refused(refusal: Refusal) -> None:
    (line,) = refusal(document(elsewhere("s3-logs", services=None, existing_bucket="acme-legacy")))
    assert line.startswith("exports[0].existing_bucket: got 'acme-legacy'; expected nothing with `account`")


OWN = "111122223333"
TRUSTED_AS_A_VENDOR: dict[str, tuple[str, str]] = {
    "mongodb-atlas": ("atlas_principal_arn", f"arn:aws:iam::{OWN}:root"),
    "cockroachdb": ("cluster_account_id", OWN),
    "aptible": ("replication_role_arn", f"arn:aws:iam::{OWN}:role/replication"),
    "cloudflare": ("principal_arn", f"arn:aws:iam::{OWN}:user/logpush"),
}


@pytest.mark.parametrize("kind", TRUSTED_AS_A_VENDOR)
def test_an_account_of_yours_is_no_vendors(refusal: Refusal, kind: str) -> None:
    setting, value = TRUSTED_AS_A_VENDOR[kind]
    (line,) = refusal(document(export(kind, **{setting: value})))
    assert line.startswith(f"exports[0].{setting}: got '{value}'; expected ")
    assert f"{OWN} is an account of yours" in line


def test_an_account_that_an_export_lands_in_is_no_vendors(refusal: Refusal) -> None:
    here = export("cockroachdb", cluster_account_id=ACCOUNT)
    (line,) = refusal(document(here, elsewhere("mongodb-atlas")))
    assert line.startswith(f"exports[0].cluster_account_id: got '{ACCOUNT}'; expected the AWS account that CockroachDB")


def test_a_fetching_reader_in_an_account_of_yours_is_refused(refusal: Refusal) -> None:
    (line,) = refusal(document(export("s3-logs"), destinations=[destination(FETCH, account_id=OWN)]))
    assert line.startswith(f"destinations[0].account_id: got '{OWN}'; expected the AWS account that Logz.io shows")
