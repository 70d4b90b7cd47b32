"""Redaction and filters: what is taken out of a record, and which records are not wanted, before anything is stored.

Detectors search a line as it is written, and a second time with its escapes decoded (JSON's, at any depth, and
percent-encoding); what they find is replaced where it is written, so a JSON line stays valid JSON and keeps its layout.
Only lines with an escape are searched a second time.
Markers and the user's own patterns work on each string value of a JSON line, unescaped, and on each number; names in an
object count as values: a secret in a name is a secret. JSON within a string, and within a line that is not JSON as a
whole, is handled in the same way. The user's patterns run in RE2, and everything else in time linear in the line.
"""

import binascii
import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, compress, islice
from operator import add, gt, itemgetter
from typing import NamedTuple, Protocol

import orjson

from log_shipper import dense
from log_shipper.detectors import DETECTORS, Span, Text
from log_shipper.errors import ConfigurationError
from log_shipper.lenient_json import is_document, string_of

MARKERS = ("keep", "redact", "strip")
_MARKED = re.compile("‹[^‹›]*+›")
_MARKED_REDACTED = "‹×›"
_OPENS, _CLOSES = "‹".encode(), "›".encode()
_MARK_LEAD = _OPENS[:1]
# of bytes that UTF-8 does not have, in place of the marks: one more is open, or one less
_STEPS = bytes.maketrans(b"\xf8\xf9", b"\x01\xff")
_NO_MARK = bytes(range(0xF8))
# the same marks as JSON may escape them
_ESCAPED_MARK = re.compile(r"\\u20(?:39|3[aA]|20)")
# a JSON string with its quotes, possessive, so that memory and time do not grow with its length; the last quote may be
# missing where the text is not JSON, or each quote of a hostile text would be a beginning to be tried
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_JSON_STRING = re.compile(_STRING, re.DOTALL)
# a number, from its first digit on; the detectors find nothing in one of fewer than 12 digits
_NUMBER = r"|(?<![0-9.eE+-])-?[0-9]{%d,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_JSON_TOKEN = re.compile(_STRING + _NUMBER % 1, re.DOTALL)
_JSON_LONG_TOKEN = re.compile((_STRING + _NUMBER % 12).encode(), re.DOTALL)
_BEFORE_NUMBER, _BEHIND_NUMBER = b":,[ ", b",]} "
# an escape whose character may belong to something that is searched for, after any number of backslashes, and a
# percent-encoded ASCII character, encoded any number of times
_ESCAPE = re.compile(rb"(\\(?<!\\\\)\\*+(?:u[0-9a-fA-F]{4}|x[0-7][0-9a-fA-F]|/)|%(?:25)*+[0-7][0-9a-fA-F])")
# what is no percent-encoded ASCII character, or an encoded percent sign
_PERCENT_OTHER = re.compile(rb"%(?![0134567][0-9a-fA-F]|2[0-46-9a-fA-F])")
_PERCENT_AS_EQUALS = bytes.maketrans(b"%=", b"=\xf8")
_BACKSLASH_LEAD = re.compile(rb"\\[bfnrtux/]")
_ESCAPE_LEAD = re.compile(rb"\\[bfnrtux/]|%[0-7][0-9a-fA-F]")
_BACKSLASH_DECODED_LEAD = re.compile(rb"\\[ux/]")
_DECODED_LEAD = re.compile(rb"\\[ux/]|%[0-7][0-9a-fA-F]")
# an @ that is encoded, behind the quotes of a local part
_QUOTE_AT = re.compile(rb"\"(?:\\++(?:u00|x)|%(?:25)*+)40")
_DENSE_ESCAPES = 32
"""One escape in so many bytes: then lines are decoded as they are."""
_LINE_FEED = b""
_DELIMITERS = bytes.maketrans(b",;&?{}()|", b"\n" * 9)
_DELIMITERS_OF_HEADERS = bytes.maketrans(b";&?{}()|", b"\n" * 8)
# control characters end what stands before and begin what stands after them: the same number of bytes of that kind
_CONTROLS = ((b"\\n", b"\r\r"), (b"\\t", b"\t\t"), (b"\\r", b"\r\r"), (b"\\b", b"\r\r"), (b"\\f", b"\r\r"))
_ESCAPE_LETTERS = b"bfnrtux"
_MAX_LAYERS = 10
"""How often escaped text may be escaped again and is still read."""
_CHARACTER_CODE = re.compile(rb"u[0-9a-fA-F]{4}|x[0-7][0-9a-fA-F]")


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


