"""How many invocations of a destination's function run at a time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Strict

from logdock.settings.text import between

LEAST_ACCOUNT_CONCURRENCY = 10
"""Invocations at a time that a new account may have in a Region (Lambda Developer Guide, "Lambda quotas")."""
CONCURRENCY_FOR_THE_REST = 4
"""Of these, what destinations leave: two to the archiver, two to the connector, the tags and whatever else runs."""
MOST_BY_DEFAULT = 5
"""Five invocations move hundreds of megabytes a second, where 100 GB a day are 1.2; Lambda begins with five."""
LEAST_CONCURRENCY, MOST_CONCURRENCY = 2, 1000
"""What an SQS event source takes (Lambda API Reference, ScalingConfig)."""


def default_concurrency(destinations: int) -> int:
    """Return the invocations at a time that each of so many destinations gets, so that all fit into a new account."""
    share = (LEAST_ACCOUNT_CONCURRENCY - CONCURRENCY_FOR_THE_REST) // max(1, destinations)
    return max(LEAST_CONCURRENCY, min(MOST_BY_DEFAULT, share))


CONCURRENCY_TEXT = (
    f"Invocations of the shipper for this destination at a time, {LEAST_CONCURRENCY} to {MOST_CONCURRENCY:,}. "
    "Default: 6 divided by the number of destinations, at least 2 and at most 5: up to three destinations fit into a "
    "new account's 10 (docs/shipping.md)."
)
Concurrency = Annotated[
    int,
    Strict(),
    *between(LEAST_CONCURRENCY, MOST_CONCURRENCY, "invocations, which is what Lambda takes for a queue"),
]
"""Invocations of a destination's function at a time."""
