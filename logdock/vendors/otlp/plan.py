"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.common import BODIES, CONCURRENCY, NAME, Rule
from logdock.cli.plan.rules.destinations import (
    destination_address,
    token_secret,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("OtlpDestination", "kind"): NAME,
    ("OtlpDestination", "name"): NAME,
    ("OtlpDestination", "concurrency"): CONCURRENCY,
    ("OtlpDestination", "bodies_in_flight"): BODIES,
    ("OtlpDestination", "endpoint"): destination_address,
    ("OtlpDestination", "headers_secret"): token_secret,
}
