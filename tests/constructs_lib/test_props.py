"""What a construct refuses, with what it says."""

from typing import Any

import pytest

from constructs_lib.export_role import ExportRoleProps
from constructs_lib.wiring import subscription_filter_name
from logdock.settings.names import Names
from logdock.settings.partitions import partition_of

ROLE: dict[str, Any] = {
    "role_name": "acme-prod-orders",
    "description": "",
    "principal_arn": "arn:aws:iam::111122223333:root",
    "external_ids": ("secret-handshake",),
    "session_seconds": 43200,
    "permissions": [],
}


@pytest.mark.parametrize("seconds", [3600, 43200])
def test_accepts_the_edges_of_iams_session(seconds: int) -> None:
    assert ExportRoleProps(**ROLE | {"session_seconds": seconds}).session_seconds == seconds


@pytest.mark.parametrize("seconds", [3599, 43201])
def test_rejects_a_session_that_iam_refuses(seconds: int) -> None:
    with pytest.raises(ValueError, match=rf"acme-prod-orders: session_seconds is {seconds}; allowed: 3600 to 43200"):
        ExportRoleProps(**ROLE | {"session_seconds": seconds})


def test_rejects_a_role_without_an_external_id() -> None:
    with pytest.raises(ValueError, match="acme-prod-orders: external_ids is empty"):
        ExportRoleProps(**ROLE | {"external_ids": ()})


def test_the_filters_name_carries_the_exports_name() -> None:
    assert subscription_filter_name("ledger") == "logdock.ledger"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("ap-southeast-2", "aws")],
)
def test_arns_carry_the_regions_partition(region: str, partition: str) -> None:
    assert partition_of(region) == partition


def test_names_outside_the_deployments_own_region_carry_the_region() -> None:
    names = Names("acme-prod", "111122223333", "eu-west-1")
    assert names.in_region("ledger", "eu-west-1") == "acme-prod-ledger"
    assert names.in_region("ledger", "us-east-1") == "acme-prod-ledger-us-east-1"


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("acme/logzio", "acme/logzio-??????"),
        ("acme/logzio-AbCdEf", "acme/logzio-AbCdEf-??????"),
        ("arn:aws:secretsmanager:us-east-1:444455556666:secret:acme/logzio", "acme/logzio-??????"),
        ("arn:aws:secretsmanager:us-east-1:444455556666:secret:acme/logzio-AbCdEfG", "acme/logzio-AbCdEfG-??????"),
        ("arn:aws:secretsmanager:us-east-1:444455556666:secret:acme/logzio-AbCdEf", "acme/logzio-AbCdEf"),
    ],
)
def test_secret_is_matched_with_the_six_characters_that_aws_appends(given: str, whole: str) -> None:
    names = Names("acme-prod", "111122223333", "eu-west-1")
    where = "us-east-1:444455556666" if given.startswith("arn:") else "eu-west-1:111122223333"
    assert names.secret_arn(given) == f"arn:aws:secretsmanager:{where}:secret:{whole}"
