"""What the shipper stores as it acknowledges: refused records with their reason go to the failure bucket.

Marks and progress are in a table (`marks`). The release before kept them here too; what it left is read until S3 has
removed it, 30 days after it was written.
"""

from collections.abc import Iterable
from typing import NamedTuple

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from isal import igzip

from log_shipper import aws
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.keys import identity_of, progress_key, quarantine_key
from log_shipper.marks import MarkTable
from log_shipper.progress import Pending, Progress
from log_shipper.runtime import explain
from log_shipper.telemetry import log
from log_shipper.transform import Segment


class FailureStore:
    """Refused records of one destination, and the progress that the release before kept.

    Parameters
    ----------
    bucket : str
        The failure bucket.
    destination : str
        The destination's name, part of every key.
    """

    def __init__(self, bucket: str, destination: str) -> None:
        self._bucket, self._destination = bucket, destination

    def quarantine(self, progress: Progress, segment: Segment) -> None:
        """Store refused records; the same records of the same object make the same object however often.

        A line is ``{"reason": ..., "record": {...}}``; the object carries the redaction that its records have been
        through.
        """
        refused = segment.refused
        body = b"".join(
            b'{"reason":' + orjson.dumps(item.reason) + b',"record":' + item.line.rstrip(b"\n") + b"}\n"
            for item in refused
        )
        # a part of a record ends where the record before it does
        identity = identity_of(progress.identity, str(segment.end), body.decode())
        time = refused[0].time
        key = quarantine_key(progress.export.name, self._destination, time, identity)
        aws.s3().put_object(
            Bucket=self._bucket,
            Key=key,
            Body=igzip.compress(body, 1, mtime=0),
            ContentType="application/gzip",
            Metadata={POLICY_METADATA: progress.export.policy},
        )
        log("quarantined", export=progress.export.name, destination=self._destination, records=len(refused), key=key)

    def resume(self, progress: Progress) -> bool:
        """Set an object's progress to where the release before stopped; return True when that one finished the object.

        Half of what another reader read counts for nothing: its records were not counted the same way. So does an
        object that exceeded a smaller `max_expansion`. Progress that cannot be read costs a repetition, never a record.
        """
        try:
            key = progress_key(self._destination, progress.export.name, progress.identity)
            body = aws.s3().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            if not (isinstance(error, ClientError) and aws.is_absent(error)):
                log("progress unreadable", destination=self._destination, error=explain(error))
            return False
        document = _read_progress(body)
        if document is None:
            log("progress unreadable", destination=self._destination, error="it is not a progress document")
            return False
        if document.done and document.max_expansion is not None:
            return progress.export.max_expansion <= document.max_expansion
        if not document.done and document.reader == progress.export.reader:
            progress.position = progress.skip = document.position
            progress.saved = True
        return document.done


class Ledger(NamedTuple):
    """Acknowledges what a destination took: stores what it refused, and saves how far objects got."""

    failures: FailureStore
    marks: MarkTable

    def acknowledge(self, pending: Pending, settled: Pending) -> None:
        """Settle the first pending segments, and save what should be saved before anything else is done.

        ``settled`` are those segments, perhaps with refused lines marked.
        """
        for progress, segment in settled:
            if segment.refused:
                self.failures.quarantine(progress, segment)
            progress.acknowledge(segment)
            del pending[0]
        self.save({id(progress): progress for progress, _ in settled}.values())

    def save(self, objects: Iterable[Progress], *, at_once: bool = False) -> None:
        """Save what is acknowledged of objects: what is finished of them takes one write together."""
        if wanted := [progress for progress in objects if progress.should_save(at_once=at_once)]:
            self.marks.save(wanted)


class _Progress(NamedTuple):
    """A progress document."""

    position: int
    reader: str
    done: bool
    max_expansion: int | None


def _read_progress(body: bytes) -> _Progress | None:
    """Return what a progress document says, None for anything that was not written as one."""
    try:
        document = orjson.loads(body)
        progress = _Progress(document["position"], document["reader"], document["done"], document.get("max_expansion"))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    # `type`, because True is an int to `isinstance`
    whole = type(progress.position) is int and isinstance(progress.reader, str) and type(progress.done) is bool
    whole = whole and (progress.max_expansion is None or type(progress.max_expansion) is int)
    return progress if whole and progress.position >= 0 else None
