"""Many objects at once, their lines one object after the other: memory is bounded by what each may hold ready."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Full, Queue
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Batch = TypeVar("Batch")
_READY_BATCHES = 4
_LOOK_SECONDS = 0.1


class _End(NamedTuple):
    error: Exception | None


class OrderedParallelMap(Generic[Item, Batch]):
    """Works on items in parallel and yields each with its batches, in the order of the items.

    Parameters
    ----------
    work
        Yields an item's batches, in a thread.
    workers
        How many items are under way at once.
    """

    def __init__(self, work: Callable[[Item], Iterator[Batch]], workers: int) -> None:
        self._work, self._workers = work, workers
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """True once the reader has closed the pipe."""
        return self._stop.is_set()

    def over(self, items: Iterable[Item]) -> Generator[tuple[Item, Iterator[Batch]]]:
        """Yield items and their batches; close it to end early. What a worker raises is raised by its batches."""
        lanes: deque[tuple[Item, Queue[Batch | _End]]] = deque()
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                for item in items:
                    lane: Queue[Batch | _End] = Queue(_READY_BATCHES)
                    pool.submit(self._run, item, lane)
                    lanes.append((item, lane))
                    if len(lanes) >= 2 * self._workers:
                        yield self._next(lanes)
                while lanes:
                    yield self._next(lanes)
            finally:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)

    def _next(self, lanes: deque[tuple[Item, Queue[Batch | _End]]]) -> tuple[Item, Iterator[Batch]]:
        item, lane = lanes.popleft()
        return item, self._batches(lane)

    @staticmethod
    def _batches(lane: Queue[Batch | _End]) -> Iterator[Batch]:
        while not isinstance(batch := lane.get(), _End):
            yield batch
        if batch.error:
            raise batch.error

    def _run(self, item: Item, lane: Queue[Batch | _End]) -> None:
        error = None
        try:
            for batch in self._work(item):
                if not self._put(lane, batch):
                    return
        except Exception as raised:  # noqa: BLE001 - raised again where the batches are read
            error = raised
        self._put(lane, _End(error))

    def _put(self, lane: Queue[Batch | _End], batch: Batch | _End) -> bool:
        """Wait for room; return False when the reader has closed the pipe."""
        while not self._stop.is_set():
            try:
                lane.put(batch, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return True
        return False
