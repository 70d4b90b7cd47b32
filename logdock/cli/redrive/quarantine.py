"""Quarantine: records that a destination refused are sent again, by a message that names the object they are in.

The shipper notes in the mark table when all of an object has arrived; only then is it deleted, that version and the
older ones that it replaced. Before a message is sent, the object's item says when: a command that is started again does
not send what is still on its way.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from log_shipper.events import ObjectRef, message_of
from log_shipper.keys import QUARANTINE, Quarantined, identity_of, quarantine_prefix, quarantined
from log_shipper.mark_items import (
    KEPT_SECONDS,
    Item,
    entry_of,
    finished_in,
    get_item,
    is_finished_by,
    number,
    number_value,
    object_key,
    read_mark,
)

from logdock.cli.account import CONNECTIONS, Account
from logdock.cli.errors import code_of
from logdock.cli.redrive.dead_letters import queue_counts, queue_url
from logdock.cli.redrive.failures import FailureFilter, Group, Place, Report, without_numbers
from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.redrive.versions import COLD, ColdError, StoredObject, delete_all, list_current, read

POLL_SECONDS = 2.0
BATCH = 10
"""What SQS takes at once."""
ITEMS = 100
"""What DynamoDB takes in a transaction, and in a BatchGetItem (Amazon DynamoDB API Reference)."""
READ = 1000
"""Objects that are read for their reasons where all are sent anyway: a read takes most of what sending one takes."""
UNREAD = f"not read: behind the first {READ} (--dry-run reads all)"
STALE = timedelta(minutes=15)
"""After this long what a queue says of itself is true: its figures lag by a minute or so."""


class Sent(NamedTuple):
    """What is noted of an object that has been sent: when, and whether all of it has arrived."""

    since: datetime
    done: bool


class Refused(NamedTuple):
    """A quarantine object: the export, and the destination that refused its records."""

    stored: StoredObject
    source: Quarantined


@dataclass(kw_only=True, slots=True)
class Quarantine:
    """What destinations refused."""

    account: Account
    wanted: FailureFilter
    report: Report
    wait_seconds: float
    """How long to wait for the next object to arrive."""
    _groups: dict[Refused, Group] = field(default_factory=dict)

    def find(self, label: str = "", *, whole: bool = False) -> list[Refused]:
        """Count the objects that are wanted and not counted yet; return them.

        Parameters
        ----------
        label
            What is put before the reasons.
        whole
            Read every object for its reason. Otherwise so many are read as a person reads reasons of, unless reasons
            choose: the rest is sent all the same.
        """
        new = [refused for refused in self._listed() if refused not in self._groups]
        most = len(new) if whole or self.wanted.reason is not None else READ
        asked = []

        def group_of(place: int) -> tuple[Group, int]:
            is_read = place < most or new[place].stored.may_be_cold
            return self._read(new[place]) if is_read else (self._group(new[place], UNREAD), 0)

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for refused, (group, records) in zip(new, pool.map(group_of, range(len(new))), strict=True):
                if self.wanted.matches(group):
                    asked.append(refused)
                    self._groups[refused] = group._replace(reason=label + group.reason)
                    self.report.found(self._groups[refused], records=records)
        return asked

    def redrive(self, asked: list[Refused], limiter: RateLimiter, done: Callable[[int], None]) -> None:
        """Send objects again, wait until they have arrived, and delete those that have."""
        sendable = [refused for refused in asked if self._has_a_place(refused)]
        by_destination: defaultdict[str, list[Refused]] = defaultdict(list)
        for refused in sendable:
            by_destination[refused.source.destination].append(refused)
        for destination in by_destination:
            queue_url(self.account, destination)  # once, and not by each thread
        # a turn is taken for each object where turns are rare
        size = BATCH if limiter.is_limited else ITEMS
        batches = [
            each[start : start + size] for each in by_destination.values() for start in range(0, len(each), size)
        ]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(lambda batch: self._claim_and_send(batch, limiter), batches):
                pass
            self._wait(sendable, pool, limiter, done)
        # what was refused again is there under another name
        self.find("refused during this run: ")

    def _listed(self) -> Iterator[Refused]:
        prefix = QUARANTINE
        if self.wanted.export:
            prefix = f"{QUARANTINE}{self.wanted.export}/"
            if self.wanted.destination:
                prefix = quarantine_prefix(self.wanted.export, self.wanted.destination)
        with self.account.requires("core"):
            found = list_current(self.account.s3, self._bucket, prefix)
        for each in found:
            if source := quarantined(each.key):
                yield Refused(each, source)

    def _read(self, refused: Refused) -> tuple[Group, int]:
        """Return the group of an object by its first reason, and how many records it holds."""
        try:
            lines = gzip.decompress(read(self.account.s3, self._bucket, refused.stored)).splitlines()
            reason = without_numbers(str(json.loads(lines[0])["reason"]))
        except ColdError:
            lines, reason = [], COLD
        except (OSError, EOFError, ValueError, LookupError):
            lines, reason = [], "the quarantine object itself cannot be read"
        return self._group(refused, reason), len(lines)

    def _group(self, refused: Refused, reason: str) -> Group:
        return Group(Place.QUARANTINE, self.account.settings.region, *refused.source, reason)

    def _claim_and_send(self, batch: list[Refused], limiter: RateLimiter) -> None:
        noted: list[Refused] = []
        if not limiter.is_limited:
            if not limiter.acquire(len(batch)):
                return
            noted = self._note_new(batch)
        rest = set(batch).difference(noted)
        claimed = [*noted, *(refused for refused in batch if refused in rest and self._claimed(refused, limiter))]
        for start in range(0, len(claimed), BATCH):
            self._send(claimed[start : start + BATCH])

    def _note_new(self, batch: list[Refused]) -> list[Refused]:
        """Note together that objects are being sent; return those of which nothing was noted before.

        A transaction writes all or none, and says for which items its condition did not hold: the others are written
        by a second one (Amazon DynamoDB API Reference, TransactWriteItems). What that does not write either, because
        another run writes it now, is left to be noted alone.
        """
        for _ in range(2):
            if not batch:
                break
            try:
                self.account.dynamodb.transact_write_items(
                    TransactItems=[{"Update": self._note(each, "attribute_not_exists(id)")} for each in batch]
                )
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                answer: Any = error.response
                reasons = answer.get("CancellationReasons", [])
                batch = [
                    each for each, reason in zip(batch, reasons, strict=False) if reason.get("Code", "None") == "None"
                ]
            else:
                return batch
        return []

    def _claimed(self, refused: Refused, limiter: RateLimiter) -> bool:
        """Note that an object is being sent; return False for one that is not to be sent now."""
        # where turns are rare, none is taken for what was sent before; else the note itself says whether it was
        mark = self._mark(refused) if limiter.is_limited else None
        if mark is None:
            if not limiter.acquire():
                return False
            if self._note_sent(refused, "attribute_not_exists(id)"):
                return True
            mark = self._mark(refused)
        if mark is None or mark.done or not self._is_lost(refused, mark) or not limiter.acquire():
            return False
        return self._note_sent(refused, "attribute_not_exists(sent) OR sent <= :stale")

    def _has_a_place(self, refused: Refused) -> bool:
        if self._groups[refused].reason == COLD:
            return False
        export, destination = refused.source
        if export not in {each.name for each in self.account.settings.exports}:
            self.report.note(f"the settings have no export {export}: its records stay in quarantine")
            return False
        if destination not in self.account.settings.shippers:
            self.report.note(f"the settings have no destination {destination}: its records stay in quarantine")
            return False
        return True

    def _mark(self, refused: Refused) -> Sent | None:
        table, identity = self.account.names.mark_table, self._identity(refused)
        export, destination = refused.source
        item = get_item(self.account.dynamodb, table, self._key(refused))
        if not item:
            return None
        done = is_finished_by(item, self.account.dynamodb, table, destination, export, identity)
        return Sent(datetime.fromtimestamp(number(item, "sent") or 0.0, UTC), done)

    def _note_sent(self, refused: Refused, condition: str) -> bool:
        """Note that an object is being sent; return False when another run noted it first."""
        try:
            self.account.dynamodb.update_item(**self._note(refused, condition))
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _note(self, refused: Refused, condition: str) -> dict[str, Any]:
        """Return the write that notes that an object is being sent."""
        now = datetime.now(UTC).timestamp()
        values = {
            ":now": number_value(now),
            ":expires": number_value(now + KEPT_SECONDS),
            ":stale": number_value(now - STALE.total_seconds()),
        }
        if ":stale" not in condition:
            del values[":stale"]
        return {
            "TableName": self.account.names.mark_table,
            "Key": {"id": {"S": self._key(refused)}},
            "UpdateExpression": "SET sent = :now, expires = :expires",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }

    def _is_lost(self, refused: Refused, mark: Sent) -> bool:
        """Say whether a message that was sent is nowhere: some time ago, and the destination's queues are empty."""
        queues = (queue_url(self.account, refused.source.destination, suffix) for suffix in ("", "-dead"))
        return datetime.now(UTC) - mark.since > STALE and not any(
            sum(queue_counts(self.account.sqs, queue)) for queue in queues
        )

    def _send(self, batch: list[Refused]) -> None:
        """Send messages of one destination."""
        destination = batch[0].source.destination
        queue = queue_url(self.account, destination)
        # the lag counts from now
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        entries: list[Any] = []
        for place, refused in enumerate(batch):
            key, version, *_ = refused.stored
            body = message_of(ObjectRef(refused.source.export, self._bucket, key, version, time=now))
            entry = {"Id": str(place), "MessageBody": body}
            if queue.endswith(".fifo"):
                entry |= {"MessageGroupId": refused.source.export, "MessageDeduplicationId": self._identity(refused)}
            entries.append(entry)
        answer = self.account.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        for failed in answer.get("Failed", []):
            self.report.note(
                f"{self.account.names.queue(destination)} did not take a message: {failed['Code']}. "
                "A run after a quarter of an hour sends it again"
            )

    def _wait(
        self, sent: list[Refused], pool: ThreadPoolExecutor, limiter: RateLimiter, done: Callable[[int], None]
    ) -> None:
        """Delete what has arrived, until all has, or nothing has for as long as the person would wait."""
        idle = 0.0
        while sent:
            parts = [sent[start : start + ITEMS] for start in range(0, len(sent), ITEMS)]
            arrived = [refused for part in pool.map(self._arrived, parts) for refused in part]
            self._delete(arrived)
            done(len(arrived))
            gone = set(arrived)
            sent = [refused for refused in sent if refused not in gone]
            idle = 0.0 if arrived else idle + POLL_SECONDS
            if not sent or limiter.stopped or idle > self.wait_seconds:
                break
            limiter.pause(POLL_SECONDS)

    def _arrived(self, sent: list[Refused]) -> list[Refused]:
        """Return those of at most a hundred objects that have arrived, by their items and the receipts they name."""
        items = self._items([self._key(refused) for refused in sent])
        marks = {refused: read_mark(items.get(self._key(refused), {})) for refused in sent}
        receipts = {
            refused: f"{refused.source.destination}/{mark.holder}"
            for refused, mark in marks.items()
            if mark.holder and not mark.done
        }
        listed = {name: set(finished_in(item)) for name, item in self._items(sorted({*receipts.values()})).items()}
        return [
            refused
            for refused, mark in marks.items()
            if mark.done
            or entry_of(refused.source.export, self._identity(refused)) in listed.get(receipts.get(refused, ""), ())
        ]

    def _items(self, keys: list[str]) -> dict[str, Item]:
        """Return the items of at most a hundred keys, as they are now; what DynamoDB did not process is not there."""
        if not keys:
            return {}
        table = self.account.names.mark_table
        asked = {"Keys": [{"id": {"S": key}} for key in keys], "ConsistentRead": True}
        answer = self.account.dynamodb.batch_get_item(RequestItems={table: asked})
        return {item["id"]["S"]: item for item in answer.get("Responses", {}).get(table, [])}

    def _delete(self, arrived: list[Refused]) -> None:
        refused_keys = delete_all(self.account.s3, self._bucket, [refused.stored for refused in arrived])
        for code in refused_keys.values():
            self.report.note(f"{self._bucket} did not delete an object that has arrived: {code}")
        for refused in arrived:
            if refused.stored.key not in refused_keys:
                self.report.deleted(self._groups[refused])

    @property
    def _bucket(self) -> str:
        return self.account.names.bucket("failed")

    def _key(self, refused: Refused) -> str:
        return object_key(refused.source.destination, refused.source.export, self._identity(refused))

    def _identity(self, refused: Refused) -> str:
        key, version, *_ = refused.stored
        return identity_of(self._bucket, key, version)
