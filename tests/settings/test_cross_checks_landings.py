import pytest

from logdock.settings.landing import BucketLanding
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import Document, document, export
from tests.settings.test_cross_checks import cockroachdb

OWN_BUCKETS = [f"acme-prod-{purpose}-111122223333-eu-west-1" for purpose in ("archive", "failed", "access-logs")]


def existing(name: str, bucket: str = "acme-legacy", prefix: str | None = None) -> Document:
    return export("s3-logs", name=name, services=None, existing_bucket=bucket, prefix=prefix)


@pytest.mark.parametrize("bucket", [*OWN_BUCKETS, "acme-prod-failed-111122223333-us-east-1"])
def test_rejects_an_export_of_the_deployments_own_bucket(refusal: Refusal, bucket: str) -> None:
    mrap = "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap"
    exports = [
        existing("legacy", bucket),
        export("aptible", bucket=bucket[:-1] + "2"),
        export("mongodb-atlas", mrap_arn=mrap, mrap_buckets=[bucket]),
    ]
    lines = refusal(document(*exports))
    assert [line.split(": ")[0] for line in lines] == [
        "exports[0].existing_bucket",
        "exports[1].bucket",
        "exports[2].mrap_buckets[0]",
    ]
    assert f"got '{bucket}'; expected a bucket that is not this deployment's own: what is shipped from it" in lines[0]


def test_accepts_the_archive_of_another_deployment(load: Load) -> None:
    assert load(document(existing("legacy", "other-archive-111122223333-eu-west-1")))


@pytest.mark.parametrize("group", ["/aws/lambda/acme-prod-archiver", "/aws/lambda/acme-prod-ship-logz"])
@pytest.mark.parametrize("setting", ["log_groups", "log_group_prefixes"])
def test_rejects_an_export_of_the_deployments_own_log_groups(refusal: Refusal, setting: str, group: str) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", **{"log_groups": None, setting: [group]})))
    assert line == (
        f"exports[0].{setting}[0]: got '{group}'; expected a log group whose name does not begin with "
        "/aws/lambda/acme-prod-: there this deployment's own functions log, and each line that they ship would make "
        "them log another, without end"
    )  # fmt: skip


def test_rejects_a_vendors_log_group_among_our_own(refusal: Refusal) -> None:
    own = "/aws/lambda/acme-prod-x"
    wrong = export(
        "cockroachdb",
        log_group=own,
        groups=[{"log_name": f"{own}y", "channels": ["OPS"]}],
        regions=["eu-west-1", "us-east-1"],
    )
    assert [line.split(":")[0] for line in refusal(document(wrong))] == [
        "exports[0].log_group",
        "exports[0].groups[0].log_name",
    ]


def test_accepts_other_functions_log_groups_and_a_prefix_that_covers_ours(load: Load) -> None:
    assert load(document(export("cloudwatch-logs", log_groups=["/aws/lambda/acme-product"])))
    assert load(document(export("cloudwatch-logs", log_groups=None, log_group_prefixes=["/aws/lambda/"])))


@pytest.mark.parametrize("length", [63, 64])
def test_a_default_bucket_name_has_at_most_63_characters(load: Load, refusal: Refusal, length: int) -> None:
    name = "x" * (length - len("acme-prod--111122223333-eu-west-1"))
    if length == 63:
        loaded = load(document(export("aptible", name=name)))
        landing = loaded.exports[0].landing(loaded)
        assert isinstance(landing, BucketLanding)
        assert len(landing.bucket) == 63
    else:
        (line,) = refusal(document(export("aptible", name=name)))
        start = "exports[0].bucket: missing: a bucket name of your own: the default, acme-prod-xxx"
        assert line.startswith(start)
        assert line.endswith("has 64 characters, and S3 takes 63")
        assert load(document(export("aptible", name=name, bucket="acme-aptible")))


