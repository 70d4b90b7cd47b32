"""One batch of messages on its way to one destination: opens objects, reads them, hands records over, keeps count."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from log_shipper import parallel, quarantine
from log_shipper.admission import check_object
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.compacted import INDEX_METADATA, number_of
from log_shipper.decode import decoded
from log_shipper.destinations import Sink, renderer_of
from log_shipper.environment import Destination, Environment
from log_shipper.errors import CorruptInputError, DeliveryError, ForeignObjectError, OutOfTimeError
from log_shipper.events import ObjectRef, objects_in
from log_shipper.export_config import ExportConfig, ExportConfigs
from log_shipper.jobs import Job, Segment, identity_of, keep
from log_shipper.landed import landed_blocks, landed_fields, refuse_rest
from log_shipper.line_readers import log_type_of
from log_shipper.marks import MarkTable
from log_shipper.objects import (
    INSTRUCTION_SUFFIX,
    OpenObject,
    check_not_deleted,
    get_archive_object,
    get_object,
    open_object,
    pinned,
)
from log_shipper.reading import RawBlock, read_blocks
from log_shipper.record import Origin, Record
from log_shipper.runtime import explain
from log_shipper.secret_store import SecretStore
from log_shipper.stores import FailureStore
from log_shipper.telemetry import Tally, log
from log_shipper.timestamps import epoch_ms, normalise

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef


AHEAD = 10
"""Objects that are opened before their turn: those of a batch. Of each, one chunk is held in memory."""
PATIENCE_SECONDS = 1.0
"""How long the first of them may take to open before another may go first."""
STALE_SECONDS = 5.0
"""After so long without being read, a connection may be closed: the object is then opened again."""


class Message(NamedTuple):
    """A message of the queue.

    Attributes
    ----------
    retried : bool
        An earlier invocation may have got on with its objects.
    """

    message_id: str
    body: str
    retried: bool = False


class _Opened(NamedTuple):
    """An object that can be read: ``stream`` is None when another message of the batch, or another invocation, has it.

    ``at`` is when it was opened, in seconds that only go forward.
    """

    job: Job
    ref: ObjectRef
    stream: OpenObject | None
    at: float


class _Opening(NamedTuple):
    """An object that a message names, on its way to be read; an earlier invocation finished it when there is none."""

    message_id: str
    ref: ObjectRef
    opened: Future[_Opened | None]


@dataclass(kw_only=True)
class Delivery:
    """Takes a batch of messages; `finish` says which of them are to be tried again.

    Objects are opened side by side, so that the batch waits for S3 once and not for each object. One thread reads them
    one after the other, in the order of the messages unless one is slow to open.

    Attributes
    ----------
    retry_after_seconds : float
        How long the destination asked to be left alone, after it was tried in vain.
    volumes : Counter
        How many bytes were read, by export and log type.
    """

    environment: Environment
    destination: Destination
    configs: ExportConfigs
    secrets: SecretStore
    failures: FailureStore
    marks: MarkTable
    sink: Sink
    remaining_seconds: Callable[[], float]
    retry_after_seconds: float = 0.0
    volumes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _arrivals: dict[str, str] = field(default_factory=dict)
    _messages: dict[str, list[Job]] = field(default_factory=dict)
    _known: dict[tuple[str, str], Job] = field(default_factory=dict)
    _knowing: Lock = field(default_factory=Lock)
    _jobs: list[Job] = field(default_factory=list)
    _failed: set[str] = field(default_factory=set)
    _stopped: bool = False
    _out_of_time: set[str] = field(default_factory=set)
    _errors: dict[str, str] = field(default_factory=dict)
    _last_error: str = ""
    _untried: set[str] = field(default_factory=set)

    def take(self, messages: Iterable[Message]) -> None:
        """Ship the objects of messages as far as time and the destination allow; never raises."""
        waiting = deque(each for message in messages for each in self._objects_of(message))
        opening: deque[_Opening] = deque()
        while not self._stopped and (waiting or opening):
            while waiting and len(opening) < AHEAD:
                message, ref = waiting.popleft()
                opened = parallel.start(self._open, ref, message.retried)
                opening.append(_Opening(message.message_id, ref, opened))
            if (one := self._next(opening)) is not None:
                self._take(one)
        for message_id, ref in (
            *((each.message_id, each.ref) for each in opening),
            *((message.message_id, ref) for message, ref in waiting),
        ):
            self._failed.add(message_id)
            self._waits(ref.export, ref.time)
            if self._out_of_time:
                self._untried.add(message_id)

    def _objects_of(self, message: Message) -> list[tuple[Message, ObjectRef]]:
        self._messages.setdefault(message.message_id, [])
        try:
            refs = objects_in(message.body)
        except Exception as error:  # noqa: BLE001 - one message's failure must not fail its neighbours
            self._failed.add(message.message_id)
            self._note(error, message.message_id)
            return []
        return [(message, ref) for ref in refs if not self._is_no_input(ref)]

    def _is_no_input(self, ref: ObjectRef) -> bool:
        """Say whether an object has no lines of its own: an envelope, or parts that were announced one by one."""
        is_compacted = ref.bucket == self.environment.archive_bucket and number_of(ref.key) is not None
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
                    with self._at_the_destination():
                        self.sink.flush()
                except Exception as error:  # noqa: BLE001 - what is not acknowledged is returned as failed
                    self._note(error, "")
                    return None
                wait([each.opened for each in opening], max(0.0, self.remaining_seconds()), FIRST_COMPLETED)
            first = next((each for each in opening if each.opened.done()), first)
        opening.remove(first)
        return first

    def _take(self, one: _Opening) -> None:
        message_id = one.message_id
        job: Job | None = None
        try:
            if not one.opened.done():
                self._stopped = True
                raise OutOfTimeError("the function's time is nearly up")
            opened = one.opened.result()
            if opened is not None:
                job = opened.job
                self._messages[message_id].append(job)
                self._ship(opened)
        except Exception as error:  # noqa: BLE001 - one message's failure must not fail its neighbours
            self._failed.add(message_id)
            self._waits(one.ref.export, one.ref.time)
            if job is not None:
                self.sink.drop(job)
            if isinstance(error, OutOfTimeError):
                self._out_of_time.add(message_id)
            self._note(error, message_id)

    def finish(self) -> list[str]:
        """Deliver what is gathered; return the messages that are not wholly acknowledged, in order."""
        try:
            if not self._stopped:
                self.sink.flush()
        except Exception as error:  # noqa: BLE001 - what is not acknowledged below is returned as failed
            self._note(error, "")
        self.sink.abandon()
        self.marks.finish()
        keep(self._jobs, at_once=True)
        self.marks.finish()
        failed = [
            message_id
            for message_id, jobs in self._messages.items()
            if message_id in self._failed or not all(job.settled for job in jobs)
        ]
        if returned := [message_id for message_id in failed if message_id not in self.held()]:
            self.marks.release()
            self._log_failures(returned)
        return failed

    def held(self) -> dict[str, float]:
        """Return the messages that wait for another invocation, which ships their objects now, and how long."""
        return {
            message_id: max(job.held_seconds for job in jobs)
            for message_id, jobs in self._messages.items()
            if message_id not in self._failed
            and any(job.held_seconds for job in jobs)
            and all(job.settled or job.held_seconds for job in jobs)
        }

    def _log_failures(self, failed: list[str]) -> None:
        """Log the error of each returned message: its own, or the batch's; `logdock redrive` reads this event."""
        by_error: dict[str, list[str]] = {}
        for message_id in failed:
            by_error.setdefault(self._errors.get(message_id, self._last_error), []).append(message_id)
        for error, message_ids in by_error.items():
            log("returned", destination=self.destination.name, error=error, message_ids=message_ids)

    def unfinished(self) -> list[str]:
        """Return the messages to go on with that must not count as failed.

        They ended for want of time and got on, or had no turn because others took the time and got on: either way there
        is less to do than before, so nothing goes on indefinitely.
        """
        got_on = {id(job) for job in self._jobs if job.position > job.skip}
        return [
            message_id
            for message_id, jobs in self._messages.items()
            if (message_id in self._untried and got_on)
            or (message_id in self._out_of_time and any(id(job) in got_on for job in jobs))
        ]

    def tallies(self) -> dict[str, Tally]:
        """Return the figures by export."""
        by_export: dict[str, Tally] = {}
        for job in self._jobs:
            by_export.setdefault(job.export.name, Tally()).add(job.tally)
        now_ms = time.time_ns() // 1_000_000
        for export, arrival in self._arrivals.items():
            by_export.setdefault(export, Tally()).lag_ms = max(0, now_ms - epoch_ms(arrival))
        for tally in list(by_export.values())[:1]:
            tally.requests += self.sink.requests
            tally.retries += self.sink.retries
        return by_export

    def _waits(self, export: str, arrival: str) -> None:
        """Note since when an object of an export has waited: the oldest is the export's lag, shipped or not."""
        if arrived := normalise(arrival):
            self._arrivals[export] = min(arrived, self._arrivals.get(export, arrived))

    def _note(self, error: Exception, message_id: str) -> None:
        self._errors[message_id] = self._last_error = explain(error)
        log("failed", destination=self.destination.name, message_id=message_id, error=self._last_error)
        if isinstance(error, DeliveryError):
            self.retry_after_seconds = error.retry_after_seconds or 0.0
        if self._stopped:
            self.sink.abandon()

    def _open(self, ref: ObjectRef, retried: bool) -> _Opened | None:
        """Check what a message names, look for its mark, and open it; runs side by side with others."""
        config = self.configs.checked(
            ref.export, lambda held: check_object(ref, held, self.environment, self.destination.name)
        )
        archived = ref.bucket == self.environment.archive_bucket
        if not self._is_ours(ref) and not config.keys.wants(ref.key):
            log("key not wanted", export=ref.export, destination=self.destination.name, source=source_of(ref))
            return None
        if self._is_quarantined(ref) and not ref.version_id:
            raise ForeignObjectError("the message names a quarantine object without its version")
        if archived and self.destination.kind == "archive":
            raise ForeignObjectError("an archive object would be archived again, and that again, without end")
        # an archive object has one content, so that its current version is the one that was announced
        ref = ref._replace(version_id="", etag="") if archived else pinned(ref)
        identity = identity_of(ref.bucket, ref.key, "" if archived else ref.version)
        with self._knowing:
            twin = self._known.get((ref.export, identity))
            if twin is not None:
                return _Opened(twin, ref, None, 0.0)
            job = self._known[ref.export, identity] = self._job(ref, config, identity)
        answer = parallel.start(self._get, ref)
        if retried or job.marked:
            job.marked = True
            claim = self.marks.claim(job)
            if claim.state == "held":
                job.held_seconds = claim.seconds
                log("held", export=ref.export, destination=self.destination.name, source=source_of(ref))
                return _Opened(job, ref, None, 0.0)
            if claim.state == "done" or self._is_done_in_s3(job, answer):
                job.complete = True
                log("done before", export=ref.export, destination=self.destination.name, source=source_of(ref))
                # what only S3 knows is kept in the table too
                return None if claim.state == "done" else _Opened(job, ref, None, 0.0)
        return self._opened(job, ref, answer.result())

    def _get(self, ref: ObjectRef) -> "GetObjectOutputTypeDef":
        return get_archive_object(ref) if ref.bucket == self.environment.archive_bucket else get_object(ref)

    def _is_done_in_s3(self, job: Job, answer: "Future[GetObjectOutputTypeDef]") -> bool:
        """Look for what the release before knew of an object, unless this one has got on with it since."""
        if job.saved:
            return False
        is_open = answer.exception() is None
        if is_open and not self.marks.may_be_marked_in_s3(answer.result()["LastModified"]):
            return False
        return self.failures.resume(job)

    def _opened(self, job: Job, ref: ObjectRef, answer: "GetObjectOutputTypeDef") -> _Opened:
        stream = open_object(ref, job.export, self.secrets, answer).read_ahead()
        if ref.version_id and not self._is_quarantined(ref):
            check_not_deleted(ref, stream.modified)
        job.redacted = self._is_ours(ref) and stream.metadata.get(POLICY_METADATA) == job.export.policy
        return _Opened(job, ref, stream, time.monotonic())

    def _is_fed_as_it_is(self, ref: ObjectRef) -> bool:
        """Say whether a feed has an object as the archive has it."""
        return self.destination.kind == "feed" and ref.bucket == self.environment.archive_bucket

    def _feed(self, job: Job, ref: ObjectRef, stream: OpenObject) -> None:
        """Feed an archive object: its bytes where those are one chunk, a copy of it otherwise."""
        from log_shipper.feed import FeedSink

        self._waits(ref.export, ref.time)
        first = next(stream.chunks, b"")
        if INDEX_METADATA in stream.metadata:
            # there is no object any more that could be copied
            body: bytes | None = b"".join((first, *stream.chunks))
        else:
            body = first if next(stream.chunks, None) is None else None
        with self._at_the_destination():
            if self.remaining_seconds() <= 0:
                raise OutOfTimeError("the function's time is nearly up")
            assert isinstance(self.sink, FeedSink)  # noqa: S101 - a feed has no other
            self.sink.take_as_it_is(job, ref.key, job.identity, body, stream.metadata.get(POLICY_METADATA, ""))

    def _ship(self, opened: _Opened) -> None:
        job, ref, stream, at = opened
        if stream is None:
            if job.settled and not any(job is each for each in self._jobs):
                self._jobs.append(job)
            return
        self._jobs.append(job)
        if time.monotonic() - at > STALE_SECONDS:
            stream = self._opened(job, ref, self._get(ref)).stream or stream
        if self._is_fed_as_it_is(ref):
            self._feed(job, ref, stream)
        else:
            self._read(job, stream, ref)

    def _is_quarantined(self, ref: ObjectRef) -> bool:
        return ref.bucket == self.environment.failure_bucket

    def _is_ours(self, ref: ObjectRef) -> bool:
        """Say whether an object holds archive lines, which name their own source and fields."""
        return ref.bucket == self.environment.archive_bucket or self._is_quarantined(ref)

    def _job(self, ref: ObjectRef, config: ExportConfig, identity: str) -> Job:
        named = None if self._is_ours(ref) else landed_fields(config, ref.key)
        renderer = renderer_of(self.destination, config, source_of(ref), named)
        return Job(
            config,
            identity,
            renderer,
            quarantine=self.failures.quarantine,
            save=self.marks.save,
            # `logdock redrive` waits for the mark of quarantined records that it sends again, and then deletes them
            marked=not self.sink.exact or self._is_quarantined(ref),
        )

    def _read(self, job: Job, opened: OpenObject, ref: ObjectRef) -> None:
        self._waits(job.export.name, normalise(ref.time) or opened.modified)
        # the same for every announcement of the object: an event's time is not S3's, and `logdock backfill` has no
        # event
        arrival = opened.modified
        counted = _Counted(opened.chunks)
        try:
            for block in self._blocks(counted, job, ref, arrival):
                self._hand_over(job, job.take(block, by_hour=self.sink.by_hour))
        except CorruptInputError as error:
            if self._is_quarantined(ref):
                # it is deleted once it is settled, and a note would not hold what cannot be read
                raise
            self._hand_over(job, [refuse_rest(job, error, arrival)])
        job.complete = True
        job.tally.bytes_in += counted.bytes
        if not self._is_quarantined(ref):
            self.volumes[job.export.name, log_type_of(ref.key, job.export.vendor)] += counted.bytes
        with self._at_the_destination():
            self.sink.end(job)

    def _blocks(
        self, chunks: Iterable[bytes], job: Job, ref: ObjectRef, arrival: str
    ) -> Iterator[list[Record] | RawBlock]:
        config = job.export
        if not self._is_ours(ref):
            return landed_blocks(chunks, config, ref.key, arrival, job.tally)
        origin = Origin(arrival, log_type_of(ref.key, config.vendor))
        if self._is_quarantined(ref):
            return quarantine.records(decoded(chunks), origin)
        return read_blocks(decoded(chunks), vendor=config.vendor, format_name="archive", origin=origin)

    @contextmanager
    def _at_the_destination(self) -> Iterator[None]:
        """Stop after what the other messages would meet too: they would only wait for it, or repeat a body."""
        try:
            yield
        except Exception:
            self._stopped = True
            raise

    def _hand_over(self, job: Job, segments: list[Segment]) -> None:
        for taken, segment in enumerate(segments):
            try:
                with self._at_the_destination():
                    if self.remaining_seconds() <= 0:
                        raise OutOfTimeError("the function's time is nearly up")
                    self.sink.write(job, segment)
            except Exception:
                for left in segments[taken:]:
                    job.leave(left)
                raise


class _Counted:
    """Counts the bytes that pass."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def source_of(ref: ObjectRef) -> str:
    """Return what the archive calls an object."""
    return f"s3://{ref.bucket}/{ref.key}"
