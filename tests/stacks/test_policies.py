"""The IAM and KMS documents of every kind of export, compared whole."""

import json

import pytest

from logdock.settings.names import Names
from logdock.vendors.logzio.stack.reader import reader_permissions
from stacks.core import _fitting


@pytest.mark.parametrize("whole_bucket", [False, True])
def test_logzios_reader_lists_the_whole_bucket_only_if_asked_to(whole_bucket: bool) -> None:
    names = Names("acme", "111122223333", "eu-west-1")
    statements = [each.to_json() for each in reader_permissions(names, "reader", whole_bucket=whole_bucket)]
    (listing,) = [each for each in statements if each["Action"] == "s3:ListBucket"]
    assert ("Condition" not in listing) == whole_bucket
    (reading,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert reading["Resource"] == "arn:aws:s3:::acme-archive-111122223333-eu-west-1/feed/reader/*"


def test_two_hundred_exports_fit_into_managed_policies() -> None:
    resources = [f"arn:aws:s3:::acme-prod-archive-111122223333-eu-west-1/logs/export-{n}/*" for n in range(200)]
    lists = list(_fitting(resources))
    assert [each for some in lists for each in some] == resources
    assert len(lists) <= 9
    assert all(len(json.dumps(some, separators=(",", ":"))) < 6144 - 200 for some in lists)
