"""Which hours of the archive the last run of compaction left as they are, because a destination does not have them yet.

The function logs each: one request, where a listing of a month of hours would be many.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

PATTERN = '{ $.event = "waiting" || $.event = "compacted" }'
"""Lines of hours that wait, and the line that ends a run."""
LOOK_BACK = timedelta(minutes=135)
"""A run begins each hour and takes a quarter of one at most: two ends of runs, between which the last one is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Uncompacted:
    """Hours of an export that wait for a destination."""

    export: str
    hours: int
    since: datetime
    """When the oldest object in them was archived."""


def uncompacted_hours(logs: CloudWatchLogsClient, log_group: str, now: datetime) -> list[Uncompacted]:
    """Return the hours that waited in the last whole run, by export."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, filterPattern=PATTERN, startTime=int((now - LOOK_BACK).timestamp() * 1000)
    )
    run: dict[str, list[datetime]] = {}
    last = run
    for line in (json.loads(event["message"]) for page in pages for event in page["events"]):
        if line["event"] == "compacted":
            last, run = run, {}
        else:
            run.setdefault(line["source"].split("/")[1], []).append(datetime.fromisoformat(line["since"]))
    return [Uncompacted(export=name, hours=len(each), since=min(each)) for name, each in sorted(last.items())]
