"""How many lines there are when: one bar for each part of a search's range, drawn in one line of a terminal. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta

from logdock.cli.logs.times import bound

_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
)  # fmt: skip
"""Seconds of a bar; for a range of years, multiples of the last."""
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"
_BESIDE = 42
"""Columns beside the bars."""
_MOST_BARS = 60


class Histogram:
    """Counts lines by their times."""

    def __init__(self, since: datetime, until: datetime, width: int) -> None:
        most = max(8, min(_MOST_BARS, width - _BESIDE))
        seconds = (until - since).total_seconds()
        self._step = next((step for step in _STEPS if seconds <= step * most), 0)
        if not self._step:
            self._step = int(-(-seconds // (_STEPS[-1] * most))) * _STEPS[-1]
        bars = max(1, int(-(-seconds // self._step)))
        self._starts = [bound(since + timedelta(seconds=self._step * number)) for number in range(bars)]
        self._counts = [0] * bars

    def add(self, times: Iterable[str]) -> None:
        """Count lines, by times as they are compared in a search."""
        starts, counts = self._starts, self._counts
        for time in times:
            counts[max(0, bisect_right(starts, time) - 1)] += 1

    def line(self) -> str:
        """Return the bars and their scale; an empty string where there is nothing to compare."""
        highest = max(self._counts)
        if len(self._counts) < 2 or sum(self._counts) < 2:
            return ""
        bars = "".join(_BARS[-(-count * len(_BARS) // highest) - 1] if count else _NONE for count in self._counts)
        return f"{bars} each {_length(self._step)}, {highest} {'line' if highest == 1 else 'lines'} at most"


def _length(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
