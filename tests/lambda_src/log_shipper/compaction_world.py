"""A bucket in memory that lists in pages, knows conditions and uploads, and in which every call is a step."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from botocore.exceptions import ClientError
from log_shipper.compact import Compactor, Settings
from log_shipper.compacted import number_of
from log_shipper.export_config import ExportConfigs

from logdock.cli.logs.places import SearchLocation, objects
from logdock.cli.logs.reader import Reader

ARCHIVE = "acme-archive"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
HOUR = "logs/orders/dt=2026-11-21/hour=06/"
LANDED = NOW - timedelta(hours=5)
CONFIG = {"vendor": "cockroachdb", "landing": {"log_groups": []}, "ship_to": ["logz"]}


class KilledError(BaseException):
    """The function is killed: nothing in it may catch this."""


@dataclass
class Stored:
    """An object."""

    body: bytes
    etag: str
    modified: datetime
    metadata: dict[str, str] = field(default_factory=dict)


class Bucket:
    """S3, DynamoDB and Parameter Store, as far as compaction calls them.

    Attributes
    ----------
    fuse
        How many steps the function lives; None for good. There is a step before and after each call.
    at_step
        Called at each step.
    page
        Keys of a page of a listing.
    """

    def __init__(self, page: int = 1000) -> None:
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.described: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.exports = {"orders": CONFIG}
        self.page, self.fuse, self.steps = page, cast("int | None", None), 0
        self.at_step: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.unheard: str | None = None
        self.modified = NOW
        # S3 refuses small parts but the last; a test scales it down
        self.smallest_upload = 5 * 1024

    def client(self) -> Any:
        """Return the client."""
        return self

    def step(self, name: str) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise KilledError
        self.steps += 1
        self.calls.append(name)
        self.at_step()

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name not in CALLS:
            return found

        def call(**asked: Any) -> Any:
            self.step(name)
            answer = found(**asked)
            self.step(name)
            if self.unheard == name:
                self.unheard = None
                raise ClientError({"Error": {"Code": "InternalError"}}, name)
            return answer

        return call

    # S3

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        prefix, delimiter, after = asked["Prefix"], asked.get("Delimiter", ""), asked.get("StartAfter", "")
        while True:
            page = self.list_page(prefix=prefix, delimiter=delimiter, after=after)
            yield page
            if not page["IsTruncated"]:
                return
            after = page["Last"]

    def list_page(self, *, prefix: str, delimiter: str, after: str) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        if delimiter:
            found = sorted({prefix + key.removeprefix(prefix).partition(delimiter)[0] + delimiter for key in keys})
            return {"CommonPrefixes": [{"Prefix": each} for each in found], "IsTruncated": False}
        shown = keys[: self.page]
        contents = [
            {"Key": key, "Size": len(o.body), "ETag": o.etag, "LastModified": o.modified}
            for key in shown
            for o in [self.objects[key]]
        ]
        return {"Contents": contents, "IsTruncated": len(keys) > len(shown), "Last": shown[-1] if shown else ""}

    def get_object(self, **asked: str) -> dict[str, Any]:
        found = self._found(asked)
        body = found.body
        if "Range" in asked:
            first, _, last = asked["Range"].removeprefix("bytes=").partition("-")
            body = body[int(first) : int(last) + 1 if last else None]
        return {
            "Body": io.BytesIO(body), "Metadata": dict(found.metadata), "ETag": found.etag,
            "ContentLength": len(body), "LastModified": found.modified,
        }  # fmt: skip

    def head_object(self, **asked: str) -> dict[str, Any]:
        found = self._found(asked)
        return {"Metadata": dict(found.metadata), "ContentLength": len(found.body), "ETag": found.etag}

    def _found(self, asked: dict[str, str]) -> Stored:
        found = self.objects.get(asked["Key"])
        if found is None:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        if asked.get("IfMatch", found.etag) != found.etag:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        return found

    def put_object(self, **given: Any) -> None:
        # event rules distinguish compacted objects from parts by how they were created
        assert number_of(given["Key"]) is None
        self._store(given, given["Body"], given.get("Metadata", {}))

    def create_multipart_upload(self, **given: Any) -> dict[str, str]:
        identity = f"upload-{len(self.described)}"
        self.uploads[identity], self.described[identity] = {}, given
        return {"UploadId": identity}

    def upload_part(self, **given: Any) -> dict[str, str]:
        self.uploads[given["UploadId"]][given["PartNumber"]] = given["Body"]
        return {"ETag": f'"{given["PartNumber"]}"'}

    def complete_multipart_upload(self, **given: Any) -> None:
        sent = self.uploads[given["UploadId"]]
        numbers = [part["PartNumber"] for part in given["MultipartUpload"]["Parts"]]
        assert numbers == sorted(sent)
        assert all(len(sent[number]) >= self.smallest_upload for number in numbers[:-1])
        described = self.described[given["UploadId"]]
        self._store(given, b"".join(sent[number] for number in numbers), described["Metadata"])
        del self.uploads[given["UploadId"]]

    def abort_multipart_upload(self, **given: Any) -> None:
        del self.uploads[given["UploadId"]]

    def _store(self, given: dict[str, Any], body: bytes, metadata: dict[str, str]) -> None:
        if "IfNoneMatch" in given and given["Key"] in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[given["Key"]] = Stored(body, f'"{self.steps}"', self.modified, metadata)

    def delete_objects(self, **given: Any) -> dict[str, Any]:
        errors = []
        for each in given["Delete"]["Objects"]:
            found = self.objects.get(each["Key"])
            if found is None:
                # only a condition fails on what is not there
                errors += [{"Key": each["Key"], "Code": "NoSuchKey"}] * ("ETag" in each)
            elif each.get("ETag", found.etag) != found.etag:
                errors.append({"Key": each["Key"], "Code": "PreconditionFailed"})
            else:
                del self.objects[each["Key"]]
        return {"Errors": errors}

    # the others

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        ((table, wanted),) = asked["RequestItems"].items()
        keys = [each["id"]["S"] for each in wanted["Keys"]]
        assert 0 < len(keys) <= 100
        return {"Responses": {table: [{"id": {"S": key}, **self.items[key]} for key in keys if key in self.items]}}

    # what a test does

    def part(self, number: int, lines: list[str], hour: str = HOUR, *, modified: datetime = LANDED, policy: str = "p"
             ) -> str:  # fmt: skip
        """Write a part."""
        key = f"{hour}{1_795_240_800_000 + number:013d}-{number:016x}.json.gz"
        body = gzip.compress("".join(json.dumps({"message": line}) + "\n" for line in lines).encode(), mtime=0)
        self.objects[key] = Stored(body, f'"part-{number}"', modified, {"logdock-policy": policy} if policy else {})
        return key

    def compact(
        self, *, now: datetime = NOW, seconds: float = 1000.0, feeds: frozenset[str] = frozenset()
    ) -> Compactor:
        """Run compaction, as far as the fuse lets it."""
        configs = ExportConfigs(lambda name: json.dumps(self.exports[name]))
        compactor = Compactor(Settings(ARCHIVE, "marks", feeds), configs, lambda: seconds, now)
        compactor.run()
        return compactor

    def listed(self, prefix: str = "logs/") -> list[str]:
        """Return the keys."""
        return sorted(key for key in self.objects if key.startswith(prefix))


CALLS = frozenset({
    "list_page", "get_object", "head_object", "put_object", "create_multipart_upload", "upload_part",
    "complete_multipart_upload", "abort_multipart_upload", "delete_objects", "batch_get_item",
})  # fmt: skip


class Now(Future[Any]):
    """A call in the background that is made at once."""

    def __init__(self, call: Callable[..., Any], *args: Any) -> None:
        super().__init__()
        try:
            self.set_result(call(*args))
        except Exception as error:  # noqa: BLE001 - as a pool's thread does
            self.set_exception(error)


def read_archive(s3: Bucket) -> list[str]:
    """Return the lines that `logdock logs` reads of two days, sorted."""
    place = SearchLocation(export=cast("Any", None), bucket=ARCHIVE, stack="core", prefix="logs/orders/")
    start = NOW.replace(hour=0, minute=0) - timedelta(days=1)
    reader = Reader(cast("Any", s3), cast("Any", None))
    lines: list[str] = []
    for found in objects(cast("Any", s3), [place], start, start + timedelta(days=3), 2):
        lines += gzip.decompress(b"".join(reader.chunks(found))).decode().splitlines()
    return sorted(lines)
