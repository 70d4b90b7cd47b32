"""How often CloudWatch Logs delivers, and whether a Kinesis stream would cost less: the account's figures of a week.

With `subscriptions: direct` each payload of a log stream is an invocation of the archiver, and an archive object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from logdock.cli.account import Account
from logdock.cli.status.metrics import MOST_QUERIES, Metric, queries_of
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.subscription_costs import Inputs, costs

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

DAYS = 7
_DAY_SECONDS = 86_400


class Deliveries(NamedTuple):
    """What CloudWatch Logs delivered in a Region: how often a second, and how many GB a day, on average."""

    region: str
    per_second: float
    gigabytes_a_day: float


def deliveries_of(account: Account, settings: Deployment, region: str, now: datetime | None = None) -> Deliveries:
    """Return the deliveries of the last week in a Region."""
    exports = [
        each.name for each in settings.exports if each.lands_in == "log groups" and region in settings.regions_of(each)
    ]
    invocations = Metric("AWS/Lambda", "Invocations", "Sum", (("FunctionName", account.names.archiver),))
    read = [
        Metric(
            "Logdock",
            "bytes_in",
            "Sum",
            tuple({"deployment": settings.deployment, "export": name, "destination": ARCHIVE}.items()),
        )
        for name in exports
    ]
    end = now or datetime.now(UTC)
    counted, *sizes = _sums(account.cloudwatch_in(region), [invocations, *read], end - timedelta(days=DAYS), end)
    return Deliveries(region, counted / DAYS / _DAY_SECONDS, sum(sizes) / DAYS / 1e9)


def _sums(cloudwatch: CloudWatchClient, metrics: Sequence[Metric], start: datetime, end: datetime) -> Iterator[float]:
    """Yield each metric's sum over a range."""
    for first in range(0, len(metrics), MOST_QUERIES):
        part = metrics[first : first + MOST_QUERIES]
        sums = dict.fromkeys(range(len(part)), 0.0)
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries_of(part, _DAY_SECONDS), StartTime=start, EndTime=end
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                sums[int(result["Id"][1:])] += sum(result["Values"])
        yield from sums.values()


def recommendation(found: Deliveries) -> str | None:
    """Recommend `kinesis` where it costs less than what is delivered now does; None where it does not."""
    inputs = Inputs()
    a_month = found.per_second * inputs.month_hours * 3600
    if a_month < 1:
        return None
    direct, kinesis = (costs(found.gigabytes_a_day, a_month, way, inputs).dollars for way in ("direct", "kinesis"))
    if direct <= kinesis:
        return None
    return (
        f"In the last {DAYS} days CloudWatch Logs delivered {found.per_second:,.1f} times a second in {found.region}, "
        f"{found.gigabytes_a_day:,.2f} GB a day. That costs about {direct:,.0f} USD a month with "
        f"`subscriptions: direct` and {kinesis:,.0f} with `subscriptions: kinesis` (docs/subscriptions.md)."
    )
