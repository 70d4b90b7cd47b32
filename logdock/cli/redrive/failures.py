"""What failed, in groups that a person can act upon, and what became of each."""

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

UNKNOWN = "?"
_FIGURE = re.compile(r"(?<!answered )(?<![\w.:/-])\d+(?![\w.:/-])")


class Place(StrEnum):
    """Where failures are kept."""

    DEAD_LETTERS = "dead-letters"
    QUARANTINE = "quarantine"
    ARCHIVER = "archiver"
    METRICS = "metrics"


class Group(NamedTuple):
    """Failures that have place, export, destination and reason in common; metrics are of no export."""

    where: Place
    region: str
    export: str
    destination: str
    reason: str


def without_numbers(reason: str) -> str:
    """Return a reason without its numbers, but for the status of an answer: so that equal causes are one group."""
    return _FIGURE.sub("n", reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureFilter:
    """Which failures a person has asked for; None is all of them."""

    where: Place | None = None
    export: str | None = None
    destination: str | None = None
    reason: str | None = None
    """A part of the reason."""

    def matches(self, group: Group) -> bool:
        """Return whether a group is asked for."""
        return (
            self.where in (None, group.where)
            and self.export in (None, group.export)
            and self.destination in (None, group.destination)
            and (self.reason is None or self.reason.lower() in group.reason.lower())
        )


@dataclass(slots=True)
class Figures:
    """What became of a group."""

    found: int = 0
    records: int = 0
    """`found`, `records`: Messages or objects that were there, and the records in them where that is known."""
    deleted: int = 0
    """Those that have arrived and are deleted."""

    @property
    def left(self) -> int:
        """Those that are still there."""
        return self.found - self.deleted


class Unseen(NamedTuple):
    """What was not looked at."""

    where: Place
    what: str
    about: int
    """How many failures are there that were not looked at, as far as AWS says."""
    reason: str


@dataclass(slots=True)
class Report:
    """What is found and done, from any thread."""

    groups: dict[Group, Figures] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def found(self, group: Group, *, objects: int = 1, records: int = 0) -> None:
        """Count failures."""
        with self._lock:
            figures = self.groups.setdefault(group, Figures())
            figures.found += objects
            figures.records += records

    def deleted(self, group: Group) -> None:
        """Count a failure that has arrived and is deleted."""
        with self._lock:
            self.groups[group].deleted += 1

    def note(self, text: str) -> None:
        """Keep what a person should know, once."""
        with self._lock:
            if text not in self.notes:
                self.notes.append(text)

    @property
    def left(self) -> int:
        """How many failures are still there."""
        return sum(figures.left for figures in self.groups.values())
