"""What log groups hold and the archive does not: handed to the archiver, as a subscription would have brought it.

A day of a log group is cut into the same batches each time, a batch is known by the ids of its events, and the same
batch makes the same archive object: what is sent again is archived once.
Source: CloudWatch Logs API Reference, FilterLogEvents (events come sorted by their times, with their ids).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from log_shipper.keys import identity_of

from logdock.cli import archiver
from logdock.cli.account import Account
from logdock.cli.backfill.batch import Batch
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.subscriptions import filter_name, find_group, groups_under, subscription_of
from logdock.settings.export_base import LogGroupExport
from logdock.settings.landing import LogGroupLanding

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef, LogGroupTypeDef

BATCH_BYTES = 4_000_000
"""Of text. Lambda takes 6 MB at once (Lambda quotas), and what does not compress grows by a third in base64."""
EVENT_BYTES = 100
"""Bytes of an event's id and time, in addition to its message."""
UNSURE = timedelta(minutes=5)
"""A subscription does not begin everywhere at once; what came in its first minutes is archived twice, or not missed."""
OLDEST, NEWEST = timedelta(days=14), timedelta(hours=2)
"""How much earlier, and later, than its arrival an event may say it is (PutLogEvents)."""


class Group(NamedTuple):
    """A log group: when the first event in it can be of, and until when what arrived was not archived."""

    region: str
    name: str
    arn: str
    first: datetime
    archived_from: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogGroupEvents:
    """The events of a range in the log groups of an export."""

    account: Account
    export: LogGroupExport
    since: datetime
    until: datetime | None
    """The end of the range. None for what arrived before the log group was subscribed to."""
    now: datetime

    def batches(self) -> Iterator[Batch]:
        """Yield the events, day by day, and of each day group by group.

        Raises
        ------
        CommandError
            When a log group is not there or not subscribed to; of a batch's `send`, when the archiver failed.
        """
        wanted = self.export.landing(self.account.settings)
        regions = [region for region in wanted.regions if region in self.account.regions]
        groups = [group for region in regions for group in self._groups(wanted, region)]
        start, end = self.since, self.until or self.now + NEWEST
        while start < end:
            after = min(end, (start + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0))
            for group in groups:
                if group.first < after and (group.archived_from is None or start < group.archived_from + NEWEST):
                    for events in self._cut(group, start, after):
                        size = sum(map(_size, events))
                        yield Batch(
                            start, items=len(events), size=size, turns=1, send=partial(self._archive, group, events)
                        )
            start = after

    def _archive(self, group: Group, events: list[FilteredLogEventTypeDef]) -> None:
        streams: dict[str, list[FilteredLogEventTypeDef]] = {}
        for event in events:
            streams.setdefault(event["logStreamName"], []).append(event)
        records = [self._record(group, stream, of_stream) for stream, of_stream in streams.items()]
        answer = archiver.invoke(self.account, group.region, json.dumps({"Records": records}))
        if answer.error:
            raise CommandError(f"the archiver did not archive events of {group.name}: {answer.error}", ExitCode.AWS)

    def _groups(self, wanted: LogGroupLanding, region: str) -> Iterator[Group]:
        for name in wanted.names:
            found = find_group(self._there, region, name)
            if found is None:
                raise CommandError(f"{region} has no log group {name}", ExitCode.NOT_DEPLOYED)
            yield self._group(region, found)
        for prefix in wanted.prefixes:
            for each in groups_under(self._there, region, prefix):
                yield self._group(region, each)

    @property
    def _there(self) -> Account:
        return self.account.require_landing_of(self.export)

    def _group(self, region: str, found: LogGroupTypeDef) -> Group:
        name, first = found["logGroupName"], _moment(found["creationTime"]) - OLDEST
        if days := found.get("retentionInDays"):
            first = max(first, self.now - timedelta(days=days))
        # without a subscription the archiver would not know its events
        subscription = subscription_of(self._there, self.export, name, region)
        if subscription is None:
            raise CommandError(
                f"the log group {name} in {region} is not subscribed to for {self.export.name}. Deploy its stack; a "
                "log group that is new under a prefix is subscribed to within the hour",
                ExitCode.NOT_DEPLOYED,
            )
        archived_from = None if self.until else _moment(subscription["creationTime"]) + UNSURE
        return Group(region, name, found["arn"].removesuffix(":*"), first, archived_from)

    def _cut(self, group: Group, start: datetime, end: datetime) -> Iterator[list[FilteredLogEventTypeDef]]:
        pages = self._there.logs_in(group.region).get_paginator("filter_log_events").paginate(
            logGroupName=group.name, startTime=_milliseconds(start), endTime=_milliseconds(end) - 1
        )  # fmt: skip
        batch: list[FilteredLogEventTypeDef] = []
        size = 0
        for page in pages:
            for event in page["events"]:
                if group.archived_from and event["ingestionTime"] >= _milliseconds(group.archived_from):
                    continue
                if batch and size + _size(event) > BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
                batch.append(event)
                size += _size(event)
        if batch:
            yield batch

    def _record(self, group: Group, stream: str, events: list[FilteredLogEventTypeDef]) -> dict[str, Any]:
        """Return the events of a log stream as a Kinesis stream would carry them: an invocation takes many of these."""
        payload = {
            "messageType": "DATA_MESSAGE",
            "owner": self.export.other_account or self.account.settings.account,
            "logGroup": group.name,
            "logStream": stream,
            "subscriptionFilters": [filter_name(self.export)],
            "logEvents": [
                {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]}
                for event in events
            ],
        }
        return {
            "eventSourceARN": group.arn,
            "eventID": identity_of(stream, *(event["eventId"] for event in events)),
            "kinesis": {"data": base64.b64encode(gzip.compress(json.dumps(payload).encode(), 1)).decode()},
        }


def _size(event: FilteredLogEventTypeDef) -> int:
    return len(event["message"].encode()) + EVENT_BYTES


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
