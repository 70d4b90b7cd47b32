"""PutLogEvents as its limits want it.

Limits: 1,048,576 bytes a batch, counted as UTF-8 with 26 bytes added per event; 10,000 events; in order of time; at
most 24 hours from the first to the last (CloudWatch Logs API Reference).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local_cloud.markers import Line

MAX_BATCH_BYTES = 1_048_576
EVENT_BYTES = 26
MAX_EVENTS = 10_000
MAX_SPAN_MS = 24 * 3_600_000


def batches(events: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Cut events, each a time in milliseconds since 1970 and a message, into batches that the API accepts."""
    batch: list[tuple[int, str]] = []
    size = 0
    for event in sorted(events, key=lambda item: item[0]):
        added = len(event[1].encode()) + EVENT_BYTES
        if batch and (
            size + added > MAX_BATCH_BYTES or len(batch) == MAX_EVENTS or event[0] - batch[0][0] >= MAX_SPAN_MS
        ):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += added
    if batch:
        yield batch


def put_lines(logs: Any, group: str, stream: str, lines: Sequence[Line]) -> None:
    """Make a log stream and write lines to it; a line with line breaks is one event per part, as agents send it."""
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [(line.epoch_ms, part) for line in lines for part in line.text.split("\n")]
    put_events(logs, group, stream, events)


def put_events(logs: Any, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
    """Write events to a log stream."""
    for batch in batches(events):
        answer = logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": timestamp, "message": message} for timestamp, message in batch],
        )
        rejected = answer.get("rejectedLogEventsInfo")
        if rejected:
            raise ValueError(f"CloudWatch Logs rejected events of {group}/{stream}: {rejected}")
