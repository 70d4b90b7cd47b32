"""One batch of messages: which objects they name, which of them is shipped next, and which messages failed."""

import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import NamedTuple

from log_shipper import parallel, queue
from log_shipper.compacted import number_of
from log_shipper.errors import DeliveryError, OutOfTimeError
from log_shipper.events import ObjectRef, objects_in
from log_shipper.objects import INSTRUCTION_SUFFIX
from log_shipper.pipeline import Opened, Pipeline
from log_shipper.progress import Progress
from log_shipper.runtime import explain
from log_shipper.telemetry import Tally, log
from log_shipper.timestamps import epoch_ms

AHEAD = 25
"""Objects that are opened before their turn: those of a batch. Of each, one chunk is held in memory."""
PATIENCE_SECONDS = 1.0
"""How long the first of them may take to open before another may go first."""


class _Opening(NamedTuple):
    """An object that a message names, on its way to be read; an earlier invocation finished it when there is none."""

    message_id: str
    ref: ObjectRef
    opened: Future[Opened | None]


@dataclass
class Delivery:
    """Takes a batch of messages; `finish` says which of them are to be tried again.

    Objects are opened side by side, so that the batch waits for S3 once and not for each object. One thread reads them
    one after the other, in the order of the messages unless one is slow to open.
    """

    pipeline: Pipeline
    retry_after_seconds: float = 0.0
    """How long the destination asked to be left alone, after it was tried in vain."""
    _messages: dict[str, list[Progress]] = field(default_factory=dict)
    _objects: list[Progress] = field(default_factory=list)
    _failed: set[str] = field(default_factory=set)
    _out_of_time: set[str] = field(default_factory=set)
    _errors: dict[str, str] = field(default_factory=dict)
    _last_error: str = ""
    _untried: set[str] = field(default_factory=set)

    def take(self, messages: Iterable[queue.Message]) -> None:
        """Ship the objects of messages as far as time and the destination allow; never raises."""
        waiting = deque(each for message in messages for each in self._objects_of(message))
        opening: deque[_Opening] = deque()
        while not self.pipeline.is_stopped and (waiting or opening):
            while waiting and len(opening) < AHEAD:
                message, ref = waiting.popleft()
                opened = parallel.start(self.pipeline.open, ref, queue.is_retried(message))
                opening.append(_Opening(message["messageId"], ref, opened))
            if (one := self._next(opening)) is not None:
                self._take(one)
        for message_id, ref in (
            *((each.message_id, each.ref) for each in opening),
            *((message["messageId"], ref) for message, ref in waiting),
        ):
            self._failed.add(message_id)
            self.pipeline.record_arrival(ref.export, ref.time)
            if self._out_of_time:
                self._untried.add(message_id)
        self._stop_opening([each.opened for each in opening])

    def _stop_opening(self, opening: list[Future[Opened | None]]) -> None:
        """Wait for what is being opened, as long as there is time: Lambda freezes what goes on when it returns."""
        self.pipeline.close()
        waiting = [each for each in opening if not each.cancel()]
        wait(waiting, max(0.0, self.pipeline.remaining_seconds()))

    def _objects_of(self, message: queue.Message) -> list[tuple[queue.Message, ObjectRef]]:
        self._messages.setdefault(message["messageId"], [])
        try:
            refs = objects_in(message["body"])
        except Exception as error:  # noqa: BLE001 - one message's failure must not fail its neighbours
            self._failed.add(message["messageId"])
            self._record_error(error, message["messageId"])
            return []
        return [(message, ref) for ref in refs if not self._is_no_input(ref)]

    def _is_no_input(self, ref: ObjectRef) -> bool:
        """Say whether an object has no lines of its own: an envelope, or parts that were announced one by one."""
        is_compacted = ref.bucket == self.pipeline.environment.archive_bucket and number_of(ref.key) is not None
        return is_compacted or ref.key.endswith(INSTRUCTION_SUFFIX)

    def _next(self, opening: deque[_Opening]) -> _Opening | None:
        """Take the first object that is open off the queue, or the first at all when there is no time left.

        Before it waits for long, what others have brought is delivered; None when the destination does not take it.
        """
        first = opening[0]
        try:
            first.opened.exception(timeout=PATIENCE_SECONDS)
        except TimeoutError:
            if not any(each.opened.done() for each in opening):
                try:
                    with self.pipeline.at_destination():
                        self.pipeline.sink.flush()
                except Exception as error:  # noqa: BLE001 - what is not acknowledged is returned as failed
                    self._record_error(error, "")
                    return None
                wait([each.opened for each in opening], max(0.0, self.pipeline.remaining_seconds()), FIRST_COMPLETED)
            first = next((each for each in opening if each.opened.done()), first)
        opening.remove(first)
        return first

    def _take(self, one: _Opening) -> None:
        message_id = one.message_id
        progress: Progress | None = None
        try:
            if not one.opened.done():
                self.pipeline.is_stopped = True
                raise OutOfTimeError("the function's time is nearly up")
            opened = one.opened.result()
            if opened is not None:
                progress = opened.progress
                self._messages[message_id].append(progress)
                if opened.stream is not None:
                    self._objects.append(progress)
                    self.pipeline.ship(opened)
                elif progress.settled and not any(progress is each for each in self._objects):
                    self._objects.append(progress)
        except Exception as error:  # noqa: BLE001 - one message's failure must not fail its neighbours
            self._failed.add(message_id)
            self.pipeline.record_arrival(one.ref.export, one.ref.time)
            if progress is not None:
                self.pipeline.sink.drop(progress)
            if isinstance(error, OutOfTimeError):
                self._out_of_time.add(message_id)
            self._record_error(error, message_id)

    def finish(self) -> list[str]:
        """Deliver what is gathered; return the messages that are not wholly acknowledged, in order."""
        try:
            if not self.pipeline.is_stopped:
                self.pipeline.sink.flush()
        except Exception as error:  # noqa: BLE001 - what is not acknowledged below is returned as failed
            self._record_error(error, "")
        self.pipeline.sink.abandon()
        self.pipeline.ledger.marks.finish()
        self.pipeline.ledger.save(self._objects, at_once=True)
        self.pipeline.ledger.marks.finish()
        failed = [
            message_id
            for message_id, objects in self._messages.items()
            if message_id in self._failed or not all(each.settled for each in objects)
        ]
        if returned := [message_id for message_id in failed if message_id not in self.held()]:
            self.pipeline.ledger.marks.release()
            self._log_failures(returned)
        return failed

    def held(self) -> dict[str, float]:
        """Return the messages that wait for another invocation, which ships their objects now, and how long."""
        return {
            message_id: max(each.held_seconds for each in objects)
            for message_id, objects in self._messages.items()
            if message_id not in self._failed
            and any(each.held_seconds for each in objects)
            and all(each.settled or each.held_seconds for each in objects)
        }

    def _log_failures(self, failed: list[str]) -> None:
        """Log the error of each returned message: its own, or the batch's; `logdock redrive` reads this event."""
        by_error: dict[str, list[str]] = {}
        for message_id in failed:
            by_error.setdefault(self._errors.get(message_id, self._last_error), []).append(message_id)
        for error, message_ids in by_error.items():
            log("returned", destination=self.pipeline.destination.name, error=error, message_ids=message_ids)

    def unfinished(self) -> list[str]:
        """Return the messages to go on with that must not count as failed.

        They ended for want of time and got on, or had no turn because others took the time and got on: either way there
        is less to do than before, so nothing goes on indefinitely.
        """
        got_on = {id(each) for each in self._objects if each.position > each.skip}
        return [
            message_id
            for message_id, objects in self._messages.items()
            if (message_id in self._untried and got_on)
            or (message_id in self._out_of_time and any(id(each) in got_on for each in objects))
        ]

    def tallies(self) -> dict[str, Tally]:
        """Return the figures by export."""
        by_export: dict[str, Tally] = {}
        for each in self._objects:
            by_export.setdefault(each.export.name, Tally()).add(each.tally)
        now_ms = time.time_ns() // 1_000_000
        for export, arrival in self.pipeline.arrivals.items():
            by_export.setdefault(export, Tally()).lag_ms = max(0, now_ms - epoch_ms(arrival))
        for tally in list(by_export.values())[:1]:
            tally.requests += self.pipeline.sink.requests
            tally.retries += self.pipeline.sink.retries
        return by_export

    def _record_error(self, error: Exception, message_id: str) -> None:
        self._errors[message_id] = self._last_error = explain(error)
        log("failed", destination=self.pipeline.destination.name, message_id=message_id, error=self._last_error)
        if isinstance(error, DeliveryError):
            self.retry_after_seconds = error.retry_after_seconds or 0.0
        if self.pipeline.is_stopped:
            self.pipeline.sink.abandon()
