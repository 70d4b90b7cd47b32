"""Metrics that AWS's services and the functions' logs make by themselves: those that alarms and the dashboard show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch, cloudwatch_logs, eventbridge

from local_cloud.corrections.operations import intercept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request


def apply() -> None:
    """Make these corrections."""
    _count_matches()
    _read_embedded_metrics()
    intercept(cloudwatch_logs, "PutLogEvents")(_count_incoming_bytes)
    intercept(cloudwatch, "GetMetricData")(_put_newest_values_first)


def _count_matches() -> None:
    """EventBridge counts the events that match a rule, whether it has targets or not."""
    original = eventbridge._matches_pattern_view

    def matches(pattern: str, view: Any, owner: str = "rule") -> bool:
        matched = bool(original(pattern, view, owner))
        if matched and owner.startswith("rule default|"):
            name = owner.removeprefix("rule default|")
            cloudwatch.record_metric("AWS/Events", "MatchedEvents", 1, "Count", {"RuleName": name})
        return matched

    eventbridge._matches_pattern_view = matches


def _read_embedded_metrics() -> None:
    """CloudWatch Logs makes metrics of lines in the embedded metric format."""
    original = cloudwatch_logs._append_log_events

    def append(stream: Any, events: list[dict[str, Any]]) -> None:
        original(stream, events)
        for event in events:
            if '"_aws"' in event["message"]:
                _record(event["message"])

    cloudwatch_logs._append_log_events = append


async def _put_newest_values_first(request: Request, proceed: Proceed) -> Answer:
    """GetMetricData has the newest value first unless ScanBy is TimestampAscending (CloudWatch API Reference).

    MiniStack always begins with the oldest.
    """
    status, headers, body = await proceed()
    if status == 200 and request.parameters.get("ScanBy") != "TimestampAscending":
        answer = json.loads(body)
        for result in answer["MetricDataResults"]:
            result["Timestamps"].reverse()
            result["Values"].reverse()
        body = json.dumps(answer).encode()
    return status, headers, body


async def _count_incoming_bytes(request: Request, proceed: Proceed) -> Answer:
    """CloudWatch Logs counts what is written to a log group."""
    answer = await proceed()
    if answer[0] == 200:
        size = sum(len(event["message"].encode()) for event in request.parameters["logEvents"])
        dimensions = {"LogGroupName": request.parameters["logGroupName"]}
        cloudwatch.record_metric("AWS/Logs", "IncomingBytes", size, "Bytes", dimensions)
    return answer


def _record(message: str) -> None:
    try:
        line: Mapping[str, Any] = json.loads(message)
    except ValueError:
        return
    for described in line["_aws"]["CloudWatchMetrics"]:
        for names in described["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            for metric in described["Metrics"]:
                value = line[metric["Name"]]
                cloudwatch.record_metric(described["Namespace"], metric["Name"], value, metric["Unit"], dimensions)
