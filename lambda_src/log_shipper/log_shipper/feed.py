"""The feed: archive objects again under keys that only ever grow, for readers that remember the last key they saw.

Logz.io's fetcher reads that way (https://docs.logz.io/docs/shipping/aws/aws-s3-bucket/). The queue is FIFO with a group
for each export, and a group's messages are with one invocation at a time, so an export has a single writer. Small
inputs of a batch become one object: gzip members that follow one another are one gzip file (RFC 1952, 2.2).

Before an object is written its key is noted in an index, under the identity of each input, if nothing is noted there.
On a retry the note is there: the input has been fed if the object that it names exists and says that it holds it. So
nothing is fed twice or missed, wherever the function is killed.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from typing import NamedTuple

import orjson
from botocore.exceptions import ClientError

from log_shipper import aws, parallel
from log_shipper.archive_writer import POLICY_METADATA, ObjectSink, is_whole_gzip
from log_shipper.progress import Acknowledge, Pending, Progress

INPUTS_METADATA = "logdock-inputs"
MAX_INPUTS = 50
"""Inputs of one object: each is named in its metadata, which holds 2 KB (Amazon S3 User Guide, "Working with object
metadata")."""
JOINED_BYTES = 1024 * 1024
"""How much is gathered, compressed, before it is written."""
_LOOK_BACK_MS = 3_600_000


class Input(NamedTuple):
    """Something to feed: a gzip body with the redaction that its lines have been through, or an object to copy."""

    identity: str
    body: bytes = b""
    policy: str = ""
    source_key: str = ""


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
        self.bucket, self._destination, self._now_ms = bucket, destination, now_ms
        self._last_ms: dict[str, int] = {}
        self._looking: dict[str, Future[int]] = {}

    def begin(self) -> None:
        """Begin an invocation: another environment may have written since this one did."""
        self._looking.clear()

    def look(self, export: str) -> None:
        """Start to look for the last key of an export."""
        if export not in self._looking:
            known = self._last_ms.get(export, self._now_ms() - _LOOK_BACK_MS)
            self._looking[export] = parallel.start(self._last_key_ms, export, known)

    def add(self, export: str, inputs: Sequence[Input]) -> None:
        """Feed inputs that have not been fed, as one object; one that is to be copied comes alone."""
        key = self._next_key(export, inputs[0].identity)
        noted = [parallel.start(self._note, export, each.identity, key) for each in inputs]
        for note in noted:
            note.exception()
        fresh = [each for each, note in zip(inputs, noted, strict=True) if note.result()]
        if fresh:
            self._write(key, fresh)

    def _write(self, key: str, inputs: Sequence[Input]) -> None:
        s3, source = aws.s3(), inputs[0].source_key
        if source:
            s3.copy_object(Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source})
            return
        metadata = {INPUTS_METADATA: " ".join(each.identity for each in inputs)}
        policies = {each.policy for each in inputs}
        if len(policies) == 1 and (policy := policies.pop()):
            metadata[POLICY_METADATA] = policy
        body = b"".join(each.body for each in inputs)
        s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/gzip", Metadata=metadata)

    def _next_key(self, export: str, identity: str) -> str:
        self.look(export)
        last = max(self._looking[export].result(), self._last_ms.get(export, 0))
        milliseconds = self._last_ms[export] = max(self._now_ms(), last + 1)
        return f"feed/{self._destination}/{export}/{milliseconds:013d}-{identity}.json.gz"

    def _last_key_ms(self, export: str, known: int) -> int:
        """Return the time in the last key written, by this environment or by another."""
        prefix = f"feed/{self._destination}/{export}/"
        pages = (
            aws.s3()
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self.bucket, Prefix=prefix, StartAfter=f"{prefix}{known:013d}")
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return int(keys[-1].removeprefix(prefix)[:13]) if keys else known

    def _note(self, export: str, identity: str, key: str) -> bool:
        """Note the key under which an input is about to be fed; False if it has been fed under another."""
        note = f"feed-index/{self._destination}/{export}/{identity}.json"
        body = orjson.dumps({"key": key})
        try:
            aws.s3().put_object(Bucket=self.bucket, Key=note, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise
        else:
            return True
        answer = aws.s3().get_object(Bucket=self.bucket, Key=note)
        if self._holds(str(orjson.loads(answer["Body"].read())["key"]), identity):
            return False
        aws.s3().put_object(Bucket=self.bucket, Key=note, Body=body)
        return True

    def _holds(self, key: str, identity: str) -> bool:
        """Say whether an object exists and holds an input; without a list it holds the one that its key names."""
        try:
            answer = aws.s3().head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if aws.is_absent(error):
                return False
            raise
        inputs = answer["Metadata"].get(INPUTS_METADATA)
        return key.endswith(f"-{identity}.json.gz") if inputs is None else identity in inputs.split()


class _Gathered(NamedTuple):
    """What an object has to feed, and the segments that this settles; an object that is fed as it is has none."""

    progress: Progress
    segments: Pending
    inputs: list[Input]


class FeedSink(ObjectSink):
    """Gathers what the objects of an invocation have to feed, and writes it as few objects, one after the other.

    Exports have feeds of their own, which are written side by side.
    """

    def __init__(self, feed: Feed, acknowledge: Acknowledge) -> None:
        super().__init__(feed.bucket, acknowledge)
        self._feed = feed
        self._gathered: list[_Gathered] = []
        self._has_failed = False

    def prepare(self, export: str) -> None:
        """Look for the last key of an export while its objects are opened: no other writes that feed meanwhile."""
        self._feed.look(export)

    def take_as_it_is(self, progress: Progress, source_key: str, body: bytes | None, policy: str) -> None:
        """Feed an archive object as it is: joined with others, or copied when its bytes are not given or no gzip."""
        progress.seen, progress.complete = 1, True
        whole = body is not None and is_whole_gzip(body)
        identity = progress.identity
        one = Input(identity, body or b"", policy) if whole else Input(identity, source_key=source_key)
        self._gather(_Gathered(progress, [], [one]))

    def end(self, progress: Progress) -> None:
        """Gather the part; it is acknowledged once it is fed, by `flush` at the latest."""
        inputs = [Input(identity, body, progress.export.policy) for _, identity, body in self._finished(progress)]
        self._gather(_Gathered(progress, self._pending, inputs))
        self._pending, self._hours, self._bytes = [], {}, 0

    def flush(self) -> None:
        """Feed what is gathered and acknowledge it."""
        by_export: defaultdict[str, list[_Gathered]] = defaultdict(list)
        for each in self._gathered:
            by_export[each.progress.export.name].append(each)
        written = {export: parallel.start(self._write, export, each) for export, each in by_export.items()}
        failed = {export for export, each in written.items() if each.exception()}  # waits for all
        self._has_failed = bool(failed)
        self._gathered = [each for each in self._gathered if each.progress.export.name in failed]
        for progress, segments, inputs in (one for export in written.keys() - failed for one in by_export[export]):
            if not segments and inputs:
                progress.position = progress.seen
            self._acknowledge(segments, segments[:])
        for writes in written.values():
            self.requests += writes.result()

    def abandon(self) -> None:
        """Feed what is whole, unless that has failed; leave the rest for the next attempt."""
        if not self._has_failed:
            with contextlib.suppress(Exception):
                self.flush()
        for _, segments, _ in self._gathered:
            for progress, segment in segments:
                progress.release(segment)
        self._gathered = []
        super().abandon()

    def _gather(self, gathered: _Gathered) -> None:
        self._gathered.append(gathered)
        if sum(len(one.body) for each in self._gathered for one in each.inputs) > JOINED_BYTES:
            self.flush()

    def _write(self, export: str, gathered: list[_Gathered]) -> int:
        """Feed what an export has, in its order; return how many objects that took."""
        objects: list[list[Input]] = []
        for one in (one for each in gathered for one in each.inputs):
            joins = objects and not one.source_key and not objects[-1][0].source_key and len(objects[-1]) < MAX_INPUTS
            if joins:
                objects[-1].append(one)
            else:
                objects.append([one])
        for inputs in objects:
            self._feed.add(export, inputs)
        return len(objects)
