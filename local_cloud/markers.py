"""Marks by which a single log record is recognised wherever it turns up.

Every record that a stand-in writes carries one in a field that its format really has: a connection's UUID, an id of a
session, an event or an interface, a time in microseconds. What was lost, and what came twice, is then a difference of
sets and not of totals.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKER = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{16,32}(?![0-9a-f])"
)


def new_uuid() -> str:
    """Return a marker for a field that holds a UUID."""
    return str(uuid.uuid4())


def new_hex(digits: int) -> str:
    """Return a marker for a field that holds an id of so many hexadecimal digits (16 to 32)."""
    return secrets.token_hex(16)[:digits]


def new_number() -> str:
    """Return a marker for a field that holds a number of 18 decimal digits."""
    return str(secrets.randbelow(9 * 10**17) + 10**17)


def candidates(text: str) -> set[str]:
    """Return whatever in a record's text may be a marker."""
    return set(_MARKER.findall(text))


@dataclass(frozen=True, slots=True)
class Line:
    """One log record as a stand-in writes it."""

    text: str
    """The line, without its end."""
    marker: str
    epoch_ms: int
    """When it happened, in milliseconds since 1970."""


@dataclass(slots=True)
class Sightings:
    """How often each marker was seen in one place: once a record, however often the record repeats it."""

    counts: Counter[str] = field(default_factory=Counter)

    def see(self, records: Iterable[str]) -> None:
        """Count the markers of some records."""
        for record in records:
            self.counts.update(candidates(record))

    def of(self, markers: set[str]) -> set[str]:
        """Return which of these markers were seen."""
        return markers & self.counts.keys()

    def duplicates(self, markers: set[str]) -> int:
        """Return how many times one of these markers was seen again."""
        return sum(self.counts[marker] - 1 for marker in self.of(markers))
