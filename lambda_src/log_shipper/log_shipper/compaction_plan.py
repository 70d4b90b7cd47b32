"""Which parts of an hour become which compacted object. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 128 * 1024 * 1024
"""Of a compacted object."""
CLOSED_AFTER = timedelta(hours=3)
"""How long after its end an hour is compacted: most of what is late has arrived."""
SETTLED_AFTER = timedelta(hours=1)
"""How old a part is before it is compacted: a reader that follows the archive has seen it as a part."""
AGAIN_AFTER = timedelta(days=1)
"""How old the oldest late part of a compacted hour is before such parts are compacted too, into an object of their own:
an hour into which something comes late all the time gets one object a day, not one an hour."""
LARGE_BYTES = MAX_BYTES // 2
"""A part of this size stays as it is: nothing is gained by copying it."""


class Part(NamedTuple):
    """An object of the archive as it is listed."""

    key: str
    size: int
    etag: str
    modified: datetime


def hour_end(hour: str) -> datetime:
    """Return the end of an hour by its prefix, ``logs/<export>/dt=YYYY-MM-DD/hour=HH/``."""
    *_, day, hour_name, _ = hour.split("/")
    start = datetime.fromisoformat(f"{day.removeprefix('dt=')}T{hour_name.removeprefix('hour=')}:00:00")
    return start.replace(tzinfo=UTC) + timedelta(hours=1)


def plan(hour: str, parts: Sequence[Part], *, is_first: bool, now: datetime) -> list[list[Part]]:
    """Return the parts of each compacted object to make now; none while the hour is not due.

    The objects follow each other in time, and so do the parts in each. No object is made of one part alone.

    Parameters
    ----------
    parts
        Those that no compacted object has replaced, in the order of their keys.
    is_first
        The hour has no compacted object yet.
    """
    settled = [part for part in parts if part.modified + SETTLED_AFTER <= now and part.size < LARGE_BYTES]
    if not settled:
        return []
    oldest = min(part.modified for part in settled)
    if hour_end(hour) + CLOSED_AFTER > now or (not is_first and oldest + AGAIN_AFTER > now):
        return []
    objects: list[list[Part]] = []
    size = 0
    for part in settled:
        if not objects or size + part.size > MAX_BYTES:
            objects.append([])
            size = 0
        objects[-1].append(part)
        size += part.size
    return [each for each in objects if len(each) > 1]
