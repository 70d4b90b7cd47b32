"""Compaction: the small objects of an hour of the archive become few large ones, once every destination has them.

What a run does to an hour, and what is there if it ends after any of the steps:

1. It lists the hour, and removes parts that a compacted object has replaced: what an earlier run left.
2. It reads parts and uploads their bytes. Nothing is visible; S3 removes an unfinished upload after seven days.
3. It writes the index. Nothing reads an index that no object names.
4. It creates the compacted object, if none of that number exists. **From here on the parts are replaced.** Two runs
   that work on an hour at once take the same number, so that one of them fails here and has changed nothing.
5. It checks the object's size and index, and removes the parts, each if it is still what was read.

The SDK is the runtime's own, as for every function here, and which release that is depends on the Region (AWS Lambda
Developer Guide, "Runtime-included SDK versions"). A run that could not remove an object on condition of its ETag begins
nothing.

A part that is not one whole gzip member stays as it is. The run logs it and notes its ETag next to the indexes of its
hour, so that it is read again only if it is written again.

There is no lock and no state but the archive itself. Removing is s3:DeleteObject without a version: the parts stay as
noncurrent versions for the bucket's noncurrent days.
"""

from __future__ import annotations

import os
from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import botocore
import orjson
from botocore.exceptions import BotoCoreError, ClientError

from log_shipper import aws, parallel
from log_shipper.archive_writer import POLICY_METADATA, is_whole_gzip
from log_shipper.compacted import (
    INDEX_METADATA,
    NEWEST_METADATA,
    Index,
    Member,
    compacted_key,
    damaged_key,
    index_key,
    index_of,
    is_gone,
    number_of,
    part_of,
    replaced_names,
    write_index,
)
from log_shipper.compaction_plan import Part, plan
from log_shipper.convert import Converter, target_of
from log_shipper.environment import read_environment
from log_shipper.errors import ShipperError, UnknownExportError
from log_shipper.export_config import BucketLanding, ExportConfig, ExportConfigs
from log_shipper.keys import identity_of
from log_shipper.mark_items import entry_of, finished_in, object_key, read_mark
from log_shipper.runtime import Context, explain, export_configs, seconds_left
from log_shipper.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

LOOK_BACK = timedelta(days=30)
"""Only hours of so many days are compacted: marks are kept so long, and nothing has moved to another storage class."""
WAIT_LIMIT = timedelta(days=3)
"""An hour that waits longer for a destination makes the run fail, for the alarm."""
RESERVE_SECONDS = 120.0
"""No object is begun with less time: one takes seconds, but S3 may be slow."""
UPLOAD_BYTES = 8 * 1024 * 1024
"""Of a part of an upload: S3 wants 5 MiB of all but the last (Amazon S3 User Guide, "Multipart upload limits")."""
AHEAD_BYTES = 32 * 1024 * 1024
AHEAD = 24
"""How much is read ahead: memory is this, and three parts of an upload."""
DELETED_AT_ONCE = 1000
MARKS_AT_ONCE = 100
"""What DeleteObjects and BatchGetItem take."""


class CompactionError(ShipperError):
    """Something could not be compacted, or has waited for too long; the rest is done."""


class _LostError(Exception):
    """Another run works on the hour."""


class Settings(NamedTuple):
    """Where the archive is, and which destinations are feeds."""

    bucket: str
    mark_table: str
    feeds: frozenset[str]


