"""Recorded lines, written again as of now."""

from __future__ import annotations

import datetime
import gzip
import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.markers import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_DIRECTORY = Path(__file__).parents[1] / "recorded"
_SPAN_NS = 120 * 10**9


def recorded(name: str) -> list[str]:
    """Return the lines of a recorded file."""
    return (_DIRECTORY / name).read_text(encoding="utf-8").splitlines()


def written_again(name: str, count: int, rewrite: Callable[[str, int, int], tuple[str, str]]) -> list[Line]:
    """Return so many lines made of a recorded file, over and over, in ascending order of time up to now.

    Parameters
    ----------
    rewrite
        Takes a recorded line, its number and a time in nanoseconds since 1970; returns the new line and its marker.
    """
    lines = itertools.cycle(recorded(name))
    return [
        Line(*rewrite(line, number, moment), moment // 1_000_000)
        for number, (line, moment) in enumerate(zip(lines, moments(count), strict=False))
    ]


def moments(count: int) -> Iterator[int]:
    """Yield so many ascending times of the last two minutes, in nanoseconds since 1970, no two in one microsecond."""
    step = _SPAN_NS // count
    end = time.time_ns() // 1000 * 1000
    for remaining in range(count, 0, -1):
        yield end - remaining * step // 1000 * 1000


def utc(nanoseconds: int) -> datetime.datetime:
    """Return a time as a date, to the microsecond."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return epoch + datetime.timedelta(microseconds=nanoseconds // 1000)


def gzip_lines(lines: Iterable[Line]) -> bytes:
    """Return lines as the body of a gzip object."""
    return gzip.compress("".join(f"{line.text}\n" for line in lines).encode(), 1)
