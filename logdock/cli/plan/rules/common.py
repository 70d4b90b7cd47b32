"""What the rules share."""

from collections.abc import Callable, Iterable
from functools import partial

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind

ON_FROM_NOW = "It holds for lines that arrive from the deploy on; what is stored stays as it is."
CONCURRENCY = "The function ships with more or fewer invocations at once; what waits is shipped at that speed."
BODIES = "The function posts more or fewer bodies at once; with 1 the lines of an object arrive in order."
ALARMS = "The deploy changes alarms in place."
NAME = "A part is known by its name: another name is another part."
PARENT = "It is compared with the list or block that it is part of."

Rule = Callable[[Change], Iterable[Effect]]
"""What a change of one setting leads to."""


def effect(kind: Kind, change: Change, sentence: str, *steps: str, what: str | None = None) -> Effect:
    """Make a consequence of a change; it is named by the setting, unless `what` says otherwise."""
    return Effect(
        of=change.of, what=what or change.path, kind=kind, sentence=sentence, steps=tuple(filter(None, steps))
    )


fails = partial(effect, Kind.FAILS)
loses = partial(effect, Kind.LOSES)
cuts_off = partial(effect, Kind.CUTS_OFF)
exposes = partial(effect, Kind.EXPOSES)
refuses = partial(effect, Kind.REFUSES)
keeps_running = partial(effect, Kind.KEEPS_RUNNING)
replaces = partial(effect, Kind.REPLACES)
restarts = partial(effect, Kind.RESTARTS)
at_vendor = partial(effect, Kind.VENDOR)
note = partial(effect, Kind.NOTE)


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
    return f"Wait until `logdock status` shows nothing waiting for {what} of `{of}`."
