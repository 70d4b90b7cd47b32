"""Waiting for what a deployment does on its own."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 400.0
"""A guard against hanging, below pytest's own, so that a failure names what did not happen; no measure of speed."""

_POLL_SECONDS = 0.2


def until(what: str, holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(_POLL_SECONDS)
