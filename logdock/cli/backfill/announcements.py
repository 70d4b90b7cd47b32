"""Objects that landed: each is announced to the destinations' queues as S3 would have announced it.

Objects of a landing bucket are announced in the order of their keys while the bucket is listed, so that memory does not
grow with their number; archive objects by their hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from log_shipper.events import ObjectRef, message_of
from log_shipper.keys import identity_of

from logdock.cli.account import WORKERS, Account
from logdock.cli.backfill.batch import Batch
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.choice import layout_of
from logdock.cli.logs.layouts import DatedNames, Layout, Logpush, Selectors, ServicePaths
from logdock.cli.logs.places import AbsentError, SearchLocation, SearchObject, objects, stream
from logdock.cli.logs.times import written
from logdock.settings.exports import Export
from logdock.settings.landing import LogGroupLanding

BATCH_MESSAGES = 10
"""What SQS takes at once."""


@dataclass(frozen=True, slots=True)
class Landed(Layout):
    """What landed in a range, whatever the times of its records are."""

    names: Layout
    """The vendor's layout: by its names, folders are skipped that are of days more than `late` before the range."""

    def skips(self, folder: str) -> bool:
        """Skip folders of other days."""
        return self.names.skips(folder)

    def names_between(self, names: list[str]) -> tuple[str, str] | None:
        """Return the names of the days that may have landed in the range."""
        return self.names.names_between(names)

    def wants(self, key: str, modified: datetime) -> datetime | None:
        """Return the moment of landing, if it is in the range."""
        del key
        return modified if self.since <= modified < self.until else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcements:
    """What landed in a range, for the queues of some destinations."""

    account: Account
    export: Export
    since: datetime
    until: datetime
    queues: dict[str, str]
    late: timedelta
    """How much later than the day in its name an object may have landed."""
    start_after: str = ""
    """Announce only objects of the landing bucket with greater keys; empty for all."""

    def batches(self) -> Iterator[Batch]:
        """Yield what landed; of an export that lands in log groups, its archive objects."""
        found = self._found()
        after = self.start_after
        while batch := list(islice(found, BATCH_MESSAGES)):
            # where to go on: for the archive, a beginning of the range with which the first object is among the first
            start = self.since if self.is_landing else datetime.fromisoformat(batch[0].earliest).replace(tzinfo=UTC)
            size = sum(each.size for each in batch)
            yield Batch(
                start, items=len(batch), size=size, turns=len(batch), send=partial(self._send, batch), after=after
            )
            after = batch[-1].key if self.is_landing else ""

    @property
    def is_landing(self) -> bool:
        """True when the objects are those of a landing bucket."""
        return self.export.lands_in == "bucket"

    @property
    def names_from(self) -> datetime | None:
        """Return before which moment names are of days that are not listed; None where names have no days."""
        has_days = self.is_landing and isinstance(self._layout(), DatedNames | Logpush | ServicePaths)
        return self.since - self.late if has_days else None

    def _send(self, batch: list[SearchObject]) -> None:
        for name, queue in self.queues.items():
            self._announce(name, queue, batch)

    def _found(self) -> Iterator[SearchObject]:
        settings, export = self.account.settings, self.export
        landing = export.landing(settings)
        try:
            if isinstance(landing, LogGroupLanding):
                place = SearchLocation(
                    export=export, bucket=settings.archive_bucket, stack="core", prefix=export.archive_prefix
                )
                # by the names that the marks know: the shipper finds what a compacted object has replaced
                yield from objects(self.account.s3, [place], self.since, self.until, WORKERS, as_written=True)
            else:
                at = self.account.require_landing_of(export)
                stack = f"Landing-{export.name}" if export.other_account else export.name
                place = SearchLocation(export=export, bucket=landing.bucket, stack=stack, prefix=landing.prefix)
                layout = Landed(self.since, self.until, self.late, self._layout())
                yield from stream(at.s3, place, layout, self.start_after, WORKERS)
        except AbsentError as error:
            raise self.account.not_deployed(error.place.stack) from None

    def _layout(self) -> Layout:
        # a name may be of a day long before the landing, and by the vendor's clock of one shortly after it
        return layout_of(self.export, self.since - self.late, self.until, timedelta(), Selectors())

    def _announce(self, destination: str, queue: str, batch: list[SearchObject]) -> None:
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