_Edit = tuple[int, int, bytes]
_Found = tuple[int, int, int]
"""Where something was found, from start to end, and the number of the detector."""


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
            *([_MARKED_REDACTED] if markers == "redact" else ()),
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
        if "\\" in text and (self._patterns or _ESCAPED_MARK.search(text)):
            text = _JSON_STRING.sub(lambda found: self._redact_token(found) if "\\" in found[0] else found[0], text)
        return self.redact_value(text)

    def redact_unjudged(self, text: str, start: int) -> str | None:
        """Return what precedes a text that may be the middle of a marked value, redacted, and nothing of the text.

        None where marks are not redacted, and where a mark in the text says what is marked.
        """
        if self._markers != "redact" or self._has_marks(text[start:]):
            return None
        return self.redact(text[:start]) + _MARKED_REDACTED

    def redact_value(self, text: str) -> str:
        """Return one string value, redacted."""
        if self._has_marks(text):
            text = _redact_marks(text) if self._markers == "redact" else _without_marks(text)
            # what a mark divided is whole now
            text = self._redact_detected(text)
        if not self._patterns:
            return text
        data = original = text.encode()
        for pattern, replacement in self._patterns:
            data = _replaced(data, [(start, end, replacement.encode()) for start, end in _matches(pattern, data)])
        return text if data is original else data.decode("utf-8", "backslashreplace")

    def _may_have_marks(self, block: bytes) -> bool:
        return self._markers != "keep" and (_MARK_LEAD in block or (b"\\" in block and b"\\u20" in block))

    def _has_marks(self, text: str) -> bool:
        return self._markers != "keep" and (
            "‹" in text or "›" in text or "†" in text or ("\\u20" in text and _ESCAPED_MARK.search(text) is not None)
        )

    def _redact_detected(self, text: str) -> str:
        if not self._detectors:
            return text
        data = text.encode()
        redacted = self._without_detected(data)
        return text if redacted is data else redacted.decode()

    def _without_detected(self, data: bytes) -> bytes:
        """Return a line or a block of lines without what the detectors find; the same object where that is nothing."""
        if not self._detectors:
            return data
        if not dense.is_dense(data):
            return _replaced(data, self._edits(data))
        return b"".join(map(self._without_tokens, dense.windows(data)))

    def _without_tokens(self, data: bytes) -> bytes:
        rest, cards = dense.replace_tokens(data, self._names)
        redacted = _replaced(rest, self._edits(rest, cards))
        return redacted if rest is data else dense.fill_placeholders(redacted, self._names)

    def _edits(self, data: bytes, cards: list[Span] | None = None) -> list[_Edit]:
        """Return what is to be replaced in a line or in a block of lines, in order and without overlap.

        ``cards`` are where cards are in a line feed and data, if that is known.
        """
        found = self._detected(data, cards)
        if b"\\" in data or b"%" in data:
            found = self._with_decoded(data, found)
        found = _merged(found)
        edits = [(start, end, self._replacements[i]) for start, end, i in found]
        if self._card >= 0 and (b"{" in data or b"[" in data) and self._card in map(itemgetter(2), found):
            edits = self._with_numbers(data, edits)
        return edits

    def _with_decoded(self, data: bytes, found: list[_Found]) -> list[_Found]:
        """Return what was found in data, and what is found once its escapes are decoded."""
        if b"\\" in data:
            lines = _Lines(data)
            found.sort()
            found = [(first, end, i) for start, end, i in found if (first := _before_escape(lines, start)) >= 0]
        view = _View.of(data)
        if view is not None and (decoded := self._detected(view.data)):
            starts, ends, which = zip(*decoded, strict=True)
            found += zip(view.originals(starts), view.originals(ends), which, strict=True)
        return found

    def _with_numbers(self, data: bytes, edits: list[_Edit]) -> list[_Edit]:
        """Return edits that keep lines of JSON valid: a card that is a number becomes a string."""
        card = self._replacements[self._card]
        lines = _Lines(data)
        result: list[_Edit] = []
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
            result += self._in_json(data, lines.start, lines.end, own) if lines.is_json else own
            at = stop
        return result

    def _in_json(self, data: bytes, line_start: int, line_end: int, edits: list[_Edit]) -> list[_Edit]:
        """Return the edits of a JSON line by its strings and long numbers."""
        if (known := _by_quotes(data, line_start, line_end, edits)) is not None:
            return known
        card = self._replacements[self._card]
        result: list[_Edit] = []
        at = 0
        for token in _JSON_LONG_TOKEN.finditer(data, line_start, line_end):
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
                result.append((start, end, b'"' + _replaced(token[0], inner) + b'"'))
            elif b"\\" in token[0] and any(new == card for _, _, new in own):
                # it may hold JSON with a number in it
                result.append((start, end, self._redact_escaped(token[0])))
            else:
                result += own
        return result

    def _redact_escaped(self, token: bytes) -> bytes:
        value = string_of(token.decode())
        return token if value is None else orjson.dumps(self._redact_detected(value))

    def _detected(self, data: bytes, cards: list[Span] | None = None) -> list[_Found]:
        """Return what each detector finds: start, end and which detector."""
        text = Text(b"\n" + data)
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


