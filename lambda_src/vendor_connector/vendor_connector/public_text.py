"""What may be shown of an error or a log line: no secret, no control character, no more than CloudFormation takes.

Every secret that is read is registered here first, in every spelling in which an exception, a URL or a vendor's answer
may repeat it. CloudFormation's answer to a custom resource has 4,096 bytes in all (AWS CloudFormation user guide,
"Custom resource response objects"), and the provider framework adds a line of its own.
"""

import base64
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import quote, quote_plus

from vendor_connector.request import ConnectorError

P = ParamSpec("P")
T = TypeVar("T")

MAX_BYTES = 2_500
_SHOWN_INSTEAD = "***"
# A shorter string is part of ordinary words; no vendor's credential is that short.
_SHORTEST_SECRET = 4

_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|digest)\s+[^\s'\"]+")
# What a sign-in answers, if it is shown because it is not usable.
_ACCESS_TOKEN = re.compile(r"""(?i)(access_token["'\\]*\s*[:=][\s"'\\]*)[^\s"'\\,}]+""")
# Control characters (line breaks among them), line separators, and what changes the direction of text.
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]+")

_spellings: set[str] = set()


def register_secret(value: str) -> None:
    """Have a value, and each line of it, taken out of everything that is shown from now on."""
    for part in {value, value.strip(), *value.split(), *value.splitlines()}:
        if len(part) >= _SHORTEST_SECRET:
            _spellings.update(_spellings_of(part))


def scrub(text: str) -> str:
    """Take every registered secret, access token and authorization header's value out of a text."""
    # The longest first: one spelling may contain another.
    for spelling in sorted(_spellings, key=len, reverse=True):
        text = text.replace(spelling, _SHOWN_INSTEAD)
    text = _ACCESS_TOKEN.sub(rf"\1{_SHOWN_INSTEAD}", text)
    return _AUTHORIZATION.sub(rf"\1 {_SHOWN_INSTEAD}", text)


def shorten(text: str, max_bytes: int = MAX_BYTES) -> str:
    """Cut a text to a number of bytes in UTF-8, at the boundary of a character."""
    raw = text.encode("utf-8", errors="replace")
    if len(raw) <= max_bytes:
        return text
    return raw[: max_bytes - 4].decode("utf-8", errors="ignore") + " ..."


def public(text: str, max_bytes: int = MAX_BYTES) -> str:
    """Return a text as it may be shown: scrubbed, on one line, without control characters, shortened."""
    return shorten(_UNPRINTABLE.sub(" ", scrub(text)).strip(), max_bytes)


def public_errors(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function raise nothing but ``ConnectorError`` with a public text, chained to no other exception.

    Lambda reports the text and CloudFormation shows it; an exception that is chained to it may hold a request's
    headers.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except ConnectorError as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001  (the function's edge)
            said = f"{type(error).__name__}: {error}"
        # Raised outside of the except block, so that Python attaches no context.
        raise ConnectorError(public(said))

    return guarded


def _spellings_of(secret: str) -> set[str]:
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    raw = secret.encode("utf-8", errors="replace")
    encoded = {quote(raw, safe=""), quote_plus(raw), repr(raw)[2:-1], base64.b64encode(raw).decode()}
    return {secret, *escaped, *encoded, *(json.dumps(one)[1:-1] for one in (*escaped, *encoded))}
