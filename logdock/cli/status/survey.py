"""Everything that `logdock status` shows, read once: what cannot be read is said, and the rest is shown."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from log_shipper.keys import QUARANTINE, Quarantined, quarantine_prefix, quarantined

from logdock.cli.account import CONNECTIONS, Account
from logdock.cli.errors import action_of, code_of, is_absent, is_refused, is_transient
from logdock.cli.listing import list_objects
from logdock.cli.redrive.archiver_events import PREFIX, UNCLAIMED
from logdock.cli.redrive.dead_letters import queue_counts, queue_url
from logdock.cli.stacks import orphaned_stacks
from logdock.cli.status.alarms import alarms_on
from logdock.cli.status.archive import last_archived
from logdock.cli.status.compaction import Uncompacted, uncompacted_hours
from logdock.cli.status.findings import Delivery, Late, Queue, Status, common_status
from logdock.cli.status.metrics import Metric, Reading, last_readings
from logdock.cli.vendors import Party, UnknownError, fetch_status, has_credential
from logdock.settings.exports import Export

Read = TypeVar("Read")
Readings = dict[Metric, Reading]
MOST_LISTED = 10_000
"""Objects of a prefix that are counted."""
PAGE = 1000
ARCHIVE = "archive"


class Refusals(NamedTuple):
    """How many objects are in quarantine by export and destination, and of which of them more may be."""

    counts: Counter[Quarantined]
    at_least: frozenset[Quarantined]


class Survey:
    """One look."""

    def __init__(self, account: Account, now: datetime) -> None:
        self._account, self._now = account, now
        self._status = Status()

    def take(self) -> Status:
        """Read everything."""
        account, status = self._account, self._status
        exports, shippers = account.settings.exports, account.settings.shippers
        parties = [party for party in (*exports, *account.settings.destinations) if has_credential(party)]
        in_log_groups = [export for export in exports if export.lands_in == "log groups"]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            # those that take several requests first
            readings_ = pool.submit(self._attempt, "what was shipped", self._readings)
            refused_ = pool.submit(self._attempt, "what is in quarantine", self._quarantined)
            orphans = pool.submit(
                self._attempt, "stacks that the settings do not have", partial(orphaned_stacks, account)
            )
            alarms = [
                pool.submit(
                    self._attempt,
                    f"alarms in {region}",
                    partial(alarms_on, account.cloudwatch_in(region), account.settings.deployment, region),
                )
                for region in account.regions
            ]
            kept = {
                region: pool.submit(self._attempt, f"the archiver's events in {region}", partial(self._kept, region))
                for region in account.regions
            }
            if account.settings.archive.compact:
                uncompacted = pool.submit(self._attempt, "hours that wait to be compacted", self._uncompacted)
            vendors = {
                (party.name, getattr(member, "member_id", None)): pool.submit(self._vendor, member)
                for party in parties
                for member in getattr(party, "members", (party,))
            }
            archived = {export.name: pool.submit(self._archived, export) for export in in_log_groups}
            counts = {
                (name, suffix): pool.submit(self._attempt, f"the queues of {name}", partial(self._counts, name, suffix))
                for name in shippers
                for suffix in ("", "-dead")
            }
        readings, refused = readings_.result(), refused_.result()
        for export in exports:
            landed = archived[export.name].result() if export.name in archived else self._announced(export, readings)
            status.deliveries += self._deliveries(export, landed, readings, refused)
            status.late += self._late(export, landed)
        for name in shippers:
            status.queues.append(
                self._queue(name, counts[name, ""].result(), counts[name, "-dead"].result(), readings or {})
            )
        for (name, member_id), each in vendors.items():
            if member_id is None:
                status.vendors[name] = each.result()
            else:
                status.members.setdefault(name, {})[member_id] = each.result()
        status.vendors |= {name: common_status(found) for name, found in status.members.items()}
        status.kept = {region: each.result() for region, each in kept.items()}
        on = [each.result() for each in alarms]
        status.alarms = None if None in on else sorted(alarm for found in on for alarm in found or ())
        if account.settings.archive.compact:
            status.uncompacted = uncompacted.result()
        status.orphans = orphans.result()
        # threads end in any order
        status.notes, status.not_looked_at = sorted(set(status.notes)), sorted(set(status.not_looked_at))
        return status

    def _vendor(self, party: Party) -> str | None:
        try:
            return fetch_status(self._account, party).status
        except UnknownError as error:
            member_id = getattr(party, "member_id", None)
            of = f"{member_id} of {party.name}" if member_id else party.name
            self._status.notes.append(f"the vendor's own status of {of}: not known, {error}")
            return None

    def _uncompacted(self) -> list[Uncompacted] | None:
        account = self._account
        try:
            group = f"/aws/lambda/{account.names.compactor}"
            return uncompacted_hours(account.logs_in(account.settings.region), group, self._now)
        except ClientError as error:
            if not is_absent(error):
                raise
            self._status.notes.append(f"hours that wait to be compacted: not known, {group} is not deployed yet")
            return None

    def _late(self, export: Export, landed: list[datetime] | None) -> list[Late]:
        minutes = self._account.settings.alerts_of(export).silent_after_minutes
        if landed is None or not minutes:
            return []
        last = max(landed, default=None)
        # What is known is the end of a step of CloudWatch's metrics, of five minutes or an hour.
        if last and self._now - last <= timedelta(minutes=minutes):
            return []
        return [Late(export=export.name, landed=last, minutes=minutes)]

    def _attempt(self, what: str, read: Callable[[], Read]) -> Read | None:
        try:
            return read()
        except (ClientError, HTTPClientError) as error:
            if isinstance(error, ClientError) and is_refused(error):
                self._status.notes.append(f"{what}: not known, {action_of(error)} is refused")
            elif is_transient(error):
                self._status.not_looked_at.append(f"{what}: AWS did not answer ({code_of(error) or error})")
            else:
                raise
            return None

    def _deliveries(
        self,
        export: Export,
        landed: list[datetime] | None,
        readings: Readings | None,
        refused: Refusals | None,
    ) -> list[Delivery]:
        in_bucket = export.lands_in == "bucket"
        unknown = [
            *(["landed"] if landed is None else []),
            *(["shipped", "lag_seconds"] if readings is None else []),
            *(["quarantined"] if refused is None else []),
        ]
        deliveries = []
        for name in export.delivered_to or ("",):
            shipped, lag = ((readings or {}).get(metric) for metric in self._metrics(export.name, name))
            # An archive object is fed as it is: what is in it is not read, and so not counted.
            uncounted = not in_bucket and name in self._account.names.feeds and shipped is None
            deliveries.append(
                Delivery(
                    export=export.name,
                    kind=export.kind,
                    landed=max(landed, default=None) if landed else None,
                    destination=name,
                    shipped=shipped.time if shipped else None,
                    lag_seconds=lag.value / 1000 if lag else None,
                    quarantined=None if refused is None else refused.counts[Quarantined(export.name, name)],
                    at_least=refused is not None and Quarantined(export.name, name) in refused.at_least,
                    unknown=tuple(dict.fromkeys([*unknown, *(["shipped"] if uncounted else [])])),
                )
            )
        return deliveries

    def _announced(self, export: Export, readings: Readings | None) -> list[datetime] | None:
        """Return when an object last landed, if any did, by the rule that announces it; None where it is not known."""
        if readings is None:
            return None
        last = readings.get(self._rule(export))
        return [last.time] if last else []

    def _archived(self, export: Export) -> list[datetime] | None:
        """Return when an object was last archived, if any was; None where it is not known."""

        def read() -> list[datetime]:
            with self._account.requires("core"):
                archive, s3 = self._account.settings.archive_bucket, self._account.s3
                return last_archived(s3, archive, export.archive_prefix, self._now)

        return self._attempt(f"what landed of {export.name}", read)

    def _readings(self) -> Readings:
        settings = self._account.settings
        home = [self._rule(export) for export in settings.exports]
        home += [
            metric
            for export in settings.exports
            for name in export.ship_to
            for metric in self._metrics(export.name, name)
        ]
        home += [self._oldest(name) for name in settings.shippers]
        found = last_readings(self._account.cloudwatch_in(settings.region), home, self._now)
        # each Region has an archiver
        for region in settings.regions:
            archived = [
                metric
                for export in settings.exports
                if region in settings.regions_of(export) and export.lands_in == "log groups"
                for metric in self._metrics(export.name, ARCHIVE)
            ]
            for metric, reading in last_readings(self._account.cloudwatch_in(region), archived, self._now).items():
                found[metric] = max(found.get(metric, reading), reading)
        return found

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
        dimensions = self._account.names.rule_dimensions(export)
        return Metric("AWS/Events", "MatchedEvents", "Sum", tuple(dimensions.items()))

    def _oldest(self, destination: str) -> Metric:
        name = self._account.names.queue(destination)
        return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", (("QueueName", name),))

    def _queue(
        self, destination: str, counts: tuple[int, int] | None, dead: tuple[int, int] | None, readings: Readings
    ) -> Queue:
        waiting, in_flight = counts or (None, None)
        oldest = readings.get(self._oldest(destination))
        return Queue(
            destination=destination,
            waiting=waiting,
            in_flight=in_flight,
            oldest_seconds=oldest.value if oldest and waiting else None,
            dead=sum(dead) if dead else None,
        )

    def _counts(self, destination: str, suffix: str) -> tuple[int, int]:
        queue = queue_url(self._account, destination, suffix)
        with self._account.requires("shipper"):
            return queue_counts(self._account.sqs, queue)

    def _quarantined(self) -> Refusals:
        region = self._account.settings.region
        with self._account.requires("core"):
            keys = self._listed(region, QUARANTINE)
        found = Counter(whose for key in keys if (whose := quarantined(key)))
        named = {Quarantined(export.name, name) for export in self._account.settings.exports for name in export.ship_to}
        at_least: set[Quarantined] = set()
        if len(keys) == MOST_LISTED:
            # those that are listed to their end are counted; of the others, their first page is
            rest = [
                whose
                for whose in sorted(named)
                if (prefix := quarantine_prefix(*whose)) > keys[-1] or keys[-1].startswith(prefix)
            ]
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                pages = pool.map(lambda whose: self._first_page(quarantine_prefix(*whose)), rest)
                for whose, (count, is_all) in zip(rest, pages, strict=True):
                    found[whose] = max(found[whose], count)
                    if not is_all:
                        at_least.add(whose)
            self._status.not_looked_at.append(
                f"quarantine: behind its first {MOST_LISTED} objects, {PAGE} of each export and destination are "
                "counted, and none of those that the settings do not name"
            )
        self._status.elsewhere = sum(count for whose, count in found.items() if whose not in named)
        return Refusals(found, frozenset(at_least))

    def _first_page(self, prefix: str) -> tuple[int, bool]:
        bucket = self._account.names.bucket("failed")
        page = self._account.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=PAGE)
        return page["KeyCount"], not page["IsTruncated"]

    def _kept(self, region: str) -> int:
        found = 0
        for prefix in (PREFIX, UNCLAIMED):
            with self._account.requires(self._account.stack_of(region), region):
                count = len(self._listed(region, prefix))
            if count == MOST_LISTED:
                self._status.not_looked_at.append(
                    f"the archiver's events in {region}: only the first {MOST_LISTED} under {prefix} are counted"
                )
            found += count
        return found

    def _listed(self, region: str, prefix: str) -> list[str]:
        s3, bucket = self._account.s3_in(region), self._account.names.bucket("failed", region)
        return [item["Key"] for item in list_objects(s3, bucket, prefix, most=MOST_LISTED)]
