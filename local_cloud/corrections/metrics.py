"""Metrics that AWS's services and the functions' logs make by themselves: those that alarms here watch.

A minute lasts as long as ``LOCAL_CLOUD_MINUTE_SECONDS`` says (60 unless a test is in a hurry), and what is measured in
time is measured by that clock.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from ministack.services import cloudwatch, cloudwatch_logs, eventbridge, sqs

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE_SECONDS = float(os.environ.get("LOCAL_CLOUD_MINUTE_SECONDS", "60"))
FASTER = 60 / MINUTE_SECONDS
"""How many times faster than elsewhere the time passes."""


def apply() -> None:
    """Make these corrections."""
    _count_matches()
    _read_embedded_metrics()
    _count_incoming_bytes()


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


def _count_incoming_bytes() -> None:
    """CloudWatch Logs counts what is written to a log group."""
    original = cloudwatch_logs._put_log_events

    def put(data: Mapping[str, Any]) -> Any:
        answer = original(data)
        if answer[0] == 200:
            size = sum(len(event["message"].encode()) for event in data["logEvents"])
            dimensions = {"LogGroupName": data["logGroupName"]}
            cloudwatch.record_metric("AWS/Logs", "IncomingBytes", size, "Bytes", dimensions)
        return answer

    cloudwatch_logs._put_log_events = put


def _record(message: str) -> None:
    try:
        line: Mapping[str, Any] = json.loads(message)
    except ValueError:
        return
    for described in line["_aws"]["CloudWatchMetrics"]:
        for names in described["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            for metric in described["Metrics"]:
                value = line[metric["Name"]] * (FASTER if metric["Unit"] == "Milliseconds" else 1)
                namespace = described["Namespace"]
                cloudwatch.record_metric(namespace, metric["Name"], value, metric["Unit"], dimensions)


def record_queues() -> None:
    """Record what SQS says of each queue of the current account and Region, once a minute."""
    now = time.time()
    for queue in list(sqs._queues.values()):
        dimensions = {"QueueName": queue["name"]}
        ages = [now - message["sent_at"] for message in list(queue["messages"])]
        visible = sum(message["visible_at"] <= now for message in list(queue["messages"]))
        age = max(ages, default=0.0) * FASTER
        cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", age, "Seconds", dimensions)
        cloudwatch.record_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, "Count", dimensions)
