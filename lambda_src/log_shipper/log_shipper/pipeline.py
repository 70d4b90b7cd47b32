"""One object on its way to a destination: open → decode → parse → filter and redact → batch → send → acknowledge.

`Pipeline.open` runs ahead of `Pipeline.ship`, side by side for several objects; one thread ships them one by one.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from log_shipper import parallel, quarantine
from log_shipper.admission import check_object
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.compacted import INDEX_METADATA
from log_shipper.decode import Counted, decoded, decoded_within
from log_shipper.destinations import Sink, renderer_of
from log_shipper.environment import Destination, Environment
from log_shipper.errors import CorruptInputError, ForeignObjectError, OutOfTimeError
from log_shipper.events import ObjectRef
from log_shipper.export_config import ExportConfig, ExportConfigs
from log_shipper.fast import RawBlock
from log_shipper.keys import identity_of
from log_shipper.line_readers import log_type_of
from log_shipper.objects import (
    OpenObject,
    check_not_deleted,
    get_archive_object,
    get_object,
    open_object,
    resolve_version,
)
from log_shipper.progress import Progress
from log_shipper.reading import key_fields, read_blocks, read_landed
from log_shipper.record import Origin, Record
from log_shipper.secret_store import SecretStore
from log_shipper.stores import Ledger
from log_shipper.telemetry import log
from log_shipper.timestamps import normalise
from log_shipper.transform import Segment, Transform

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

STALE_SECONDS = 5.0
"""After so long without being read, a connection may be closed: the object is then opened again."""


class Opened(NamedTuple):
    """An object that can be read: ``stream`` is None when another message of the batch, or another invocation, has it.

    ``kind``: ``landed`` from a vendor; ``archived``; or ``quarantined``, records that are sent again. The latter two
    hold archive lines, which name their own source and fields. ``at`` is when it was opened, in seconds that only go
    forward.
    """

    progress: Progress
    ref: ObjectRef
    kind: str
    stream: OpenObject | None = None
    at: float = 0.0


@dataclass(kw_only=True)
class Pipeline:
    """What objects go through in one invocation, to its one destination."""

    environment: Environment
    destination: Destination
    configs: ExportConfigs
    secrets: SecretStore
    ledger: Ledger
    sink: Sink
    remaining_seconds: Callable[[], float]
    is_stopped: bool = False
    """True after what the other messages would meet too: they would only wait for it, or repeat a body."""
    arrivals: dict[str, str] = field(default_factory=dict)
    """Since when the oldest object of an export has waited: its lag, shipped or not."""
    volumes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many bytes were read, by export and log type."""
    _known: dict[tuple[str, str], Progress] = field(default_factory=dict)
    _knowing: RLock = field(default_factory=RLock)
    _is_closed: bool = False

    def ship(self, opened: Opened) -> None:
        """Take an object the whole way, in order; what its destination has taken is acknowledged by then or later.

        A sink gathers segments to bodies, sends them in the background, and acknowledges each with its `Ledger` once
        the destination has answered.
        """
        progress, ref, kind, export = opened.progress, opened.ref, opened.kind, opened.progress.export
        stream = opened.stream  # open
        if stream is None or time.monotonic() - opened.at > STALE_SECONDS:
            stream = self._stream(export, ref, self._get(ref))
        if kind == "archived" and self.destination.kind == "feed":
            self._feed(progress, ref, stream)
            return
        self.record_arrival(export.name, normalise(ref.time) or stream.modified)
        transform, stored = self._transform(export, ref, kind, stream), Counted(stream.chunks)
        try:
            pieces = decoded_within(stored, export.max_expansion) if kind == "landed" else decoded(stored)  # decode
            for block in self._parse(pieces, opened, stream.modified):  # parse
                segments = progress.render(block, transform)  # filter, redact
                self._send(progress, segments)  # batch, send, acknowledge
        except CorruptInputError as error:
            if kind == "quarantined":
                # it is deleted once it is settled, and a note would not hold what cannot be read
                raise
            self._send(progress, progress.refuse_rest(error, stream.modified, transform))
        progress.complete = True
        progress.tally.bytes_in += stored.bytes
        if kind != "quarantined":
            self.volumes[export.name, log_type_of(ref.key, export.vendor)] += stored.bytes
        with self.at_destination():
            self.sink.end(progress)

    def open(self, ref: ObjectRef, retried: bool) -> Opened | None:
        """Check what a message names, look for its mark, and open it; runs side by side with others."""
        config = self.configs.checked(
            ref.export, lambda held: check_object(ref, held, self.environment, self.destination.name)
        )
        ours = {self.environment.archive_bucket: "archived", self.environment.failure_bucket: "quarantined"}
        kind = ours.get(ref.bucket, "landed")
        if kind == "landed" and not config.keys.wants(ref.key):
            log("key not wanted", export=ref.export, destination=self.destination.name, source=source_of(ref))
            return None
        if kind == "quarantined" and not ref.version_id:
            raise ForeignObjectError("the message names a quarantine object without its version")
        if kind == "archived" and self.destination.kind == "archive":
            raise ForeignObjectError("an archive object would be archived again, and that again, without end")
        # an archive object has one content, so that its current version is the one that was announced
        ref = ref._replace(version_id="", etag="") if kind == "archived" else resolve_version(ref)
        identity = identity_of(ref.bucket, ref.key, "" if kind == "archived" else ref.version)
        with self._knowing:
            if self._is_closed:
                raise OutOfTimeError("the batch has ended")
            twin = self._known.get((ref.export, identity))
            if twin is not None:
                return Opened(twin, ref, kind)
            progress = self._known[ref.export, identity] = Progress(config, identity)
            # `logdock redrive` waits for the mark of quarantined records that it sends again, and then deletes them
            progress.saves_completion = not self.sink.exact or kind == "quarantined"
            self.sink.prepare(progress, fed_as_it_is=kind == "archived" and not retried)
        answer = parallel.start(self._get, ref)
        if retried or progress.saves_completion:
            progress.saves_completion = True
            claim = self.ledger.marks.claim(progress)
            if claim.state == "held":
                progress.held_seconds = claim.seconds
                log("held", export=ref.export, destination=self.destination.name, source=source_of(ref))
                return Opened(progress, ref, kind)
            if claim.state == "done" or self._is_done_in_s3(progress, answer):
                progress.complete = True
                log("done before", export=ref.export, destination=self.destination.name, source=source_of(ref))
                # what only S3 knows is kept in the table too
                return None if claim.state == "done" else Opened(progress, ref, kind)
        return Opened(progress, ref, kind, self._stream(config, ref, answer.result()), time.monotonic())

    def close(self) -> None:
        """Let nothing begin of an object that is still being opened: Lambda freezes it, and it goes on later."""
        with self._knowing:
            self._is_closed = True

    def record_arrival(self, export: str, arrival: str) -> None:
        """Record since when an object of an export has waited."""
        if arrived := normalise(arrival):
            self.arrivals[export] = min(arrived, self.arrivals.get(export, arrived))

    @contextmanager
    def at_destination(self) -> Iterator[None]:
        """Stop after an error of the destination, and when there is no time left."""
        try:
            yield
        except Exception:
            self.is_stopped = True
            raise

    def _get(self, ref: ObjectRef) -> "GetObjectOutputTypeDef":
        return get_archive_object(ref) if ref.bucket == self.environment.archive_bucket else get_object(ref)

    def _is_done_in_s3(self, progress: Progress, answer: "Future[GetObjectOutputTypeDef]") -> bool:
        """Look for what the release before knew of an object, unless this one has got on with it since."""
        if progress.saved:
            return False
        is_open = answer.exception() is None
        if is_open and not self.ledger.marks.may_be_marked_in_s3(answer.result()["LastModified"]):
            return False
        return self.ledger.failures.resume(progress)

    def _stream(self, config: ExportConfig, ref: ObjectRef, answer: "GetObjectOutputTypeDef") -> OpenObject:
        stream = open_object(ref, config, self.secrets, answer).read_ahead()
        if ref.version_id and ref.bucket != self.environment.failure_bucket:
            check_not_deleted(ref, stream.modified)
        return stream

    def _feed(self, progress: Progress, ref: ObjectRef, stream: OpenObject) -> None:
        """Feed an archive object: its bytes where those are one chunk, a copy of it otherwise."""
        from log_shipper.feed import FeedSink

        self.record_arrival(ref.export, ref.time)
        first = next(stream.chunks, b"")
        if INDEX_METADATA in stream.metadata:
            # there is no object any more that could be copied
            body: bytes | None = b"".join((first, *stream.chunks))
        else:
            body = first if next(stream.chunks, None) is None else None
        with self.at_destination():
            self._check_time()
            assert isinstance(self.sink, FeedSink)  # noqa: S101 - a feed has no other
            policy = stream.metadata.get(POLICY_METADATA, "")
            self.sink.take_as_it_is(progress, ref.key, body, policy)

    def _transform(self, export: ExportConfig, ref: ObjectRef, kind: str, stream: OpenObject) -> Transform:
        fields = key_fields(ref.key, export.vendor, export.path_fields) if kind == "landed" else None
        return Transform(
            export,
            renderer_of(self.destination, export, source_of(ref), fields),
            by_hour=self.sink.by_hour,
            is_redacted=kind != "landed" and stream.metadata.get(POLICY_METADATA) == export.policy,
        )

    def _parse(self, pieces: Iterable[bytes], opened: Opened, arrival: str) -> Iterator[list[Record] | RawBlock]:
        """Return the records of an object.

        Parameters
        ----------
        arrival : str
            When the object was written, which is the same for every announcement of it: an event's time is not S3's,
            and `logdock backfill` has no event.
        """
        key, export = opened.ref.key, opened.progress.export
        if opened.kind == "landed":
            return read_landed(pieces, export, key, arrival, opened.progress.tally)
        origin = Origin(arrival, log_type_of(key, export.vendor))
        if opened.kind == "quarantined":
            return quarantine.records(pieces, origin)
        return read_blocks(pieces, vendor=export.vendor, format_name="archive", origin=origin)

    def _send(self, progress: Progress, segments: list[Segment]) -> None:
        for number, segment in enumerate(segments):
            try:
                with self.at_destination():
                    self._check_time()
                    self.sink.write(progress, segment)
            except Exception:
                for left in segments[number:]:
                    progress.release(left)
                raise

    def _check_time(self) -> None:
        if self.remaining_seconds() <= 0:
            raise OutOfTimeError("the function's time is nearly up")


def source_of(ref: ObjectRef) -> str:
    """Return what the archive calls an object."""
    return f"s3://{ref.bucket}/{ref.key}"
