r"""Regular expressions that run in the shipper, in RE2: compiled by RE2 here, as the shipper compiles them.

RE2 is linear in the text because it leaves out look-around and back-references; those are refused by name. What is only
spelled another way than in Python (``\p{L}``, ``\z``, ``(?i)`` in the middle) is rewritten before Python
checks the rest, whose messages say more than RE2's. RE2 has the last word: it also refuses what becomes too large.
"""

import re
import warnings
from typing import Annotated

from pydantic import AfterValidator, Field

from logdock.settings.text import invalid

_TOKEN = re.compile(
    r"(?P<quoted>\\Q.*?(?:\\E|\Z))|(?P<property>\\[pP](?:\{\^?\w+\}|[A-Za-z]))|(?P<hex>\\x\{[0-9A-Fa-f]{1,6}\})|(?P<escape>\\.)"
    r"|(?P<class>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])|(?P<named>\(\?P?<(?=\w))|(?P<look>\(\?<?[=!])|(?P<back>\(\?P=)"
    r"|(?P<flags>\(\?[a-zA-Z]*(?:-[a-zA-Z]+)?[:)])|(?P<special>\(\?)|(?P<possessive>(?:[*+?]|\{\d+(?:,\d*)?\})\+)|(?P<plain>.)",
    re.DOTALL,
)
_RE2_FLAGS = frozenset("imsU-")
_RE2_REPEATS = 1000


def _refused(construct: str) -> Exception:
    return invalid(f"an RE2 regular expression: no {construct}")


def _python_of(kind: str, token: str) -> str:
    """Rewrite one token of RE2's syntax as Python's; raise when RE2 has nothing like it."""
    if kind == "look":
        raise _refused(f"look-around, such as {token}...)")
    if kind == "back" or (kind == "escape" and token[1] in "123456789"):
        raise _refused(f"back-references, such as {token}" + ("name)" if kind == "back" else ""))
    if kind == "possessive":
        raise _refused(f"possessive quantifiers, such as {token}")
    if kind == "special":
        raise _refused("groups that begin with (? other than (?:...), (?P<name>...) and flags out of i, m, s, U")
    if kind == "escape" and token[1] in "ZuUN":
        raise _refused(rf"{token}: the end of the text is \z, a character by its number is \x{{10FFFF}}")
    if kind == "flags":
        if not set(token[2:-1]) <= _RE2_FLAGS:
            raise _refused(f"{token}: flags are i, m, s and U")
        return "(?:" if token.endswith(":") else ""
    if kind == "class":
        return re.sub(r"\\[pP](?:\{\^?\w+\}|[A-Za-z])|\\x\{[0-9A-Fa-f]{1,6}\}|\[:\^?\w+:\]", "x", token)
    rewritten = {"quoted": "x", "property": "x", "hex": "x", "named": "(?P<"}
    if kind in rewritten:
        return rewritten[kind]
    return {r"\z": r"\Z", r"\C": "."}.get(token, token)


def check_regex(value: str) -> str:
    """Refuse what RE2 does not compile."""
    python = "".join(_python_of(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(value))
    if any(int(count) > _RE2_REPEATS for count in re.findall(r"(?<!\\)\{(?:\d+,)?(\d{1,9}),?\}", python)):
        raise _refused(f"more than {_RE2_REPEATS} repeats")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(python)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"a regular expression in RE2 syntax ({error})") from error
    _compile(value)
    return value


def _compile(value: str) -> None:
    """Compile as `log_shipper.patterns.compile_pattern` does: with RE2's defaults, a program of 8 MB at most."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(value, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise invalid(f"a regular expression that RE2 compiles ({reason})") from None


Regex = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(check_regex)]
"""A regular expression of at most 500 characters in RE2's syntax."""
