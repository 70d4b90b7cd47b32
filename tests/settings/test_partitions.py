from typing import Any

import pytest

from logdock.settings.partitions import partition_of
from tests.settings.conftest import Refusal
from tests.settings.documents import document, export

GOV: dict[str, Any] = {"region": "us-gov-west-1"}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("us-gov-east-1", "aws-us-gov"), ("cn-northwest-1", "aws-cn"), ("us-west-2", "aws")],
)
def test_partition_of_a_region(region: str, partition: str) -> None:
    assert partition_of(region) == partition


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"])
def test_rejects_a_region_of_a_partition_that_is_not_supported(refusal: Refusal, region: str) -> None:
    lines = refusal(document(export("cloudwatch-logs"), region=region))
    assert any(line.startswith("region: ") for line in lines)


@pytest.mark.parametrize(
    ("kind", "changes", "at", "says"),
    [
        ("aptible", {"stack_region": "us-gov-west-1"}, "replication_role_arn", "S3 replicates to no other"),
        ("s3-logs", {"services": ["cloudfront"]}, "services[0]", "us-east-1, which is not in aws-us-gov"),
        ("mongodb-atlas", {}, "atlas_principal_arn", "an ARN of the partition of us-gov-west-1, aws-us-gov"),
        ("cockroachdb", {}, "kind", "assumes no role in aws-us-gov"),
        (
            "mongodb-atlas",
            {"connect": {"secret": "acme/atlas"}, "atlas_principal_arn": None, "external_id": None},
            "connect.api_base_url",
            "https://cloud.mongodbgov.com",
        ),
    ],
)
def test_rejects_what_cannot_work_in_a_partition(
    refusal: Refusal, kind: str, changes: dict[str, Any], at: str, says: str
) -> None:
    lines = refusal(document(export(kind, **changes), **GOV))
    assert any(line.startswith(f"exports[0].{at}: ") and says in line for line in lines), lines


def test_rejects_regions_of_several_partitions(refusal: Refusal) -> None:
    lines = refusal(document(export("cockroachdb", regions=["cn-north-1"])))
    assert any("the partition of eu-west-1, aws" in line for line in lines), lines
