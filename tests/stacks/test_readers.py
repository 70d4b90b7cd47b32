"""The role of people who search: who may assume it, and what it may do. Compared whole."""

from __future__ import annotations

import copy
from typing import Any

from tests.conftest import EXAMPLES, ROOT, synthesize

ACCOUNT = "111122223333"
ARCHIVE = f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/acme-prod-readers"


def resources(example: str, resource_type: str, stack: str) -> dict[str, Any]:
    found = synthesize(ROOT / "examples" / f"{example}.yaml").resources(resource_type)
    # A copy: the templates are made once for all tests.
    return {name: copy.deepcopy(each["Properties"]) for where, name, each in found if where == stack}


def role(example: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources(example, "AWS::IAM::Role", "acme-prod-core")["ReadersRole"]
    return properties


def test_readers_role_trusts_roles_and_users_with_mfa() -> None:
    def trust(sid: str, principal: str) -> dict[str, Any]:
        arn = f"arn:aws:iam::{ACCOUNT}:{principal}"
        return {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"AWS": arn}, "Sid": sid}

    mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    assert role("everything")["AssumeRolePolicyDocument"]["Statement"] == [
        trust("Roles", "role/oncall"),
        trust("UsersWithMfa", "user/ann") | mfa,
    ]
    assert role("everything")["MaxSessionDuration"] == 3600


def test_readers_role_allows_what_search_status_and_sql_need() -> None:
    (policy,) = role("cloudwatch-logs")["Policies"]
    statements = {each.pop("Sid"): each for each in policy["PolicyDocument"]["Statement"]}
    via_s3 = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    key = statements["DecryptArchive"].pop("Resource")
    assert statements["EncryptAnswers"].pop("Resource") == key
    assert all(each.pop("Effect") == "Allow" for each in statements.values())
    glue = f"arn:aws:glue:eu-west-1:{ACCOUNT}"
    queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:acme-prod-ship-lake"
    assert statements == {
        "ReadersListArchive": {
            "Action": "s3:ListBucket", "Resource": ARCHIVE, "Condition": {"StringLike": {"s3:prefix": "logs/*"}},
        },
        "ReadersReadArchive": {"Action": "s3:GetObject", "Resource": f"{ARCHIVE}/logs/*"},
        "DecryptArchive": {"Action": "kms:Decrypt", "Condition": via_s3},
        "ListFailures": {"Action": "s3:ListBucket", "Resource": ARCHIVE.replace("archive", "failed")},
        "ReadMetricsAndStacks": {
            "Action": ["cloudformation:DescribeStacks", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
            "Resource": "*",
        },
        "CountMessages": {
            "Action": ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"], "Resource": [queue, f"{queue}-dead"],
        },
        "Query": {
            "Action": ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution"],
            "Resource": f"arn:aws:athena:eu-west-1:{ACCOUNT}:workgroup/acme-prod-logs",
        },
        "ReadTables": {
            "Action": ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"],
            "Resource": [f"{glue}:catalog", f"{glue}:database/acme_prod", f"{glue}:table/acme_prod/archive"],
        },
        "LocateArchive": {"Action": "s3:GetBucketLocation", "Resource": ARCHIVE},
        "ListAnswers": {
            "Action": "s3:ListBucket", "Resource": ARCHIVE, "Condition": {"StringLike": {"s3:prefix": "athena/*"}},
        },
        "KeepAnswers": {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{ARCHIVE}/athena/*"},
        "EncryptAnswers": {"Action": "kms:GenerateDataKey", "Condition": via_s3},
    }  # fmt: skip


def test_readers_read_landing_buckets_of_exports_that_are_not_archived() -> None:
    allowed = {
        stack
        for example in EXAMPLES
        if example.stem in ("everything", "s3-logs")
        for stack, _, each in synthesize(example).resources("AWS::S3::BucketPolicy")
        if ROLE in str(each)
    }
    assert allowed == {"acme-prod-edge"}


def test_readers_read_an_existing_bucket_by_a_policy_of_their_role() -> None:
    found = resources("s3-logs", "AWS::IAM::Policy", "acme-prod-legacy")["Readers"]
    assert found["Roles"] == ["acme-prod-readers"]
    assert found["PolicyDocument"]["Statement"] == [
        {
            "Sid": "ReadersListLanding", "Effect": "Allow", "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::acme-legacy-logs", "Condition": {"StringLike": {"s3:prefix": "app/*"}},
        },
        {
            "Sid": "ReadersReadLanding", "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::acme-legacy-logs/app/*",
        },
    ]  # fmt: skip


def test_no_role_for_readers_unless_the_settings_name_some() -> None:
    assert ROLE.rpartition("/")[2] not in str(synthesize(ROOT / "examples" / "aptible.yaml").templates)
