"""Redaction and filters: what is taken out of a record, and which records are not wanted, before anything is stored.

Patterns run in RE2, so a user's pattern cannot make the time explode. On a JSON line they see each string value as the
application wrote it, unescaped, and each long number (every number, for the user's own patterns); the line stays valid
JSON and keeps its layout. Names in an object count as values: a secret in a name is a secret. JSON within a string, and
within a line that is not JSON as a whole, is seen in the same way.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol

import orjson

from log_shipper.detectors import DETECTORS
from log_shipper.errors import ConfigurationError

MARKERS = ("keep", "redact", "strip")
_MARKED = re.compile("‹[^‹›]*›")
_MARKED_REDACTED = "‹×›"
_MARK_LEAD = "‹".encode()[:1]
_STRIP = str.maketrans("", "", "‹›†")
# a JSON string with its quotes, possessive, so that memory and time do not grow with its length; the last quote may be
# missing where the text is not JSON, or each quote of a hostile text would be a beginning to be tried
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_JSON_STRING = re.compile(_STRING, re.DOTALL)
# a number, from its first digit on; the detectors find nothing in one of fewer than 12 digits
_NUMBER = r"|(?<![0-9.eE+-])-?[0-9]{%d,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_JSON_TOKEN = re.compile(_STRING + _NUMBER % 1, re.DOTALL)
_JSON_LONG_TOKEN = re.compile(_STRING + _NUMBER % 12, re.DOTALL)


class Pattern(NamedTuple):
    """A user's own pattern: a name for messages, an RE2 expression and what replaces a match."""

    name: str
    regex: str
    replacement: str | None = None


class _Match(Protocol):
    def span(self, group: int = 0) -> tuple[int, int]: ...


class Compiled(Protocol):
    """A pattern compiled by RE2."""

    @property
    def groups(self) -> int:
        """How many capturing groups it has."""

    def search(self, text: bytes, pos: int = 0) -> _Match | None:
        """Return the first match at or after ``pos``."""


