"""Quarantine: records that a destination refused are sent again, by a message that names the object they are in.

The shipper notes in the mark table when all of an object has arrived; only then is it deleted, that version and the
older ones that it replaced. Before a message is sent, the object's item says when: a command that is started again does
not send what is still on its way.
"""

from __future__ import annotations

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
from log_shipper.jobs import identity_of
from log_shipper.keys import QUARANTINE, Quarantined, quarantine_prefix, quarantined
from log_shipper.mark_items import KEPT_SECONDS, get_item, is_finished_by, number, number_value, object_key

from cli.account import CONNECTIONS, Account
from cli.errors import code_of, is_absent
from cli.redrive.dead_letters import queue_url
from cli.redrive.failures import Group, Place, Report, Wanted, in_general
from cli.redrive.pace import Pace
from cli.redrive.versions import COLD, ColdError, Kept, delete_all, kept, read

POLL_SECONDS = 2.0
BATCH = 10
"""What SQS takes at once."""
STALE = timedelta(minutes=15)
"""After this long what a queue says of itself is true: its figures lag by a minute or so."""


class Sent(NamedTuple):
    """What is noted of an object that has been sent: when, and whether all of it has arrived."""

    since: datetime
    done: bool


class Refused(NamedTuple):
    """A quarantine object: the export, and the destination that refused its records."""

    kept: Kept
    whose: Quarantined


