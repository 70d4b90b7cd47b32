"""The play: every vendor's stand-in at once, then the count of what landed, was shipped, was archived and is found."""

from __future__ import annotations

import datetime
import importlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from local_cloud.customer import Customer, sightings
from local_cloud.journal import Journal
from local_cloud.markers import Sightings
from local_cloud.report import MINIMUM_REFUSALS, ExportReport, Report
from local_cloud.stage import Stage
from local_cloud.stand_ins.other_account import OtherAccount
from local_cloud.stand_ins.other_account_logs import OtherAccountLogs
from local_cloud.vendors.logzio.fetcher import LogzioFetcher
from logdock.vendors.logzio.settings import LogzioDestination

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local_cloud.customer import Secrets
    from local_cloud.vendors.logzio.listener import LogzioListener
    from logdock.settings.exports import Export

_POLL_SECONDS = 0.3
DEADLINE_SECONDS = 180.0


class StandIn(Protocol):
    """The program that writes an export's logs."""

    def play(self) -> None:
        """Write, and try what must be refused."""


@dataclass(frozen=True, slots=True)
class _Part:
    """An export and what is known of it so far."""

    export: Export
    journal: Journal


class Play:
    """One performance on a deployed stage.

    Parameters
    ----------
    listener
        The listener that the push destinations of the settings point at.
    progress
        Called with a line about how far it is.
    """

    def __init__(
        self, stage: Stage, secrets: Secrets, listener: LogzioListener, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self._stage, self._secrets, self._listener, self._progress = stage, secrets, listener, progress
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)
        self._customer = Customer(stage, secrets, since)
        self._parts = [_Part(export, Journal()) for export in stage.settings.exports]
        self._readers: list[tuple[LogzioDestination, LogzioFetcher, Journal]] = []
        for destination in stage.settings.destinations:
            if isinstance(destination, LogzioDestination) and destination.mode == "fetch":
                journal = Journal()
                self._readers.append((destination, LogzioFetcher(stage, destination, journal), journal))
        self._stop = threading.Event()
        self._all_written = threading.Event()

    def perform(self, deadline_seconds: float = DEADLINE_SECONDS) -> Report:
        """Play every vendor, wait until everything is where it should be or the deadline has passed, and report.

        Parameters
        ----------
        deadline_seconds
            How long to wait for what was written to be shipped and archived.
        """
        pool = ThreadPoolExecutor(max_workers=len(self._parts) + len(self._readers))
        try:
            writers = [
                pool.submit(_guarded, part.journal, partial(_play, self._stand_ins(part))) for part in self._parts
            ]
            readers = [
                pool.submit(_guarded, journal, partial(self._fetch, fetcher, destination.name))
                for destination, fetcher, journal in self._readers
            ]
            for writer in writers:
                writer.result()
            self._all_written.set()
            self._wait(time.monotonic() + deadline_seconds)
            for reader in readers:
                reader.result()
        finally:
            self._stop.set()
            # Who interrupts the play takes the cloud away, which ends the parts that are still going on.
            pool.shutdown(wait=False, cancel_futures=True)
        return self._report()

    @property
    def written(self) -> dict[str, set[str]]:
        """The markers of the records that were written, by export."""
        return {part.export.name: part.journal.markers for part in self._parts}

    def _stand_ins(self, part: _Part) -> list[StandIn]:
        """Return what plays an export: one for each of its projects or clusters."""
        module = importlib.import_module(f"local_cloud.vendors.{part.export.kind.replace('-', '_')}.exporter")
        stage = self._stage.at(part.export)
        found: list[StandIn] = [
            module.exporter(stage, member, part.journal, self._secrets) for member in part.export.members
        ]
        if part.export.announcing_account:
            found.append(OtherAccount(self._stage, part.export, part.journal))
        elif part.export.other_account:
            found.append(OtherAccountLogs(self._stage, part.export, part.journal))
        return found

    def _fetch(self, fetcher: LogzioFetcher, name: str) -> None:
        fetcher.play(
            self._stop,
            lambda: self._all_written.is_set() and not self._fed_to(name) - fetcher.fetched.counts.keys(),
        )

    def _fed_to(self, destination: str) -> set[str]:
        """Return the markers that a fetching reader should get."""
        return {marker for part in self._parts if destination in part.export.ship_to for marker in part.journal.markers}

    def _wait(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            missing = sum(len(self._missing(part)) for part in self._parts)
            missing += sum(
                len(self._fed_to(destination.name) - fetcher.fetched.counts.keys())
                for destination, fetcher, _ in self._readers
            )
            if not missing:
                return
            self._progress(f"waiting for {missing} records")
            time.sleep(_POLL_SECONDS)
        self._stop.set()

    def _missing(self, part: _Part) -> set[str]:
        """Return which markers are not yet everywhere they should be, apart from readers."""
        markers = part.journal.markers
        missing = markers - self._shipped(part.export) if self._push_destinations(part.export) else set()
        if part.export.is_archived:
            missing |= markers - sightings(self._customer.archived(part.export)).of(markers)
        return missing

    def _push_destinations(self, export: Export) -> list[str]:
        known = set(self._secrets.tokens.values())
        return [name for name in export.ship_to if name in known]

    def _shipped(self, export: Export) -> set[str]:
        """Return the markers that every push destination of an export has accepted."""
        accepted = [set(self._at(name, export).counts) for name in self._push_destinations(export)]
        return set.intersection(*accepted) if accepted else set()

    def _at(self, destination: str, export: Export) -> Sightings:
        return self._listener.accepted[destination, export.name]

    def _report(self) -> Report:
        entries = [self._export_report(part) for part in self._parts]
        entries += [self._reader_report(*reader) for reader in self._readers]
        return Report(entries)

    def _export_report(self, part: _Part) -> ExportReport:
        export, journal, markers = part.export, part.journal, part.journal.markers
        landing = self._customer.landed(export)
        landed, found = sightings(landing), sightings(self._customer.search(export))
        archived = sightings(self._customer.archived(export)) if export.is_archived else None
        pushed = self._push_destinations(export)
        lost = (markers - landed.counts.keys()) | (markers - found.counts.keys()) | self._missing(part)
        duplicates = sum(self._at(name, export).duplicates(markers) for name in pushed)
        duplicates += archived.duplicates(markers) if archived else 0
        journal.check("every record that it wrote is everywhere it should be", bool(markers) and not lost)
        journal.check("no record came twice", duplicates == 0)
        self._check_redaction(part, landing)
        if journal.forbidden:
            left = [
                *self._customer.archived(export),
                *map(_text, (line for name in pushed for line in self._listener.lines[name])),
            ]
            arrived = [each for each in journal.forbidden if any(each in line for line in left)]
            journal.check("nothing else of that account was archived or shipped", not arrived)
        return ExportReport(
            name=export.name,
            kind=export.kind,
            stack=self._stage.stack(export.name),
            session_seconds=journal.session_seconds,
            allowed=journal.allowed,
            refused=journal.refused,
            written_records=len(markers),
            landed_records=len(landed.of(markers)),
            shipped_records=len(markers & self._shipped(export)) if pushed else None,
            archived_records=len(archived.of(markers)) if archived else None,
            found_records=len(found.of(markers)),
            lost_records=len(lost),
            duplicate_records=duplicates,
            connected=self._stage.is_connected(export),
            broken=_broken(journal),
        )

    def _check_redaction(self, part: _Part, landing: list[str]) -> None:
        """Check that what is private landed as it was written, and left nowhere."""
        gone = [*self._customer.archived(part.export)]
        for name in self._push_destinations(part.export):
            gone += [line.decode(errors="replace") for line in self._listener.lines[name]]
        for _, fetcher, _ in self._readers:
            for bucket, prefix in fetcher.prefixes:
                gone += self._customer.fed(bucket, prefix)
        for text in part.journal.private:
            part.journal.check("a private value landed", any(text in line for line in landing))
            part.journal.check("and is in nothing that was archived or shipped", not any(text in line for line in gone))

    def _reader_report(self, destination: LogzioDestination, fetcher: LogzioFetcher, journal: Journal) -> ExportReport:
        markers = self._fed_to(destination.name)
        fed = sightings([line for bucket, prefix in fetcher.prefixes for line in self._customer.fed(bucket, prefix)])
        mine = [part.export for part in self._parts if destination.name in part.export.ship_to]
        archived = sightings(
            [line for export in mine if export.is_archived for line in self._customer.archived(export)]
        )
        found = sightings([line for export in mine for line in self._customer.search(export)])
        lost, duplicates = markers - fetcher.fetched.counts.keys(), fetcher.fetched.duplicates(markers)
        journal.check("it fetched every record of the exports that are shipped to it", bool(markers) and not lost)
        journal.check("it fetched no record twice", duplicates == 0)
        return ExportReport(
            name=destination.name,
            kind="logzio",
            stack=self._stage.stack("shipper"),
            session_seconds=journal.session_seconds,
            allowed=journal.allowed,
            refused=journal.refused,
            written_records=len(markers),
            landed_records=len(fed.of(markers)),
            shipped_records=len(fetcher.fetched.of(markers)),
            archived_records=len(archived.of(markers)),
            found_records=len(found.of(markers)),
            lost_records=len(lost),
            duplicate_records=duplicates,
            connected=self._stage.is_connected(destination),
            broken=_broken(journal),
        )


def _text(line: bytes) -> str:
    return line.decode(errors="replace")


def _play(stand_ins: Sequence[StandIn]) -> None:
    for stand_in in stand_ins:
        stand_in.play()


def _broken(journal: Journal) -> list[str]:
    refused = len(set(journal.refused))
    if refused < MINIMUM_REFUSALS:
        return [*journal.broken, f"only {refused} attempts were refused; at least {MINIMUM_REFUSALS} are to be"]
    return journal.broken


def _guarded(journal: Journal, play: Callable[[], None]) -> None:
    """Play a part; what goes wrong in it is its own broken promise, and the others play on."""
    try:
        play()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, and the demo fails by it
        journal.broken.append(f"could not go on: {type(error).__name__}: {error}")
