from datetime import UTC, datetime, timedelta

import pytest

from logdock.cli.logs import places
from logdock.cli.logs.choice import layout_of
from logdock.cli.logs.layouts import Aptible, DatedNames, Layout, Logpush, Selectors, ServicePaths
from logdock.settings import Deployment
from tests.cli.logs.conftest import Calls, Landed
from tests.settings.documents import document, export

SINCE, UNTIL = datetime(2026, 11, 17, 3, tzinfo=UTC), datetime(2026, 11, 17, 4, tzinfo=UTC)
LATE = timedelta(hours=2)
SHA = "ab" * 32
CONTAINER = "0123456789abcdef"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-17T{clock}+00:00")


@pytest.mark.parametrize(
    ("modified", "wanted"),
    [("02:50:00", False), ("02:58:00", True), ("03:30:00", True), ("05:59:00", True), ("06:10:00", False)],
)
def test_what_was_written_within_the_range_or_a_little_later_is_read(modified: str, wanted: bool) -> None:
    assert (Layout(SINCE, UNTIL, LATE).wants("any/key", at(modified)) is not None) is wanted


@pytest.mark.parametrize(
    ("folder", "skipped"),
    [
        ("atlas/Cluster0/host/mongodb/2026-11-17/", False),
        ("atlas/Cluster0/host/mongodb/2026-11-16/", False),
        ("atlas/Cluster0/host/mongodb/2026-11-14/", True),
        ("atlas/Cluster0/host/mongodb/2026-11-20/", True),
        ("atlas/Cluster0/host/mongodb/2026-99-99/", False),
        ("atlas/Cluster0/2019/", False),
    ],
)
def test_the_folders_of_other_days_are_skipped_but_not_the_neighbours(folder: str, skipped: bool) -> None:
    assert DatedNames(SINCE, UNTIL, LATE).skips(folder) is skipped


@pytest.mark.parametrize(
    ("folder", "skipped"),
    [
        ("x/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/17/", False),
        ("x/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/14/", True),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2025/", True),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/", False),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2027/", True),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/10/", True),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/", False),
        ("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/12/", True),
        ("AWSLogs/aws-account-id=1/aws-region=eu-west-1/year=2026/month=11/day=17/", False),
        ("AWSLogs/aws-account-id=1/aws-region=eu-west-1/year=2026/month=11/day=14/", True),
        ("AWSLogs/111122223333/1999/", False),
        ("somewhere/2020/01/01/", False),
    ],
)
def test_of_what_aws_services_write_other_days_are_skipped(folder: str, skipped: bool) -> None:
    assert ServicePaths(SINCE, UNTIL, LATE).skips(folder) is skipped


@pytest.mark.parametrize(
    ("folder", "skipped"),
    [
        ("cloudflare/http_requests/20261117/", False),
        ("cloudflare/http_requests/20261116/", False),
        ("cloudflare/http_requests/20261114/", True),
        ("cloudflare/http_requests/20261120/", True),
        ("cloudflare/http_requests/20269999/", False),
        ("cloudflare/17960328/", False),
        ("20261114/http_requests/", False),
    ],
)
def test_of_what_logpush_writes_other_days_are_skipped(folder: str, skipped: bool) -> None:
    assert Logpush(SINCE, UNTIL, LATE).skips(folder) is skipped


@pytest.mark.parametrize(
    "name", ["1796040000-1.log.gz", "20261117.log.gz", "20261117T031000_1.log.gz", "2026-11-17T03:10:00Z_1.log.gz"]
)
def test_names_that_are_not_logpushs_begin_and_end_nothing(name: str) -> None:
    """Numbers that look like days would have files skipped."""
    named = ["20261117T031000Z_20261117T031030Z_a.log.gz"]
    assert Logpush(SINCE, UNTIL, LATE).names_between(named) == ("20261117T000000", "20261117T070000")
    assert Logpush(SINCE, UNTIL, LATE).names_between([*named, name]) is None


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (f"{CONTAINER}-json.log.2026-11-17T03:10:00.2026-11-17T03:20:00.archived.gz", True),
        (f"{CONTAINER}-json.log.1.2026-11-16T00:00:00.2026-11-17T03:00:00.archived.gz", True),
        (f"{CONTAINER}-json.log.2026-11-16T00:00:00.2026-11-17T02:59:58.archived.gz", False),
        (f"{CONTAINER}-json.log.2026-11-17T04:00:00.2026-11-17T05:00:00.archived.gz", False),
        (f"{CONTAINER}-json.log.unknown.unknown.archived.gz", True),
        (f"{CONTAINER}-json.log.2026-11-17T02:00:00.unknown.archived.gz", True),
        (f"{CONTAINER}-json.1.log.2026-11-30T18:30:01.bck.gz", True),
        (f"{CONTAINER}-json.log.unknown.bck.gz", True),
        ("some-other-name", True),
    ],
)
def test_an_archive_is_read_when_its_name_does_not_rule_it_out(name: str, wanted: bool) -> None:
    key = f"mystack/shareable/v3/{SHA}/apps-321/service-123/{name}"
    found = Aptible(SINCE, UNTIL, LATE).wants(key, datetime(2026, 12, 1, tzinfo=UTC))
    assert (found is not None) is wanted


