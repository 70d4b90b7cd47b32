"""The feed: archive objects again under keys that only ever grow, for readers that remember the last key they saw.

Logz.io's fetcher reads that way (https://docs.logz.io/docs/shipping/aws/aws-s3-bucket/). The queue is FIFO with a group
for each export, and a group's messages are with one invocation at a time, so an export has a single writer. Before an
object is written its key is noted in an index, by the identity of the input: on a retry the note says whether that
object exists, so nothing is fed twice or missed.
"""

import time
from collections.abc import Callable
from functools import lru_cache

import orjson
from botocore.exceptions import ClientError

from log_shipper import aws
from log_shipper.archive_writer import put_archive_object
from log_shipper.jobs import Job

_LOOK_BACK_MS = 3_600_000


@lru_cache(maxsize=4)
def open_feed(bucket: str, destination: str) -> "Feed":
    """Return a destination's feed; one for the life of the execution environment, which knows the last key it wrote."""
    return Feed(bucket, destination)


class Feed:
    """Writes ``feed/<destination>/<export>/<epoch-ms, 13 digits>-<identity>.json.gz``, the keys strictly ascending.

    Parameters
    ----------
    bucket : str
        The archive bucket.
    destination : str
        The reader's name: each has a feed of its own, with what was sent to it alone.
    now_ms : callable
        Milliseconds since 1970.
    """

    def __init__(
        self, bucket: str, destination: str, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._bucket, self._destination, self._now_ms = bucket, destination, now_ms
        self._last_ms: dict[str, int] = {}
        self._looked: set[str] = set()

    def begin(self) -> None:
        """Begin an invocation: another environment may have written since this one did."""
        self._looked.clear()

    def put(self, job: Job, _time: str, identity: str, body: bytes) -> None:
        """Feed a part of an object that was parsed."""
        policy = job.export.policy
        self._once(job.export.name, identity, lambda key: put_archive_object(self._bucket, key, body, policy))

    def copy(self, export: str, identity: str, source_key: str, version_id: str) -> None:
        """Feed an archive object as it is, without its bytes passing through here."""
        source = {"Bucket": self._bucket, "Key": source_key} | ({"VersionId": version_id} if version_id else {})
        self._once(
            export,
            identity,
            lambda key: aws.s3().copy_object(Bucket=self._bucket, Key=key, CopySource=source),  # type: ignore[arg-type]
        )

    def _once(self, export: str, identity: str, write: Callable[[str], object]) -> None:
        note = f"feed-index/{self._destination}/{export}/{identity}.json"
        noted = self._read(note)
        if noted is not None and self._exists(noted):
            return
        milliseconds = max(self._now_ms(), self._last(export) + 1)
        self._last_ms[export] = milliseconds
        key = f"feed/{self._destination}/{export}/{milliseconds:013d}-{identity}.json.gz"
        aws.s3().put_object(Bucket=self._bucket, Key=note, Body=orjson.dumps({"key": key}))
        write(key)

    def _last(self, export: str) -> int:
        """Return the time in the last key written, by this environment or by another."""
        if export not in self._looked:
            prefix = f"feed/{self._destination}/{export}/"
            known = self._last_ms.get(export, self._now_ms() - _LOOK_BACK_MS)
            pages = (
                aws.s3()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self._bucket, Prefix=prefix, StartAfter=f"{prefix}{known:013d}")
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
            self._last_ms[export] = int(keys[-1].removeprefix(prefix)[:13]) if keys else known
            self._looked.add(export)
        return self._last_ms[export]

    def _read(self, note: str) -> str | None:
        try:
            return str(orjson.loads(aws.s3().get_object(Bucket=self._bucket, Key=note)["Body"].read())["key"])
        except ClientError as error:
            if aws.is_absent(error):
                return None
            raise

    def _exists(self, key: str) -> bool:
        try:
            aws.s3().head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if aws.is_absent(error):
                return False
            raise
        return True
