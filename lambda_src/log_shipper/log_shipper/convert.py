"""Copies compacted objects as Parquet: starts a statement of Athena for a day of an export, and looks at it in an hour.

What is there if it ends after any of the steps:

1. It writes what names the run. Readers do not read it.
2. It starts the statement, with the run's name as the token by which Athena starts it only once, and notes its
   identifier. A run without one is started again by the next invocation, with the same token.
3. When the statement has succeeded, it writes the index. **From here on readers use the copy.**
4. It removes what named the run.

A statement that failed has left files, which are removed before their objects are copied again: nothing reads them
through an index, but a query of the table that is typed in Athena does. Nothing waits for a statement.

Sources: Amazon Athena API Reference, "StartQueryExecution" (ClientRequestToken, QueryString), "GetQueryExecution";
Amazon Athena User Guide, "UNLOAD", "Service Quotas".
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from log_shipper import aws, parallel
from log_shipper.columns import (
    INDEX_PREFIX,
    File,
    Index,
    Run,
    fetch_index,
    runs_in,
    statement_of,
    write_index,
)
from log_shipper.errors import DamagedIndexError, ShipperError
from log_shipper.runtime import explain
from log_shipper.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from log_shipper.compaction_plan import Part

DUE_AFTER = timedelta(hours=5)
"""How long after its end a day is copied: its last hour is compacted after three hours, by a run that starts hourly."""
AGAIN_AFTER = timedelta(days=1)
"""How long after a run of a day the next one begins, for what was compacted late."""
MAX_STARTED = 40
"""Statements after which one invocation begins no further day. An account runs 150 or more; the rest is for people."""
MAX_SOURCES = 500
"""Objects of a statement: their addresses are in it, and it has 262,144 bytes at most."""
_RUNNING = ("QUEUED", "RUNNING")


class ConversionError(ShipperError):
    """A day was not copied; it is read from the archive, and tried again."""


class Target(NamedTuple):
    """Where Athena copies."""

    bucket: str
    database: str
    table: str
    workgroup: str
    max_bytes: int
    """Of the objects of a statement; less than the workgroup lets a query read."""


def target_of(bucket: str, document: str) -> Target:
    """Return the target that the function's environment describes."""
    return Target(bucket, **json.loads(document))


