"""What a vendor answered, checked before anything is concluded from it.

An answer decides what is created, changed and deleted, and what counts as gone. An answer that is empty, or whose
fields do not have the types of the vendor's API description, is not usable: `VendorApi.call` handles it like no answer.
Only the fields that are used are checked, so a vendor may add others.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from vendor_connector.request import Document

ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""The shape of an id, a string or a number. It goes into the paths of requests."""
MAX_PAGES = 200
"""The most pages of a list that are read."""
_MAX_DEPTH = 64
_LARGEST = 1e300
_KINDS: dict[type, str] = {
    bool: "a boolean",
    str: "a string",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class UnusableError(ValueError):
    """An answer does not have the form of the vendor's API description. The message repeats nothing of it."""


def parse(text: str | bytes) -> Any:
    """Return the value of a JSON document.

    Raises
    ------
    ValueError
        When it is not JSON, or is nested more deeply than any vendor's answer.
    """
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [found]
    for _ in range(_MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return found
    raise ValueError("nested too deeply")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def ignored(_: Any) -> None:
    """Read an answer of which only the status matters."""


def of(shape: Any) -> Callable[[Any], Any]:
    """Return a function that reads an answer of a shape, as `check` describes it."""
    return lambda answer: check(answer, shape)


def one(shape: Document, name: str, object_id: str) -> Callable[[Any], Document]:
    """Return a function that reads an object of a shape whose field ``name`` is this id."""

    def read(answer: Any) -> Document:
        found: Document = check(answer, {**shape, name: ID})
        if str(found[name]) != object_id:
            raise UnusableError(f"the answer has another {name} than the one in the request")
        return found

    return read


def check(value: Any, shape: Any, at: str = "") -> Any:
    """Return a value if it has a shape.

    Parameters
    ----------
    value
        The answer, or a part of it.
    shape
        A type; ``ID``; a list with the shape of every element; or an object of fields with their shapes. A field whose
        name ends with ``?`` may be absent or null. Other fields are allowed.
    at
        The path of the value in the answer, for the message.

    Raises
    ------
    UnusableError
        When it has another shape.
    """
    if not _fits(value, shape):
        expected = "an id" if shape is ID else _KINDS[shape if isinstance(shape, type) else type(shape)]
        actual = ("missing" if at else "empty") if value is None else _KINDS[type(value)]
        raise UnusableError(f"{f'its field {at}' if at else 'the answer'} is {actual} and must be {expected}")
    if isinstance(shape, list):
        for each in value:
            check(each, shape[0], f"{at}[]")
    elif isinstance(shape, dict):
        for name, inner in shape.items():
            field = name.removesuffix("?")
            if field == name or value.get(field) is not None:
                check(value.get(field), inner, f"{at}.{field}".lstrip("."))
    return value


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(value, bool):
        return shape in (bool, object)
    if shape is ID:
        return isinstance(value, (str, int)) and bool(ID.fullmatch(str(value)))
    if shape is float:
        return isinstance(value, (int, float)) and -_LARGEST < value < _LARGEST
    return isinstance(value, shape if isinstance(shape, type) else type(shape))


def by_id(found: Iterable[Document], name: str = "id") -> dict[str, Document]:
    """Return checked objects by their ids."""
    return {str(each[name]): each for each in found}
