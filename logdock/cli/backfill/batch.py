"""What is sent at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of what there is."""

    start: datetime
    """A beginning of the range with which this batch would come first."""
    items: int
    size: int
    """`items`, `size`: How many objects or log events, and their bytes."""
    turns: int
    """What it counts for `--rate`."""
    send: Callable[[], None]
    """Sends it to where it belongs, and returns when it is there."""
    after: str = ""
    """The key of the landing bucket that comes before this batch; empty where there is none."""
