"""When something last happened, by CloudWatch's metrics: in steps of five minutes for a day, then of an hour.

Those of the shipper are its own (namespace `Logdock`); those of event rules and queues are AWS's (EventBridge User
Guide, "Monitoring Amazon EventBridge"; SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS").
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

MOST_QUERIES = 500
_SPANS = ((timedelta(days=1), 300), (timedelta(days=14), 3600))


class Metric(NamedTuple):
    """A metric and how its values are summed up over a step."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]


class Reading(NamedTuple):
    """The last step in which a metric was more than nothing: when it ended, or now within it, and its value."""

    time: datetime
    value: float


def last_readings(cloudwatch: CloudWatchClient, metrics: Sequence[Metric], now: datetime) -> dict[Metric, Reading]:
    """Return the last reading of each metric that has one within a fortnight."""
    found: dict[Metric, Reading] = {}
    for span, step in _SPANS:
        missing = [metric for metric in dict.fromkeys(metrics) if metric not in found]
        for start in range(0, len(missing), MOST_QUERIES):
            found |= query_metrics(cloudwatch, missing[start : start + MOST_QUERIES], now - span, now, step)
    return found


def queries_of(metrics: Sequence[Metric], step: int) -> list[MetricDataQueryTypeDef]:
    """Return the queries of metrics, `m0` and so on, in steps of so many seconds."""
    return [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                },
                "Period": step,
                "Stat": metric.statistic,
            },
        }
        for number, metric in enumerate(metrics)
    ]


def query_metrics(
    cloudwatch: CloudWatchClient, metrics: list[Metric], start: datetime, now: datetime, step: int
) -> dict[Metric, Reading]:
    """Return the last reading of each metric that has one in a range, in steps of so many seconds."""
    queries = queries_of(metrics, step)
    found: dict[Metric, Reading] = {}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=now, ScanBy="TimestampDescending"
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            metric = metrics[int(result["Id"][1:])]
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                if value > 0 and metric not in found:
                    found[metric] = Reading(min(now, moment + timedelta(seconds=step)), value)
    return found
