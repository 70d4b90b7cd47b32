"""What a change of a destination leads to."""

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, shown
from logdock.cli.plan.rules.common import note


def destination_address(change: Change) -> Iterable[Effect]:
    """What waits goes to the new address."""
    yield note(
        change,
        "What waits on the queue goes to the new address; what was sent stays where it is.",
        "Store the new address's token or headers in the secret before the deploy.",
    )


def token_secret(change: Change) -> Iterable[Effect]:
    """Without the secret every batch fails, and waits."""
    yield note(
        change,
        "The function may read the new secret alone. If it is missing or wrong, messages are retried and then kept as "
        "dead letters; none is lost.",
        f"Store the secret `{shown(change.after)}` before the deploy." if change.after else "No credential is sent.",
    )


def log_type(change: Change) -> Iterable[Effect]:
    """A type selects Logz.io's parsing rules."""
    yield note(change, "Parsing rules, drop filters and dashboards at Logz.io that name the old type end.")
