from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from logdock.settings import text
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import Document, document, export


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("account", ["11112222333", "1111222233334", "11112222333x", "arn:aws:iam::1:root", "１" * 12])
def test_rejects_an_account_that_is_not_12_digits(refusal: Refusal, account: str) -> None:
    assert refusal(document(account=account)) == [
        f"account: got '{account}'; expected an AWS account id: exactly 12 digits"
    ]


def test_rejects_an_unquoted_account(refusal: Refusal) -> None:
    (line,) = refusal(document(account=111122223333))
    assert line.startswith("account: got 111122223333; expected a string of 12 digits: put it in quotes")


def test_an_unquoted_account_with_a_leading_zero_is_not_read_as_another_number(refusal: Refusal) -> None:
    (line,) = [line for line in refusal("account: 011112222333\n") if line.startswith("account: ")]
    assert line.startswith("account: got 011112222333; expected a string of 12 digits: put it in quotes")
    assert line.endswith('; type "011112222333"')


@pytest.mark.parametrize("seconds", [3600, 3601, 43199, 43200])
def test_accepts_a_session_within_iams_limits(load: Load, seconds: int) -> None:
    loaded = load(document(export("mongodb-atlas", session_seconds=seconds))).exports[0]
    assert loaded.model_dump()["session_seconds"] == seconds


@pytest.mark.parametrize("kind", ["mongodb-atlas", "cockroachdb"])
@pytest.mark.parametrize("seconds", [3599, 43201, 0, -3600])
def test_rejects_a_session_outside_iams_limits(refusal: Refusal, kind: str, seconds: int) -> None:
    (line,) = refusal(document(export(kind, session_seconds=seconds)))
    expected = "expected 3600 to 43200 seconds (1 to 12 hours), which is what a role's maximum session may be"
    assert line == f"exports[0].session_seconds: got {seconds}; {expected}"


@pytest.mark.parametrize("seconds", ["43200", 43200.0, True])
def test_rejects_a_number_that_is_none(refusal: Refusal, seconds: object) -> None:
    (line,) = refusal(document(export("mongodb-atlas", session_seconds=seconds)))
    assert line.endswith("expected a whole number, without quotes")


@pytest.mark.parametrize("length", [2, 1224])
def test_accepts_an_external_id_at_the_edges(load: Load, length: int) -> None:
    assert load(document(export("mongodb-atlas", external_id="x" * length)))


@pytest.mark.parametrize("value", ["x", "x" * 1225, "", "two words", "a*b", "ümlaut", "new\nline", "tail\n"])
def test_rejects_an_external_id_that_iam_refuses(refusal: Refusal, value: str) -> None:
    (line,) = refusal(document(export("mongodb-atlas", external_id=value)))
    assert line.startswith("exports[0].external_id[0]: got '")
    allowed = "expected an external id as IAM takes it: 2 to 1224 letters, digits and any of _+=,.@:/- (no spaces)"
    assert line.removesuffix("; remove the whitespace around the value").endswith(allowed)
    assert len(line) < 250


def test_an_external_id_is_one_or_two_while_it_is_rotated(load: Load, refusal: Refusal) -> None:
    for given_ids, expected in (("old", ("old",)), (["old"], ("old",)), (["old", "new"], ("old", "new"))):
        loaded = load(document(export("mongodb-atlas", external_id=given_ids)))
        assert loaded.exports[0].model_dump()["external_id"] == expected
    for bad in ([], ["one", "two", "three"]):
        (line,) = refusal(document(export("mongodb-atlas", external_id=bad)))
        assert line.endswith("expected one external id, or two while it is rotated: [old, new]")


@pytest.mark.parametrize("name", ["abc", "a" * 63, "1-2-3", "acme--logs"])
def test_accepts_a_bucket_name_that_s3_takes(load: Load, name: str) -> None:
    assert load(document(export("s3-logs", bucket=name))).exports[0].model_dump()["bucket"] == name


def test_a_bucket_that_exists_may_have_dots_and_one_that_is_made_may_not(load: Load, refusal: Refusal) -> None:
    loaded = load(document(export("s3-logs", services=None, existing_bucket="logs.acme.example")))
    assert loaded.exports[0].model_dump()["existing_bucket"] == "logs.acme.example"
    (line,) = refusal(document(export("s3-logs", services=None, bucket="logs.acme.example")))
    assert "no dots: TLS certificates do not cover such buckets" in line


@pytest.mark.parametrize("setting", ["bucket", "existing_bucket"])
@pytest.mark.parametrize(
    "name",
    [
        "ab", "a" * 64, "Acme", "acme_logs", "-acme", "acme-", "acme logs", "ácme", "acme..logs", "192.168.5.4",
        "xn--acme", "sthree-acme", "amzn-s3-demo-acme",
        "acme-s3alias", "acme--ol-s3", "acme--x-s3", "acme--table-s3", "", "acme\n",
    ],
)  # fmt: skip
def test_rejects_a_bucket_name_that_s3_refuses(refusal: Refusal, setting: str, name: str) -> None:
    (line,) = refusal(document(export("s3-logs", services=None, **{setting: name})))
    assert line.startswith(f"exports[0].{setting}: got '{name.strip()}")
    assert "an S3 bucket name: 3 to 63 lower-case letters, digits and hyphens" in line


