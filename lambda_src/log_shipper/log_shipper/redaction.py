"""Redaction: what is taken out of a record before anything is stored.

Detectors search a line as it is written, and a second time with its escapes decoded (JSON's, at any depth, and
percent-encoding); what they find is replaced where it is written, so a JSON line stays valid JSON and keeps its layout.
Only lines with an escape are searched a second time.
Markers and the user's own patterns work on each string value of a JSON line, unescaped, and on each number; names in an
object count as values: a secret in a name is a secret. JSON within a string, and within a line that is not JSON as a
whole, is handled in the same way. The user's patterns run in RE2, and everything else in time linear in the line.
"""

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from operator import itemgetter

import orjson

from log_shipper import dense
from log_shipper.cards import FEWEST_DIGITS
from log_shipper.detectors import DETECTORS, Span, Text
from log_shipper.edits import Edit, Found, Lines, by_quotes, merged, replaced, replaced_found
from log_shipper.escapes import View, before_escape
from log_shipper.lenient_json import is_document, string_of
from log_shipper.markers import ESCAPED_MARK, MARK_LEAD, MARKED_REDACTED, redact_marks, without_marks
from log_shipper.patterns import Pattern, compile_pattern, matches

MARKERS = ("keep", "redact", "strip")
# a JSON string with its quotes, possessive, so that memory and time do not grow with its length; the last quote may be
# missing where the text is not JSON, or each quote of a hostile text would be a beginning to be tried
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_JSON_STRING = re.compile(_STRING, re.DOTALL)
# a number, from its first digit on; the detectors find nothing in one of fewer than 12 digits
_NUMBER = r"|(?<![0-9.eE+-])-?[0-9]{%d,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_JSON_TOKEN = re.compile(_STRING + _NUMBER % 1, re.DOTALL)
_JSON_LONG_TOKEN = re.compile((_STRING + _NUMBER % 12).encode(), re.DOTALL)
# of what is shorter than a card, a token or a key: addresses, and escapes, which may be anything
_SIGNS_OF_SHORT = ("::", ".", "%", "\\")


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
        The user's own; applied after the detectors. A replacement is a literal string. Default: ``[name]``.
    """

    def __init__(
        self, markers: str = "keep", detectors: tuple[str, ...] = (), patterns: tuple[Pattern, ...] = ()
    ) -> None:
        self._markers = markers
        self._names = detectors
        self._replacements = [f"[{name}]".encode() for name in detectors]
        self._detectors = [DETECTORS[name] for name in detectors]
        self._card = detectors.index("payment-card") if "payment-card" in detectors else -1
        self._patterns = [
            (compile_pattern(p.name, p.regex), f"[{p.name}]" if p.replacement is None else p.replacement)
            for p in patterns
        ]
        self.redact_name: Callable[[str], str] = lru_cache(maxsize=1024)(self.redact)
        """`redact`, for the names of columns, which are the same on every line."""
        self.active = markers != "keep" or bool(detectors or patterns)
        self.replacements = (
            *([MARKED_REDACTED] if markers == "redact" else ()),
            *(f"[{name}]" for name in detectors),
            *(replacement for _, replacement in self._patterns),
        )
        """What may stand in place of something that was taken out."""

    def redact(self, text: str) -> str:
        """Return the text of one record, redacted; JSON stays JSON."""
        return self._redact_values(self._redact_detected(text)) if self.active else text

    def redact_all(self, texts: list[str]) -> list[str]:
        """Return what `redact` returns for each text; they are searched together."""
        whole = "\n".join(texts)
        if whole.count("\n") >= max(1, len(texts)):
            alone = iter(self.redact_all([text for text in texts if "\n" not in text]))
            return [self.redact(text) if "\n" in text else next(alone) for text in texts]
        if not texts or not self.active:
            return texts
        block = self._without_detected(whole.encode())
        texts = block.decode().split("\n")
        return [*map(self._redact_values, texts)] if self._patterns or self._may_have_marks(block) else texts

    def redact_lines(self, block: bytes) -> bytes | None:
        """Return a block of lines in UTF-8, each as `redact` returns it; None when that takes reading each of them."""
        if self._patterns or self._may_have_marks(block):
            return None
        return self._without_detected(block)

    def _redact_values(self, text: str) -> str:
        """Return a text with markers and the user's patterns applied to each of its values."""
        if not self._patterns and not self._has_marks(text):
            return text
        if text.lstrip()[:1] in ("{", "[") and is_document(text):
            return _JSON_TOKEN.sub(self._redact_token, text)
        if "\\" in text and (self._patterns or ESCAPED_MARK.search(text)):
            text = _JSON_STRING.sub(lambda found: self._redact_token(found) if "\\" in found[0] else found[0], text)
        return self.redact_value(text)

    def redact_continuation(self, text: str, start: int) -> str | None:
        """Return what precedes a text that may be the middle of a marked value, redacted, and nothing of the text.

        None where marks are not redacted, and where a mark in the text says what is marked.
        """
        if self._markers != "redact" or self._has_marks(text[start:]):
            return None
        return self.redact(text[:start]) + MARKED_REDACTED

    def redact_value(self, text: str) -> str:
        """Return one string value, redacted."""
        if self._has_marks(text):
            text = redact_marks(text) if self._markers == "redact" else without_marks(text)
            # what a mark divided is whole now
            if text != MARKED_REDACTED:
                text = self._redact_detected(text)
        if not self._patterns:
            return text
        data = original = text.encode()
        for pattern, replacement in self._patterns:
            data = replaced(data, [(start, end, replacement.encode()) for start, end in matches(pattern, data)])
        return text if data is original else data.decode("utf-8", "backslashreplace")

    def _may_have_marks(self, block: bytes) -> bool:
        return self._markers != "keep" and (MARK_LEAD in block or (b"\\" in block and b"\\u20" in block))

    def _has_marks(self, text: str) -> bool:
        return self._markers != "keep" and (
            "‹" in text or "›" in text or "†" in text or ("\\u20" in text and ESCAPED_MARK.search(text) is not None)
        )

    def _redact_detected(self, text: str) -> str:
        if not self._detectors or (len(text) < FEWEST_DIGITS and not any(map(text.__contains__, _SIGNS_OF_SHORT))):
            return text
        data = text.encode()
        redacted = self._without_detected(data)
        return text if redacted is data else redacted.decode()

    def _without_detected(self, data: bytes) -> bytes:
        """Return a line or a block of lines without what the detectors find; the same object where that is nothing."""
        if not self._detectors:
            return data
        if not dense.is_dense(data):
            return self._without_found(data)
        return b"".join(map(self._without_tokens, dense.windows(data)))

    def _without_tokens(self, data: bytes) -> bytes:
        if not dense.is_dense(data):
            return self._without_found(data)
        rest, cards = dense.replace_tokens(data, self._names)
        redacted = self._without_found(rest, cards)
        return redacted if rest is data else dense.fill_placeholders(redacted, self._names)

    def _without_found(self, data: bytes, cards: list[Span] | None = None) -> bytes:
        """Return a line or a block of lines with what is found replaced; where it overlaps, as one.

        ``cards`` are where cards are in a line feed and data, if that is known.
        """
        text = Text(b"\n" + data)
        found = self._detected(text, cards)
        if b"\\" in data or b"%" in data:
            found = self._with_decoded(data, text, found)
        found = merged(found)
        if self._card >= 0 and (b"{" in data or b"[" in data) and self._card in map(itemgetter(2), found):
            edits = [(start, end, self._replacements[i]) for start, end, i in found]
            return replaced(data, self._with_numbers(data, edits))
        return replaced_found(data, found, self._replacements)

    def _with_decoded(self, data: bytes, text: Text, found: list[Found]) -> list[Found]:
        """Return what was found in data, and what is found once its escapes are decoded."""
        if b"\\" in data:
            lines = Lines(data)
            found.sort()
            found = [(first, end, i) for start, end, i in found if (first := before_escape(lines, start)) >= 0]
        view = View.of(data, text.lower)
        if view is not None and (decoded := self._detected(Text(b"\n" + view.data))):
            starts, ends, which = zip(*decoded, strict=True)
            found += zip(view.originals(starts), view.originals(ends), which, strict=True)
        return found

    def _with_numbers(self, data: bytes, edits: list[Edit]) -> list[Edit]:
        """Return edits that keep lines of JSON valid: a card that is a number becomes a string."""
        card = self._replacements[self._card]
        lines = Lines(data)
        result: list[Edit] = []
        escaped: list[int] = []
        at = 0
        while at < len(edits):
            if edits[at][2] != card:
                result.append(edits[at])
                at += 1
                continue
            lines.move_to(edits[at][0])
            while result and result[-1][0] >= lines.start:
                result.pop()
                at -= 1
            stop = at
            while stop < len(edits) and edits[stop][0] < lines.end:
                stop += 1
            own = edits[at:stop]
            if not lines.is_json:
                result += own
            elif (known := by_quotes(data, lines.start, lines.end, own)) is not None:
                result += known
            else:
                self._add_json(result, escaped, data, lines, own)
            at = stop
        # strings are redacted together, or each would cost as much as a block does
        values = self._redact_escaped([result[i][2] for i in escaped])
        for i, value in zip(escaped, values, strict=True):
            result[i] = (*result[i][:2], value)
        return result

    def _add_json(self, result: list[Edit], escaped: list[int], data: bytes, lines: Lines, edits: list[Edit]) -> None:
        """Add the edits of a JSON line by its strings and long numbers, and which of them are strings with escapes."""
        card = self._replacements[self._card]
        at = 0
        for token in _JSON_LONG_TOKEN.finditer(data, lines.start, lines.end):
            start, end = token.span()
            while at < len(edits) and edits[at][0] < start:
                # digits that are a fraction or an exponent are no card
                at += 1
            first = at
            while at < len(edits) and edits[at][0] < end:
                at += 1
            own = edits[first:at]
            if not own:
                continue
            if token[0][:1] != b'"':
                inner = [(a - start, b - start, new) for a, b, new in own]
                result.append((start, end, b'"' + replaced(token[0], inner) + b'"'))
            elif b"\\" in token[0] and any(new == card for _, _, new in own):
                # it may hold JSON with a number in it
                escaped.append(len(result))
                result.append((start, end, token[0]))
            else:
                result += own

    def _redact_escaped(self, tokens: list[bytes]) -> list[bytes]:
        """Return JSON strings with their values redacted."""
        values = [string_of(token.decode()) for token in tokens]
        # a header's value may be in the line behind its name: no other value may be there
        together = [value for value in values if value is not None and "authorization" not in value.lower()]
        rest = iter(self._redact_detected("\n".join(together)).split("\n"))
        shown: list[bytes] = []
        for token, value in zip(tokens, values, strict=True):
            if value is None:
                shown.append(token)
            elif "authorization" in value.lower():
                shown.append(orjson.dumps(self._redact_detected(value)))
            else:
                shown.append(orjson.dumps("\n".join(islice(rest, value.count("\n") + 1))))
        return shown

    def _detected(self, text: Text, cards: list[Span] | None = None) -> list[Found]:
        """Return what each detector finds behind the line feed of a text: start, end and which detector."""
        return [
            (start - 1, end - 1, i)
            for i, find in enumerate(self._detectors)
            for start, end in (cards if cards is not None and i == self._card else find(text))
        ]

    def _redact_token(self, match: re.Match[str]) -> str:
        token = match[0]
        value: str | None = token
        if token[0] == '"':
            value = string_of(token) if "\\" in token else token[1:-1]
        if value is None:
            return token
        redacted = self.redact(value) if value[:1] in ("{", "[") or "\\" in value else self.redact_value(value)
        return token if redacted == value else orjson.dumps(redacted).decode()


def fingerprint(*parts: object) -> str:
    """Return 16 hex digits that change when a policy does."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
