"""Places inside a template's resource, written with dots: a list's items are named by number, `Id` or `Sid`."""

from typing import Any


class NoSuchPlaceError(LookupError):
    """There is nothing at a path; the text says what is there."""


def look(value: Any, path: str) -> Any:
    """Return what is at a path.

    Raises
    ------
    NoSuchPlaceError
        When there is nothing.
    """
    for step in path.split("."):
        value = value[_index(value, step, path)]
    return value


def container_of(value: Any, path: str) -> tuple[Any, Any]:
    """Return what holds the last step of a path, and that step as a key or an index; the last step may be new."""
    before, _, last = path.rpartition(".")
    holder = look(value, before) if before else value
    return holder, last if isinstance(holder, dict) else _index(holder, last, path)


def _index(value: Any, step: str, path: str) -> Any:
    if isinstance(value, dict) and step in value:
        return step
    if isinstance(value, list):
        for index, item in enumerate(value):
            if step == str(index) or (isinstance(item, dict) and step in (item.get("Id"), item.get("Sid"))):
                return index
    there = sorted(value) if isinstance(value, dict) else f"{len(value)} items" if isinstance(value, list) else value
    raise NoSuchPlaceError(f"{path}: no {step}; there is {there}")