@dataclass(kw_only=True, slots=True)
class Quarantine:
    """What destinations refused.

    Parameters
    ----------
    account
        The deployment's account.
    wanted
        What a person asked for.
    report
        Where it is counted.
    wait_seconds
        How long to wait for the next object to arrive.
    """

    account: Account
    wanted: Wanted
    report: Report
    wait_seconds: float
    _groups: dict[Refused, Group] = field(default_factory=dict)

    def look(self, label: str = "") -> list[Refused]:
        """Count the objects that are wanted and not counted yet; return them."""
        new = [refused for refused in self._listed() if refused not in self._groups]
        asked = []
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for refused, (group, records) in zip(new, pool.map(self._read, new), strict=True):
                if self.wanted.takes(group):
                    asked.append(refused)
                    self._groups[refused] = group._replace(reason=label + group.reason)
                    self.report.found(self._groups[refused], records=records)
        return asked

    def redrive(self, asked: list[Refused], pace: Pace, done: Callable[[int], None]) -> None:
        """Send objects again, wait until they have arrived, and delete those that have."""
        sendable = [refused for refused in asked if self._has_a_place(refused)]
        by_destination: defaultdict[str, list[Refused]] = defaultdict(list)
        for refused in sendable:
            by_destination[refused.whose.destination].append(refused)
        batches = [
            each[start : start + BATCH] for each in by_destination.values() for start in range(0, len(each), BATCH)
        ]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(lambda batch: self._claim_and_send(batch, pace), batches):
                pass
            self._wait(sendable, pool, pace, done)
        # what was refused again is there under another name
        self.look("refused during this run: ")

    def _listed(self) -> Iterator[Refused]:
        prefix = QUARANTINE
        if self.wanted.export:
            prefix = f"{QUARANTINE}{self.wanted.export}/"
            if self.wanted.destination:
                prefix = quarantine_prefix(self.wanted.export, self.wanted.destination)
        try:
            found = kept(self.account.s3, self._bucket, prefix)
        except ClientError as error:
            if is_absent(error):
                raise self.account.not_deployed("core") from None
            raise
        for each in found:
            whose = quarantined(each.key)
            if whose is not None:
                yield Refused(each, whose)

    def _read(self, refused: Refused) -> tuple[Group, int]:
        """Return the group of an object by its first reason, and how many records it holds."""
        try:
            lines = gzip.decompress(read(self.account.s3, self._bucket, refused.kept)).splitlines()
            reason = in_general(str(json.loads(lines[0])["reason"]))
        except ColdError:
            lines, reason = [], COLD
        except (OSError, EOFError, ValueError, LookupError):
            lines, reason = [], "the quarantine object itself cannot be read"
        region = self.account.settings.region
        return Group(Place.QUARANTINE, region, refused.whose.export, refused.whose.destination, reason), len(lines)

    def _claim_and_send(self, batch: list[Refused], pace: Pace) -> None:
        if claimed := [refused for refused in batch if self._claimed(refused, pace)]:
            self._send(claimed)

    def _claimed(self, refused: Refused, pace: Pace) -> bool:
        """Note that an object is being sent; return False for one that is not to be sent now."""
        # where turns are rare, none is taken for what was sent before; else the note itself says whether it was
        mark = self._mark(refused) if pace.is_limited else None
        if mark is None:
            if not pace.turn():
                return False
            if self._note_sent(refused, "attribute_not_exists(id)"):
                return True
            mark = self._mark(refused)
        if mark is None or mark.done or not self._is_lost(refused, mark) or not pace.turn():
            return False
        return self._note_sent(refused, "attribute_not_exists(sent) OR sent <= :stale")

    def _has_a_place(self, refused: Refused) -> bool:
        if self._groups[refused].reason == COLD:
            return False
        export, destination = refused.whose
        if export not in {each.name for each in self.account.settings.exports}:
            self.report.note(f"the settings have no export {export}: its records stay in quarantine")
            return False
        if destination not in self.account.settings.shippers:
            self.report.note(f"the settings have no destination {destination}: its records stay in quarantine")
            return False
        return True

    def _mark(self, refused: Refused) -> Sent | None:
        table, identity = self.account.names.mark_table, self._identity(refused)
        export, destination = refused.whose
        item = get_item(self.account.dynamodb, table, object_key(destination, export, identity))
        if not item:
            return None
        done = is_finished_by(item, self.account.dynamodb, table, destination, export, identity)
        return Sent(datetime.fromtimestamp(number(item, "sent") or 0.0, UTC), done)

    def _note_sent(self, refused: Refused, condition: str) -> bool:
        """Note that an object is being sent; return False when another run noted it first."""
        now = datetime.now(UTC).timestamp()
        values = {
            ":now": number_value(now),
            ":expires": number_value(now + KEPT_SECONDS),
            ":stale": number_value(now - STALE.total_seconds()),
        }
        if ":stale" not in condition:
            del values[":stale"]
        try:
            self.account.dynamodb.update_item(
                TableName=self.account.names.mark_table,
                Key={"id": {"S": object_key(refused.whose.destination, refused.whose.export, self._identity(refused))}},
                UpdateExpression="SET sent = :now, expires = :expires",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _is_lost(self, refused: Refused, mark: Sent) -> bool:
        """Say whether a message that was sent is nowhere: some time ago, and the destination's queues are empty."""
        return datetime.now(UTC) - mark.since > STALE and self._is_quiet(refused.whose.destination)

    def _is_quiet(self, destination: str) -> bool:
        return not any(
            int(count)
            for suffix in ("", "-dead")
            for count in self.account.sqs.get_queue_attributes(
                QueueUrl=queue_url(self.account, destination, suffix),
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )["Attributes"].values()
        )

    def _send(self, batch: list[Refused]) -> None:
        """Send messages of one destination."""
        destination = batch[0].whose.destination
        queue = queue_url(self.account, destination)
        # the lag counts from now
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        entries: list[Any] = []
        for place, refused in enumerate(batch):
            key, version, _ = refused.kept
            body = message_of(ObjectRef(refused.whose.export, self._bucket, key, version, time=now))
            entry = {"Id": str(place), "MessageBody": body}
            if queue.endswith(".fifo"):
                entry |= {"MessageGroupId": refused.whose.export, "MessageDeduplicationId": self._identity(refused)}
            entries.append(entry)
        answer = self.account.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        for failed in answer.get("Failed", []):
            self.report.note(
                f"{self.account.names.queue(destination)} did not take a message: {failed['Code']}. "
                "A run after a quarter of an hour sends it again"
            )

    def _wait(self, sent: list[Refused], pool: ThreadPoolExecutor, pace: Pace, done: Callable[[int], None]) -> None:
        """Delete what has arrived, until all has, or nothing has for as long as the person would wait."""
        idle = 0.0
        while sent:
            marks = list(zip(sent, pool.map(self._mark, sent), strict=True))
            arrived = [refused for refused, mark in marks if mark is not None and mark.done]
            self._delete(arrived)
            done(len(arrived))
            sent = [refused for refused, mark in marks if mark is None or not mark.done]
            idle = 0.0 if arrived else idle + POLL_SECONDS
            if not sent or pace.stopped or idle > self.wait_seconds:
                break
            pace.pause(POLL_SECONDS)

    def _delete(self, arrived: list[Refused]) -> None:
        refused_keys = delete_all(self.account.s3, self._bucket, [refused.kept for refused in arrived])
        for code in refused_keys.values():
            self.report.note(f"{self._bucket} did not delete an object that has arrived: {code}")
        for refused in arrived:
            if refused.kept.key not in refused_keys:
                self.report.gone(self._groups[refused])

    @property
    def _bucket(self) -> str:
        return self.account.names.bucket("failed")

    def _identity(self, refused: Refused) -> str:
        key, version, _ = refused.kept
        return identity_of(self._bucket, key, version)
