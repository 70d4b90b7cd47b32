"""The exceptions that an organisation needs are those of the templates: all other principals that they admit."""

import json
from typing import Any

from policy_proof.templates import Template
from security_report.exceptions import Exemption, exemptions, guests
from tests.security_report.deployments import DEPLOYS, account_of, resource

VENDORS = ["333300000000", "333300000001", "333300000002", "391854517948", "916150859591"]
"""The first three are made up: Atlas, CockroachDB and Logz.io name theirs when the deploy asks them."""


def exemption(policy: str, example: str = "everything") -> Exemption:
    return next(each for each in exemptions(account_of(example), DEPLOYS) if each.policy.startswith(policy))


def pasted(found: Exemption) -> list[Any]:
    return [json.loads(each.json) for each in found.snippets]


def test_everybody_of_another_account_is_found_with_what_they_call() -> None:
    found = [(each.account, each.arn, each.actions[0]) for each in guests(account_of("everything"))]
    platform = "arn:aws:s3:::acme-prod-platform-111122223333-eu-west-1"
    cdn = "arn:aws:s3:::acme-prod-cdn-111122223333-eu-west-1"
    assert found == [
        ("333300000000", "arn:aws:iam::111122223333:role/acme-prod-orders", "sts:AssumeRole"),
        ("333300000001", "arn:aws:iam::111122223333:role/acme-prod-ledger", "sts:AssumeRole"),
        ("333300000002", "arn:aws:iam::111122223333:role/acme-prod-logz-reader", "sts:AssumeRole"),
        ("391854517948", cdn, "s3:PutObject"),
        ("916150859591", platform, "s3:ObjectOwnerOverrideToBucketOwner"),
        ("916150859591", platform, "s3:GetBucketVersioning"),
    ]


def test_an_account_that_a_template_lets_in_is_excepted_or_it_would_stay_unseen() -> None:
    def let_in(templates: dict[str, Template]) -> None:
        policy = resource(templates, "acme-prod-orders", "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]
        principal = {"AWS": "arn:aws:iam::999988887777:root"}
        policy["Statement"].append(
            {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*"}
        )

    assert "999988887777" in [each.account for each in guests(account_of("everything", let_in))]


def test_the_organisations_perimeter_excepts_the_vendors_accounts() -> None:
    wide, resources, statements = pasted(exemption("RCP: callers"))
    assert wide == {"StringNotEqualsIfExists": {"aws:PrincipalAccount": VENDORS}}
    assert len(resources["NotResource"]) == 7
    assert {one for each in statements for one in each["Resource"]} == set(resources["NotResource"])


def test_the_narrower_form_closes_each_resource_to_all_but_its_vendor() -> None:
    *_, statements = pasted(exemption("RCP: callers"))
    own = {"aws:PrincipalOrgID": "<your organisation's id>"}
    services = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    bucket = "arn:aws:s3:::acme-prod-platform-111122223333-eu-west-1"
    aptible = {"aws:PrincipalArn": ["arn:aws:iam::916150859591:role/s3-stack-log-replication"]}
    assert statements[2]["Condition"] == {
        "StringNotEqualsIfExists": own | {"aws:PrincipalAccount": ["333300000000"]},
        **services,
    }
    assert {key: statements[4][key] for key in ("Effect", "Principal", "Action", "Resource", "Condition")} == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"StringNotEqualsIfExists": own, "ArnNotEqualsIfExists": aptible, **services},
    }


def test_a_deployment_without_outside_access_needs_no_exception() -> None:
    found = exemptions(account_of("aurora-mysql"), DEPLOYS)
    assert [each.policy for each in found if "PrincipalOrgID" in each.policy] == []
    assert pasted(exemption("SCP or RCP: from your networks", "aurora-mysql"))[1].keys() == {"ArnNotLikeIfExists"}


def test_networks_except_every_role_and_patterns_for_those_that_cloudformation_names() -> None:
    scp, rcp = pasted(exemption("SCP or RCP: from your networks"))
    roles = scp["ArnNotLikeIfExists"]["aws:PrincipalArn"]
    assert "arn:aws:iam::111122223333:role/acme-prod-orders" in roles
    assert [each for each in roles if each.endswith("*")] == [
        "arn:aws:iam::111122223333:role/acme-prod-apps*",
        "arn:aws:iam::111122223333:role/acme-prod-billing*",
        "arn:aws:iam::111122223333:role/acme-prod-cdn*",
        "arn:aws:iam::111122223333:role/acme-prod-ledger*",
        "arn:aws:iam::111122223333:role/acme-prod-orders*",
        "arn:aws:iam::111122223333:role/acme-prod-shipper*",
    ]
    assert rcp["StringNotEqualsIfExists"] == {"aws:PrincipalAccount": VENDORS}


def test_uploads_without_a_header_are_excepted_in_every_bucket() -> None:
    buckets = {each.arn for each in account_of("everything").of_type("AWS::S3::Bucket")}
    ((excepted),) = pasted(exemption("SCP or RCP: uploads"))
    assert excepted == {"NotResource": sorted(f"{each}/*" for each in buckets)}


def test_the_role_that_deploys_is_that_of_the_stacks() -> None:
    condition, roles = pasted(exemption("SCP: roles"))
    assert condition == {"ArnNotLikeIfExists": {"aws:PrincipalArn": list(DEPLOYS)}}
    assert "arn:aws:iam::111122223333:role/acme-prod-archiver" in roles["NotResource"]


def test_every_region_with_a_stack_must_be_allowed() -> None:
    (regions,) = pasted(exemption("SCP: some Regions", "cockroachdb"))
    assert regions == {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}
