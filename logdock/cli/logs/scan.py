"""One object searched: its wanted lines, written as they will be printed, each with its time."""

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from log_shipper.decode import decoded
from log_shipper.fast import RawBlock
from log_shipper.line_readers import log_type_of
from log_shipper.lines import line_blocks, text_of
from log_shipper.parsers import archive_lines
from log_shipper.patterns import Compiled, compile_pattern
from log_shipper.reading import key_fields, read_blocks
from log_shipper.record import Origin, Record
from log_shipper.rendering import HEAD, Renderer, Shape

from logdock.cli.logs.places import SearchObject
from logdock.cli.logs.query import Query
from logdock.cli.terminal import printable, printable_json_lines
from logdock.settings.exports import Export
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.s3_logs.settings import S3LogsExport

BATCH_LINES = 1000
_RESET, _DIM, _CYAN, _RED, _YELLOW = (f"\x1b[{code}m" for code in (0, 2, 36, 31, 33))
_BOLD, _NOT_BOLD = b"\x1b[1m", b"\x1b[22m"
_SEVERITIES = (
    (_RED, re.compile(r'\b(?:ERROR|FATAL|CRITICAL|PANIC)\b|"s":"[EF]"')),
    (_YELLOW, re.compile(r'\bWARN(?:ING)?\b|"s":"W"')),
)


class Form(StrEnum):
    """How lines are printed."""

    TEXT = "text"
    JSON = "json"
    RAW = "raw"


class Hit(NamedTuple):
    """A line to print."""

    time: str
    """Its time, as it compares with those of others."""
    line: bytes
    is_match: bool = True
    """Whether it was searched for; if not, it is context."""


def scan(found: SearchObject, chunks: Iterator[bytes], query: Query, form: Form) -> Iterator[list[Hit]]:
    """Yield an object's wanted lines in batches.

    Raises
    ------
    log_shipper.errors.CorruptInputError
        When the object is damaged, after what could be read before the damage.
    """
    hits = (
        _of_archive(found, chunks, query, form)
        if found.place.layout is None
        else _of_landing(found, chunks, query, form)
    )
    if query.context:
        hits = _with_context(hits, query.context)
    batch: list[Hit] = []
    for hit in hits:
        batch.append(hit)
        if len(batch) == BATCH_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def _with_context(hits: Iterable[Hit], lines: int) -> Iterator[Hit]:
    """Yield the matches of an object, and so many of its lines before and after each."""
    before, after = deque[Hit](maxlen=lines), 0
    for hit in hits:
        if hit.is_match:
            yield from before
            before.clear()
            yield hit
            after = lines
        elif after:
            yield hit
            after -= 1
        else:
            before.append(hit)


def _of_archive(found: SearchObject, chunks: Iterator[bytes], query: Query, form: Form) -> Iterator[Hit]:
    export = found.place.export
    passes = query.takes_all and form is Form.JSON
    origin = Origin(_written(found), export.kind)
    write = _writer(form, export, query.patterns)
    for block in line_blocks(decoded(chunks)):
        for line in query.candidates(block, escaped=True):
            time = _time_of(line)
            if time is not None and not query.in_range(time):
                continue
            if passes and time is not None:
                yield Hit(time[:-1], printable_json_lines(line + b"\n"))
                continue
            record = archive_lines.parse(text_of(line), origin) if line else None
            if not record or not query.in_range(record.time):
                continue
            is_match = query.wants(record, export=export.name, vendor=export.kind)
            if is_match or query.context:
                as_it_is = form is Form.JSON
                text = printable_json_lines(line + b"\n") if as_it_is else write(record)
                yield Hit(record.time[:-1], text, is_match)


def _time_of(line: bytes) -> str | None:
    """Return the time that an archive line opens with, None when it does not."""
    end = line.find(b'Z"', len(HEAD), len(HEAD) + 40)
    return line[len(HEAD) : end + 1].decode() if line.startswith(HEAD) and end > 0 else None


def _of_landing(found: SearchObject, chunks: Iterator[bytes], query: Query, form: Form) -> Iterator[Hit]:
    export = found.place.export
    source = f"s3://{found.place.bucket}/{found.key}"
    named = key_fields(found.key, export.kind, getattr(export, "named_parts", None)) or {}
    write = _writer(form, export, query.patterns)
    blocks = read_blocks(
        decoded(chunks),
        vendor=export.kind,
        format_name=export.format if isinstance(export, S3LogsExport | CloudwatchLogsExport) else "auto",
        origin=Origin(_written(found), log_type_of(found.key, export.kind)),
        record_start=_record_start(export),
    )
    for block in blocks:
        if isinstance(block, RawBlock):
            if not query.candidates(_bytes_of(block), escaped=False):
                continue
            block = block.records()
        for record in block:
            if query.in_range(record.time):
                record = record._replace(source=source, fields={**named, **(record.fields or {})} or None)
                is_match = query.wants(record, export=export.name, vendor=export.kind)
                if is_match or query.context:
                    yield Hit(record.time[:-1], write(record), is_match)


def _bytes_of(block: RawBlock) -> bytes:
    return block.block if isinstance(block.block, bytes) else block.block.encode("utf-8", "surrogatepass")


def _record_start(export: Export) -> Callable[[str], bool] | None:
    if not isinstance(export, S3LogsExport | CloudwatchLogsExport) or export.record_start is None:
        return None
    starts = compile_pattern("record_start", export.record_start)
    return lambda line: starts.search(line.encode()) is not None


def _written(found: SearchObject) -> str:
    return found.modified.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_terminal() -> bool:
    """Say whether a person reads along."""
    return sys.stdout.isatty()


def _writer(form: Form, export: Export, patterns: Sequence[Compiled]) -> Callable[[Record], bytes]:
    if form is Form.JSON:
        archived = Renderer(Shape(), export=export.name, vendor=export.kind, source="").archived
        return lambda record: printable_json_lines(archived(record))
    if form is Form.RAW:
        # a file, or another command, gets the vendor's bytes
        shown = printable if is_terminal() else str
        return lambda record: shown(record.message).encode("utf-8", "surrogatepass") + b"\n"

    def text(record: Record) -> bytes:
        line = f"{record.time} {export.name} {record.log_type} {record.message}"
        return printable(line).encode() + b"\n"

    def colored(record: Record) -> bytes:
        message = printable(record.message)
        color = next((color for color, words in _SEVERITIES if words.search(message)), "")
        shown = _highlighted(message.encode(), patterns)
        head = f"{_DIM}{record.time}{_RESET} {_CYAN}{export.name}{_RESET} {color}{printable(record.log_type)}{_RESET}"
        return head.encode() + b" " + shown + b"\n"

    return colored if is_terminal() and "NO_COLOR" not in os.environ else text


def _highlighted(message: bytes, patterns: Sequence[Compiled]) -> bytes:
    """Return a message with every match of some expressions in bold."""
    spans = sorted(span for pattern in patterns for span in _matches(message, pattern))
    parts, end = list[bytes](), 0
    for start, stop in spans:
        if stop > end:
            parts += [message[end : max(start, end)], _BOLD, message[max(start, end) : stop], _NOT_BOLD]
            end = stop
    return b"".join([*parts, message[end:]])


def _matches(message: bytes, pattern: Compiled) -> Iterator[tuple[int, int]]:
    found: Any = pattern  # RE2's own, which is wider than what redaction needs of it
    at = 0
    while at <= len(message) and (match := found.search(message, at)) is not None:
        yield match.span()
        at = max(match.end(), at + 1)
