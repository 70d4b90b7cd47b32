"""Archive objects: named by their content's source, so that the same input always ends as the same object.

An S3 source is cut into parts of at most 32 MiB of lines and 64 hours, and within a part each hour has its own object:
where the cuts fall depends on the input alone, whatever was retried or resumed.
"""

from concurrent.futures import Future

from botocore.exceptions import ClientError
from isal import isal_zlib

from log_shipper import aws, parallel
from log_shipper.decode import IsalError
from log_shipper.keys import identity_of
from log_shipper.progress import Acknowledge, Pending, Progress, acknowledge
from log_shipper.rendering import archive_key, hour_of
from log_shipper.transform import Segment

PART_BYTES = 32 * 1024 * 1024
MAX_HOURS = 64
"""Hours that a part may hold: each has a compressor open, and is a PUT when the part ends."""
MAX_IN_FLIGHT = 25
"""Parts that are being stored at a time: those of a batch of small objects."""
MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024
"""Of their lines. A larger part is stored before anything else is read."""
POLICY_METADATA = "logdock-policy"
CHECK_BYTES = 1024 * 1024


class GzipBody:
    """A gzip stream that is written piece by piece, always with the same bytes for the same input."""

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Add data."""
        if piece := self._compressor.compress(data):
            self._pieces.append(piece)

    def finish(self) -> bytes:
        """Return the whole stream."""
        self._pieces.append(self._compressor.flush())
        return b"".join(self._pieces)


def is_whole_gzip(body: bytes) -> bool:
    """Say whether a body is one gzip member, undamaged: what is joined to anything else could not be read."""
    member = isal_zlib.decompressobj(wbits=31)
    try:
        while body and not member.eof:
            member.decompress(body, CHECK_BYTES)
            body = member.unconsumed_tail
    except IsalError:
        return False
    return bool(member.eof and not member.unused_data)


def put_archive_object(bucket: str, key: str, body: bytes, policy: str) -> None:
    """Store an object of archive lines unless it is there already: a second version would be shipped a second time.

    ``policy`` records which redaction the lines have been through.
    """
    try:
        aws.s3().put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType="application/gzip",
            Metadata={POLICY_METADATA: policy},
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
            raise


class ObjectSink:
    """Writes each object's lines as objects of the archive bucket: the ``archive`` destination."""

    by_hour = True
    exact = True
    retries = answers = 0
    seconds = 0.0

    def __init__(self, bucket: str, acknowledge: Acknowledge = acknowledge) -> None:
        self._bucket, self._acknowledge = bucket, acknowledge
        self._flights = parallel.Flights(MAX_IN_FLIGHT, MAX_BYTES_IN_FLIGHT)
        self._pending: Pending = []
        self._hours: dict[str, tuple[str, GzipBody]] = {}
        self._bytes = 0
        self.requests = 0

    def prepare(self, progress: Progress, *, fed_as_it_is: bool) -> None:
        """Nothing: a key follows from its input."""

    def write(self, progress: Progress, segment: Segment) -> None:
        """Take a segment; store the part before when it would grow too large."""
        hour = hour_of(segment.time) if segment.data else ""
        is_new = bool(hour) and hour not in self._hours
        if self._bytes and (self._bytes + len(segment.data) > PART_BYTES or (is_new and len(self._hours) >= MAX_HOURS)):
            self.end(progress)
        self._pending.append((progress, segment))
        if hour:
            self._bytes += len(segment.data)
            if hour not in self._hours:
                self._hours[hour] = (segment.time, GzipBody())
            self._hours[hour][1].write(segment.data)

    def end(self, progress: Progress) -> None:
        """Store the part that is gathered; it is acknowledged once it is stored, by `flush` at the latest."""
        pending, size, parts = self._pending, self._bytes, self._finished(progress)
        self.requests += len(parts)
        self._flights.make_room(size)
        stored = [parallel.start(self._put, progress, *part) for part in parts]
        self._pending, self._hours, self._bytes = [], {}, 0
        self._flights.add(pending, size, lambda segments: self._settle(segments, stored), stored)
        if size > MAX_BYTES_IN_FLIGHT:
            self._flights.settle()

    def _put(self, progress: Progress, time: str, identity: str, body: bytes) -> None:
        put_archive_object(
            self._bucket, archive_key(progress.export.name, time, identity), body, progress.export.policy
        )

    def _settle(self, segments: Pending, stored: list[Future[None]]) -> None:
        failed = [each for each in stored if each.exception()]  # waits for all
        for each in failed:
            each.result()
        self._acknowledge(segments, segments[:])

    def _finished(self, progress: Progress) -> list[tuple[str, str, bytes]]:
        """Return the objects of the part that is gathered: first time, identity and gzip bytes."""
        first = self._pending[0][1] if self._pending else None
        start = first.end - first.records if first else 0
        return [
            (time, identity_of(progress.identity, str(start), hour), body.finish())
            for hour, (time, body) in self._hours.items()
        ]

    def drop(self, progress: Progress) -> None:
        """Leave a part that is not whole: where parts are cut must depend on the object alone."""
        if any(owner is progress for owner, _ in self._pending):
            self._leave_gathered()

    def flush(self) -> None:
        """Wait for what is being stored, and acknowledge it: every object's end stores its last part."""
        self._flights.settle()

    def abandon(self) -> None:
        """Leave what is gathered, and what cannot be stored, for the next attempt."""
        self._flights.abandon()
        self._leave_gathered()

    def _leave_gathered(self) -> None:
        for progress, segment in self._pending:
            progress.release(segment)
        self._pending, self._hours, self._bytes = [], {}, 0
