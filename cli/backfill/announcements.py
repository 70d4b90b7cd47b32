"""Objects that landed: each is announced to the destinations' queues as S3 would have announced it, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from log_shipper.events import ObjectRef, message_of
from log_shipper.jobs import identity_of

from cli.account import WORKERS, Account
from cli.backfill.batch import Batch
from cli.errors import CommandError, ExitCode
from cli.landings import archive_prefix, landing_of
from cli.logs.layouts import Layout
from cli.logs.places import AbsentError, Found, Place, objects
from cli.logs.times import written
from settings.exports import Export

BATCH_MESSAGES = 10
"""What SQS takes at once."""


class Landed(Layout):
    """What landed in a range, whatever the times of its records are."""

    __slots__ = ()

    def span(self, key: str, modified: datetime) -> tuple[datetime, datetime] | None:
        """Return the moment of landing."""
        del key
        return modified, modified


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcements:
    """What landed in a range, for the queues of some destinations."""

    account: Account
    export: Export
    since: datetime
    until: datetime
    queues: dict[str, str]

    def batches(self) -> Iterator[Batch]:
        """Yield what landed; of an export that lands in log groups, its archive objects."""
        found = self._found()
        while batch := list(islice(found, BATCH_MESSAGES)):
            # a beginning of the range with which the first object is among the first
            start = datetime.fromisoformat(batch[0].earliest).replace(tzinfo=UTC)
            size = sum(each.size for each in batch)
            yield Batch(start, items=len(batch), size=size, turns=len(batch), send=partial(self._send, batch))

    def _send(self, batch: list[Found]) -> None:
        for name, queue in self.queues.items():
            self._announce(name, queue, batch)

    def _found(self) -> Iterator[Found]:
        settings, export = self.account.settings, self.export
        landing = landing_of(settings, export)
        if landing is None:
            place = Place(export=export, bucket=settings.archive_bucket, stack="core", prefix=archive_prefix(export))
        else:
            layout = Landed(self.since, self.until, timedelta())
            place = Place(export=export, bucket=landing.bucket, stack=export.name, prefix=landing.prefix, layout=layout)
        try:
            yield from objects(self.account.s3, [place], self.since, self.until, WORKERS)
        except AbsentError as error:
            raise self.account.not_deployed(error.place.stack) from None

    def _announce(self, destination: str, queue: str, batch: list[Found]) -> None:
        """Send messages; the shipper itself asks S3 for the current versions, and finds what it did with those."""
        entries: list[Any] = []
        for number, found in enumerate(batch):
            place = found.place
            ref = ObjectRef(place.export.name, place.bucket, found.key, time=written(found.modified))
            entry = {"Id": str(number), "MessageBody": message_of(ref)}
            if queue.endswith(".fifo"):
                identity = identity_of(place.bucket, found.key, found.etag)
                entry |= {"MessageGroupId": place.export.name, "MessageDeduplicationId": identity}
            entries.append(entry)
        answer = self.account.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        if failed := answer.get("Failed"):
            raise CommandError(
                f"the queue of {destination} did not take {len(failed)} of {len(batch)} messages: "
                f"{failed[0]['Code']}. Run the command again",
                ExitCode.AWS,
            )