class Converter:
    """One invocation.

    Attributes
    ----------
    started, finished
        How many statements were started, and how many were seen to have succeeded.
    """

    def __init__(self, target: Target, now: datetime) -> None:
        self._target, self._now = target, now
        self.started = self.finished = 0

    def convert(self, export: str, first_day: str, objects: Sequence[Part]) -> None:
        """Bring the copy of an export up to date.

        Parameters
        ----------
        first_day
            The first that is looked at, ``YYYY-MM-DD``.
        objects
            All compacted objects of these days, in the order of their keys.

        Raises
        ------
        ConversionError
            When a statement failed, or an index is damaged. Everything else is done.
        """
        prefix = f"{INDEX_PREFIX}{export}/"
        runs: dict[str, dict[Run, bool]] = {}
        for run, complete in runs_in(aws.s3(), self._target.bucket, prefix, f"{prefix}dt={first_day}/"):
            of_day = runs.setdefault(run.day, {})
            of_day[run] = of_day.get(run, False) or complete
        errors: list[str] = []
        for day, listed in groupby(objects, lambda part: part.key.split("/")[2].removeprefix("dt=")):
            parts = list(listed)
            of_day = runs.get(day, {})
            started = [run for run, complete in of_day.items() if not complete]
            for run in started:
                try:
                    self._look_at(run, parts)
                except ShipperError as error:
                    errors.append(str(error))
            if not started and self._is_due(day, parts, of_day):
                try:
                    self._start(export, day, self._not_in(parts, of_day))
                except DamagedIndexError as error:
                    errors.append(str(error))
        if errors:
            raise ConversionError(f"{len(errors)} days were not copied: {errors[0]}")

    def _is_due(self, day: str, parts: Sequence[Part], runs: dict[Run, bool]) -> bool:
        end = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
        newest = max((run.began for run in runs), default=0)
        return (
            self.started < MAX_STARTED
            and end + DUE_AFTER <= self._now
            and len(parts) > sum(run.objects for run in runs)
            and datetime.fromtimestamp(newest, UTC) + AGAIN_AFTER <= self._now
        )

    def _not_in(self, parts: Sequence[Part], runs: dict[Run, bool]) -> list[Part]:
        indexes = [parallel.start(fetch_index, aws.s3(), self._target.bucket, run) for run in runs]
        copied = {key for each in indexes for key in each.result().sources}
        return [part for part in parts if part.key not in copied]

    def _start(self, export: str, day: str, parts: Sequence[Part]) -> None:
        """Start the statements of a day, all at once: what of it is missing then was compacted later."""
        for some in _divided(parts, self._target.max_bytes):
            sources = {part.key: part.etag for part in some}
            # of two invocations at once both begin the same run, and Athena one statement
            began = int(self._now.timestamp()) // 3600 * 3600
            run = Run(export, day, began, _digest(sources), len(some))
            self._note(run, sources, "")
            self._note(run, sources, self._query(run, sources))
            self.started += 1
            log("copying", source=run.prefix, objects=len(some), bytes=sum(part.size for part in some))

    def _query(self, run: Run, sources: dict[str, str]) -> str:
        """Start the statement of a run, or return the one that has been."""
        answer = aws.athena().start_query_execution(
            QueryString=statement_of(self._target.bucket, self._target.table, run, [*sources]),
            ClientRequestToken=f"{run.name:>32}".replace(" ", "0"),
            QueryExecutionContext={"Database": self._target.database},
            WorkGroup=self._target.workgroup,
        )
        query: str = answer["QueryExecutionId"]
        return query

    def _note(self, run: Run, sources: dict[str, str], query: str) -> None:
        body = json.dumps({"query": query, "sources": sources}, separators=(",", ":")).encode()
        aws.s3().put_object(Bucket=self._target.bucket, Key=run.started_key, Body=body, ContentType="application/json")

    def _look_at(self, run: Run, parts: Sequence[Part]) -> None:
        """Write the index of a run whose statement has succeeded; remove what one that failed has left."""
        try:
            body = aws.s3().get_object(Bucket=self._target.bucket, Key=run.started_key)["Body"].read()
        except ClientError as error:
            if aws.is_absent(error):
                return  # another invocation has looked at it
            raise
        document = json.loads(body)
        sources: dict[str, str] = document["sources"]
        query: str = document["query"]
        try:
            if not query:
                self._note(run, sources, self._query(run, sources))
                return
            status = aws.athena().get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        except ClientError as error:
            # a workgroup that was made again knows no former query; of another release the statement may differ
            if error.response.get("Error", {}).get("Code", "") != "InvalidRequestException":
                raise
            status = {"State": "FAILED", "StateChangeReason": explain(error)}
        if status["State"] in _RUNNING:
            return
        there = {part.key: part.etag for part in parts}
        if (
            status["State"] == "SUCCEEDED"
            and sources.items() <= there.items()
            and not self._is_copied_otherwise(run, sources)
        ):
            index = Index(sources, tuple(self._files(run)))
            aws.s3().put_object(
                Bucket=self._target.bucket, Key=run.index_key, Body=write_index(index), ContentType="application/json"
            )
            self._remove([run.started_key])
            self.finished += 1
            return
        self._remove([file.key for file in self._files(run)])
        self._remove([run.started_key])
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason", "no reason given")
            log("not copied", source=run.prefix, query=query, state=status["State"])
            raise ConversionError(f"{run.prefix}, query {query or 'not started'}: {status['State'].lower()}: {reason}")

    def _is_copied_otherwise(self, run: Run, sources: dict[str, str]) -> bool:
        """Say whether another index names any of the objects."""
        day = f"{INDEX_PREFIX}{run.export}/dt={run.day}/"
        others = [each for each, complete in runs_in(aws.s3(), self._target.bucket, day) if complete and each != run]
        return any(not fetch_index(aws.s3(), self._target.bucket, each).sources.keys().isdisjoint(sources)
                   for each in others)  # fmt: skip

    def _files(self, run: Run) -> Iterator[File]:
        pages = aws.s3().get_paginator("list_objects_v2").paginate(Bucket=self._target.bucket, Prefix=run.prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                yield File(item["Key"], item["Size"], item["ETag"])

    def _remove(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), 1000):
            chosen: Any = [{"Key": key} for key in keys[start : start + 1000]]
            answer = aws.s3().delete_objects(
                Bucket=self._target.bucket, Delete={"Objects": chosen, "Quiet": True}, ChecksumAlgorithm="SHA256"
            )
            if errors := answer.get("Errors"):
                raise ConversionError(f"{errors[0].get('Key')} was not removed: {errors[0].get('Code')}")


def _digest(sources: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def _divided(parts: Sequence[Part], max_bytes: int) -> Iterator[list[Part]]:
    """Yield the objects of each statement."""
    some: list[Part] = []
    for part in parts:
        if some and (len(some) == MAX_SOURCES or sum(each.size for each in some) + part.size > max_bytes):
            yield some
            some = []
        some.append(part)
    if some:
        yield some