def compile_pattern(name: str, regex: str) -> Compiled:
    """Return a pattern compiled by RE2.

    Raises
    ------
    ConfigurationError
        When RE2 does not take the pattern; names the pattern, not its text.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Compiled = re2.compile(regex, options)
    except re2.error:
        raise ConfigurationError(f"pattern {name!r} is not a regular expression that RE2 accepts") from None
    return compiled


class Redactor:
    """Applies markers, detectors and patterns to the text of records.

    Parameters
    ----------
    markers : str
        What happens to CockroachDB's ``‹...›``: ``keep``, ``redact`` (becomes ``‹×›``) or ``strip`` (marks go, text
        stays).
    detectors : sequence of str
        Names out of `log_shipper.detectors.DETECTORS`.
    patterns : sequence of Pattern
        The user's own; applied after the detectors. A replacement is literal text, ``[name]`` when left out.
    """

    def __init__(
        self, markers: str = "keep", detectors: tuple[str, ...] = (), patterns: tuple[Pattern, ...] = ()
    ) -> None:
        self._markers = markers
        self._detectors = [(f"[{name}]".encode(), DETECTORS[name].refine) for name in detectors]
        self._card = detectors.index("payment-card") if "payment-card" in detectors else -1
        joined = "|".join(f"(?:{DETECTORS[name].pattern})" for name in detectors)
        self._search = compile_pattern("detectors", joined).search if detectors else None
        self._patterns = [
            (compile_pattern(p.name, p.regex), f"[{p.name}]" if p.replacement is None else p.replacement)
            for p in patterns
        ]
        self._tokens = _JSON_TOKEN if patterns else _JSON_LONG_TOKEN
        self.redact_name: Callable[[str], str] = lru_cache(maxsize=1024)(self.redact)
        """`redact`, for the names of columns, which are the same on every line."""
        self.active = markers != "keep" or bool(detectors or patterns)
        self.replacements = (
            *([_MARKED_REDACTED] if markers == "redact" else ()),
            *(f"[{name}]" for name in detectors),
            *(replacement for _, replacement in self._patterns),
        )
        """What may stand in place of something that was taken out."""

    def redact(self, text: str) -> str:
        """Return the text of one record, redacted; JSON stays JSON."""
        if not self.active:
            return text
        if "\\" not in text and not self._patterns and not self._has_marks(text):
            data = text.encode()
            if self._search is None or self._search(b"\n" + data) is None:
                return text
        if text.lstrip()[:1] in ("{", "[") and _is_json(text):
            return self._tokens.sub(self._redact_token, text)
        if "\\" in text:
            text = _JSON_STRING.sub(lambda found: self._redact_token(found) if "\\" in found[0] else found[0], text)
        return self.redact_value(text)

    def redact_value(self, text: str) -> str:
        """Return one string value, redacted."""
        if self._has_marks(text):
            text = _MARKED.sub(_MARKED_REDACTED, text) if self._markers == "redact" else text.translate(_STRIP)
        if self._search is None and not self._patterns:
            return text
        data = original = text.encode()
        spans = [(start, end, self._detectors[i][0]) for start, end, i in self._detected(data)]
        data = _replaced(data, spans)
        for pattern, replacement in self._patterns:
            data = _replaced(data, [(start, end, replacement.encode()) for start, end in _matches(pattern, data)])
        return text if data is original else data.decode("utf-8", "backslashreplace")

    def redact_lines(self, block: bytes) -> bytes | None:
        """Return a block of lines, each as `redact` gives it; None when that takes reading each of them.

        Detectors see the whole block at once. Lines with a backslash, which may hide a match behind an escape, and
        lines with a card, which may be a bare number, are redacted one by one.
        """
        if self._patterns or not _is_utf8(block) or (self._markers != "keep" and _MARK_LEAD in block):
            return None
        edits: dict[int, tuple[int, int, bytes]] = {}
        position = -1
        while (position := block.find(b"\\", position + 1)) >= 0:
            start, end = _line_around(block, position)
            edits[start] = (start, end, self.redact(block[start:end].decode()).encode())
            position = end
        for start, end, i in self._detected(block):
            line = _line_around(block, start) if edits or i == self._card else (-1, -1)
            if line[0] in edits and edits[line[0]][1] == line[1]:
                continue
            if i == self._card:
                first, last = line
                edits = {at: edit for at, edit in edits.items() if not first <= at < last}
                edits[first] = (first, last, self.redact(block[first:last].decode()).encode())
            else:
                edits[start] = (start, end, self._detectors[i][0])
        return _replaced(block, [edits[at] for at in sorted(edits)])

    def _has_marks(self, text: str) -> bool:
        return self._markers != "keep" and ("‹" in text or "›" in text or "†" in text)

    def _detected(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        """Yield what the detectors find, left to right: start, end and which detector."""
        if self._search is None:
            return
        # a border before the first byte, as there is before every value and line: matches begin alike everywhere
        data = b"\n" + data
        position = 0
        while (match := self._search(data, position)) is not None:
            i = 0
            while (span := match.span(i + 1)) == (-1, -1):
                i += 1
            start, end = span
            refine = self._detectors[i][1]
            if refine is None:
                yield start - 1, end - 1, i
                position = end
                continue
            spans, resume = refine(data[start:end])
            for first, last in spans:
                yield start + first - 1, start + last - 1, i
            position = start + resume

    def _redact_token(self, match: re.Match[str]) -> str:
        token = match[0]
        value: str | None = token
        if token[0] == '"':
            value = _unescaped(token) if "\\" in token else token[1:-1]
        if value is None:
            return token
        redacted = self.redact(value) if value[:1] in ("{", "[") else self.redact_value(value)
        return token if redacted == value else orjson.dumps(redacted).decode()


class Filter:
    """Says which records are wanted: those that match some ``include`` (if there is any) and no ``exclude``."""

    def __init__(self, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> None:
        self._include = [compile_pattern(f"include[{i}]", regex) for i, regex in enumerate(include)]
        self._exclude = [compile_pattern(f"exclude[{i}]", regex) for i, regex in enumerate(exclude)]
        self.active = bool(self._include or self._exclude)

    def wants(self, text: str) -> bool:
        """Say whether a record with this original text is to be shipped."""
        data = text.encode("utf-8", "surrogatepass")
        if self._include and not any(pattern.search(data) for pattern in self._include):
            return False
        return not any(pattern.search(data) for pattern in self._exclude)


def fingerprint(*parts: object) -> str:
    """Return 16 hex digits that change when a policy does."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _replaced(data: bytes, spans: list[tuple[int, int, bytes]]) -> bytes:
    """Return data with spans, which are in order, replaced; the same object when there is none."""
    if not spans:
        return data
    parts: list[bytes] = []
    done = 0
    for start, end, replacement in spans:
        parts += (data[done:start], replacement)
        done = end
    parts.append(data[done:])
    return b"".join(parts)


def _matches(pattern: Compiled, data: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position <= len(data) and (match := pattern.search(data, position)) is not None:
        start, end = match.span(0)
        if end > start:
            yield start, end
        position = max(end, position + 1)


def _line_around(block: bytes, position: int) -> tuple[int, int]:
    end = block.find(b"\n", position)
    return block.rfind(b"\n", 0, position) + 1, end if end >= 0 else len(block)


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        # orjson refuses the escape of a lone surrogate, which JSON allows
        return "\\u" in text and _is_json_with_surrogates(text)
    return True


def _is_json_with_surrogates(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unescaped(token: str) -> str | None:
    """Return what a JSON string says, None when the token is none; a lone surrogate is shown as its escape."""
    try:
        return str(orjson.loads(token))
    except orjson.JSONDecodeError:
        pass
    try:
        return str(json.loads(token)).encode("utf-8", "backslashreplace").decode()
    except ValueError:
        return None
