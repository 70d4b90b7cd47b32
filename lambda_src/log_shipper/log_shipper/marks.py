"""The mark table: which invocation ships an object, how far it got, and which objects are finished.

Events are delivered at least once (Amazon S3 User Guide, "Amazon S3 Event Notifications"), and so are SQS's messages.
Before an object is shipped an invocation **claims** it, with one conditional write; a copy of its message that another
invocation gets meanwhile waits. What an invocation finished is listed in one item, its **receipt**, which is written
once for all objects that a body finished: 25 small objects cost 26 writes.

A claim proves nothing: an object is finished only if its own item says so, or the receipt of the invocation that
claimed it. An object that is claimed and not finished is shipped again once the claim has ended, so a lost write and a
killed function cost a repetition, and never a line. A table that fails or throttles costs the same.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard

from botocore.exceptions import BotoCoreError, ClientError

from log_shipper import aws, parallel
from log_shipper.mark_items import (
    KEPT_SECONDS,
    Item,
    Mark,
    entry_of,
    finished_in,
    get_item,
    number,
    number_value,
    object_key,
    read_mark,
    value_of,
)
from log_shipper.runtime import explain
from log_shipper.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from log_shipper.progress import Progress

LONGEST_LEASE_SECONDS = 900
"""Lambda's longest timeout: a claim that would last longer was written by a clock that is wrong, and counts as none."""
MAX_UNWRITTEN = 10
"""Finished objects that are not in the receipt yet: a function that is killed repeats them."""
MAX_LISTED = 1000
"""Objects of a receipt, far below an item's 400 KB; each further one, of messages that name many, is marked alone."""
OLD_CODE_SECONDS = 900
"""After the first mark in the table, functions of the release before may still write marks to S3 for so long."""
S3_MARKS_SECONDS = KEPT_SECONDS + 86_400
"""S3 has removed its last mark by then: it removes what is 30 days old at the next midnight, UTC."""

_FAULTS = (ClientError, BotoCoreError)
_since: dict[tuple[str, str], float] = {}
"""When the first mark was written, by table and destination: it never changes."""


class Claim(NamedTuple):
    """What came of a claim."""

    state: Literal["ours", "done", "held", "unknown"]
    """``ours``: this invocation ships the object. ``done``: it is finished. ``held``: another invocation ships it.
    ``unknown``: the table did not answer, and so the object is shipped without a claim."""
    seconds: float = 0.0
    """How long the other invocation's claim lasts."""


