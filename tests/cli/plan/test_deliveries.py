"""`logdock plan` recommends a stream with the account's own figures, and only where it costs less."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from logdock.cli.plan.deliveries import Deliveries, deliveries_of, recommendation
from logdock.cli.plan.live import _recommend_stream
from logdock.cli.plan.report import Plan
from logdock.settings import Deployment
from logdock.settings.names import Names

WEEK_SECONDS = 7 * 86_400
SETTINGS = {
    "deployment": "acme",
    "account": "111122223333",
    "region": "eu-west-1",
    "exports": [
        {"name": "jobs", "kind": "cloudwatch-logs", "log_groups": ["/a"]},
        {"name": "apps", "kind": "cloudwatch-logs", "log_groups": ["/b"]},
        {"name": "files", "kind": "s3-logs", "services": ["cloudfront"]},
    ],
}


class CloudWatch:
    """Has a week of figures, in days, on two pages."""

    def __init__(self, per_second: float, gigabytes_a_day: float) -> None:
        self._sums = {"Invocations": per_second * WEEK_SECONDS, "bytes_in": gigabytes_a_day * 7e9 / 2}
        self.asked: list[Any] = []

    def get_paginator(self, _: str) -> CloudWatch:
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        self.asked += request["MetricDataQueries"]
        for part in (0.25, 0.75):
            yield {
                "MetricDataResults": [
                    {"Id": each["Id"], "Values": [self._sums[each["MetricStat"]["Metric"]["MetricName"]] * part]}
                    for each in request["MetricDataQueries"]
                ]
            }


def account_of(settings: Deployment, cloudwatch: object) -> Any:
    return SimpleNamespace(
        names=Names.of(settings), settings=settings, regions=settings.regions, cloudwatch_in=lambda _: cloudwatch
    )


def plan_of(settings: Deployment) -> Plan:
    return Plan(settings=settings, before="", after="", difference=None, effects=[])


def test_deliveries_are_those_of_all_exports_of_log_groups() -> None:
    settings = Deployment.model_validate(SETTINGS)
    cloudwatch = CloudWatch(3, 10)
    found = deliveries_of(account_of(settings, cloudwatch), settings, "eu-west-1", datetime(2026, 11, 30, tzinfo=UTC))
    assert (round(found.per_second, 6), round(found.gigabytes_a_day, 6)) == (3, 10)
    dimensions = [
        {d["Name"]: d["Value"] for d in each["MetricStat"]["Metric"]["Dimensions"]} for each in cloudwatch.asked
    ]
    assert [each.get("export") for each in dimensions] == [None, "jobs", "apps"]


@pytest.mark.parametrize(
    ("per_second", "gigabytes", "is_recommended"),
    [(0, 0, False), (0.5, 1, False), (1.5, 1, True), (1.5, 100, False), (37, 1, True), (247, 10, True)],
)
def test_a_stream_is_recommended_where_it_costs_less(per_second: float, gigabytes: float, is_recommended: bool) -> None:
    said = recommendation(Deliveries("eu-west-1", per_second, gigabytes))
    assert (said is not None) == is_recommended
    if said:
        assert f"{per_second:,.1f} times a second in eu-west-1, {gigabytes:,.2f} GB a day" in said
        assert "`subscriptions: kinesis`" in said


def test_a_plan_has_the_figures_and_says_what_it_may_not_look_at() -> None:
    settings = Deployment.model_validate(SETTINGS)
    plan = plan_of(settings)
    _recommend_stream(account_of(settings, CloudWatch(37, 1)), plan)
    (note,) = plan.notes
    assert "37.0 times a second" in note

    class Refused:
        def get_paginator(self, _: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetMetricData")

    plan = plan_of(settings)
    _recommend_stream(account_of(settings, Refused()), plan)
    (note,) = plan.notes
    assert note.startswith("Not checked: how often CloudWatch Logs delivers in eu-west-1")


@pytest.mark.parametrize("change", [{"subscriptions": "kinesis"}, {"exports": SETTINGS["exports"][2:]}])
def test_nothing_is_asked_where_nothing_is_to_be_recommended(change: dict[str, Any]) -> None:
    settings = Deployment.model_validate({**SETTINGS, **change})
    cloudwatch = CloudWatch(37, 1)
    _recommend_stream(account_of(settings, cloudwatch), plan_of(settings))
    assert cloudwatch.asked == []
