r"""JSON as real loggers write it: one reader for the shipper and for ``logdock logs``, which understand the same.

Beyond RFC 8259 it accepts what is common in logs and has one meaning: ``NaN`` and ``Infinity`` (Python, JavaScript),
raw control characters in strings, escapes that JSON does not know (``\xe9``, as `lines.text_of` writes a byte that is
not UTF-8), lone surrogates (strings cut inside an emoji), and NUL bytes or a byte order mark before the document (files
that were truncated while they were written to).
"""

import json
import re
from collections.abc import Iterable

import orjson

from log_shipper.record import JsonValue

BEFORE_DOCUMENT = "\0\ufeff \t"
_UNKNOWN_ESCAPE = re.compile(r'\\(?=[^"\\/bfnrtu])')
# a string that decodes once its unknown escapes are known
_STRING = re.compile(r'"[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+"')
_decoder = json.JSONDecoder(strict=False)
_as_written = json.JSONDecoder(strict=False, parse_float=str, parse_int=str, parse_constant=str)
raw_decode = _decoder.raw_decode
"""Decodes the document at a position of a string; returns it and its end, raises ``json.JSONDecodeError``."""


def loads(text: str) -> JsonValue:
    """Return the document that a string holds.

    Raises
    ------
    ValueError
        When it is no JSON document in the sense of this module.
    """
    try:
        return orjson.loads(text)
    except ValueError:
        return _decode(text, _decoder)


def loads_as_written(text: str) -> JsonValue:
    """Return what `loads` does, with each number as the string that stands in the text: a converted one may differ.

    Raises
    ------
    ValueError
        As `loads`.
    """
    return _decode(text, _as_written)


def _decode(text: str, decoder: json.JSONDecoder) -> JsonValue:
    text = text.strip(BEFORE_DOCUMENT)
    if text[:1] not in ("{", "[") or text[-1] not in "}]":
        raise ValueError("the text is no JSON object or array")
    try:
        return decoder.decode(_known_escapes(text))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def is_document(text: str) -> bool:
    """Say whether a string is a JSON document in the sense of this module."""
    try:
        loads(text)
    except ValueError:
        return False
    return True


def strings_of(tokens: Iterable[str]) -> list[str | None]:
    """Return the value of each JSON string, None for a token that is none; a lone surrogate is shown as its escape."""
    text = f"[{','.join([token if _STRING.fullmatch(token) else 'null' for token in tokens])}]"
    values: list[str | None]
    try:
        values = orjson.loads(text)
    except ValueError:
        values = _decoder.decode(_known_escapes(text))
        return [value and value.encode("utf-8", "backslashreplace").decode() for value in values]
    return values


def tokens_of(values: list[str]) -> list[bytes]:
    """Return values as JSON strings."""
    # no string has a line feed in it
    return orjson.dumps(values, option=orjson.OPT_INDENT_2)[4:-2].split(b",\n  ") if values else []


def _known_escapes(text: str) -> str:
    r"""Return a text with `\\\\` in place of each backslash that begins no escape of JSON."""
    if "\\" not in text:
        return text
    # of two backslashes one is the other's escape; the text has no surrogates
    return _UNKNOWN_ESCAPE.sub(r"\\\\", text.replace("\\\\", "\ud800")).replace("\ud800", "\\\\")