class MarkTable:
    """The claims, the progress and the receipt of one invocation, for one destination.

    Parameters
    ----------
    table
        The table's name.
    destination
        The destination's name, with which every key begins.
    lease_seconds
        How long this invocation can last: its claims end then. It has stopped posting some seconds before
        (`ship.RESERVE_SECONDS`), by which the clocks of two functions may differ.
    """

    def __init__(self, table: str, destination: str, lease_seconds: Callable[[], float]) -> None:
        self._table, self._destination, self._lease_seconds = table, destination, lease_seconds
        self._holder = os.urandom(8).hex()
        self._listed: set[str] = set()
        self._unwritten: list[Progress] = []
        self._writing: tuple[list[Progress], Future[None]] | None = None
        self._saving: dict[str, tuple[Progress, int, Future[dict[str, Any]]]] = {}
        self._looking = threading.Lock()

    def claim(self, progress: Progress) -> Claim:
        """Claim an object and set its progress to where an earlier invocation stopped; never raises.

        Half of what another reader read counts for nothing: its records were not counted the same way. So does an
        object that exceeded a smaller `max_expansion`.
        """
        claim, mark = self._claim(progress)
        if claim.state == "ours":
            progress.claimed = True
            if mark.records and not mark.done and mark.reader == progress.export.reader:
                progress.position = progress.skip = mark.records
                progress.saved = True
        return claim

    def _claim(self, progress: Progress) -> tuple[Claim, Mark]:
        nothing = Mark()
        try:
            answer = self._take(progress, "attribute_not_exists(holder)")
        except _FAULTS as error:
            if not _is_refused(error):
                return self._unknown(error), nothing
            item = _item_of(error)
        else:
            return Claim("ours"), read_mark(answer.get("Attributes", {}))
        mark = read_mark(item)
        if mark.holder == self._holder:
            # the SDK repeated a request whose answer was lost
            return Claim("ours"), mark
        if mark.done and (mark.max_expansion is None or progress.export.max_expansion <= mark.max_expansion):
            return Claim("done"), mark
        is_released = False
        try:
            receipt = get_item(aws.dynamodb(), self._table, f"{self._destination}/{mark.holder}")
        except _FAULTS as error:
            log("progress unreadable", destination=self._destination, error=explain(error))
        else:
            if _entry(progress) in finished_in(receipt):
                return Claim("done"), mark
            is_released = value_of(receipt, "released", "BOOL") is True
        if not is_released and (held := _held(mark)):
            return held, mark
        try:
            self._take(progress, "holder = :before", {":before": item.get("holder", {"S": ""})})
        except _FAULTS as error:
            if _is_refused(error):
                now = read_mark(_item_of(error))
                # another invocation was faster
                return (Claim("ours"), now) if now.holder == self._holder else (_held(now) or Claim("held", 1.0), now)
            return self._unknown(error), nothing
        return Claim("ours"), mark

    def _take(self, progress: Progress, condition: str, values: Item | None = None) -> dict[str, Any]:
        lease = number_value(time.time() + max(0.0, self._lease_seconds()))
        return self._update(
            self._key(progress),
            "SET holder = :me, lease = :lease, expires = :expires",
            {":me": {"S": self._holder}, ":lease": lease, **(values or {})},
            ConditionExpression=condition,
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _unknown(self, error: Exception) -> Claim:
        log("progress unreadable", destination=self._destination, error=explain(error))
        return Claim("unknown")

    def may_be_marked_in_s3(self, modified: datetime) -> bool:
        """Say whether the release before, which kept marks in S3, may have shipped an object that landed then.

        The table is there before this code is, and the old code goes on writing until then: so what counts is when this
        destination's first function of this release began. The look at S3 ends with the last of those marks.
        """
        since = self._since()
        if since is None:
            return True
        return modified.timestamp() < since + OLD_CODE_SECONDS and time.time() < since + S3_MARKS_SECONDS

    def _since(self) -> float | None:
        where = self._table, self._destination
        with self._looking:
            if where not in _since:
                try:
                    answer = aws.dynamodb().update_item(
                        TableName=self._table,
                        Key={"id": {"S": f"{self._destination}/"}},
                        UpdateExpression="SET since = if_not_exists(since, :now)",
                        ExpressionAttributeValues={":now": number_value(time.time())},
                        ReturnValues="ALL_NEW",
                    )
                except _FAULTS as error:
                    log("progress unreadable", destination=self._destination, error=explain(error))
                    return None
                since = number(answer.get("Attributes", {}), "since")
                if since is None:
                    return None
                _since[where] = since
            return _since[where]

    def save(self, objects: Sequence[Progress]) -> None:
        """Start to keep how many records of objects are acknowledged, and which are finished. Never raises.

        An object's next write waits for the one before. What was acknowledged stays so when this fails: it costs a
        repetition, at most.
        """
        for progress in objects:
            has_room = len(self._listed) < MAX_LISTED
            if progress.settled and progress.claimed and progress.max_expansion is None and has_room:
                progress.saved, progress.completion_saved, progress.unsaved_bytes = True, True, 0
                self._unwritten.append(progress)
            else:
                self._save_alone(progress)
        is_idle = self._writing is None or self._writing[1].done()
        if self._unwritten and (is_idle or len(self._unwritten) >= MAX_UNWRITTEN):
            self._write()

    def finish(self) -> None:
        """Wait until everything is kept that was to be."""
        if self._unwritten:
            self._write()
        self._settle()
        for key in list(self._saving):
            self._settle_progress(key)

    def release(self) -> None:
        """End the claims on what is not finished, so that the next attempt need not wait for their end."""
        self._write(released=True)
        self._settle()

    def _write(self, *, released: bool = False) -> None:
        self._settle()
        finished, self._unwritten = self._unwritten, []
        self._listed.update(map(_entry, finished))
        self._writing = finished, parallel.start(self._put_receipt, sorted(self._listed), released)

    def _put_receipt(self, finished: list[str], released: bool) -> None:
        values: Item = {}
        sets = ["expires = :expires"]
        if finished:
            values[":finished"] = {"SS": finished}
            sets.append("finished = :finished")
        if released:
            values[":released"] = {"BOOL": True}
            sets.append("released = :released")
        self._update(f"{self._destination}/{self._holder}", "SET " + ", ".join(sets), values)

    def _settle(self) -> None:
        if self._writing is None:
            return
        (finished, written), self._writing = self._writing, None
        try:
            written.result()
        except _FAULTS as error:
            log("progress not kept", destination=self._destination, objects=len(finished), error=explain(error))
            for progress in finished:
                progress.completion_saved = False

    def _save_alone(self, progress: Progress) -> None:
        values: Item = {
            ":me": {"S": self._holder},
            ":records": number_value(progress.position),
            ":reader": {"S": progress.export.reader},
            ":done": {"BOOL": progress.settled},
        }
        sets = "SET holder = :me, records = :records, reader = :reader, done = :done, expires = :expires"
        if progress.settled:
            # an invocation that may read it again, with a larger `max_expansion`, need not wait for the claim to end
            values[":over"] = number_value(0)
            sets += ", lease = :over"
        if progress.max_expansion is not None:
            values[":max_expansion"] = number_value(progress.max_expansion)
            sets += ", max_expansion = :max_expansion"
        # that an object is finished is true for every holder of the claim; progress is only the holder's
        condition = {} if progress.settled else {"ConditionExpression": "attribute_not_exists(holder) OR holder = :me"}
        key = self._key(progress)
        self._settle_progress(key)
        unsaved = progress.unsaved_bytes
        progress.saved, progress.completion_saved, progress.unsaved_bytes = True, progress.settled, 0
        written = parallel.start(self._update, key, sets, values, **condition)
        self._saving[key] = progress, unsaved, written

    def _settle_progress(self, key: str) -> None:
        if key not in self._saving:
            return
        progress, unsaved, written = self._saving.pop(key)
        try:
            written.result()
        except _FAULTS as error:
            log("progress not kept", export=progress.export.name, destination=self._destination, error=explain(error))
            progress.completion_saved = False
            progress.unsaved_bytes += unsaved

    def _update(self, key: str, expression: str, values: Item, **options: str) -> dict[str, Any]:
        return aws.dynamodb().update_item(
            TableName=self._table,
            Key={"id": {"S": key}},
            UpdateExpression=expression,
            ExpressionAttributeValues={":expires": number_value(time.time() + KEPT_SECONDS), **values},
            **options,
        )

    def _key(self, progress: Progress) -> str:
        return object_key(self._destination, progress.export.name, progress.identity)


def _entry(progress: Progress) -> str:
    return entry_of(progress.export.name, progress.identity)


def _held(mark: Mark) -> Claim | None:
    """Return the other invocation's claim, None when it has ended."""
    seconds = mark.lease - time.time()
    return Claim("held", seconds) if 0 < seconds <= LONGEST_LEASE_SECONDS else None


def _item_of(error: ClientError) -> Item:
    """Return the item because of which the condition of a write did not hold."""
    response: Any = error.response
    return dict(response.get("Item", {}))


def _is_refused(error: Exception) -> TypeGuard[ClientError]:
    """Say whether the condition of a write did not hold."""
    refused = "ConditionalCheckFailedException"
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == refused