@pytest.mark.parametrize(
    "exports",
    [
        [export("aptible", bucket="acme-logs"), export("mongodb-atlas", bucket="acme-logs")],
        [export("s3-logs", bucket="acme-logs"), existing("legacy", "acme-logs", "app")],
        [export("s3-logs"), existing("legacy", "acme-prod-trail-111122223333-eu-west-1")],
        [existing("one"), existing("two")],
        [existing("one", prefix="app"), existing("two")],
        [existing("one", prefix="app"), existing("two", prefix="app")],
        [existing("one", prefix="app/web"), existing("two", prefix="/app/")],
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_rejects_two_exports_in_one_bucket(refusal: Refusal, exports: list[Document], turned: bool) -> None:
    (line,) = refusal(document(*(exports[::-1] if turned else exports)))
    assert line.startswith("exports[1].")
    given_or_default = ("; expected", ": missing:")
    expected = "a bucket that no other export lands in (exports[0] does); only two s3-logs exports may share"
    assert any(f"{start} {expected}" in line for start in given_or_default)


def test_accepts_an_existing_bucket_shared_by_prefixes_that_do_not_overlap(load: Load) -> None:
    assert load(
        document(existing("one", prefix="app"), existing("two", prefix="app2"), existing("three", prefix="b/app"))
    )


@pytest.mark.parametrize(
    ("exports", "place", "name"),
    [
        ([cockroachdb("one", 1, log_group="/a"), cockroachdb("two", 2, log_group="/a")], "log_group", "/a"),
        (
            [
                cockroachdb("one", 1, groups=[{"log_name": "/b", "channels": ["OPS"]}]),
                cockroachdb("two", 2, groups=[{"log_name": "/b", "channels": ["SQL_EXEC"]}]),
            ],
            "groups[0].log_name",
            "/b",
        ),
        (
            [
                cockroachdb("one", 1, log_group="/a", regions=["us-east-1", "us-west-2"]),
                cockroachdb("two", 2, log_group="/a", regions=["eu-west-1", "us-west-2"]),
            ],
            "log_group",
            "/a",
        ),
        (
            [export("aurora-mysql"), export("cloudwatch-logs", log_groups=["/aws/rds/cluster/billing/audit"])],
            "log_groups[0]",
            "/aws/rds/cluster/billing/audit",
        ),
        (
            [export("rds"), export("cloudwatch-logs", log_groups=["/aws/rds/instance/shop/postgresql"])],
            "log_groups[0]",
            "/aws/rds/instance/shop/postgresql",
        ),
        (
            [export("cloudwatch-logs", name="one"), export("cloudwatch-logs", name="two")],
            "log_groups[0]",
            "/acme/apps/checkout",
        ),
    ],
)
def test_rejects_two_exports_of_one_log_group(refusal: Refusal, exports: list[Document], place: str, name: str) -> None:
    (line,) = refusal(document(*exports))
    expected = f"expected a log group that no other export has (exports[0] has {name})"
    assert line == f"exports[1].{place}: got '{name}'; {expected}"


@pytest.mark.parametrize("prefix", ["/aws/rds/", "/aws/rds/cluster/billing/audit", "/"])
@pytest.mark.parametrize("at", [0, 1])
def test_rejects_a_prefix_that_covers_another_exports_log_group(refusal: Refusal, prefix: str, at: int) -> None:
    exports = [export("aurora-mysql")]
    exports.insert(at, export("cloudwatch-logs", log_groups=None, log_group_prefixes=[prefix]))
    (line,) = refusal(document(*exports))
    assert line == (
        f"exports[{at}].log_group_prefixes[0]: got '{prefix}'; expected a prefix that covers no log group of another "
        f"export (exports[{1 - at}] has /aws/rds/cluster/billing/audit): its lines would be archived twice"
    )


def test_rejects_prefixes_of_two_exports_that_overlap(refusal: Refusal) -> None:
    one = export("cloudwatch-logs", name="one", log_groups=None, log_group_prefixes=["/acme/"])
    two = export("cloudwatch-logs", name="two", log_groups=None, log_group_prefixes=["/acme/apps/"])
    for exports in ([one, two], [two, one]):
        (line,) = refusal(document(*exports))
        assert line.startswith("exports[1].log_group_prefixes[0]: got ")


def test_rejects_a_log_group_that_the_exports_own_prefix_covers(refusal: Refusal) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", log_group_prefixes=["/acme/apps/"])))
    assert line == (
        "exports[0].log_groups[0]: got '/acme/apps/checkout'; expected a log group that log_group_prefixes does not "
        "cover already (/acme/apps/ does)"
    )


def test_accepts_one_name_in_two_regions(load: Load) -> None:
    one = cockroachdb("one", 1, log_group="/a", regions=["us-east-1"])
    assert load(document(one, cockroachdb("two", 2, log_group="/a")))
    assert load(document(one, export("cloudwatch-logs", log_groups=["/a"])))