def handler(_event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Compact what is due, as far as time allows; the next run goes on.

    Returns
    -------
    dict
        How many objects were made, and of how many parts; how many statements of Athena were started to copy compacted
        objects as Parquet, and how many were seen to have succeeded.

    Raises
    ------
    CompactionError
        When anything failed, or an hour has waited for a destination for longer than `WAIT_LIMIT`.
    """
    _require_conditional_deletes()
    environment = read_environment(os.environ)
    feeds = frozenset(orjson.loads(os.environ["LOGDOCK_FEEDS"]))
    settings = Settings(environment.archive_bucket, os.environ["LOGDOCK_MARK_TABLE"], feeds)
    remaining, now = seconds_left(context, RESERVE_SECONDS), datetime.now(UTC)
    columns = os.environ.get("LOGDOCK_COLUMNS")
    converter = Converter(target_of(settings.bucket, columns), now) if columns else None
    compactor = Compactor(settings, export_configs(environment), remaining, now, converter)
    compactor.run()
    copied = {"statements": converter.started, "copied": converter.finished} if converter else {}
    return {"objects": compactor.objects, "parts": compactor.parts, **copied}


def _require_conditional_deletes() -> None:
    """Check that the SDK can ask S3 to remove an object only if its ETag is the one that was read.

    Raises
    ------
    CompactionError
        When it is older than the ETag of DeleteObjects.
    """
    deleted: Any = aws.s3().meta.service_model.shape_for("ObjectIdentifier")
    if "ETag" not in deleted.members:
        raise CompactionError(
            f"botocore {botocore.__version__} of the function's runtime has no ETag in DeleteObjects, so nothing is "
            "compacted: use a runtime version with a newer one"
        )


class Compactor:
    """One run.

    Parameters
    ----------
    remaining
        How many seconds are left in which something may be begun.
    now
        When the run began.
    converter
        Copies compacted objects as Parquet. Default: they are not copied.

    Attributes
    ----------
    objects, parts
        What was made, and of how many parts.
    """

    def __init__(
        self,
        settings: Settings,
        configs: ExportConfigs,
        remaining: Callable[[], float],
        now: datetime,
        converter: Converter | None = None,
    ) -> None:
        self._settings, self._configs, self._remaining, self._now = settings, configs, remaining, now
        self._converter = converter
        self.objects = self.parts = 0
        self._errors: list[str] = []

    def run(self) -> None:
        """Compact what is due.

        Raises
        ------
        CompactionError
            As the handler does.
        """
        exports = self._exports()
        # an export that takes all the time of a run comes last in the one after it
        first = int(self._now.timestamp() // 3600) % max(1, len(exports))
        for export in exports[first:] + exports[:first]:
            if self._remaining() <= 0:
                break
            try:
                self._compact_export(export)
            except UnknownExportError:
                continue  # destroyed: nothing says any more where it is shipped
            except (ShipperError, ClientError, BotoCoreError) as error:
                self._fail(export, error)
        log("compacted", objects=self.objects, parts=self.parts, failures=len(self._errors))
        if self._errors:
            raise CompactionError(f"{len(self._errors)} of the archive's hours: {self._errors[0]}")

    def _fail(self, what: str, error: Exception) -> None:
        self._errors.append(f"{what}: {explain(error)}")
        log("not compacted", source=what, error=explain(error))

    def _exports(self) -> list[str]:
        pages = aws.s3().get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.bucket, Prefix="logs/", Delimiter="/"
        )  # fmt: skip
        return [each["Prefix"].split("/")[1] for page in pages for each in page.get("CommonPrefixes", ())]

    def _compact_export(self, export: str) -> None:
        config = self._configs.get(export)
        compacted: list[Part] = []
        for hour, listed in groupby(self._listed(export), lambda part: part.key.rpartition("/")[0] + "/"):
            objects = list(listed)
            compacted += [each for each in objects if number_of(each.key) is not None]
            if self._remaining() <= 0:
                return
            try:
                self._compact_hour(config, hour, objects)
            except _LostError:
                log("left to another run", source=hour)
            except (ShipperError, ClientError, BotoCoreError) as error:
                self._fail(hour, error)
        if self._converter and self._remaining() > 0:
            self._converter.convert(export, f"{self._now - LOOK_BACK:%Y-%m-%d}", compacted)

    def _listed(self, export: str) -> Iterator[Part]:
        """Yield the objects of an export's last days, in the order of their keys."""
        prefix = f"logs/{export}/"
        pages = aws.s3().get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.bucket, Prefix=prefix, StartAfter=f"{prefix}dt={self._now - LOOK_BACK:%Y-%m-%d}/"
        )  # fmt: skip
        for page in pages:
            for item in page.get("Contents", ()):
                yield Part(item["Key"], item["Size"], item["ETag"], item["LastModified"])

    def _compact_hour(self, config: ExportConfig, hour: str, objects: Sequence[Part]) -> None:
        numbers = [number for each in objects if (number := number_of(each.key)) is not None]
        parts = [each for each in objects if part_of(each.key)]
        if numbers and parts:
            indexes = [index_of(aws.s3(), self._settings.bucket, compacted_key(hour, number)) for number in numbers]
            replaced = replaced_names(indexes)
            self._remove([part for part in parts if _name(part) in replaced])
            parts = [part for part in parts if _name(part) not in replaced]
        planned = plan(hour, parts, is_first=not numbers, now=self._now)
        if planned and (damaged := self._damaged(hour)):
            undamaged = [part for part in parts if damaged.get(_name(part)) != part.etag]
            planned = plan(hour, undamaged, is_first=not numbers, now=self._now)
        if not planned:
            return
        if waiting := self._waiting(config, [part for each in planned for part in each]):
            since = min(part.modified for part in waiting)
            log("waiting", source=hour, parts=len(waiting), since=since.isoformat())
            if since + WAIT_LIMIT < self._now:
                raise CompactionError(f"{len(waiting)} objects have waited for a destination since {since:%Y-%m-%d}")
            return
        number = max(numbers, default=0) + 1
        for each in planned:
            if self._remaining() <= 0:
                return
            # without gaps: two runs that read the same parts take the same number
            if self._compact(hour, number, each):
                number += 1

    def _compact(self, hour: str, number: int, parts: Sequence[Part]) -> bool:
        """Make one object and remove its parts; False if nothing can be made of them.

        Raises
        ------
        _LostError
            When another run has made the object.
        """
        key, identity = compacted_key(hour, number), os.urandom(8).hex()
        newest = max(part.modified for part in parts).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        upload = _Upload(self._settings.bucket, key, {INDEX_METADATA: identity, NEWEST_METADATA: newest})
        members: list[tuple[Part, Member]] = []
        damaged: dict[str, str] = {}
        try:
            for part, body, policy in self._bodies(parts):
                if is_whole_gzip(body):
                    upload.write(body)
                    members.append((part, Member(_name(part), len(body), policy)))
                else:
                    damaged[_name(part)] = part.etag
                    log("left as it is", source=part.key, error="it is not one gzip member")
            if damaged:
                self._note_damaged(hour, damaged)
            if len(members) < 2:
                upload.abort()
                return False
            index = Index(tuple(member for _, member in members))
            aws.s3().put_object(
                Bucket=self._settings.bucket,
                Key=index_key(hour, identity),
                Body=write_index(index),
                ContentType="application/gzip",
            )
            try:
                upload.create()
            except (ClientError, BotoCoreError):
                # it may have been created, and the answer lost
                if not self._is_created(key, identity, index.size):
                    raise
        except Exception:
            upload.abort()
            raise
        if not self._is_created(key, identity, index.size):
            raise CompactionError(f"{key} is not what was written")
        self.objects, self.parts = self.objects + 1, self.parts + len(members)
        self._remove([part for part, _ in members])
        return True

    def _damaged(self, hour: str) -> dict[str, str]:
        """Return the ETags of the parts that an earlier run could not use, by their names."""
        try:
            answer = aws.s3().get_object(Bucket=self._settings.bucket, Key=damaged_key(hour))
        except ClientError as error:
            if is_gone(error):
                return {}
            raise
        try:
            etags = orjson.loads(answer["Body"].read())
        except orjson.JSONDecodeError:
            etags = None  # then the parts are read again, and noted
        return etags if isinstance(etags, dict) else {}

    def _note_damaged(self, hour: str, etags: dict[str, str]) -> None:
        """Note damaged parts, so that no later run reads them again unless they are written again.

        Of two runs at once one may overwrite what the other noted: those parts are read once more.
        """
        aws.s3().put_object(
            Bucket=self._settings.bucket,
            Key=damaged_key(hour),
            Body=orjson.dumps(self._damaged(hour) | etags),
            ContentType="application/json",
        )

    def _is_created(self, key: str, identity: str, size: int) -> bool:
        """Say whether the compacted object is the one of this run, whole.

        Raises
        ------
        _LostError
            When it is another run's.
        """
        try:
            answer = aws.s3().head_object(Bucket=self._settings.bucket, Key=key)
        except ClientError as error:
            if aws.is_absent(error):
                return False
            raise
        if answer["Metadata"].get(INDEX_METADATA) != identity:
            raise _LostError
        return answer["ContentLength"] == size

    def _bodies(self, parts: Sequence[Part]) -> Iterator[tuple[Part, bytes, str]]:
        """Yield parts with their bytes and the redaction that their lines have had, read ahead side by side."""
        waiting = deque(parts)
        reading: deque[tuple[Part, Future[tuple[bytes, str]]]] = deque()
        size = 0
        while waiting or reading:
            while waiting and len(reading) < AHEAD and (not reading or size + waiting[0].size <= AHEAD_BYTES):
                part = waiting.popleft()
                size += part.size
                reading.append((part, parallel.start(self._read, part)))
            part, read = reading.popleft()
            size -= part.size
            yield part, *read.result()

    def _read(self, part: Part) -> tuple[bytes, str]:
        try:
            answer = aws.s3().get_object(Bucket=self._settings.bucket, Key=part.key, IfMatch=part.etag)
        except ClientError as error:
            if aws.is_absent(error) or _code(error) == "PreconditionFailed":
                raise _LostError from None
            raise
        return answer["Body"].read(), answer["Metadata"].get(POLICY_METADATA, "")

    def _remove(self, parts: Sequence[Part]) -> None:
        """Remove parts that are replaced, each unless it has been written again.

        Source: Amazon S3 User Guide, "How to perform conditional deletes".
        """
        refused = []
        for start in range(0, len(parts), DELETED_AT_ONCE):
            chosen: Any = [{"Key": part.key, "ETag": part.etag} for part in parts[start : start + DELETED_AT_ONCE]]
            answer = aws.s3().delete_objects(
                Bucket=self._settings.bucket, Delete={"Objects": chosen, "Quiet": True}, ChecksumAlgorithm="SHA256"
            )
            refused += [
                each for each in answer.get("Errors", ()) if each.get("Code") not in ("NoSuchKey", "PreconditionFailed")
            ]
        if refused:
            raise CompactionError(f"{len(refused)} replaced objects were not removed: {refused[0].get('Code')}")

    def _waiting(self, config: ExportConfig, parts: Sequence[Part]) -> list[Part]:
        """Return the parts that a destination does not have yet.

        Of an export that lands in a bucket, the archive's objects are shipped to no one.
        """
        if isinstance(config.landing, BucketLanding):
            return []
        if config.landing is None or config.ship_to is None:
            return list(parts)  # a configuration of the first release does not say
        waiting: dict[str, Part] = {}
        for destination in sorted(config.ship_to):
            ask = self._not_fed if destination in self._settings.feeds else self._not_marked
            for part in ask(destination, config.name, parts):
                waiting[part.key] = part
        return list(waiting.values())

    def _not_marked(self, destination: str, export: str, parts: Sequence[Part]) -> list[Part]:
        missing: list[Part] = []
        for start in range(0, len(parts), MARKS_AT_ONCE):
            some = parts[start : start + MARKS_AT_ONCE]
            identities = {part.key: self._identity(part) for part in some}
            items = self._items([object_key(destination, export, identity) for identity in identities.values()])
            marks = {
                part.key: read_mark(items.get(object_key(destination, export, identities[part.key]), {}))
                for part in some
            }
            receipts = {f"{destination}/{mark.holder}" for mark in marks.values() if mark.holder and not mark.done}
            listed = {name: frozenset(finished_in(item)) for name, item in self._items(sorted(receipts)).items()}
            for part in some:
                mark = marks[part.key]
                finished = listed.get(f"{destination}/{mark.holder}", frozenset())
                if not mark.done and entry_of(export, identities[part.key]) not in finished:
                    missing.append(part)
        return missing

    def _items(self, keys: list[str]) -> dict[str, Mapping[str, Any]]:
        """Return the items of at most a hundred keys; one that DynamoDB did not process counts as absent."""
        if not keys:
            return {}
        table = self._settings.mark_table
        answer = aws.dynamodb().batch_get_item(RequestItems={table: {"Keys": [{"id": {"S": key}} for key in keys]}})
        return {item["id"]["S"]: item for item in answer.get("Responses", {}).get(table, ())}

    def _not_fed(self, destination: str, export: str, parts: Sequence[Part]) -> list[Part]:
        """Return the parts for which no key of the feed is noted.

        A feed marks no object on its first try; its note is written before the object is. A part that is compacted in
        between is fed from the compacted object.
        """
        noted = [
            parallel.start(self._exists, f"feed-index/{destination}/{export}/{self._identity(part)}.json")
            for part in parts
        ]
        return [part for part, each in zip(parts, noted, strict=True) if not each.result()]

    def _exists(self, key: str) -> bool:
        try:
            aws.s3().head_object(Bucket=self._settings.bucket, Key=key)
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        return True

    def _identity(self, part: Part) -> str:
        return identity_of(self._settings.bucket, part.key, "")


