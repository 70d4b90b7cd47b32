"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Mapping

from logdock.cli.plan.rules import destinations
from logdock.cli.plan.rules.common import BODIES, CONCURRENCY, NAME, Rule

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("OtlpDestination", "kind"): NAME,
    ("OtlpDestination", "name"): NAME,
    ("OtlpDestination", "concurrency"): CONCURRENCY,
    ("OtlpDestination", "bodies_in_flight"): BODIES,
    ("OtlpDestination", "endpoint"): destinations.destination_address,
    ("OtlpDestination", "headers_secret"): destinations.token_secret,
}
