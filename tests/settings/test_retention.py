from __future__ import annotations

from collections.abc import Callable

import pytest

from settings import Deployment
from settings.retention import PROFILES
from settings.text import LOG_GROUP_DAYS
from tests.settings.documents import document, export

Load = Callable[[object], Deployment]
Refusal = Callable[[object], list[str]]

ALLOWED = "1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"
LOG_GROUP_KINDS = ["cockroachdb", "aurora-mysql", "cloudwatch-logs"]


def test_the_retentions_are_those_of_cloudwatch_logs() -> None:
    assert len(LOG_GROUP_DAYS) == 22
    assert ", ".join(map(str, LOG_GROUP_DAYS)) == ALLOWED


@pytest.mark.parametrize("days", LOG_GROUP_DAYS)
@pytest.mark.parametrize("kind", LOG_GROUP_KINDS)
def test_accepts_every_retention_that_cloudwatch_allows(load: Load, kind: str, days: int) -> None:
    assert load(document(export(kind, retention_days=days))).exports[0].model_dump()["retention_days"] == days
    assert load(document(retention={"hot_days": days, "archive_days": 3653})).kept.hot_days == days


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
        assert load(document(retention=name)).kept == kept
    assert load(document()).kept == PROFILES["soc2"]


@pytest.mark.parametrize(("hot", "archive"), [(1, 1), (90, 90), (30, 36500)])
def test_accepts_an_archive_that_outlasts_the_hot_days(load: Load, hot: int, archive: int) -> None:
    assert load(document(retention={"hot_days": hot, "archive_days": archive})).kept.archive_days == archive


@pytest.mark.parametrize("archive", [0, 36501, -1])
def test_rejects_archive_days_out_of_range(refusal: Refusal, archive: int) -> None:
    assert refusal(document(retention={"hot_days": 1, "archive_days": archive})) == [
        f"retention.archive_days: got {archive}; expected 1 to 36500 days"
    ]


def test_rejects_an_archive_that_ends_before_the_hot_days(refusal: Refusal) -> None:
    (line,) = refusal(document(retention={"hot_days": 90, "archive_days": 89}))
    assert line.startswith("retention.archive_days: got 89; expected at least hot_days (90)")