def _replaced(data: bytes, spans: list[_Edit]) -> bytes:
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


def _merged(found: list[_Found]) -> list[_Found]:
    """Return what was found in order; what overlaps is one, named by the longer of two."""
    found.sort()
    if not any(map(gt, map(itemgetter(1), found), islice(map(itemgetter(0), found), 1, None))):
        return found
    merged: list[_Found] = []
    first = last = which = -1
    for start, end, i in found:
        if start < last:
            which = i if end - start > last - first else which
            last = max(last, end)
            merged[-1] = (first, last, which)
        else:
            first, last, which = start, end, i
            merged.append((start, end, i))
    return merged


def _matches(pattern: Compiled, data: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position <= len(data) and (match := pattern.search(data, position)) is not None:
        start, end = match.span(0)
        if end > start:
            yield start, end
        position = max(end, position + 1)


def _by_quotes(data: bytes, line_start: int, line_end: int, edits: list[_Edit]) -> list[_Edit] | None:
    """Return the edits of a JSON line when quotes alone tell what is a string and what is a whole number."""
    if data.find(b"\\", line_start, line_end) >= 0:
        return None
    result: list[_Edit] = []
    quotes, done = 0, line_start
    for edit in edits:
        start, end, new = edit
        quotes += data.count(b'"', done, start)
        done = start
        if quotes % 2 == 0:
            if data[start - 1] not in _BEFORE_NUMBER or data[end] not in _BEHIND_NUMBER:
                return None
            edit = start, end, b'"' + new + b'"'
        result.append(edit)
    return result


class _Lines:
    """The line that a place in a block belongs to, and whether it is JSON; places are asked for in order."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.start, self.end = 0, -1
        self._is_json: bool | None = None

    def move_to(self, position: int) -> None:
        """Go to the line of a position."""
        if self.start <= position <= self.end:
            return
        end = self.data.find(b"\n", position)
        self.end = end if end >= 0 else len(self.data)
        self.start = self.data.rfind(b"\n", 0, position) + 1
        self._is_json = None

    @property
    def is_json(self) -> bool:
        """True when the line is a JSON object or array."""
        if self._is_json is None:
            line = self.data[self.start : self.end]
            self._is_json = line.lstrip()[:1] in (b"{", b"[") and is_document(line.decode())
        return self._is_json


def _before_escape(lines: _Lines, start: int) -> int:
    r"""Return where something found at a place begins, -1 where it is no beginning.

    After a backslash, its first letter may be that of an escape. In a JSON string it is, and what follows is found in
    the decoded view; elsewhere it may be either (`C:\users\bob`), and the escape is taken out with it.
    """
    data = lines.data
    if start == 0 or data[start - 1] != 0x5C or data[start] not in _ESCAPE_LETTERS:
        return start
    if _CHARACTER_CODE.match(data, start):
        return -1
    first = start
    while first and data[first - 1] == 0x5C:
        first -= 1
    lines.move_to(start)
    return -1 if (start - first) % 2 and lines.is_json else first


class _View:
    """Pieces of lines with their escapes decoded, however often they were escaped, and the way back.

    Attributes
    ----------
    data : bytes
        The decoded pieces, a line each.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._layers: list[Callable[[], tuple[list[int], list[int]]]] = []
        """What computes where the pieces of each layer begin, and where they began; only where anything is found."""

    @classmethod
    def of(cls, data: bytes) -> "_View | None":
        """Return the view of what is between two delimiters and has an escape; None when there is nothing to decode."""
        view = cls(data)
        view._take_pieces()
        before = text = view.data
        if b"\\" in text:
            for escape, border in _CONTROLS:
                text = text.replace(escape, border)
        view.data = text
        layers = 0
        while layers < _MAX_LAYERS and view._decode():
            layers += 1
        return view if layers or text != before else None

    def _take_pieces(self) -> None:
        """Leave what has an escape, between two delimiters: nothing that is found goes on over one.

        Only a quoted local part of an e-mail address does, and a header whose name and value are two values: where
        there may be one, pieces are lines, or do not end at a comma.
        """
        data = self.data
        sample = dense.sample_of(data)
        if len(_ESCAPE_LEAD.findall(sample)) * _DENSE_ESCAPES > len(sample) > 0:
            # so many pieces that taking them costs more than decoding all
            return
        delimiters = _DELIMITERS_OF_HEADERS if b"basic" in self.data.lower() else _DELIMITERS
        taken, origins = self._pieces(_LINE_FEED if b'"@' in self.data else delimiters)
        pieces = b"\n".join(taken)
        if _QUOTE_AT.search(pieces):
            taken, origins = self._pieces(_LINE_FEED)
            pieces = b"\n".join(taken)
        self.data = pieces
        self._layers.append(lambda: ([0, *accumulate([len(piece) + 1 for piece in taken[:-1]])], origins))

    def _pieces(self, delimiters: bytes) -> tuple[list[bytes], list[int]]:
        """Return the parts between delimiters that have the beginning of an escape, and where they begin."""
        data = self.data
        borders = data.translate(delimiters) if delimiters != _LINE_FEED else data
        search = (_ESCAPE_LEAD if b"%" in data else _BACKSLASH_LEAD).search
        taken: list[bytes] = []
        origins: list[int] = []
        begin = 0
        while (match := search(data, begin)) is not None:
            at = match.start()
            start = borders.rfind(b"\n", begin, at) + 1 or begin
            end = borders.find(b"\n", at)
            if end < 0:
                end = len(data)
            taken.append(data[start:end])
            origins.append(start)
            begin = end
        return taken, origins

    def _decode(self) -> bool:
        """Decode one layer of escapes; return whether there was any."""
        if (_DECODED_LEAD if b"%" in self.data else _BACKSLASH_DECODED_LEAD).search(self.data) is None:
            return False
        data = self.data
        if (decoded := _percent_decoded(data)) is not None:
            self.data = decoded
            # where nothing is found, what was decoded where need not be known
            self._layers.append(lambda: _borders(*_decoded_parts(data)))
            return True
        texts, escapes, characters = _decoded_parts(data)
        if not escapes:
            return False
        parts = [b""] * (2 * len(escapes) + 1)
        parts[::2], parts[1::2] = texts, characters
        self.data = b"".join(parts)
        self._layers.append(lambda: _borders(texts, escapes, characters))
        return True

    def originals(self, positions: Sequence[int]) -> Sequence[int]:
        """Return the places in the original data of borders between two decoded bytes."""
        for borders in reversed(self._layers):
            starts, origins = borders()
            positions = [
                origins[i := bisect_right(starts, position) - 1] + position - starts[i] for position in positions
            ]
        return positions


def _percent_decoded(data: bytes) -> bytes | None:
    """Return text decoded whose escapes are all percent-encoded ASCII characters, once; None where one may be another.

    Quoted-printable differs in the sign: the standard library decodes it in C.
    """
    if b"\\" in data or _PERCENT_OTHER.search(data) is not None:
        return None
    return binascii.a2b_qp(data.translate(_PERCENT_AS_EQUALS)).replace(b"\xf8", b"=")


def _decoded_parts(data: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return what is between the escapes, the escapes, and what each is decoded."""
    parts = _ESCAPE.split(data)
    if b"\\\\" in data:
        parts = _without_pairs(parts)
    texts, escapes = parts[::2], parts[1::2]
    table = {escape: _decoded(escape) for escape in set(escapes)}
    return texts, escapes, list(map(table.__getitem__, escapes))


def _borders(texts: list[bytes], escapes: list[bytes], characters: list[bytes]) -> tuple[list[int], list[int]]:
    """Return where each text and each character begins in the decoded text, and where in the original."""
    sizes = [*map(len, texts)]
    shown, written = map(len, characters), map(len, escapes)
    return [0, *accumulate(map(add, sizes, shown))], [0, *accumulate(map(add, sizes, written))]


def _without_pairs(parts: list[bytes]) -> list[bytes]:
    """Return texts and escapes in turn, with the pairs of backslashes that precede an escape as one of their own."""
    escapes = parts[1::2]
    pairs = {escape: escape[: (len(escape) - len(escape.lstrip(b"\\"))) // 2 * 2] for escape in set(escapes)}
    rests = {escape: escape[len(pair) :] for escape, pair in pairs.items()}
    result = [b""] * (4 * len(escapes) + 1)
    result[::4] = parts[::2]
    result[1::4] = map(pairs.__getitem__, escapes)
    result[3::4] = map(rests.__getitem__, escapes)
    return result


def _decoded(escape: bytes) -> bytes:
    if escape[:1] == b"%":
        return bytes.fromhex(escape[-2:].decode())
    if escape[:2] == b"\\\\":
        # one backslash of two is the other one's escape
        return escape[: len(escape) // 2]
    if escape[:1] != b"\\":
        return escape
    if escape[1:2] == b"/":
        return b"/"
    character = chr(int(escape[2:], 16))
    return character.encode("utf-8", "surrogatepass")


def _without_marks(text: str) -> str:
    for mark in "‹›†":
        text = text.replace(mark, "")
    return text


def _redact_marks(text: str) -> str:
    """Return text without what is marked: from an unmatched ‹ to the end, and from the start to an unmatched ›.

    CloudWatch Logs cuts long events and CockroachDB breaks long lines, so a mark's other half may be missing.
    """
    if "›" not in text:
        before, mark, _ = text.partition("‹")
        return before + _MARKED_REDACTED if mark else text
    if "‹" not in text:
        return _MARKED_REDACTED + text.rpartition("›")[2]
    shown, pairs = _MARKED.subn(_MARKED_REDACTED, text)
    if pairs == text.count("‹") == text.count("›"):
        return shown
    texts = text.replace("›", "‹").split("‹")
    marks = text.encode().replace(_OPENS, b"\xf8").replace(_CLOSES, b"\xf9").translate(_STEPS, _NO_MARK)
    depths = [*accumulate(memoryview(marks).cast("b"), initial=0)]
    # an unmatched › makes a new least, and the last of them ends what is marked from the start
    least = min(depths)
    start = depths.index(least)
    parts = [*([""] if start else []), *compress(texts[start:], map(least.__eq__, depths[start:]))]
    if depths[-1] != least:
        parts.append("")
    return _MARKED_REDACTED.join(parts)