@pytest.mark.parametrize("name", ["x", "a" * 512, "/aws/rds/cluster/x/audit", "a.b-c_d/e#f"])
def test_accepts_a_log_group_name_that_cloudwatch_takes(load: Load, name: str) -> None:
    assert load(document(export("cloudwatch-logs", log_groups=[name])))


@pytest.mark.parametrize("name", ["", "a" * 513, "aws/reserved", "a b", "a*", "a:b", "ä"])
@pytest.mark.parametrize("kind", ["cloudwatch-logs", "cockroachdb"])
def test_rejects_a_log_group_name_that_aws_refuses(refusal: Refusal, kind: str, name: str) -> None:
    setting: Document = {"log_groups": [name]} if kind == "cloudwatch-logs" else {"log_group": name}
    (line,) = refusal(document(export(kind, **setting)))
    assert line.startswith(f"exports[0].log_group{'s[0]' if kind == 'cloudwatch-logs' else ''}: got '{name[:60]}")
    assert "a CloudWatch log group name: 1 to 512 letters, digits and any of . - _ / #, not beginning with aws/" in line


@pytest.mark.parametrize("value", ["mfzwi23gnjvgw.mrap", "arn:aws:s3:eu-west-1:111122223333:accesspoint/x", "my-mrap"])
def test_rejects_an_mrap_alias_in_place_of_its_arn(refusal: Refusal, value: str) -> None:
    (line,) = refusal(document(export("mongodb-atlas", mrap_arn=value)))
    assert line.startswith(f"exports[0].mrap_arn: got '{value}'; expected a Multi-Region Access Point's ARN, ")
    assert ("this is its alias" in line) == (value == "mfzwi23gnjvgw.mrap")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (text.Region, ["eu-west-1", "us-gov-west-1"], ["eu-west", "EU-WEST-1", "eu_west_1", "eu-west-1a"]),
        (text.Name, ["ab", "a-b", "a" * 32], ["a", "a" * 33, "1a", "a_b", "a-", "A-b", "a.b", "ab\n"]),
        (text.DeploymentName, ["ab", "a" * 16], ["a", "a" * 17, "sthree-x", "xn--x", "1ab", "ab-"]),
        (text.Prefix, ["a", "a/b=c", "/logs/"], ["", "/", "a*", "a?", "${a}", "a" * 201, "a b"]),
        (text.PrincipalArn, ["arn:aws:iam::123456789012:role/a/b", "arn:aws-us-gov:iam::123456789012:root"],
         ["*", "123456789012", "arn:aws:iam::*:root", "arn:aws:iam::123456789012:role/*"]),
        (text.KeyArn, ["arn:aws:kms:eu-west-1:111122223333:key/mrk-0a"],
         ["alias/x", "arn:aws:kms:eu-west-1:111122223333:alias/x", "*"]),
        (text.HttpsUrl, ["https://x.y:8071", "https://x.y/a/b"], ["http://x.y", "https://x.y?t", "https://u@x.y", "x"]),
        (text.Email, ["a@b.co"], ["a@b", "a b@c.d", "@b.c"]),
        (text.ProjectId, ["5e2211c17a3e5a48f5497de3"], ["5e22", "5E2211C17A3E5A48F5497DE3"]),
        (text.ClusterUuid, ["f78b7feb-b6cf-4396-9d7f-494982d7d81e"],
         ["f78b7feb", "F78B7FEB-B6CF-4396-9D7F-494982D7D81E"]),
        (text.DbClusterIdentifier, ["a", "a" * 63, "my-cluster"], ["", "a" * 64, "my--cluster", "my-", "My"]),
        (text.ParameterGroup, ["billing-params"], ["default.aurora-mysql8.0", "a--b", "a-", "a" * 256]),
    ],
)  # fmt: skip
def test_each_kind_of_text_has_its_limits(kind: Any, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not accepts(kind, value)] == []
    assert [value for value in bad if accepts(kind, value)] == []


@given(st.text(max_size=80))
def test_no_accepted_prefix_can_widen_a_policy(value: str) -> None:
    if accepts(text.Prefix, value):
        assert not set(value) & set("*?$")


def test_a_list_does_not_repeat_itself(refusal: Refusal) -> None:
    (line,) = refusal(document(export("s3-logs", services=["alb", "nlb", "alb"])))
    assert line == "exports[0].services: got ['alb', 'nlb', 'alb']; expected each entry once (alb is there twice)"
