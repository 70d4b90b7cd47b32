"""What the shipper keeps in the failure bucket: refused records with their reason, progress inside objects, and marks.

A mark is the progress of an object that is settled. Events are delivered at least once: the mark is what a second
message of the same object finds (https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html).
"""

from concurrent.futures import Future
from typing import NamedTuple

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from isal import igzip

from log_shipper import aws, parallel
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.jobs import Job, Segment, identity_of
from log_shipper.keys import progress_key, quarantine_key
from log_shipper.runtime import explain
from log_shipper.telemetry import log

MAX_MARKS_IN_FLIGHT = 10
"""Finished objects whose marks are being written: a function that is killed repeats them."""


class _Write(NamedTuple):
    """Progress that is being kept, and what the job said before."""

    job: Job
    saved: bool
    unsaved_bytes: int


class FailureStore:
    """Refused records and progress of one destination.

    Parameters
    ----------
    bucket : str
        The failure bucket.
    destination : str
        The destination's name, part of every key.
    """

    def __init__(self, bucket: str, destination: str) -> None:
        self._bucket, self._destination = bucket, destination
        self._writes: dict[int, tuple[_Write, Future[None]]] = {}

    def quarantine(self, job: Job, segment: Segment) -> None:
        """Store refused records; the same records of the same object make the same object however often.

        A line is ``{"reason": ..., "record": {...}}``; the object carries the redaction that its records have been
        through.
        """
        refused = segment.refused
        lines = [
            b'{"reason":' + orjson.dumps(item.reason) + b',"record":' + item.line.rstrip(b"\n") + b"}\n"
            for item in refused
        ]
        identity = identity_of(job.identity, str(segment.end), refused[0].reason)
        time = refused[0].time
        key = quarantine_key(job.export.name, self._destination, time, identity)
        aws.s3().put_object(
            Bucket=self._bucket,
            Key=key,
            Body=igzip.compress(b"".join(lines), 1, mtime=0),
            ContentType="application/gzip",
            Metadata={POLICY_METADATA: job.export.policy},
        )
        log("quarantined", export=job.export.name, destination=self._destination, records=len(refused), key=key)

    def save(self, job: Job) -> None:
        """Keep how many records of an object are acknowledged; start to keep that those are all.

        What was acknowledged stays so when this fails: it costs a repetition, at most.
        """
        while len(self._writes) >= MAX_MARKS_IN_FLIGHT:
            self._finish(next(iter(self._writes.values()))[0].job)
        self._finish(job)
        write = _Write(job, job.saved, job.unsaved_bytes)
        document: dict[str, object] = {"position": job.position, "reader": reader_of(job), "done": job.settled}
        if job.max_expansion is not None:
            document["max_expansion"] = job.max_expansion
        job.saved, job.done, job.unsaved_bytes = True, job.settled, 0
        self._writes[id(job)] = write, parallel.start(self._put, self._progress_key(job), orjson.dumps(document))
        if not job.settled:
            self._finish(job)

    def finish(self) -> None:
        """Wait until everything is kept that was to be."""
        for write, _ in [*self._writes.values()]:
            self._finish(write.job)

    def _put(self, key: str, body: bytes) -> None:
        aws.s3().put_object(Bucket=self._bucket, Key=key, Body=body)

    def _finish(self, job: Job) -> None:
        write, written = self._writes.pop(id(job), (None, None))
        if write is None or written is None:
            return
        try:
            written.result()
        except (ClientError, BotoCoreError) as error:
            log("progress not kept", export=job.export.name, destination=self._destination, error=explain(error))
            job.saved, job.done = write.saved, False
            job.unsaved_bytes += write.unsaved_bytes

    def resume(self, job: Job) -> bool:
        """Set a job to where an earlier invocation stopped; return True when that one finished the object.

        Half of what another reader read counts for nothing: its records were not counted the same way. So does an
        object that exceeded a smaller `max_expansion`. Progress that cannot be read costs a repetition, never a record.
        """
        try:
            body = aws.s3().get_object(Bucket=self._bucket, Key=self._progress_key(job))["Body"].read()
        except (ClientError, BotoCoreError) as error:
            if not (isinstance(error, ClientError) and aws.is_absent(error)):
                log("progress unreadable", destination=self._destination, error=explain(error))
            return False
        progress = _read_progress(body)
        if progress is None:
            log("progress unreadable", destination=self._destination, error="it is not a progress document")
            return False
        if progress.done and progress.max_expansion is not None:
            return job.export.max_expansion <= progress.max_expansion
        if not progress.done and progress.reader == reader_of(job):
            job.position = job.skip = progress.position
            job.saved = True
        return progress.done

    def _progress_key(self, job: Job) -> str:
        return progress_key(self._destination, job.export.name, job.identity)


class _Progress(NamedTuple):
    """A progress document."""

    position: int
    reader: str
    done: bool
    max_expansion: int | None


def _read_progress(body: bytes) -> _Progress | None:
    """Return what a progress document says, None for anything that `FailureStore.save` does not write."""
    try:
        document = orjson.loads(body)
        progress = _Progress(document["position"], document["reader"], document["done"], document.get("max_expansion"))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    # `type`, because True is an int to `isinstance`
    whole = type(progress.position) is int and isinstance(progress.reader, str) and type(progress.done) is bool
    whole = whole and (progress.max_expansion is None or type(progress.max_expansion) is int)
    return progress if whole and progress.position >= 0 else None


def reader_of(job: Job) -> str:
    """Return what decides how an object's records are counted."""
    return job.export.reader
