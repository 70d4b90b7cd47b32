"""Edits of a line or of a block of lines: what was found where, and what replaces it."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import gt, itemgetter

from log_shipper.lenient_json import is_document

Edit = tuple[int, int, bytes]
Found = tuple[int, int, int]
"""Where something was found, from start to end, and the number of the detector."""
_OF_NUMBER = b"0123456789.eE+-"
# the detectors find nothing in a number of fewer than 12 digits
_LONG_NUMBER = re.compile(rb"-?[0-9]{12,}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_REST_OF_NUMBER = re.compile(rb"[0-9.eE+-]+")


def replaced(data: bytes, spans: list[Edit]) -> bytes:
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


def replaced_found(data: bytes, found: list[Found], replacements: Sequence[bytes]) -> bytes:
    """Return data with what was found, which is in order, replaced by what its detector has."""
    if not found:
        return data
    starts, ends, which = zip(*found, strict=True)
    parts = [b""] * (2 * len(found) + 1)
    parts[::2] = map(data.__getitem__, map(slice, (0, *ends), (*starts, len(data))))
    parts[1::2] = map(replacements.__getitem__, which)
    return b"".join(parts)


def merged(found: list[Found]) -> list[Found]:
    """Return what was found in order; what overlaps is one, named by the longer of two."""
    found.sort()
    if not _overlap(found):
        return found
    # much is found as it is written and decoded
    found = [one for one, _ in groupby(found)]
    if not _overlap(found):
        return found
    merged: list[Found] = []
    first = last = which = -1
    for start, end, i in found:
        if start < last:
            if end - start > last - first:
                which = i
            if end > last:
                last = end
            merged[-1] = (first, last, which)
        else:
            first, last, which = start, end, i
            merged.append((start, end, i))
    return merged


def _overlap(found: list[Found]) -> bool:
    return any(map(gt, map(itemgetter(1), found), islice(map(itemgetter(0), found), 1, None)))


def in_tokens(data: bytes, first: int, last: int, edits: list[Edit]) -> Iterator[tuple[int, int, list[Edit]]]:
    """Yield the strings and long numbers of a part of data that have edits, and these; the part is JSON.

    What is in no such token is omitted: digits that are a fraction or an exponent are no card.
    """
    marked = data[first:last]
    if b"\\" in marked:
        # without the quotes that are escaped
        marked = marked.replace(rb"\\", b"\0\0").replace(rb"\"", b"\0\0")
    quotes = at = 0
    end = done = first
    while at < len(edits):
        start = edits[at][0]
        quotes += marked.count(b'"', done - first, start - first)
        done = start
        if quotes % 2:
            begin = first + marked.rfind(b'"', end - first, start - first)
            end = first + marked.find(b'"', start - first) + 1
            is_token = True
        else:
            begin = end + len(data[end:start].rstrip(_OF_NUMBER))
            number = _LONG_NUMBER.match(data, begin)
            is_token = number is not None and number.end() > start
            if not is_token:
                number = _REST_OF_NUMBER.match(data, start)
            end = number.end() if number is not None else start + 1
        own = at
        while at < len(edits) and edits[at][0] < end:
            at += 1
        if is_token:
            yield begin, end, edits[own:at]


class Lines:
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


def by_line(data: bytes, edits: list[Edit], card: bytes) -> Iterator[tuple[int, int, list[Edit]]]:
    """Yield each line of JSON with a card, from where to where, with its edits; and nowhere, the edits between two."""
    lines = Lines(data)
    at = done = 0
    while at < len(edits):
        if edits[at][2] != card:
            at += 1
            continue
        lines.move_to(edits[at][0])
        first = at
        while first > done and edits[first - 1][0] >= lines.start:
            first -= 1
        while at < len(edits) and edits[at][0] < lines.end:
            at += 1
        if lines.is_json:
            yield 0, 0, edits[done:first]
            yield lines.start, lines.end, edits[first:at]
            done = at
    yield 0, 0, edits[done:]
