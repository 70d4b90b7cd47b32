"""Events that the archiver could not archive: each is kept in the failure bucket, and here it is invoked again.

Lambda writes an invocation record, JSON, in one of two shapes. An event of a log group (asynchronous invocation):
``aws/lambda/async/<function>/YYYY/MM/DD/...`` with the event as ``requestPayload`` and what the function answered as
``responsePayload``. A batch of a stream (event source mapping): ``aws/lambda/<mapping>/<shard>/YYYY/MM/DD/...`` with
the batch as ``payload``, a text. Sources: Lambda Developer Guide, "Capturing records of Lambda asynchronous
invocations" and "Retain discarded batch records for a Kinesis Data Streams event source in Lambda".

The archiver itself keeps what a stream brings of an export that is gone: ``unclaimed/<export>/...``, an event as it is.
The same event makes the same archive object, so nothing is archived twice.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from log_shipper import errors as shipper_errors
from log_shipper.events import REASONS, subscriptions_in

from logdock.cli.account import Account
from logdock.cli.archiver import error_in, invoke
from logdock.cli.redrive.failures import UNKNOWN, FailureFilter, Group, Place, Report, without_numbers
from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.redrive.versions import COLD, ColdError, StoredObject, delete, list_current, read

PREFIX = "aws/lambda/"
UNCLAIMED = "unclaimed/"
UNREADABLE = "_unreadable"

WORKERS = 4
"""Concurrent invocations: the archiver also has its regular work to do."""


class Event(NamedTuple):
    """An event that was kept, the object that it is in, and its group; without a payload it cannot be sent again."""

    region: str
    stored: StoredObject
    payload: str
    group: Group


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiverEvents:
    """What the archiver could not archive, in every Region."""

    account: Account
    wanted: FailureFilter
    report: Report
    _known: set[tuple[str, str]] = field(default_factory=set)

    def find(self) -> list[Event]:
        """Count the events that are wanted and not counted yet; return them."""
        new = [where for where in self._listed() if (where[0], where[1].key) not in self._known]
        with ThreadPoolExecutor(WORKERS) as pool:
            found = [event for event in pool.map(self._read, new) if self.wanted.matches(event.group)]
        for event in found:
            self._known.add((event.region, event.stored.key))
            self.report.found(event.group)
        return found

    def redrive(self, events: list[Event], limiter: RateLimiter, done: Callable[[int], None]) -> None:
        """Invoke the archiver with each event, and delete those that it has archived."""

        def again(event: Event) -> None:
            if event.payload and limiter.acquire() and self._archived(event):
                delete(self.account.s3_in(event.region), self._bucket(event.region), event.stored)
                self.report.deleted(event.group)
                done(1)

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(again, events))
        # what the archiver has set aside meanwhile is left too
        self.find()

    def _listed(self) -> Iterator[tuple[str, StoredObject]]:
        for region in self.account.regions:
            with self.account.requires(self.account.stack_of(region), region):
                for prefix in (PREFIX, UNCLAIMED):
                    for each in list_current(self.account.s3_in(region), self._bucket(region), prefix):
                        yield region, each

    def _read(self, where: tuple[str, StoredObject]) -> Event:
        region, what = where
        key = what.key
        try:
            body = read(self.account.s3_in(region), self._bucket(region), what)
        except ColdError:
            return self._event(where, "", UNKNOWN, COLD)
        if key.startswith(UNCLAIMED):
            export = key.removeprefix(UNCLAIMED).partition("/")[0]
            is_back = export in {each.name for each in self.account.settings.exports}
            reason = (
                "the export had no configuration, or the log group was not its own"
                if is_back
                else "the settings have no such export"
            )
            if export == UNREADABLE:
                reason = f"{_unreadable_reason(body)}; `aws s3 cp` shows what the stream brought"
            return self._event(where, body.decode() if is_back else "", export, reason)
        try:
            record = json.loads(body)
            function = record["requestContext"]["functionArn"].split(":")[6]
        except (ValueError, KeyError, TypeError, IndexError):
            return self._event(where, "", UNKNOWN, "it is not an invocation record of Lambda")
        if function != self.account.names.archiver:
            return self._event(where, "", UNKNOWN, f"it is of the function {function}")
        event = record.get("requestPayload", record.get("payload"))
        payload = event if isinstance(event, str) else json.dumps(event) if event else ""
        if not payload:
            return self._event(where, "", UNKNOWN, "Lambda omitted the event, which was too large")
        return self._event(where, payload, _export_of(payload), _reason(record))

    def _event(self, where: tuple[str, StoredObject], payload: str, export: str, reason: str) -> Event:
        return Event(*where, payload, Group(Place.ARCHIVER, where[0], export, "archive", without_numbers(reason)))

    def _archived(self, event: Event) -> bool:
        error, took_any = invoke(self.account, event.region, event.payload)
        if error is None:
            # of an export that still has no configuration nothing is archived, and the event is set aside once more
            return not event.stored.key.startswith(UNCLAIMED) or took_any
        self.report.note(f"the archiver failed again: {error}")
        return False

    def _bucket(self, region: str) -> str:
        return self.account.names.bucket("failed", region)


def _unreadable_reason(body: bytes) -> str:
    try:
        return str(json.loads(body)[REASONS][0])
    except (ValueError, KeyError, TypeError, IndexError):
        return "the payload is not a batch of log events"


def _export_of(payload: str) -> str:
    try:
        return next((events.export for events in subscriptions_in(json.loads(payload))), UNKNOWN)
    except (ValueError, KeyError, TypeError, shipper_errors.ShipperError):
        return UNKNOWN


def _reason(record: dict[str, Any]) -> str:
    said = record.get("responsePayload")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            said = None
    return error_in(said) if isinstance(said, dict) else str(record["requestContext"].get("condition", UNKNOWN))
