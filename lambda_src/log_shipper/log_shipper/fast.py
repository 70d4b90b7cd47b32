"""Whole blocks of lines at once, where all lines open alike: the same bytes as line by line, several times faster.

A block is escaped by one call as one JSON text, with DEL in place of its line feeds, or another control character where
the text has that one: JSON leaves those from U+007F on as they are, so the text is then cut at it into escaped lines.
Whatever does not fit (another opening, every such character in the text, a long line) makes the functions return None,
and the block is read line by line.
"""

import io
import re
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

import orjson

from log_shipper import timestamps
from log_shipper.export_config import ExportConfig
from log_shipper.line_readers import MixedLines
from log_shipper.lines import is_utf8, text_of
from log_shipper.record import Record
from log_shipper.rendering import HEAD, Renderer
from log_shipper.vendors.s3_logs.parser import shows_no_format

_SOURCES = {"mongodb": "opening", "json-lines": "opening", "plain": "arrival", "archive": "archive"}
_OPEN_ENDS = (b",", b"{", b"[")
_BORDERS = [chr(code) for code in (0x7F, *range(0x80, 0xA0))]
_BEFORE_LINE_FEED = itemgetter(-2)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
# what `timestamps.opening` looks for, in an escaped line
_OPENING = re.compile(
    rb'\{ ?\\"(?:t|ts|time|timestamp|@timestamp|eventTime|datetime)\\" ?: ?(?:\{ ?\\"\$date\\" ?: ?)?\\"'
    rb'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:Z|\+00:?00)\\"'
)


class RawBlock(NamedTuple):
    """A block of lines that may be taken whole; `records` reads it line by line instead."""

    block: bytes | str
    """The lines."""
    timestamp_source: str
    """``opening``: every line opens with its time; ``arrival``: plain lines that have none; ``archive``: archive
    lines."""
    log_type: str
    """The log type of every record."""
    times: list[str]
    """For ``arrival``: the time of all lines, or of each."""
    records: Callable[[], list[Record]]


def source_of_format(format_name: str) -> str:
    """Return the timestamp source of a format whose blocks may be taken whole; empty for the others."""
    return _SOURCES.get(format_name, "")


def source_of_block(block: bytes, mixed: MixedLines) -> tuple[str, str]:
    """Return timestamp source and log type of lines of any format: JSON lines that open alike, or text alone."""
    if not mixed.is_plain:
        return "", ""
    if block.startswith(b"{"):
        # a document that the last line opens may go on in the next block
        return ("", "") if block.rstrip().endswith(_OPEN_ENDS) else ("opening", "json-lines")
    return ("arrival", "plain") if shows_no_format(block) else ("", "")


def source_of_events(text: str, format_name: str) -> str:
    """Return the timestamp source of a log stream's messages, one a line; empty when they must be read one by one."""
    if text.startswith("{") and format_name in ("mongodb", "json-lines", "auto"):
        return "opening"
    if format_name == "plain" or (format_name == "auto" and not text.startswith("{") and "\n{" not in text):
        return "arrival"
    return ""


class Wrapped(NamedTuple):
    """A block as its destination receives it."""

    data: bytes
    records: int
    time: str
    type: str


def render_whole(
    raw: RawBlock, export: ExportConfig, renderer: Renderer, *, by_hour: bool, is_redacted: bool
) -> Wrapped | None:
    """Return a block as its destination receives it; None where it must be read line by line."""
    if export.filter.active and not is_redacted:
        return None
    limit = renderer.shape.max_message_chars
    block = raw.block
    if isinstance(block, str) and (limit is not None or export.redactor.active):
        block = block.encode()
    if isinstance(block, bytes):
        if not is_utf8(block):
            # what is not UTF-8 is redacted, measured and shipped as it is then shown
            block = text_of(block).encode()
        if export.redactor.active and not is_redacted:
            redacted_block = export.redactor.redact_lines(block)
            if redacted_block is None:
                return None
            block = redacted_block
        if has_long_line(block, limit):
            return None
        if raw.timestamp_source == "archive":
            return pass_through(block, renderer, by_hour=by_hour) if is_redacted else None
    if raw.timestamp_source == "arrival":
        return wrap_at(block, raw.times, renderer, raw.log_type, by_hour=by_hour)
    return wrap(block, renderer, raw.log_type, by_hour=by_hour)


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
    # a leap second is written as another, and the beginning of Unix time is none
    if timestamps.UNSET.encode() in seconds or any(
        timestamps.normalise(second.decode()) != f"{second.decode()}Z" for second in seconds
    ):
        return None
    if by_hour and len({second[:13] for second in seconds}) > 1:
        return None
    times = [head[start:stop] for head in heads]
    data = renderer.lines(times, segments, log_type)
    return None if data is None else Wrapped(data, len(segments), times[0].decode() + "Z", renderer.type_of(log_type))


def wrap_at(
    block: bytes | str, times: list[str], renderer: Renderer, log_type: str, *, by_hour: bool
) -> Wrapped | None:
    """Return a block of lines whose times are given, one for each or one for all."""
    segments = _escaped_lines(block)
    if segments is None or _may_have_blanks(segments):
        return None
    if len(times) > 1 and (len(times) != len(segments) or (by_hour and len({time[:13] for time in times}) > 1)):
        return None
    data = renderer.lines([time[:-1].encode() for time in times], segments, log_type)
    return None if data is None else Wrapped(data, len(segments), times[0], renderer.type_of(log_type))


def pass_through(block: bytes, renderer: Renderer, *, by_hour: bool) -> Wrapped | None:
    """Return a block of archive lines as a destination takes them, without reading them as JSON."""
    if by_hour or not block.startswith(HEAD):
        return None
    block += b"\n"
    # faster than to count line feeds, for which Python looks at one byte after the other
    lines = io.BytesIO(block).readlines()
    # what was not written as an archive line is a record of its own kind, and a blank line is none;
    # what is between two lines that begin alike, in the order of bytes, begins as they do
    if not (min(lines).startswith(HEAD) and max(lines).startswith(HEAD)):
        return None
    if set(map(_BEFORE_LINE_FEED, lines)) != {ord("}")}:
        return None
    rendered = renderer.archived_lines(block, lines)
    if rendered is None:
        return None
    time = block[len(HEAD) : len(HEAD) + 40].partition(b'"')[0].decode("ascii", "replace")
    return Wrapped(rendered[0], len(lines), time, rendered[1])


def _escaped_lines(block: bytes | str) -> list[bytes] | None:
    text = block if isinstance(block, str) else text_of(block)
    # a border that the text has not; a wider character than the text's would make the text wider
    border = next((border for border in _BORDERS if border not in text), None)
    if border is None:
        return None
    segments = orjson.dumps(text.replace("\n", border)).split(border.encode())
    # without the quotes; they may be of one line
    segments[0] = segments[0][1:]
    segments[-1] = segments[-1][:-1]
    return segments


def _may_have_blanks(segments: list[bytes]) -> bool:
    """Say whether a line may be blank: it is when nothing but space, perhaps escaped or not ASCII, begins it."""
    return any(first in (b"", b"\\") or first >= b"\x80" for first in {segment.lstrip()[:1] for segment in segments})
