"""Exports that land in another account: what they name, and what is refused."""

from __future__ import annotations

import pytest

from logdock.inventory import stacks_of
from logdock.settings.names import Names
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import PUSH, document, export

ACCOUNT = "222233334444"
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


@pytest.mark.parametrize("kind", LOG_GROUP_KINDS)
def test_log_groups_of_another_account_are_refused(refusal: Refusal, kind: str) -> None:
    (line,) = refusal(document(export(kind, account=ACCOUNT)))
    assert line.startswith(f"exports[0].account: expected nothing: log groups of {kind} are read in the deployment's")


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


@pytest.mark.parametrize("account", [222233334444, "2222", ""])
def test_an_account_that_is_none_is_refused(refusal: Refusal, account: object) -> None:
    (line,) = refusal(document(elsewhere("s3-logs", account=account)))
    assert line.startswith("exports[0].account: got ")
