import pytest

from logdock.settings.retention import PROFILES
from logdock.settings.text import LOG_GROUP_DAYS
from tests.costly import sample
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import document, export

ALLOWED = "1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"
LOG_GROUP_KINDS = ["cockroachdb", "aurora-mysql", "rds", "cloudwatch-logs"]


@pytest.mark.parametrize("days", sample(LOG_GROUP_DAYS, 8))
@pytest.mark.parametrize("kind", LOG_GROUP_KINDS)
def test_accepts_every_retention_that_cloudwatch_allows(load: Load, kind: str, days: int) -> None:
    assert load(document(export(kind, retention_days=days))).exports[0].model_dump()["retention_days"] == days
    assert load(document(retention={"hot_days": days, "archive_days": 3653})).effective_retention.hot_days == days


@pytest.mark.parametrize("days", [2190, 2555, 0, -1, 2, 31, 91, 366, 3654])
def test_rejects_a_retention_that_cloudwatch_refuses(refusal: Refusal, days: int) -> None:
    expected = f"got {days}; expected a retention that CloudWatch Logs allows: {ALLOWED} days"
    for kind in LOG_GROUP_KINDS:
        assert refusal(document(export(kind, retention_days=days))) == [f"exports[0].retention_days: {expected}"]
    assert refusal(document(retention={"hot_days": days, "archive_days": 9999})) == [f"retention.hot_days: {expected}"]


@pytest.mark.parametrize("days", [True, "90", 90.0])
def test_rejects_days_that_are_no_number(refusal: Refusal, days: object) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", retention_days=days)))
    assert line.endswith("expected a whole number, without quotes")


@pytest.mark.parametrize("value", ["sox", 90, ["soc2"], True])
def test_rejects_a_profile_that_does_not_exist(refusal: Refusal, value: object) -> None:
    (line,) = refusal(document(retention=value))
    assert line.startswith("retention: got ")
    assert line.endswith("expected one of: soc2, pci, hipaa, seven-years; or {hot_days: ..., archive_days: ...}")


def test_a_profile_is_the_short_form_of_its_days(load: Load) -> None:
    for name, kept in PROFILES.items():
        assert load(document(retention=name)).effective_retention == kept
    assert load(document()).effective_retention == PROFILES["soc2"]


@pytest.mark.parametrize(
    ("profile", "hot", "archive", "asked_for"),
    [
        ("soc2", 90, 400, 365),  # no figure of its own; twelve months is what auditors look back
        ("pci", 120, 400, 365),  # 10.5.1: twelve months, of them three at once available
        ("hipaa", 90, 2192, 6 * 365 + 2),  # 164.316(b)(2)(i): six years, of which two may be leap years
        ("seven-years", 90, 2557, 7 * 365 + 2),
    ],
)
def test_a_profile_sets_these_days(load: Load, profile: str, hot: int, archive: int, asked_for: int) -> None:
    kept = load(document(retention=profile)).effective_retention
    assert kept.model_dump() == {"hot_days": hot, "archive_days": archive, "cold_after_days": None}
    assert kept.archive_days >= asked_for


@pytest.mark.parametrize(("hot", "cold", "archive"), [(30, 90, 270), (90, 90, 400), (120, 2377, 2557)])
def test_accepts_a_cold_tier_after_three_months(load: Load, hot: int, cold: int, archive: int) -> None:
    days = {"hot_days": hot, "archive_days": archive, "cold_after_days": cold}
    assert load(document(retention=days)).effective_retention.cold_after_days == cold


@pytest.mark.parametrize(
    ("hot", "cold", "archive", "expected"),
    [
        (30, 89, 400, "at least 90 days (the latest three months stay at hand, and hot_days) and at most 220 "),
        (120, 119, 400, "at least 120 days (the latest three months stay at hand, and hot_days) and at most 220 "),
        (90, 221, 400, "at least 90 days (the latest three months stay at hand, and hot_days) and at most 220 "),
        (90, 90, 269, "nothing: with archive_days 269 no object would be cold for the 180 days that Deep Archive"),
    ],
)
def test_rejects_a_cold_tier_too_early_or_too_late(
    refusal: Refusal, hot: int, cold: int, archive: int, expected: str
) -> None:
    days = {"hot_days": hot, "archive_days": archive, "cold_after_days": cold}
    (line,) = refusal(document(retention=days))
    assert line.startswith(f"retention.cold_after_days: got {cold}; expected {expected}")


@pytest.mark.parametrize(("hot", "archive"), [(1, 1), (90, 90), (30, 36500)])
def test_accepts_an_archive_that_outlasts_the_hot_days(load: Load, hot: int, archive: int) -> None:
    assert (
        load(document(retention={"hot_days": hot, "archive_days": archive})).effective_retention.archive_days == archive
    )


def test_rejects_an_archive_that_ends_before_the_hot_days(refusal: Refusal) -> None:
    (line,) = refusal(document(retention={"hot_days": 90, "archive_days": 89}))
    assert line.startswith("retention.archive_days: got 89; expected at least hot_days (90)")
