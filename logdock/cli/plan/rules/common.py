"""What the rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind

ON_FROM_NOW = "It holds for lines that arrive from the deploy on; what is stored stays as it is."
CONCURRENCY = "The function ships with more or fewer invocations at once; what waits is shipped at that speed."
ALARMS = "The deploy changes alarms in place."
NAME = "A part is known by its name: another name is another part."
PARENT = "It is compared with the list or block that it is part of."
IDLE = "logdock status"
LOG_GROUP = "The log group"

Rule = Callable[[Change], Iterable[Effect]]
"""What a change of one setting leads to."""


def effect(change: Change, kind: Kind, sentence: str, *steps: str, what: str | None = None) -> Effect:
    """Make a consequence of a change; it is named by the setting, unless `what` says otherwise."""
    return Effect(of=change.of, what=what or change.path, kind=kind, sentence=sentence, steps=tuple(steps))


def stack_of(change: Change) -> str:
    """Return the name of the export's stack."""
    return f"{change.new.deployment}-{change.of}"


def is_connected(change: Change) -> bool:
    """Whether the vendor is configured by the deploy, before and after."""
    parts = (change.part, change.new_part)
    if any(part.kind in ("aurora-mysql", "rds") for part in parts):
        return all(part.is_configured for part in parts)
    return all(getattr(part, "connect", None) for part in parts)


def vendor_of(change: Change) -> str:
    """Return who writes, or receives, by the kind of the part."""
    name: str = change.part.vendor_name
    return name


def drain(of: str, what: str) -> str:
    """Return the step that waits until nothing is queued."""
    return f"Wait until `{IDLE}` shows nothing waiting for {what} of `{of}`."
