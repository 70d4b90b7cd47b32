"""One request as a typed value: what CloudFormation asks, with the configuration, and the reader that checks it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Protocol, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
Document = dict[str, Any]
"""A JSON object, as a vendor's API takes it."""

# Of every operation: another value has it done again.
_COMMON_PROPERTIES = frozenset({"Revision"})


class ConnectorError(Exception):
    """A failure for a person to read in the stack's events: what failed, the value, what to do. Never a secret."""


class NotVisibleError(ConnectorError):
    """What holds a configuration at a vendor, such as a project, is not there, or the credential may not see it."""


class RetryLaterError(Exception):
    """What was asked for is under way, or fails for a reason that passes by itself: it is asked for again later.

    Parameters
    ----------
    text : str
        What is waited for, for a person to read when the waiting comes to nothing.
    timeout_seconds : float
        How long this may go on before it counts as a failure: from the beginning of CloudFormation's request.
    since : float, optional
        When it began, if that was later.
    """

    def __init__(self, text: str, *, timeout_seconds: float, since: float | None = None) -> None:
        super().__init__(text)
        self.timeout_seconds, self.since = timeout_seconds, since


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request of CloudFormation, or of the schedule."""

    properties: Mapping[str, Any]
    """The operation's configuration, as the deployment wrote it (see ``configuration``): never the event's
    properties."""
    old_properties: Mapping[str, Any] = field(default_factory=dict)
    """The configuration before an Update; empty otherwise."""
    physical_id: str = ""
    """The resource's id as CloudFormation has it; empty at a Create and on schedule."""
    configuration: str = ""
    """The id of the configuration."""
    remaining_seconds: Callable[[], float] = lambda: 900.0
    """How long the function may still run."""


class Operation(Protocol):
    """What a module gives to be an operation. Each function may be called twice with the same request.

    Of a polled operation, ``apply`` and ``delete`` go as far as they can and raise ``RetryLaterError``; they are called
    again until they return.
    """

    Settings: type[Any]
    """The dataclass of its properties. Its ``id`` names the thing they act on: another id is another resource."""

    def apply(self, request: Request) -> dict[str, str]:
        """Create or update: bring the thing to what the properties say. Return the resource's Data."""

    def delete(self, request: Request) -> None:
        """Put back what was before. What was never created, or is gone, is no error."""


def read(kind: type[T], properties: Mapping[str, Any]) -> T:
    """Return the properties of an operation as its dataclass.

    The field ``role_arn`` is the property ``RoleArn``; the fields of a dataclass in a field are properties, too. A
    property that is absent or empty has the field's default; without a default it is required. Numbers and truth values
    may be strings, as CloudFormation writes them; a list of documents is a string of JSON. A dataclass may have a
    method ``check``, which raises for values that do not go together.

    Raises
    ------
    ConnectorError
        Names the property, the type of its value, never the value, and what is allowed.
    """
    known = {*_names(kind)}
    if unknown := sorted(properties.keys() - known - _COMMON_PROPERTIES):
        # It would be ignored in silence.
        raise ConnectorError(f"unknown properties {unknown}; known are {sorted(known)}")
    found: T = _read(kind, properties, is_to_delete=False)
    return found


def read_to_delete(kind: type[T], properties: Mapping[str, Any]) -> T:
    """Return the properties of an operation as `read` does, for what is deleted with what was saved of it.

    They may be of another release, whose properties were other ones: unknown properties are ignored, and what is absent
    or malformed has its default, or is empty. Only strings, such as the credential's name, are still required.

    Raises
    ------
    ConnectorError
        Names the property, the type of its value, never the value, and what is allowed.
    """
    found: T = _read(kind, properties, is_to_delete=True)
    return found


def optional_text(properties: Mapping[str, Any], name: str) -> str | None:
    """Return a property as a string, or None when it is absent or empty."""
    value = properties.get(name)
    return None if value in (None, "") else _value(name, value, str)


def _names(kind: Any) -> Iterator[str]:
    for _, name, hint in _fields(kind):
        yield from _names(hint) if is_dataclass(hint) else (name,)


@cache
def _fields(kind: Any) -> list[tuple[Field[Any], str, Any]]:
    """Return the fields with the names of their properties and their types, without ``| None``."""
    hints = get_type_hints(kind)
    types = {name: get_args(hint)[0] if isinstance(hint, UnionType) else hint for name, hint in hints.items()}
    return [(one, one.name.title().replace("_", ""), types[one.name]) for one in fields(kind)]


def _read(kind: Any, properties: Mapping[str, Any], *, is_to_delete: bool) -> Any:
    values: dict[str, Any] = {}
    for one, name, hint in _fields(kind):
        has_default = one.default is not MISSING or one.default_factory is not MISSING
        if is_dataclass(hint):
            values[one.name] = _read(hint, properties, is_to_delete=is_to_delete)
        elif properties.get(name) not in (None, ""):
            try:
                values[one.name] = _value(name, properties[name], hint)
            except ConnectorError:
                if not is_to_delete or hint is str:
                    raise
        elif not has_default and (hint is str or not is_to_delete):
            raise ConnectorError(f"property {name} is missing; it must be {_TYPES[hint][0]}")
        if one.name not in values and not has_default:
            values[one.name] = (get_origin(hint) or hint)()
    found = kind(**values)
    if not is_to_delete and hasattr(found, "check"):
        found.check()
    return found


def _value(name: str, value: object, hint: Any) -> Any:
    allowed, convert = _TYPES[hint]
    try:
        return convert(value)
    except (KeyError, TypeError, ValueError):
        is_a = _JSON_TYPES.get(type(value), "unknown")
    raise ConnectorError(f"property {name} has a value of type {is_a}; it must be {allowed}")


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise TypeError
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> int:
    text = _text(value)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError
    return int(text)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError
    return tuple(value)


def _text_map(value: Any) -> dict[str, str]:
    return {key: _text(each) for key, each in {**value}.items()}


def _documents(value: Any) -> list[Document]:
    found = json.loads(value)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise TypeError
    return found


_TYPES: Mapping[Any, tuple[str, Callable[[Any], Any]]] = {
    str: ("a string", _text),
    bool: ('"true" or "false"', lambda value: {"true": True, "false": False}[_text(value)]),
    int: ("a whole number above 0", _number),
    tuple[str, ...]: ("a list of strings", _texts),
    dict[str, str]: ("a map of strings", _text_map),
    list[Document]: ("a list of objects, as JSON", _documents),
}
"""What a field of each type may be, in a message, and how it is read."""
_JSON_TYPES = {bool: "boolean", str: "string", int: "number", float: "number", list: "list", dict: "map"}
