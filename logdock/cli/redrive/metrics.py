"""Metrics that a listener did not take: Firehose kept them in the failure bucket, and here its stream gets them again.

An object is JSON lines, gzip: a line for each record of the stream, with the record as ``rawData`` in base64 and why it
failed as ``errorCode`` and ``errorMessage``. It lies under ``metrics/<destination>/``. The fields are those of the
Amazon Data Firehose Developer Guide ("Handle data delivery failures", "Troubleshooting HTTP Endpoints").

An object is deleted when Firehose has taken every record of it. What it cannot deliver now either it keeps again, in
two hours, under another key. A metric that is sent twice says the same twice.
"""

import base64
import gzip
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

from resource_tags.delivery import DeliveryError, put

from logdock.cli.account import Account
from logdock.cli.redrive.failures import FailureFilter, Group, Place, Report
from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.redrive.versions import COLD, ColdError, StoredObject, delete, list_current, read

PREFIX = "metrics/"
WORKERS = 4
"""Objects at once: each is up to some megabytes, and the stream also has its regular load."""
_GZIP = b"\x1f\x8b"
_STATUS = re.compile(r"\b([1-5]\d\d):")
"""Where a message has the listener's status: "... received from the endpoint destination. 413: ..."."""


class Undelivered(NamedTuple):
    """An object of metrics, and its group; one without a stream to go to, or that cannot be read, is left."""

    stored: StoredObject
    group: Group
    is_sendable: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """What Firehose could not deliver."""

    account: Account
    wanted: FailureFilter
    report: Report

    def find(self) -> list[Undelivered]:
        """Count the objects that are wanted; return them."""
        with self.account.requires("core"):
            listed = list_current(self.account.s3, self._bucket, PREFIX)
        with ThreadPoolExecutor(WORKERS) as pool:
            found = [each for each in pool.map(self._read, listed) if self.wanted.matches(each[0].group)]
        for undelivered, records in found:
            self.report.found(undelivered.group, records=records)
        return [undelivered for undelivered, _ in found]

    def redrive(self, found: list[Undelivered], limiter: RateLimiter, done: Callable[[int], None]) -> None:
        """Put each object's records on the stream of its destination, and delete it when all of them are taken."""

        def again(undelivered: Undelivered) -> None:
            if undelivered.is_sendable and limiter.acquire() and self._taken(undelivered):
                delete(self.account.s3, self._bucket, undelivered.stored)
                self.report.deleted(undelivered.group)
                done(1)

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(again, found))

    def _read(self, where: StoredObject) -> tuple[Undelivered, int]:
        destination = where.key.split("/")[1]
        try:
            lines = self._lines(where)
            for line in lines:
                _raw(line)
            reason = _reason(lines[0])
        except ColdError:
            return self._undelivered(where, destination, COLD, False), 0
        except (OSError, EOFError, ValueError, LookupError, TypeError):
            return self._undelivered(where, destination, "it is not a failure record of Firehose", False), 0
        is_sent = destination in self._streams
        reason = reason if is_sent else "the settings have no metrics for this destination"
        return self._undelivered(where, destination, reason, is_sent), len(lines)

    def _undelivered(self, where: StoredObject, destination: str, reason: str, is_sendable: bool) -> Undelivered:
        group = Group(Place.METRICS, self.account.settings.region, "", destination, reason)
        return Undelivered(where, group, is_sendable)

    def _lines(self, where: StoredObject) -> list[dict[str, Any]]:
        body = read(self.account.s3, self._bucket, where)
        return [json.loads(line) for line in (gzip.decompress(body) if body[:2] == _GZIP else body).splitlines()]

    def _taken(self, undelivered: Undelivered) -> bool:
        stream = self.account.names.metrics(undelivered.group.destination)
        try:
            with self.account.requires("shipper"):
                put(self.account.firehose, stream, map(_raw, self._lines(undelivered.stored)))
        except DeliveryError as error:
            self.report.note(str(error))
            return False
        return True

    @property
    def _bucket(self) -> str:
        return self.account.names.bucket("failed")

    @property
    def _streams(self) -> set[str]:
        return {each.name for each in self.account.settings.destinations if each.kind == "logzio" and each.metrics}


def _raw(line: dict[str, Any]) -> bytes:
    return base64.b64decode(line["rawData"], validate=True)


def _reason(line: dict[str, Any]) -> str:
    """Return the code of an error and the listener's status, but not its text, which may hold anything."""
    status = _STATUS.search(str(line.get("errorMessage", "")))
    return f"{line['errorCode']}: the listener answered {status[1]}" if status else str(line["errorCode"])
