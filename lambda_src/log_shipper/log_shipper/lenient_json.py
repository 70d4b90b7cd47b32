r"""JSON as real loggers write it: one reader for the shipper and for ``logdock logs``, which understand the same.

Beyond RFC 8259 it accepts what is common in logs and has one meaning: ``NaN`` and ``Infinity`` (Python, JavaScript),
raw control characters in strings, escapes that JSON does not know (``\xe9``, as `lines.text_of` writes a byte that is
not UTF-8), lone surrogates (strings cut inside an emoji), and NUL bytes or a byte order mark before the document (files
that were truncated while they were written to).
"""

import json
import re

import orjson

from log_shipper.record import JsonValue

BEFORE_DOCUMENT = "\0\ufeff \t"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
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
        return decoder.decode(text)
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None
    except ValueError:
        if "\\" not in text:
            raise
    try:
        return decoder.decode(_ESCAPE.sub(_known_escape, text))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def is_document(text: str) -> bool:
    """Say whether a string is a JSON document in the sense of this module."""
    try:
        loads(text)
    except ValueError:
        return False
    return True


def string_of(token: str) -> str | None:
    """Return the value of a JSON string, None when the token is none; a lone surrogate is shown as its escape."""
    try:
        return str(orjson.loads(token))
    except ValueError:
        pass
    try:
        value = str(_decoder.decode(_ESCAPE.sub(_known_escape, token)))
    except ValueError:
        return None
    return value.encode("utf-8", "backslashreplace").decode()


def _known_escape(match: re.Match[str]) -> str:
    return match[0] if match[1] in '"\\/bfnrtu' else "\\" + match[0]
