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

from log_shipper import dense, masks
from log_shipper.cards import FEWEST_DIGITS
from log_shipper.detectors import DETECTORS, Text
from log_shipper.edits import Edit, Found, Lines, by_line, in_tokens, merged, replaced, replaced_found
from log_shipper.escapes import MAX_LAYERS, View, before_escape
from log_shipper.lenient_json import is_document, strings_of, tokens_of
from log_shipper.markers import ESCAPED_MARK, MARK_LEAD, MARKED_REDACTED, redact_marks, without_marks
from log_shipper.patterns import Pattern, compile_pattern, matches

MARKERS = ("keep", "redact", "strip")
# a JSON string with its quotes, possessive, so that memory and time do not grow with its length; the last quote may be
# missing where the text is not JSON, or each quote of a hostile text would be a beginning to be tried
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_JSON_STRING = re.compile(f"({_STRING})", re.DOTALL)
# or a number
_JSON_TOKEN = re.compile(rf"({_STRING}|(?<![0-9.eE+-])-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)", re.DOTALL)
_NUMBERS = ("ipv4",)
_BACKSLASH, _QUOTE = b'\\"'
_OPENS_DOCUMENT = re.compile(
    rb"(?:\A\"?|[\\\2]n|u000[aA])(?:\s|[\\\2](?:[frt]|u00(?!0[aA])[0-9a-fA-F]{2}))*+[{\[]|u00[57][bB]"
)
_BEHIND_DOCUMENT = b"\0\xef\xbb\xbf \t\r"
_ENDS_OF_DOCUMENTS = b"}]" + _BEHIND_DOCUMENT
_MANY_EDITS = 256
"""One edit in so many bytes: then lines are read as JSON together."""
# of a character behind a backslash: nothing begins in them
_CODES = (
    (b"\\u", rb"\\u[0-9a-fA-F]{4}", b"\\\n\n\n\n\n"),
    (b"\\x", rb"\\x[0-9a-fA-F]{2}", b"\\\n\n\n"),
)
# of what is shorter than a card, a token or a key: addresses, and escapes, which may be anything
_SIGNS_OF_SHORT = ("::", ".", "%", "\\")
_ESCAPE_SIGNS = (b"\\", b"%", b"\x1b")


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
        # as `_redact_apart` of one text, without lists that cost a third of its time
        if self._detectors and _may_have_any(text):
            data = text.encode()
            redacted = self._without_detected(data)
            text = text if redacted is data else redacted.decode()
        return self._redact_values([text])[0] if self._patterns or self._has_marks(text) else text

    def redact_all(self, texts: list[str]) -> list[str]:
        """Return what `redact` returns for each text; they are searched together."""
        whole = "\n".join(texts)
        if whole.count("\n") >= max(1, len(texts)):
            lines = iter(self.redact_all([text for text in texts if "\n" not in text]))
            others = iter(self._redact_apart([text for text in texts if "\n" in text]) if self.active else texts)
            return [next(others if "\n" in text else lines) for text in texts]
        if not texts or not self.active:
            return texts
        block = self._without_detected(whole.encode(), are_records=True)
        texts = block.decode().split("\n")
        return self._redact_values(texts) if self._patterns or self._may_have_marks(block) else texts

    def redact_lines(self, block: bytes) -> bytes | None:
        """Return a block of lines in UTF-8, each as `redact` returns it; None when that takes reading each of them."""
        if self._patterns or self._may_have_marks(block):
            return None
        return self._without_detected(block, are_records=True)

    def _redact_apart(self, texts: list[str], layers: int = MAX_LAYERS) -> list[str]:
        """Return texts redacted, of which each may have several lines, and strings in strings of so many layers."""
        return self._redact_values(self._redact_detected(texts), layers)

    def _redact_values(self, texts: list[str], layers: int = MAX_LAYERS) -> list[str]:
        """Return texts with markers and the user's patterns applied to each of their values."""
        texts = [*texts]
        documents: dict[int, list[str]] = {}
        strings: dict[int, list[str]] = {}
        others: list[int] = []
        for i, text in enumerate(texts):
            if not self._patterns and not self._has_marks(text):
                continue
            if text.lstrip()[:1] in ("{", "[") and is_document(text):
                documents[i] = _JSON_TOKEN.split(text)
                continue
            others.append(i)
            if "\\" in text and (self._patterns or ESCAPED_MARK.search(text)):
                strings[i] = _JSON_STRING.split(text)
        # a token costs as much as a text does: each is redacted once, and all together
        tokens = {token for parts in documents.values() for token in {*parts[1::2]} if self._may_change(token)}
        tokens.update([token for parts in strings.values() for token in {*parts[1::2]} if "\\" in token])
        table = self._redact_tokens(tokens, layers) if tokens else {}
        for i, parts in documents.items():
            parts[1::2] = map(table.get, parts[1::2], parts[1::2])
            texts[i] = "".join(parts)
        table = {token: redacted for token, redacted in table.items() if "\\" in token}
        for i, parts in strings.items():
            parts[1::2] = map(table.get, parts[1::2], parts[1::2])
            texts[i] = "".join(parts)
        for i, text in zip(others, self._redact_strings([texts[i] for i in others]), strict=True):
            texts[i] = text
        return texts

    def _may_change(self, token: str) -> bool:
        return "\\" in token or bool(self._patterns) or token[1:2] in ("{", "[") or self._has_marks(token)

    def _redact_tokens(self, tokens: set[str], layers: int) -> dict[str, str]:
        """Return what replaces JSON strings and numbers."""
        values = {token: token[1:-1] if token[0] == '"' else token for token in tokens if "\\" not in token}
        escaped = [token for token in tokens if "\\" in token]
        for token, value in zip(escaped, strings_of(escaped), strict=True):
            if value is not None:
                values[token] = value
        texts = {token: value for token, value in values.items() if value[:1] in ("{", "[") or "\\" in value}
        if not layers:
            texts = {}
        redacted = dict(zip(texts, self._redact_apart([*texts.values()], layers - 1), strict=True))
        rest = [token for token in values if token not in texts]
        redacted.update(zip(rest, self._redact_strings([values[token] for token in rest]), strict=True))
        changed = {token: value for token, value in redacted.items() if value != values[token]}
        return dict(zip(changed, map(bytes.decode, tokens_of([*changed.values()])), strict=True))

    def redact_continuation(self, text: str, start: int) -> str | None:
        """Return what precedes a text that may be the middle of a marked value, redacted, and nothing of the text.

        None where marks are not redacted, and where a mark in the text says what is marked.
        """
        if self._markers != "redact" or self._has_marks(text[start:]):
            return None
        return self.redact(text[:start]) + MARKED_REDACTED

    def _redact_strings(self, values: list[str]) -> list[str]:
        """Return string values redacted."""
        values = [*values]
        marked = [i for i, value in enumerate(values) if self._has_marks(value)]
        unmarked = map(redact_marks if self._markers == "redact" else without_marks, [values[i] for i in marked])
        # what a mark divided is whole now
        for i, value in zip(marked, self._redact_detected([*unmarked]), strict=True):
            values[i] = value
        return [*map(self._redact_patterns, values)] if self._patterns else values

    def _redact_patterns(self, text: str) -> str:
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

    def _redact_detected(self, texts: list[str]) -> list[str]:
        """Return texts without what the detectors find in each; they are searched together.

        Nothing that is found goes on over a line, and a header's value is in the line behind its name only where no
        letter is between them: so there is a line with one between two texts.
        """
        if not self._detectors:
            return texts
        searched = [i for i, text in enumerate(texts) if len(text) >= FEWEST_DIGITS or _may_have_any(text)]
        documents = [i for i in searched if texts[i][:1] in ("{", "[")]
        others = [i for i in searched if texts[i][:1] not in ("{", "[")] if documents else searched
        # lines of JSON are read together where no other is between them
        for places, between in ((documents, '\n{"z":0}\n'), (others, "\nz\n")):
            if not places:
                continue
            own = texts if len(places) == len(texts) else [texts[i] for i in places]
            data = between.join(own).encode()
            redacted = self._without_detected(data)
            if redacted is data:
                continue
            if between not in "\n".join(["", *own, ""]):
                shown = redacted.decode().split(between)
            else:
                lines = iter([*redacted.decode().split("\n"), ""])
                shown = ["\n".join([*islice(lines, text.count("\n") + 2)][:-1]) for text in own]
            if own is texts:
                return shown
            texts = [*texts]
            for i, text in zip(places, shown, strict=True):
                texts[i] = text
        return texts

    def _without_detected(self, data: bytes, *, are_records: bool = False) -> bytes:
        """Return a line or a block of lines without what the detectors find; the same object where that is nothing."""
        if not self._detectors:
            return data
        if not dense.is_dense(data):
            return self._without_found(data, are_records=are_records)
        return b"".join([self._without_tokens(window, are_records) for window in dense.windows(data)])

    def _without_tokens(self, data: bytes, are_records: bool) -> bytes:
        if not dense.is_dense(data):
            return self._without_found(data, are_records=are_records)
        rest, has_no_cards = dense.replace_tokens(data, self._names)
        redacted = self._without_found(rest, are_records=are_records, is_dense=True, has_no_cards=has_no_cards)
        return redacted if rest is data else dense.fill_placeholders(redacted, self._names)

    def _without_found(
        self, data: bytes, *, are_records: bool, is_dense: bool = False, has_no_cards: bool = False
    ) -> bytes:
        """Return a line or a block of lines with what is found replaced; where it overlaps, as one."""
        text = Text(b"\n" + data, are_records=are_records)
        view = View.of(data, text.lower) if any(sign in data for sign in _ESCAPE_SIGNS) else None
        # pieces of one line are no lines in which a header may go on
        is_line = are_records or b"\n" not in data
        decoded = None if view is None else Text(b"\n" + view.data, are_records=is_line)
        if is_dense and (shown := self._without_masked(text, view, decoded, has_no_cards=has_no_cards)) is not None:
            return shown
        found = self._detected(text, has_no_cards=has_no_cards)
        if b"\\" in data:
            found = self._without_escapes(data, found)
        if view is not None and decoded is not None and (others := self._detected(decoded)):
            starts, ends, which = zip(*others, strict=True)
            found += zip(view.originals(starts), view.originals(ends), which, strict=True)
        found = merged(found)
        if self._card >= 0 and (b"{" in data or b"[" in data) and self._card in map(itemgetter(2), found):
            edits = [(start, end, self._replacements[i]) for start, end, i in found]
            return replaced(data, self._with_numbers(data, edits))
        return replaced_found(data, found, self._replacements)

    def _without_masked(
        self, text: Text, view: View | None, decoded: Text | None, *, has_no_cards: bool
    ) -> bytes | None:
        """Return the same without a step for each of many matches; None where there are few, or it is not so simple."""
        data = text.data[1:]
        dense_names = masks.dense_names(text, self._names)
        dense_decoded = masks.dense_names(decoded, self._names) if decoded is not None else set()
        if not dense_names and not dense_decoded:
            return None
        in_decoded = _NUMBERS if view is not None and view.has_same_numbers(data) else ()
        found: list[int] = []
        for i, (name, find) in enumerate(zip(self._names, self._detectors, strict=True)):
            mask = b"" if name in in_decoded or (has_no_cards and i == self._card) else None
            if mask is None and name in dense_names:
                mask = self._mask_beside_escapes(name, text)
            if mask is None:
                spans = find(text)
                if spans and b"\\" in data:
                    beside = self._without_escapes(data, [(start - 1, end - 1, i) for start, end in spans])
                    spans = [(start + 1, end + 1) for start, end, _ in beside]
                mask = masks.of_spans(spans, len(text.data)) if spans else b""
            whole = masks.int_of(mask[1:])
            if view is not None and decoded is not None:
                if name in dense_decoded:
                    mask = masks.of_name(name, decoded)
                else:
                    spans = find(decoded)
                    mask = masks.of_spans(spans, len(decoded.data)) if spans else b""
                if 1 in mask:
                    original = view.original_mask(mask[1:])
                    if original is None:
                        return None
                    whole |= masks.int_of(original)
            found.append(whole)
        apart = masks.apart(found, len(data))
        if apart is None:
            return None
        if self._card >= 0 and apart[self._card] and (b"{" in data or b"[" in data):
            return self._without_masked_cards(data, apart)
        return masks.replaced(masks.signed(data, apart), self._replacements)

    def _without_masked_cards(self, data: bytes, found: list[int]) -> bytes | None:
        """Return data, which may be JSON, without what was found; None where a card may be a number of JSON."""
        card = masks.sign_of(self._card)
        if not dense.has_only_documents(data.removesuffix(b"\n")):
            shown = masks.signed(data, found)
            lines = [line for line in shown.split(b"\n") if card[0] in line and line[-1] in _ENDS_OF_DOCUMENTS]
            return None if any(map(_may_be_document, lines)) else masks.replaced(shown, self._replacements)
        # no JSON has control characters but for blanks
        data = data.replace(rb"\\", b"\2\2").replace(rb"\"", b"\2\3").replace(b"\\", b"\2")
        before, parts = data.split(b'"'), masks.signed(data, found).split(b'"')
        if len(parts) != len(before) or card in b"".join(parts[::2]):
            return None
        # an integer is looked for faster than a byte
        escaped = [
            i
            for i in range(1, len(parts), 2)
            if card[0] in parts[i] and 2 in before[i] and _may_hold_document(before[i])
        ]
        if escaped:
            # it may hold JSON with a number in it
            tokens = _with_json_signs(b'["%b"]' % b'","'.join([before[i] for i in escaped]))
            values = tokens_of(self._redact_detected(orjson.loads(tokens)))
            for i, token in zip(escaped, values, strict=True):
                parts[i] = token[1:-1]
        return _with_json_signs(masks.replaced(b'"'.join(parts), self._replacements))

    def _mask_beside_escapes(self, name: str, text: Text) -> bytes | None:
        """Return the mask of what a detector finds, without what begins in the letter of an escape."""
        data = text.data
        if b"\\" not in data or name in ("ipv4", "payment-card"):
            return masks.of_name(name, text)
        may_be_json = b"{" in data or b"[" in data
        if (
            name != "email"
            or b"%" in data
            or b"\\\\" in data
            or (may_be_json and not dense.has_only_documents(data[1:].removesuffix(b"\n")))
        ):
            mask = masks.of_name(name, text)
            return mask if masks.with_backslashes(mask, data) is mask else None
        for lead, code, border in _CODES:
            if lead in data:
                data = re.sub(code, border, data)
        if not may_be_json:
            return masks.with_backslashes(masks.of_name(name, Text(data)), data)
        # what follows the letter is found once it is decoded
        for letter in (b"b", b"f", b"n", b"r", b"t"):
            data = data.replace(b"\\" + letter, b"\\\n")
        return masks.of_name(name, Text(data))

    def _without_escapes(self, data: bytes, found: list[Found]) -> list[Found]:
        """Return what was found in data without what begins in the letter of an escape."""
        lines = Lines(data)
        found.sort()
        return [
            (first, end, i)
            for start, end, i in found
            # most of it is behind no backslash
            if (first := before_escape(lines, start) if data[start - 1] == _BACKSLASH else start) >= 0
        ]

    def _with_numbers(self, data: bytes, edits: list[Edit]) -> list[Edit]:
        """Return edits that keep lines of JSON valid: a card that is a number becomes a string."""
        card = self._replacements[self._card]
        result: list[Edit] = []
        escaped: list[int] = []
        is_json = len(edits) * _MANY_EDITS > len(data) and dense.has_only_documents(data.removesuffix(b"\n"))
        for first, last, own_edits in [(0, len(data), edits)] if is_json else by_line(data, edits, card):
            if not last:
                result += own_edits
                continue
            for start, end, own in in_tokens(data, first, last, own_edits):
                if data[start] != _QUOTE:
                    inner = [(a - start, b - start, new) for a, b, new in own]
                    result.append((start, end, b'"' + replaced(data[start:end], inner) + b'"'))
                elif (
                    data.find(b"\\", start, end) >= 0
                    and any(new == card for _, _, new in own)
                    and _may_hold_document(data[start:end])
                ):
                    # it may hold JSON with a number in it
                    escaped.append(len(result))
                    result.append((start, end, data[start:end]))
                else:
                    result += own
        # strings are redacted together, or each would cost as much as a block does
        values = self._redact_escaped([result[i][2] for i in escaped])
        for i, value in zip(escaped, values, strict=True):
            result[i] = (*result[i][:2], value)
        return result

    def _redact_escaped(self, tokens: list[bytes]) -> list[bytes]:
        """Return JSON strings with their values redacted."""
        values = strings_of(map(bytes.decode, tokens))
        known = [i for i, value in enumerate(values) if value is not None]
        shown = tokens_of(self._redact_detected([value for value in values if value is not None]))
        for i, token in zip(known, shown, strict=True):
            tokens[i] = token
        return tokens

    def _detected(self, text: Text, *, has_no_cards: bool = False) -> list[Found]:
        """Return what each detector finds behind the line feed of a text: start, end and which detector."""
        return [
            (start - 1, end - 1, i)
            for i, find in enumerate(self._detectors)
            if not (has_no_cards and i == self._card)
            for start, end in find(text)
        ]


def _may_be_document(line: bytes) -> bool:
    return line.lstrip()[:1] in (b"{", b"[") and line.rstrip(_BEHIND_DOCUMENT)[-1:] in (b"}", b"]")


def _may_hold_document(token: bytes) -> bool:
    """Say whether a line of a string of JSON, of which a backslash may be written as 2, may be a document in JSON."""
    return _OPENS_DOCUMENT.search(token) is not None


def _with_json_signs(data: bytes) -> bytes:
    return data.replace(b"\3", b'"').replace(b"\2", b"\\")


def _may_have_any(text: str) -> bool:
    return len(text) >= FEWEST_DIGITS or any(map(text.__contains__, _SIGNS_OF_SHORT))


def fingerprint(*parts: object) -> str:
    """Return 16 hex digits that change when a policy does."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
