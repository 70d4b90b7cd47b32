"""The characters between two words in which nothing that redaction looks for can be, and texts cut at them."""

import re
from collections.abc import Iterator

BORDERS = b'\n\t ,;(){}<>|&?=/[]"!#$*^`'
IN_CLASS = re.escape(BORDERS)
"""Within the brackets of an expression."""


def cut(text: bytes, size: int, *, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield where parts of a text begin and end: each ends behind a line feed, and has so many bytes or a few more.

    Parameters
    ----------
    text : bytes
        With a line feed in place of every character at which it may be cut.
    start, end : int
        What is cut; the last part ends there.
    """
    last = len(text) if end is None else end
    while start < last:
        stop = min(text.find(b"\n", start + size) + 1 or last, last)
        yield start, stop
        start = stop
