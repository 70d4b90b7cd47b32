"""Strings that were meant to be replaced, and curly quotes that a word processor put around a value.

Many settings take any string, so that `TODO` would be deployed, and found when a vendor is refused.
"""

import re
from collections.abc import Iterator

from pydantic_core import InitErrorDetails, PydanticCustomError

from logdock.settings.document import Document, Loc, strings

CURLY_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb"
STRAIGHT_QUOTES_EXPECTED = "straight quotes, ' or \", in place of the curly ones"
OWN_VALUE_EXPECTED = "a value of your own in place of the placeholder"
SUSPECT = "suspect_string"
"""Type of the errors of this module. They are omitted where the value is refused for another reason."""

_PLACEHOLDER = re.compile(r"(TODO|FIXME)\b.*|(?i:change[-_ ]?me|replace[-_ ]?me)|.*<[^<>]+>.*", re.DOTALL)
_EXPRESSIONS = ("include", "exclude", "record_start", "redaction")
"""Settings with regular expressions, where `(?P<user>...)` and a curly quote are to be expected."""


def remedy_for(value: object) -> str | None:
    """Return what is expected in place of a placeholder or a value in curly quotes; None for any other value."""
    if not isinstance(value, str):
        return None
    if value[:1] in CURLY_QUOTES or value[-1:] in CURLY_QUOTES:
        return STRAIGHT_QUOTES_EXPECTED if value else None
    return OWN_VALUE_EXPECTED if _PLACEHOLDER.fullmatch(value) else None


def _suspects(document: Document) -> Iterator[InitErrorDetails]:
    for loc, value in strings(document.data):
        if remedy := None if _is_expression(loc) else remedy_for(value):
            yield InitErrorDetails(
                type=PydanticCustomError(SUSPECT, "{allowed}", {"allowed": remedy}), loc=loc, input=value
            )


def _is_expression(loc: Loc) -> bool:
    return any(part in _EXPRESSIONS for part in loc)


PLACEHOLDER_RULES = (_suspects,)
