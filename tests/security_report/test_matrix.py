"""The matrix has every statement of every policy, and marks a role that is open to a vendor's other customers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logdock.settings import load_settings
from policy_proof.account import Account
from policy_proof.templates import Template
from security_report.matrix import Statement, UnreadPolicyError, matrix, statements
from tests.conftest import VARIANTS, synthesize
from tests.security_report.deployments import account_of, resource, trust


def written(value: Any) -> Iterator[dict[str, Any]]:
    """Yield everything in a template that is a statement, or a permission of a function, which is one."""
    if isinstance(value, dict):
        if "Effect" in value or value.get("Type") == "AWS::Lambda::Permission":
            yield value
        for name, each in value.items():
            # CloudFormation takes a destination's policy as a string.
            yield from written(json.loads(each) if name == "DestinationPolicy" else each)
    if isinstance(value, list):
        for each in value:
            yield from written(each)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "-".join(filter(None, (variant[0].stem, variant[1]))))
def test_every_statement_of_every_template_is_in_the_matrix(variant: tuple[Path, str | None]) -> None:
    synthesized = synthesize(*variant)
    account = Account(load_settings(variant[0]), synthesized.templates, synthesized.regions)
    assert len(list(statements(matrix(account)))) == len(list(written(synthesized.templates)))


def test_a_vendors_role_is_shown_with_its_principal_external_id_session_and_statements() -> None:
    (role,) = [each for each in matrix(account_of("mongodb-atlas")).roles if each.name == "acme-prod-orders"]
    (trusted,) = role.trusts
    bucket = "arn:aws:s3:::acme-prod-orders-111122223333-eu-west-1"
    assert (role.kind, role.session_seconds) == ("vendor", 43200)
    assert trusted.statement.who == ("arn:aws:iam::772401394250:root",)
    assert trusted.external_ids == ("9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64",)
    assert not trusted.is_open
    assert role.statements[:2] == (
        Statement(
            effect="Allow",
            who=(),
            actions=("s3:PutObject",),
            resources=(f"{bucket}/atlas/orders/*",),
            conditions=(),
            sid="WriteLogs",
        ),
        Statement(
            effect="Allow",
            who=(),
            actions=("s3:GetBucketLocation",),
            resources=(bucket,),
            conditions=(),
            sid="FindBucket",
        ),
    )
    assert role.statements[2].conditions == ("StringEquals kms:ViaService: s3.eu-west-1.amazonaws.com",)


def test_a_role_that_no_template_gives_a_session_has_an_hour() -> None:
    (role,) = [each for each in matrix(account_of("everything")).roles if each.name == "acme-prod-archiver"]
    assert (role.kind, role.session_seconds) == ("function", 3600)


def test_a_role_names_the_resources_whose_policies_name_it() -> None:
    (role,) = [each for each in matrix(account_of("everything")).roles if each.name == "acme-prod-ship-logz-reader"]
    assert role.named_by == ("key alias/acme-prod-trail", "bucket acme-prod-trail-111122223333-eu-west-1")


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringLike": {"sts:ExternalId": "*"}},
        {"StringEqualsIfExists": {"sts:ExternalId": "x"}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
    ],
)
def test_a_vendors_role_without_an_external_id_that_is_compared_whole_is_open(condition: dict[str, Any]) -> None:
    (role,) = [
        each
        for each in matrix(account_of("mongodb-atlas", lambda found: trust(found).update(Condition=condition))).roles
        if each.name == "acme-prod-orders"
    ]
    assert [each.is_open for each in role.trusts] == [True]


def test_a_role_that_trusts_everybody_is_a_vendors() -> None:
    account = account_of("mongodb-atlas", lambda found: trust(found).update(Principal="*", Condition={}))
    (role,) = [each for each in matrix(account).roles if each.name == "acme-prod-orders"]
    assert (role.kind, role.trusts[0].is_open) == ("vendor", True)


def test_what_a_statement_excludes_is_not_shown_as_what_it_names() -> None:
    def turn(templates: dict[str, Template]) -> None:
        policy = resource(templates, "acme-prod-orders", "AWS::IAM::Role")["Properties"]["Policies"][0]
        statement = policy["PolicyDocument"]["Statement"][0]
        statement["NotAction"] = [statement.pop("Action")]

    (role,) = [each for each in matrix(account_of("mongodb-atlas", turn)).roles if each.name == "acme-prod-orders"]
    assert role.statements[0].actions == ("all but s3:PutObject",)


def test_a_type_of_policy_that_is_not_read_is_an_error() -> None:
    def add(templates: dict[str, Template]) -> None:
        templates["acme-prod-core"]["Resources"]["Open"] = {"Type": "AWS::Logs::ResourcePolicy", "Properties": {}}

    with pytest.raises(UnreadPolicyError, match=r"acme-prod-core/Open: AWS::Logs::ResourcePolicy is not read"):
        matrix(account_of("mongodb-atlas", add))
