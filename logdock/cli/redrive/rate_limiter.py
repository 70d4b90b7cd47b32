"""How fast failures are sent again, and when to stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RateLimiter:
    """Hands out turns, at most so many a second, until it is stopped; for any number of threads.

    Parameters
    ----------
    per_second
        Turns a second; None for as many as are taken.
    """

    def __init__(self, per_second: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @property
    def is_limited(self) -> bool:
        """True when turns are handed out at a rate."""
        return self._interval > 0

    @property
    def stopped(self) -> bool:
        """True once nothing more is to be begun."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    def pause(self, seconds: float) -> None:
        """Wait, or until it is stopped."""
        self._stop.wait(seconds)

    def acquire(self, count: int = 1) -> bool:
        """Wait for a turn for so many; return False when it is stopped."""
        with self._lock:
            now = self._clock()
            wait = max(0.0, self._next - now)
            self._next = now + wait + count * self._interval
        if wait:
            self.pause(wait)
        return not self.stopped


@contextmanager
def stopped_by_interrupt(limiter: RateLimiter, report: Callable[[str], None]) -> Iterator[None]:
    """Let Ctrl-C stop a rate limiter, so that what is under way ends well; a second Ctrl-C interrupts at once."""

    def interrupted(_signal: int, _frame: object) -> None:
        if limiter.stopped:
            raise KeyboardInterrupt
        limiter.stop()
        report("Stopping after what is under way. Ctrl-C again stops at once; nothing is lost either way.")

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
