"""How many bodies an invocation has on their way to a destination at a time."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, Strict

from logdock.settings.text import invalid

MOST_BODIES = 8
"""What one core fills in 100 ms, and the shipper's default."""


def _bodies(value: int) -> int:
    if not 1 <= value <= MOST_BODIES:
        raise invalid(f"1 to {MOST_BODIES} bodies")
    return value


BODIES_TEXT = (
    "Bodies that an invocation posts at a time, 1 to 8. They may arrive in any order; 1: one after the other, in the "
    "order of the object. Default: 8 (docs/shipping.md)."
)
BodiesInFlight = Annotated[
    int, Strict(), AfterValidator(_bodies), Field(json_schema_extra={"minimum": 1, "maximum": MOST_BODIES})
]
"""Bodies of an invocation that are on their way at a time."""
