"""What the rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind

ON_FROM_NOW = "It holds for lines that arrive from the deploy on; what is stored stays as it is."
CONCURRENCY = "The function ships with more or fewer invocations at once; what waits is shipped at that speed."
BODIES = "The function posts more or fewer bodies at once; with 1 the lines of an object arrive in order."
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


class Maker(Protocol):
    """Makes a consequence of one kind, as `effect` does."""

    def __call__(self, change: Change, sentence: str, *steps: str, what: str | None = None) -> Effect:
        """Make it."""


def _maker(kind: Kind) -> Maker:
    def make(change: Change, sentence: str, *steps: str, what: str | None = None) -> Effect:
        return effect(change, kind, sentence, *steps, what=what)

    return make


fails = _maker(Kind.FAILS)
loses = _maker(Kind.LOSES)
cuts_off = _maker(Kind.CUTS_OFF)
exposes = _maker(Kind.EXPOSES)
refuses = _maker(Kind.REFUSES)
keeps_running = _maker(Kind.KEEPS_RUNNING)
replaces = _maker(Kind.REPLACES)
restarts = _maker(Kind.RESTARTS)
at_vendor = _maker(Kind.VENDOR)
note = _maker(Kind.NOTE)


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
