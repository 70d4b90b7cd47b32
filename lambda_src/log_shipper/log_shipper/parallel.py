"""Calls that wait for AWS or for a destination, side by side. One thread reads and renders; the others only wait."""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from log_shipper.progress import Pending

THREADS = 64
"""More than 25 objects that are opened, each with two calls, and what is written meanwhile."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="call")


def start(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
    """Start a call in the background; its result, or the exception, is the future's."""
    return _pool().submit(call, *args, **kwargs)


@dataclass(slots=True)
class _Flight:
    """Segments on their way to the destination."""

    segments: Pending
    """What is not settled yet."""
    size: int
    settle: Callable[[Pending], None]
    """Waits for the answer and takes the segments that it settles off the list."""
    answers: Sequence[Future[Any]]
    """What it waits for."""
    failed: bool = False


class Flights:
    """Deliveries on their way, settled in the order in which they began.

    Parameters
    ----------
    most : int
        How many may be on their way.
    most_bytes : int
        How much memory their bodies may take; one may be larger.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._flights: deque[_Flight] = deque()

    def make_room(self, size: int) -> None:
        """Settle the oldest deliveries until one of so many bytes may begin."""
        while self._flights and (
            len(self._flights) >= self._most or sum(flight.size for flight in self._flights) + size > self._most_bytes
        ):
            self._settle_oldest()

    def add(
        self, segments: Pending, size: int, settle: Callable[[Pending], None], answers: Sequence[Future[Any]]
    ) -> None:
        """Note a delivery that has begun."""
        self._flights.append(_Flight(segments, size, settle, answers))

    def settle(self) -> None:
        """Settle every delivery."""
        while self._flights:
            self._settle_oldest()

    def settle_answered(self) -> None:
        """Settle the oldest deliveries as far as they are answered."""
        while self._flights and all(answer.done() for answer in self._flights[0].answers):
            self._settle_oldest()

    def abandon(self) -> None:
        """Wait for what is on its way and settle it, or leave it for the next attempt; never raises an `Exception`.

        An object is acknowledged from its start, so that nothing of it counts that comes after what is left. That is
        waited for all the same: what is on its way when the function returns is frozen with it, and goes on later.
        """
        left: set[int] = set()
        while self._flights:
            flight = self._flights[0]
            if not flight.failed and not _objects(flight) & left:
                with contextlib.suppress(Exception):
                    flight.settle(flight.segments)
            for answer in flight.answers:
                with contextlib.suppress(Exception):
                    answer.result()
            self._flights.popleft()
            for progress, segment in flight.segments:
                progress.release(segment)
                left.add(id(progress))

    def _settle_oldest(self) -> None:
        flight = self._flights[0]
        flight.failed = True
        flight.settle(flight.segments)
        self._flights.popleft()


def _objects(flight: _Flight) -> set[int]:
    return {id(progress) for progress, _ in flight.segments}