class _Upload:
    """An object that is written piece by piece and exists once `create` has returned.

    A multipart upload even of one part: event rules distinguish compacted objects from the archiver's by that.
    """

    def __init__(self, bucket: str, key: str, metadata: dict[str, str]) -> None:
        self._object: Any = {"Bucket": bucket, "Key": key}
        self._described: Any = {"ContentType": "application/gzip", "Metadata": metadata}
        self._buffer = bytearray()
        self._upload: Any = {}
        self._sent: list[Future[dict[str, Any]]] = []

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._buffer += data
        if len(self._buffer) >= UPLOAD_BYTES:
            self._send()

    def create(self) -> None:
        """Create the object.

        Raises
        ------
        botocore.exceptions.ClientError
            PreconditionFailed when an object of that key exists.
        """
        if self._buffer:
            self._send()
        parts: Any = [each.result() for each in self._sent]
        aws.s3().complete_multipart_upload(
            **self._object, **self._upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )

    def abort(self) -> None:
        """Abort the upload; S3 removes one that is not aborted after seven days. Never raises an `Exception`."""
        if not self._upload:
            return
        for each in self._sent:
            each.exception()
        try:
            aws.s3().abort_multipart_upload(**self._object, **self._upload)
        except (ClientError, BotoCoreError) as error:
            log("upload left", error=explain(error))

    def _send(self) -> None:
        if not self._upload:
            answer = aws.s3().create_multipart_upload(**self._object, **self._described, ChecksumAlgorithm="CRC32")
            self._upload = {"UploadId": answer["UploadId"]}
        if len(self._sent) >= 2:
            self._sent[-2].result()  # two are on their way at most
        body, self._buffer = bytes(self._buffer), bytearray()
        self._sent.append(parallel.start(self._send_part, len(self._sent) + 1, body))

    def _send_part(self, number: int, body: bytes) -> dict[str, Any]:
        answer = aws.s3().upload_part(
            **self._object, **self._upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32"
        )
        part: dict[str, Any] = {"PartNumber": number, "ETag": answer["ETag"]}
        return part | ({"ChecksumCRC32": answer["ChecksumCRC32"]} if "ChecksumCRC32" in answer else {})


def _name(part: Part) -> str:
    return part.key.rpartition("/")[2]


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
