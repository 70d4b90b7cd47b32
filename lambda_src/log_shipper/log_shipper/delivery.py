"""One batch of messages on its way to one destination: opens objects, reads them, hands records over, keeps count."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from log_shipper import quarantine
from log_shipper.admission import check_object
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.decode import decoded
from log_shipper.destinations import Sink, renderer_of
from log_shipper.environment import Destination, Environment
from log_shipper.errors import CorruptInputError, DeliveryError, ForeignObjectError, OutOfTimeError, ShipperError
from log_shipper.events import ObjectRef, objects_in
from log_shipper.export_config import ExportConfig, ExportConfigs
from log_shipper.jobs import Job, Segment, identity_of
from log_shipper.landed import landed_blocks, landed_fields, refuse_rest
from log_shipper.objects import INSTRUCTION_SUFFIX, OpenObject, check_not_deleted, open_object, pinned
from log_shipper.reading import RawBlock, log_type_of, read_blocks
from log_shipper.record import Origin, Record
from log_shipper.runtime import explain
from log_shipper.secret_store import SecretStore
from log_shipper.stores import FailureStore
from log_shipper.telemetry import Tally, log
from log_shipper.timestamps import epoch_ms, normalise


@dataclass(kw_only=True)
class Delivery:
    """Takes messages one by one; `finish` says which of them are to be tried again.

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
    sink: Sink
    remaining_seconds: Callable[[], float]
    retry_after_seconds: float = 0.0
    volumes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _arrivals: dict[str, str] = field(default_factory=dict)
    _messages: dict[str, list[Job]] = field(default_factory=dict)
    _jobs: dict[tuple[str, str], Job] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _stopped: bool = False
    _out_of_time: set[str] = field(default_factory=set)
    _errors: dict[str, str] = field(default_factory=dict)
    _last_error: str = ""
    _untried: set[str] = field(default_factory=set)

    def take(self, message_id: str, body: str, *, retried: bool = False) -> None:
        """Ship the objects of one message as far as time and the destination allow; never raises."""
        jobs = self._messages.setdefault(message_id, [])
        if self._stopped:
            self._failed.add(message_id)
            self._note_waiting(body)
            if self._out_of_time:
                self._untried.add(message_id)
            return
        try:
            for ref in objects_in(body):
                self._ship(ref, jobs, retried)
        except Exception as error:  # noqa: BLE001 - one message's failure must not fail its neighbours
            self._failed.add(message_id)
            self._note_waiting(body)
            for job in jobs:
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
        for job in self._jobs.values():
            job.keep(at_once=True)
        failed = [
            message_id
            for message_id, jobs in self._messages.items()
            if message_id in self._failed or not all(job.settled for job in jobs)
        ]
        self._tell_why(failed)
        return failed

    def _tell_why(self, failed: list[str]) -> None:
        """Say why each message is returned, its own reason or what stopped all: whoever finds it dead looks here."""
        by_error: dict[str, list[str]] = {}
        for message_id in failed:
            by_error.setdefault(self._errors.get(message_id, self._last_error), []).append(message_id)
        for error, message_ids in by_error.items():
            log("returned", destination=self.destination.name, error=error, message_ids=message_ids)

    def unfinished(self) -> list[str]:
        """Return the messages to go on with that must not count as failed.

        They ended for want of time and got on, or had no turn because others took the time and got on: either way there
        is less to do than before, so nothing goes on for ever.
        """
        got_on = {id(job) for job in self._jobs.values() if job.position > job.skip}
        return [
            message_id
            for message_id, jobs in self._messages.items()
            if (message_id in self._untried and got_on)
            or (message_id in self._out_of_time and any(id(job) in got_on for job in jobs))
        ]

    def tallies(self) -> dict[str, Tally]:
        """Return the figures by export."""
        by_export: dict[str, Tally] = {}
        for job in self._jobs.values():
            by_export.setdefault(job.export.name, Tally()).add(job.tally)
        now_ms = time.time_ns() // 1_000_000
        for export, arrival in self._arrivals.items():
            by_export.setdefault(export, Tally()).lag_ms = max(0, now_ms - epoch_ms(arrival))
        for tally in list(by_export.values())[:1]:
            tally.requests += self.sink.requests
            tally.retries += self.sink.retries
        return by_export

    def _note_waiting(self, body: str) -> None:
        """Note since when a message that is not shipped this time has waited, if it can be read at all."""
        with contextlib.suppress(ShipperError):
            for ref in objects_in(body):
                self._waits(ref.export, ref.time)

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

    def _ship(self, ref: ObjectRef, jobs: list[Job], retried: bool) -> None:
        if ref.key.endswith(INSTRUCTION_SUFFIX):
            return
        config = self.configs.checked(
            ref.export, lambda held: check_object(ref, held, self.environment, self.destination.name)
        )
        archived = ref.bucket == self.environment.archive_bucket
        if self._is_quarantined(ref) and not ref.version_id:
            raise ForeignObjectError("the message names a quarantine object without its version")
        if archived and self.destination.kind == "archive":
            raise ForeignObjectError("an archive object would be archived again, and that again, without end")
        # an archive object has one content, so that its current version is the one that was announced
        ref = ref._replace(version_id="", etag="") if archived else pinned(ref)
        identity = identity_of(ref.bucket, ref.key, "" if archived else ref.version)
        if archived and self.destination.kind == "feed":
            from log_shipper.feed import open_feed

            open_feed(self.environment.archive_bucket, self.destination.name).copy(
                ref.export, identity, ref.key, ref.version_id
            )
            self._waits(ref.export, ref.time)
            return
        if (twin := self._jobs.get((ref.export, identity))) is not None:
            jobs.append(twin)
            return
        job = self._job(ref, config, identity)
        if (retried or job.marked) and self.failures.resume(job):
            log("done before", export=ref.export, destination=self.destination.name, source=source_of(ref))
            return
        jobs.append(job)
        self._jobs[ref.export, identity] = job
        opened = open_object(ref, config, self.secrets)
        if ref.version_id and not self._is_quarantined(ref):
            check_not_deleted(ref, opened.modified)
        job.redacted = self._is_ours(ref) and opened.metadata.get(POLICY_METADATA) == config.policy
        self._read(job, opened, ref)

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
            save=self.failures.save,
            # whoever has quarantined records sent again waits for the mark, and deletes them then
            marked=not self.sink.exact or self._is_quarantined(ref),
        )

    def _read(self, job: Job, opened: OpenObject, ref: ObjectRef) -> None:
        self._waits(job.export.name, normalise(ref.time) or opened.modified)
        # whoever announces the object, it is the same: an event's time is not S3's, and `logdock backfill` has no event
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
