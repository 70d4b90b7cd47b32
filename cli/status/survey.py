"""Everything that `logdock status` shows, read once: what cannot be read is said, and the rest is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from botocore.exceptions import ClientError
from log_shipper.keys import QUARANTINE, Quarantined, quarantined

from cli.account import Account
from cli.errors import action_of, is_absent, is_refused
from cli.landings import archive_prefix, landing_of
from cli.redrive.archiver_events import PREFIX, UNCLAIMED
from cli.redrive.dead_letters import queue_url
from cli.status.archive import last_archived
from cli.status.metrics import Metric, Reading, last_readings
from settings.exports import Export

Read = TypeVar("Read")
MOST_LISTED = 10_000
ARCHIVE = "archive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One export on its way to one destination; None where it is not known.

    Attributes
    ----------
    shipped
        When records were last delivered.
    lag_seconds
        How old what was delivered then was, at most.
    quarantined
        How many objects with refused records are kept.
    """

    export: str
    kind: str
    landed: datetime | None
    destination: str
    shipped: datetime | None
    lag_seconds: float | None
    quarantined: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A destination's queue; None where it is not known."""

    destination: str
    waiting: int | None
    in_flight: int | None
    oldest_seconds: float | None
    dead: int | None


@dataclass(kw_only=True, slots=True)
class Status:
    """What a look at the deployment shows.

    Attributes
    ----------
    kept
        Events that the archiver could not archive, by Region.
    notes
        What could not be read, and why.
    """

    deliveries: list[Delivery] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    kept: dict[str, int | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """How many failures are kept anywhere, as far as is known."""
        return (
            sum(each.quarantined or 0 for each in self.deliveries)
            + sum(each.dead or 0 for each in self.queues)
            + sum(count or 0 for count in self.kept.values())
        )


class Survey:
    """One look.

    Parameters
    ----------
    account
        The deployment's account.
    now
        When it is.
    """

    def __init__(self, account: Account, now: datetime) -> None:
        self._account, self._now = account, now
        self._status = Status()

    def take(self) -> Status:
        """Read everything."""
        account, status = self._account, self._status
        readings = self._attempt("metrics", self._readings) or {}
        refused = self._attempt("what is in quarantine", self._quarantined)
        for export in account.settings.exports:
            status.deliveries += self._deliveries(export, readings, refused)
        for name in account.settings.shippers:
            status.queues.append(self._queue(name, readings))
        for region in account.regions:
            status.kept[region] = self._attempt(f"the archiver's events in {region}", lambda r=region: self._kept(r))
        return status

    def _attempt(self, what: str, read: Callable[[], Read]) -> Read | None:
        try:
            return read()
        except ClientError as error:
            if not is_refused(error):
                raise
            self._status.notes.append(f"{what}: not known, {action_of(error)} is refused")
            return None

    def _deliveries(
        self, export: Export, readings: dict[Metric, Reading], refused: Counter[Quarantined] | None
    ) -> list[Delivery]:
        landed = self._landed(export, readings)
        destinations = export.ship_to
        if landing_of(self._account.settings, export) is None:
            destinations = (ARCHIVE, *destinations)
        deliveries = []
        for name in destinations or ("",):
            shipped, lag = (readings.get(metric) for metric in self._metrics(export.name, name))
            deliveries.append(
                Delivery(
                    export=export.name,
                    kind=export.kind,
                    landed=landed,
                    destination=name,
                    shipped=shipped.time if shipped else None,
                    lag_seconds=lag.value / 1000 if lag else None,
                    quarantined=None if refused is None else refused[Quarantined(export.name, name)],
                )
            )
        return deliveries

    def _landed(self, export: Export, readings: dict[Metric, Reading]) -> datetime | None:
        if landing_of(self._account.settings, export) is None:
            archive = self._account.settings.archive_bucket
            s3 = self._account.s3
            return self._attempt(
                f"what landed of {export.name}",
                lambda: self._in_core(lambda: last_archived(s3, archive, archive_prefix(export), self._now)),
            )
        announced = readings.get(self._rule(export))
        if announced is None and not export.ship_to:
            self._status.notes.append(f"what landed of {export.name}: not known, for nothing of it is shipped")
        return announced.time if announced else None

    def _readings(self) -> dict[Metric, Reading]:
        settings = self._account.settings
        metrics = [self._rule(export) for export in settings.exports]
        for export in settings.exports:
            for name in (ARCHIVE, *export.ship_to):
                metrics += self._metrics(export.name, name)
        metrics += [self._oldest(name) for name in settings.shippers]
        return last_readings(self._account.cloudwatch, metrics, self._now)

    def _metrics(self, export: str, destination: str) -> tuple[Metric, Metric]:
        dimensions = (
            ("deployment", self._account.settings.deployment),
            ("export", export),
            ("destination", destination),
        )
        return (
            Metric("Logdock", "sent", "Sum", dimensions),
            Metric("Logdock", "lag_ms", "Maximum", dimensions),
        )

    def _rule(self, export: Export) -> Metric:
        name = self._account.names.export(export.name)
        return Metric("AWS/Events", "TriggeredRules", "Sum", (("RuleName", name),))

    def _oldest(self, destination: str) -> Metric:
        name = self._account.names.queue(destination)
        return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", (("QueueName", name),))

    def _queue(self, destination: str, readings: dict[Metric, Reading]) -> Queue:
        what = f"the queues of {destination}"
        counts = self._attempt(what, lambda: [self._counts(destination, suffix) for suffix in ("", "-dead")])
        waiting, in_flight, dead = (None, None, None)
        if counts:
            (waiting, in_flight), (dead, looked_at) = counts
            dead += looked_at
        oldest = readings.get(self._oldest(destination))
        return Queue(
            destination=destination,
            waiting=waiting,
            in_flight=in_flight,
            oldest_seconds=oldest.value if oldest and waiting else None,
            dead=dead,
        )

    def _counts(self, destination: str, suffix: str) -> tuple[int, int]:
        found = self._account.sqs.get_queue_attributes(
            QueueUrl=queue_url(self._account, destination, suffix),
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        waiting = int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesDelayed"])
        return waiting, int(found["ApproximateNumberOfMessagesNotVisible"])

    def _quarantined(self) -> Counter[Quarantined]:
        keys = self._in_core(lambda: self._listed(self._account.settings.region, QUARANTINE))
        return Counter(whose for key in keys if (whose := quarantined(key)))

    def _kept(self, region: str) -> int:
        is_home = region == self._account.settings.region
        stack = "core" if is_home else "shipper"
        return self._in_stack(stack, region, lambda: sum(len(self._listed(region, p)) for p in (PREFIX, UNCLAIMED)))

    def _listed(self, region: str, prefix: str) -> list[str]:
        pages = (
            self._account.s3_in(region)
            .get_paginator("list_objects_v2")
            .paginate(
                Bucket=self._account.names.bucket("failed", region),
                Prefix=prefix,
                PaginationConfig={"MaxItems": MOST_LISTED},
            )
        )
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        if len(found) == MOST_LISTED:
            self._status.notes.append(f"{prefix} in {region}: only the first {MOST_LISTED} objects are counted")
        return found

    def _in_core(self, read: Callable[[], Read]) -> Read:
        return self._in_stack("core", self._account.settings.region, read)

    def _in_stack(self, stack: str, region: str, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except ClientError as error:
            if is_absent(error):
                raise self._account.not_deployed(stack, region) from None
            raise
