"""One request as a typed value: what CloudFormation asks, with the configuration, and readers that check it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# Of every operation: another value has it done again.
_COMMON_PROPERTIES = frozenset({"Revision"})


class ConnectorError(Exception):
    """A failure for a person to read in the stack's events: what failed, the value, what to do. Never a secret."""


class OutOfSightError(ConnectorError):
    """What holds a configuration at a vendor, such as a project, is not there, or the credential may not see it."""


class NotReadyError(Exception):
    """What was asked for is under way, or fails for a reason that passes by itself: it is asked for again later.

    Parameters
    ----------
    text : str
        What is waited for, for a person to read when the waiting comes to nothing.
    patience_seconds : float
        How long this may go on before it counts as a failure: from the beginning of CloudFormation's request.
    since : float, optional
        When it began, if that was later.
    """

    def __init__(self, text: str, *, patience_seconds: float, since: float | None = None) -> None:
        super().__init__(text)
        self.patience_seconds, self.since = patience_seconds, since


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request of CloudFormation, or of the schedule.

    Parameters
    ----------
    properties : Mapping
        The operation's configuration, as the deployment wrote it (see ``configuration``): never the event's properties.
    old_properties : Mapping
        The configuration before an Update; empty otherwise.
    physical_id : str
        The resource's id as CloudFormation has it; empty at a Create and on schedule.
    configuration : str
        The id of the configuration.
    remaining_seconds : Callable
        How long the function may still run.
    """

    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    configuration: str = ""
    remaining_seconds: Callable[[], float] = lambda: 900.0


class Operation(Protocol):
    """What a module gives to be an operation. Each function may be called twice with the same request.

    Of a polled operation, ``apply`` and ``delete`` go as far as they can and raise ``NotReadyError`` when something is
    to be waited for; they are called again until they return.
    """

    def physical_id(self, properties: Mapping[str, Any]) -> str:
        """Check the properties; return what names the thing they act on: another id is another resource."""

    def apply(self, request: Request) -> dict[str, str]:
        """Create or update: bring the thing to what the properties say. Return the resource's Data."""

    def delete(self, request: Request) -> None:
        """Put back what was before. What was never created, or is gone, is no error."""


def check_names(properties: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse a property that the operation does not know: it would be ignored in silence."""
    unknown = sorted(set(properties) - set(known) - _COMMON_PROPERTIES)
    if unknown:
        raise ConnectorError(f"unknown properties {unknown}; known are {sorted(known)}")


def optional_text(properties: Mapping[str, Any], name: str) -> str | None:
    """Return a property as text, or None when it is absent or empty."""
    value = properties.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, (list, dict)):
        raise ConnectorError(f"property {name} is {value!r}; it must be text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def text(properties: Mapping[str, Any], name: str) -> str:
    """Return a property as text; it must be there."""
    value = optional_text(properties, name)
    if value is None:
        raise ConnectorError(f"property {name} is missing; give it a value")
    return value


def optional_number(properties: Mapping[str, Any], name: str) -> int | None:
    """Return a property as a whole number above zero, or None when it is absent or empty."""
    value = optional_text(properties, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ConnectorError(f"property {name} is {value!r}; it must be a whole number above 0")
    return int(value)


def flag(properties: Mapping[str, Any], name: str) -> bool:
    """Return a property as a truth value; absent is false."""
    value = optional_text(properties, name) or "false"
    if value not in ("true", "false"):
        raise ConnectorError(f'property {name} is {value!r}; it must be "true" or "false"')
    return value == "true"


def texts(properties: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a property that is a list of texts; absent is empty."""
    value = properties.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConnectorError(f"property {name} is {value!r}; it must be a list of texts")
    return tuple(value)


def text_map(properties: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return a property that maps texts to texts; absent is empty."""
    value = properties.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(item, (str, int)) for item in value.values()):
        raise ConnectorError(f"property {name} is {value!r}; it must be a map of texts")
    return {key: str(item) for key, item in value.items()}
