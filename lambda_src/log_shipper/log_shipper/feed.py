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
from threading import Lock
from typing import Any, NamedTuple

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
def last_written(_bucket: str, _destination: str) -> dict[str, int]:
    """Return the times in the last keys of a feed that this environment wrote, by export; `Feed` adds to it."""
    return {}


class Feed:
    """Writes ``feed/<destination>/<export>/<epoch-ms, 13 digits>-<identity>.json.gz``, the keys strictly ascending.

    For one invocation: between two, another environment may write.

    Parameters
    ----------
    bucket : str
        The archive bucket.
    destination : str
        The reader's name: each has a feed of its own, with what was sent to it alone.
    last_ms : dict of str to int
        The times in the last keys that this execution environment wrote, by export; it is kept up to date.
    now_ms : callable
        Milliseconds since 1970.
    """

    def __init__(
        self,
        bucket: str,
        destination: str,
        last_ms: dict[str, int],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.bucket, self._destination, self._now_ms = bucket, destination, now_ms
        self._last_ms, self._choosing = last_ms, Lock()
        self._looking: dict[str, Future[int]] = {}
        self._expected: dict[str, tuple[int, str]] = {}
        self._noted: dict[tuple[str, str], tuple[str, Future[bool]]] = {}

    def look(self, export: str) -> None:
        """Start to look for the last key of an export."""
        if export not in self._looking:
            known = self._last_ms.get(export, self._now_ms() - _LOOK_BACK_MS)
            self._looking[export] = parallel.start(self._last_key_ms, export, known)

    def note_early(self, export: str, identity: str) -> None:
        """Start to note an input that is not read yet, under the key that the export's next object will probably have.

        A note that turns out to be wrong, because the input is fed under another key or not at all, is overwritten: it
        names an object that does not hold the input.
        """
        with self._choosing:
            if export not in self._expected:
                self._expected[export] = self._new_key(export, identity, 0)
            _, key = self._expected[export]
        self._noted[export, identity] = key, parallel.start(self._note, export, identity, key)

    def wait(self) -> None:
        """Wait for notes of inputs that were not fed: one that is written later may overwrite another invocation's."""
        for _, note in list(self._noted.values()):
            note.exception()

    def add(self, export: str, inputs: Sequence[Input]) -> None:
        """Feed inputs that have not been fed, as one object; one that is to be copied comes alone."""
        key = self._next_key(export, inputs[0])
        noted = [self._note_under(key, export, each.identity) for each in inputs]
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

    def _next_key(self, export: str, first: Input) -> str:
        self.look(export)
        last = self._looking[export].result()
        with self._choosing:
            milliseconds, key = self._expected.pop(export, (0, ""))
            # the key of a copy has to name its input: nothing else says what the copy holds
            if milliseconds > last and not first.source_key:
                return key
            return self._new_key(export, first.identity, last)[1]

    def _new_key(self, export: str, identity: str, last: int) -> tuple[int, str]:
        milliseconds = self._last_ms[export] = max(self._now_ms(), last + 1, self._last_ms.get(export, 0) + 1)
        return milliseconds, f"feed/{self._destination}/{export}/{milliseconds:013d}-{identity}.json.gz"

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

    def _note_under(self, key: str, export: str, identity: str) -> Future[bool]:
        """Start to note an input; False if it has been fed under another key."""
        early_key, early = self._noted.pop((export, identity), ("", None))
        if early is None:
            return parallel.start(self._note, export, identity, key)
        return early if early_key == key else parallel.start(self._note_again, early, export, identity, key)

    def _note_again(self, early: Future[bool], export: str, identity: str, key: str) -> bool:
        if early.result():
            self._put_note(export, identity, key)
        return early.result()

    def _note(self, export: str, identity: str, key: str) -> bool:
        """Note the key under which an input is about to be fed; False if it has been fed under another."""
        try:
            self._put_note(export, identity, key, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise
        else:
            return True
        answer = aws.s3().get_object(Bucket=self.bucket, Key=self._note_key(export, identity))
        if self._holds(str(orjson.loads(answer["Body"].read())["key"]), identity):
            return False
        self._put_note(export, identity, key)
        return True

    def _put_note(self, export: str, identity: str, key: str, **condition: Any) -> None:
        note, body = self._note_key(export, identity), orjson.dumps({"key": key})
        aws.s3().put_object(Bucket=self.bucket, Key=note, Body=body, **condition)

    def _note_key(self, export: str, identity: str) -> str:
        return f"feed-index/{self._destination}/{export}/{identity}.json"

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

    def prepare(self, progress: Progress, *, fed_as_it_is: bool) -> None:
        """Look for the last key of an export while its objects are opened: no other writes that feed meanwhile.

        An archive object is also noted: what it is noted under need not be known from its content.
        """
        export = progress.export.name
        self._feed.look(export)
        if fed_as_it_is:
            self._feed.note_early(export, progress.identity)

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
        self._feed.wait()
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
