"""What a stack has because of the kind of an export or a destination."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from logdock.vendors.registry import has_part, load_part

NAMES_CHARACTERS = 3000
"""How many characters of log groups' names share a configuration of a connector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorParts:
    """The parts of one connector: its function, the CDK's provider framework, and what each operation adds.

    ``on_event`` and the framework's function have a role each. What is polled also has ``is_complete``, two more
    functions of the framework with a role, and the role of the waiting state machine.
    """

    is_polled: bool = False
    is_scheduled: bool = False
    """`is_polled`, `is_scheduled`: It waits for a vendor; it also runs on a schedule."""
    configurations: int = 0
    states: int = 0
    """`configurations`, `states`: How many parameters its operations are configured with, and how many they save state
    in."""

    @property
    def roles(self) -> int:
        """How many roles it has."""
        return 4 if self.is_polled else 2

    @property
    def functions(self) -> int:
        """How many functions it has."""
        return (5 if self.is_polled else 2) + self.is_scheduled

    @property
    def parameters(self) -> int:
        """How many parameters it has."""
        return self.configurations + self.states


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnParts:
    """What the stack of an export, or a destination in the shipper's stack, has because of its kind.

    ``count`` of the kind's module ``inventory`` returns it: ``count(settings, export, region)`` for an export, and
    ``count(settings, destination)`` for a destination. Default: nothing.
    """

    roles: int = 0
    functions: int = 0
    rules: int = 0
    wildcard_rules: int = 0
    """Of the rules, those whose pattern has a wildcard."""
    alarms: tuple[str, ...] = ()
    """The names of its alarms, without the subject."""
    connector: ConnectorParts | None = None


def own_parts(kind: str, *arguments: object) -> OwnParts:
    """Return what a kind adds."""
    if not has_part(kind, "inventory"):
        return OwnParts()
    found = load_part(kind, "inventory").count(*arguments)
    assert isinstance(found, OwnParts)  # noqa: S101  (narrows what a kind returns)
    return found


def pages_of(log_groups: Sequence[str]) -> int:
    """Return how many configurations of a connector hold the names of log groups."""
    return 1 + len(json.dumps(log_groups)) // NAMES_CHARACTERS
