"""How many bodies an invocation has on their way to a destination at a time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Strict

from logdock.settings.text import between

MOST_BODIES = 8
"""What one core fills in 100 ms, and the shipper's default."""
BODIES_TEXT = (
    f"Bodies that an invocation posts at a time, 1 to {MOST_BODIES}. They may arrive in any order; 1: one after the "
    f"other, in the order of the object. Default: {MOST_BODIES} (docs/shipping.md)."
)
BodiesInFlight = Annotated[int, Strict(), *between(1, MOST_BODIES, "bodies")]
"""Bodies of an invocation that are on their way at a time."""
