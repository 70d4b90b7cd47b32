"""Edits of a line or of a block of lines: what was found where, and what replaces it."""

from itertools import islice
from operator import gt, itemgetter

from log_shipper.lenient_json import is_document

Edit = tuple[int, int, bytes]
Found = tuple[int, int, int]
"""Where something was found, from start to end, and the number of the detector."""
_BEFORE_NUMBER, _BEHIND_NUMBER = b":,[ ", b",]} "


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


def merged(found: list[Found]) -> list[Found]:
    """Return what was found in order; what overlaps is one, named by the longer of two."""
    found.sort()
    if not any(map(gt, map(itemgetter(1), found), islice(map(itemgetter(0), found), 1, None))):
        return found
    merged: list[Found] = []
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


def by_quotes(data: bytes, line_start: int, line_end: int, edits: list[Edit]) -> list[Edit] | None:
    """Return the edits of a JSON line when quotes alone distinguish strings from whole numbers."""
    if data.find(b"\\", line_start, line_end) >= 0:
        return None
    result: list[Edit] = []
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