def test_the_times_of_a_name_are_whole_seconds() -> None:
    key = f"mystack/shareable/v3/{SHA}/apps-321/{CONTAINER}-json.log.unknown.2026-11-17T02:59:59.archived.gz"
    since = datetime(2026, 11, 17, 2, 59, 59, 500_000, tzinfo=UTC)
    assert Aptible(since, UNTIL, LATE).wants(key, at("05:00:00")) is not None


def test_an_archive_without_times_that_was_uploaded_before_the_range_is_not_read() -> None:
    key = f"mystack/shareable/v2/{SHA}/apps-321/{CONTAINER}-json.log.2026-06-29T18:30:01.bck.gz"
    assert Aptible(SINCE, UNTIL, LATE).wants(key, at("02:00:00")) is None


@pytest.mark.parametrize(
    ("selectors", "wanted"),
    [
        (Selectors(stack="mystack"), True),
        (Selectors(stack="my"), False),
        (Selectors(resource="apps-321"), True),
        (Selectors(resource="apps-32"), False),
        (Selectors(resource="databases-321"), False),
        (Selectors(container=CONTAINER[:12]), True),
        (Selectors(container="123456789abc"), False),
        (Selectors("mystack", "apps-321", CONTAINER), True),
    ],
)
def test_the_selectors_are_those_of_the_vendors_tool(selectors: Selectors, wanted: bool) -> None:
    layout = Aptible(SINCE, UNTIL, LATE, selectors)
    folder = f"mystack/shareable/v3/{SHA}/apps-321/service-123/"
    key = f"{folder}{CONTAINER}-json.log.2026-11-17T03:10:00.2026-11-17T03:20:00.archived.gz"
    assert (layout.wants(key, at("05:00:00")) is not None) is wanted
    assert not (wanted and layout.skips(folder))


def test_folders_that_no_selector_means_are_not_listed(landed: Landed, calls: Calls) -> None:
    for stack, app in (("a", "apps-1"), ("a", "apps-2"), ("b", "apps-1")):
        landed.s3.put_object(Bucket=landed.platform, Key=f"{stack}/shareable/v3/{SHA}/{app}/x.gz", Body=b"line")
    landed.logs("--since", "1h", "--stack", "a", "--app", "1", "--raw")
    listed = [each["Prefix"] for each in calls("ListObjectsV2")]
    assert listed == [
        "",
        "a/",
        "a/shareable/",
        "a/shareable/v3/",
        f"a/shareable/v3/{SHA}/",
        f"a/shareable/v3/{SHA}/apps-1/",
    ]


def test_a_long_folder_of_dated_names_is_listed_from_the_range_on(landed: Landed, calls: Calls) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=day) for day in range(1100, 0, -1)]
    for day in [*days, now]:
        landed.empty(f"atlas/C/h/mongodb/{day:%Y-%m-%dT%H}-mongodb.log")
    layout = DatedNames(now - timedelta(hours=1), now, LATE)
    export = landed.settings.exports[1]
    place = places.SearchLocation(export=export, bucket=landed.orders, stack="orders", prefix="atlas/", layout=layout)
    found = [each.key for each in places.objects(landed.s3, [place], layout.since, layout.until, 2)]
    assert f"atlas/C/h/mongodb/{now:%Y-%m-%dT%H}-mongodb.log" in found
    assert len(found) <= 4
    starts = [each.get("StartAfter") for each in calls("ListObjectsV2")]
    assert starts[-1] == f"atlas/C/h/mongodb/{layout.since - timedelta(days=2):%Y-%m-%d}"


def test_a_long_folder_of_other_names_is_listed_whole(landed: Landed) -> None:
    for number in range(1001):
        landed.empty(f"atlas/C/h/mongodb/{number:04}.log")
    layout = DatedNames(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC), LATE)
    export = landed.settings.exports[1]
    place = places.SearchLocation(export=export, bucket=landed.orders, stack="orders", prefix="atlas/", layout=layout)
    assert len(list(places.objects(landed.s3, [place], layout.since, layout.until, 2))) == 1001


def test_a_folder_and_an_instruction_file_are_no_logs(landed: Landed) -> None:
    for key in ("a/", "a/x.gz", "a/y.gz.instruction"):
        landed.s3.put_object(Bucket=landed.platform, Key=key, Body=b"line")
    # without an envelope it is refused, and by that it is seen that it was read
    errors = landed.logs("--since", "1h", "--raw", "--export", "platform").err
    assert "a/x.gz" in errors
    assert "instruction" not in errors
    assert "a/:" not in errors


def test_the_layout_of_a_kind_is_that_of_its_vendor() -> None:
    kinds = ("cloudflare", "mongodb-atlas", "aptible", "s3-logs")
    settings = Deployment.model_validate(document(*map(export, kinds)))
    found = [layout_of(each, SINCE, UNTIL, LATE, Selectors()) for each in settings.exports]
    assert [type(each) for each in found] == [Logpush, DatedNames, Aptible, ServicePaths]
