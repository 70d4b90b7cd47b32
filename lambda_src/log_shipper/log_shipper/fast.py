"""Whole blocks of lines at once, where all lines open alike: the same bytes as line by line, several times faster.

A block is escaped by one call as one JSON text, with DEL in place of its line feeds: DEL is the one control character
that JSON leaves as it is, so the text is then cut at it into escaped lines. Whatever does not fit (another opening, DEL
in the text, bytes that are not UTF-8, a long line) makes the functions return None, and the block is read line by line.
"""

import re
from itertools import chain, islice, repeat
from typing import NamedTuple

import orjson

from log_shipper import timestamps
from log_shipper.rendering import HEAD, TIMESTAMP, Renderer

_DEL = b"\x7f"
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
# what `timestamps.opening` looks for, in an escaped line
_OPENING = re.compile(
    rb'\{ ?\\"(?:t|ts|time|timestamp|@timestamp|eventTime|datetime)\\" ?: ?(?:\{ ?\\"\$date\\" ?: ?)?\\"'
    rb'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:Z|\+00:?00)\\"'
)


class Wrapped(NamedTuple):
    """A block as its destination receives it."""

    data: bytes
    records: int
    time: str


def has_long_line(block: bytes, limit: int | None) -> bool:
    """Say whether a line has more than ``limit`` bytes, without looking at every line."""
    if limit is None:
        return False
    position = 0
    while len(block) - position > limit:
        cut = block.rfind(b"\n", position, position + limit + 1)
        if cut < 0:
            return True
        position = cut + 1
    return False


def wrap(block: bytes | str, renderer: Renderer, log_type: str, *, by_hour: bool) -> Wrapped | None:
    """Return a block of lines that all open with their time, each as a record."""
    segments = _escaped_lines(block)
    if segments is None:
        return None
    opening = _OPENING.match(segments[0])
    if opening is None:
        return None
    start, stop = opening.span(1)
    heads = [segment[: opening.end()] for segment in segments]
    joined, after_time = b"".join(heads), opening[0][stop:]
    if joined.translate(_DIGITS) != opening[0].translate(_DIGITS) * len(heads) or joined.count(after_time) != len(
        heads
    ):
        return None
    seconds = {head[start : start + 19] for head in heads}
    # a leap second is written as another
    if any(timestamps.normalise(second.decode()) != f"{second.decode()}Z" for second in seconds):
        return None
    if by_hour and len({second[:13] for second in seconds}) > 1:
        return None
    before, after = renderer.around_message(log_type)
    before = b"Z" + before
    times = [head[start:stop] for head in heads]
    data = _joined(times, b"Z" + TIMESTAMP, before, segments, after)
    return Wrapped(data, len(segments), times[0].decode() + "Z")


def wrap_at(
    block: bytes | str, times: list[str], renderer: Renderer, log_type: str, *, by_hour: bool
) -> Wrapped | None:
    """Return a block of lines whose times are given, one for each or one for all."""
    segments = _escaped_lines(block)
    if segments is None or _may_have_blanks(segments):
        return None
    before, after = renderer.around_message(log_type)
    if len(times) == 1:
        time = times[0].encode()
        head = HEAD + time + TIMESTAMP + time + before
        return Wrapped(head + (after + head).join(segments) + after, len(segments), times[0])
    if len(times) != len(segments) or (by_hour and len({time[:13] for time in times}) > 1):
        return None
    data = _joined([time.encode() for time in times], TIMESTAMP, before, segments, after)
    return Wrapped(data, len(segments), times[0])


def pass_through(block: bytes, *, by_hour: bool) -> Wrapped | None:
    """Return a block of archive lines, which are a destination's lines as they are."""
    if by_hour or not block.startswith(HEAD):
        return None
    time = block[len(HEAD) : len(HEAD) + 40].partition(b'"')[0].decode("ascii", "replace")
    return Wrapped(block + b"\n", block.count(b"\n") + 1, time)


def _joined(times: list[bytes], between: bytes, before: bytes, segments: list[bytes], after: bytes) -> bytes:
    """Return head, time, between, time, before, segment, after of every line, copied once."""
    pieces = chain.from_iterable(zip(repeat(after + HEAD), times, repeat(between), times, repeat(before), segments))
    return b"".join(chain((HEAD,), islice(pieces, 1, None), (after,)))


def _escaped_lines(block: bytes | str) -> list[bytes] | None:
    try:
        text = block if isinstance(block, str) else block.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\x7f" in text:
        return None
    return orjson.dumps(text.replace("\n", "\x7f"))[1:-1].split(_DEL)


def _may_have_blanks(segments: list[bytes]) -> bool:
    """Say whether a line may be blank: it is when nothing but space, perhaps escaped or not ASCII, begins it."""
    return any(first in (b"", b"\\") or first >= b"\x80" for first in {segment.lstrip()[:1] for segment in segments})
