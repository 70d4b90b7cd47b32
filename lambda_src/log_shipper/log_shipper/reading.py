"""From decompressed bytes to records: the format is picked by vendor and content, then read block by block."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

import orjson

from log_shipper.errors import ConfigurationError
from log_shipper.lines import HEAD_BYTES, line_blocks, text_of, utf8, with_head
from log_shipper.parsers import (
    archive_lines,
    aurora_mysql,
    cockroachdb,
    docker_json,
    json_lines,
    json_stream,
    mongodb_atlas,
    plain,
    s3_logs,
)
from log_shipper.record import MAX_JOINED_CHARS, Origin, Record

COLUMN_FORMATS = ("alb", "clb", "nlb", "s3-access", "vpc-flow", "cloudfront", "csv")
LINE_PARSERS: dict[str, Callable[[str, Origin], Record]] = {
    "mongodb": mongodb_atlas.parse,
    "aurora-audit": aurora_mysql.parse,
    "docker-json": docker_json.parse,
    "json-lines": json_lines.parse,
    "plain": plain.parse,
    "archive": archive_lines.parse,
}
STREAM_FORMATS = ("cloudtrail", "json")
FORMATS = ("auto", "cockroachdb", *STREAM_FORMATS, *LINE_PARSERS, *COLUMN_FORMATS)
JOINABLE_FORMATS = ("auto", "json-lines", "plain")
"""Formats whose lines a user's own ``record_start`` may join; the others know where a record begins."""
VENDOR_FORMATS = {
    "cockroachdb": "cockroachdb",
    "mongodb-atlas": "mongodb",
    "aurora-mysql": "aurora-audit",
    "aptible": "docker-json",
    "s3-logs": "auto",
    "cloudwatch-logs": "auto",
}
_BLOCK_RECORDS = 500


class LineReader(Protocol):
    """Turns lines into records; may hold a record back until it knows that it is complete."""

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        """Take a line; yield the records that are complete because of it."""

    def finish(self) -> Iterator[Record]:
        """Yield what was held back."""


def line_reader(format_name: str, record_start: Callable[[str], bool] | None = None) -> LineReader:
    """Return the reader of a line format; ``auto`` looks at every line for itself.

    Parameters
    ----------
    format_name : str
        One of `FORMATS` but `STREAM_FORMATS`, which are no line formats.
    record_start : callable, optional
        Says whether a line begins a record: lines for which it does not are joined to the one before.
    """
    if format_name == "cockroachdb":
        return cockroachdb.Joiner()
    if format_name == "docker-json":
        return docker_json.Joiner()
    parse = _auto_line if format_name == "auto" else LINE_PARSERS.get(format_name)
    if parse is None and format_name in COLUMN_FORMATS:
        return _Columns(format_name)
    if parse is None:
        raise ConfigurationError(f"format {format_name!r} is not a line format; allowed: {', '.join(FORMATS)}")
    if record_start is not None:
        return _Joined(parse, record_start, record_start)
    if format_name == "mongodb":
        return _Joined(parse, mongodb_atlas.starts_record, mongodb_atlas.may_continue)
    return _Single(parse)


class RawBlock:
    """A block of lines that may be taken whole; `records` reads it line by line instead.

    Attributes
    ----------
    block : bytes or str
        The lines.
    way : str
        ``opening``: every line opens with its time; ``arrival``: plain lines that have none; ``archive``: archive
        lines.
    log_type : str
        The log type of every record.
    times : list of str
        For ``arrival``: the time of all lines, or of each.
    """

    def __init__(
        self, block: bytes | str, way: str, log_type: str, times: list[str], records: Callable[[], list[Record]]
    ) -> None:
        self.block, self.way, self.log_type, self.times, self.records = block, way, log_type, times, records


_WAYS = {"mongodb": "opening", "json-lines": "opening", "plain": "arrival", "archive": "archive"}


def read_blocks(
    pieces: Iterable[bytes], *, vendor: str, format_name: str, origin: Origin,
    record_start: Callable[[str], bool] | None = None,
) -> Iterator[list[Record] | RawBlock]:  # fmt: skip
    """Yield an object's records in lists, in order, with bounded memory; blocks that may be taken whole as they are.

    Parameters
    ----------
    pieces : iterable of bytes
        The decompressed object.
    vendor : str
        The export's vendor, whose format is meant by ``auto``.
    format_name : str
        One of `FORMATS`.
    """
    source = utf8(pieces)
    if format_name == "auto":
        format_name = VENDOR_FORMATS[vendor]
    if format_name == "auto":
        head, source = with_head(source)
        format_name = detect(head)
    if vendor in ("s3-logs", "cloudwatch-logs"):
        origin = origin._replace(log_type=format_name if format_name != "json" else origin.log_type)
    if format_name in STREAM_FORMATS:
        yield from _batched(json_stream.read(source, origin))
        return
    reader = line_reader(format_name, record_start)

    def records_of(block: bytes) -> list[Record]:
        return [
            record for line in block.split(b"\n") if line and not line.isspace()
            for record in reader.feed(text_of(line), origin)
        ]  # fmt: skip

    way = _WAYS.get(format_name, "") if record_start is None else ""
    for block in line_blocks(source):
        # a line that opens with a brace begins a record, so nothing held back goes on in it
        if way == "arrival" or (way and block.startswith(b"{")):
            if held := list(reader.finish()):
                yield held
            yield RawBlock(block, way, origin.log_type, [origin.arrival], partial(records_of, block))
        elif records := records_of(block):
            yield records
    if records := list(reader.finish()):
        yield records


def detect(head: bytes) -> str:
    """Return the format that the first 128 KiB of an object show; its name says nothing."""
    text = text_of(head).removeprefix("\ufeff").lstrip()
    if "\n" not in text:
        text = text.replace("\r", "\n")
    first_line, _, rest = text.partition("\n")
    if json_stream.is_records(text):
        return "cloudtrail"
    if text.startswith("{"):
        is_line = _is_json(first_line)
        # a document that goes on after what is seen here may be of any form
        is_stream = not is_line and (json_stream.is_document(text) or len(head) >= HEAD_BYTES)
        return "json" if is_stream else "json-lines"
    if text.startswith("[") and json_stream.is_array(text):
        return "json"
    return s3_logs.detect(first_line.rstrip("\r"), rest.partition("\n")[0].rstrip("\r"))


def _is_json(line: str) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _auto_line(line: str, origin: Origin) -> Record:
    if line.startswith("{"):
        record = json_lines.parse(line, origin)
        if record.understood:
            return record
    return plain.parse(line, origin)


def _batched(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch = []
    for record in records:
        batch.append(record)
        if len(batch) == _BLOCK_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


class _Single:
    """One line, one record."""

    def __init__(self, parse: Callable[[str, Origin], Record]) -> None:
        self._parse = parse

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        yield self._parse(line, origin)

    def finish(self) -> Iterator[Record]:
        return iter(())


class _Columns:
    """One line, one record, but for header lines; a cell of CSV in quotes may go on over lines, up to 1 MiB of text."""

    def __init__(self, kind: str) -> None:
        self._parser = s3_logs.ColumnParser(kind)
        self._csv = kind == "csv"
        self._held: list[str] = []
        self._chars = 0
        self._origin = Origin("", "")

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        if self._held:
            self._held.append(line)
            self._chars += len(line)
            if line.count('"') % 2:
                line, self._held = "\n".join(self._held), []
            elif self._chars < MAX_JOINED_CHARS:
                return
            else:
                yield from self.finish()
                return
        elif self._csv and s3_logs.ends_in_quotes(line):
            self._held, self._chars, self._origin = [line], len(line), origin
            return
        yield from self._parse(line, origin)

    def finish(self) -> Iterator[Record]:
        # quotes that never end are no quotes: the lines stand for themselves
        held, self._held = self._held, []
        for line in held:
            yield from self._parse(line, self._origin)

    def _parse(self, line: str, origin: Origin) -> Iterator[Record]:
        record = self._parser.parse(line, origin)
        if record is not None:
            yield record


class _Joined:
    """A record goes on over the lines that do not begin one, up to 1 MiB of text."""

    def __init__(
        self,
        parse: Callable[[str, Origin], Record],
        starts: Callable[[str], bool],
        may_continue: Callable[[str], bool],
    ) -> None:
        self._parse, self._starts, self._may_continue = parse, starts, may_continue
        self._held: list[str] = []
        self._chars = 0
        self._origin = Origin("", "")

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        if self._held and not self._starts(line) and self._chars < MAX_JOINED_CHARS:
            self._held.append(line)
            self._chars += len(line)
            return
        yield from self.finish()
        if self._may_continue(line):
            self._held, self._chars, self._origin = [line], len(line), origin
        else:
            yield self._parse(line, origin)

    def finish(self) -> Iterator[Record]:
        if self._held:
            first, *rest = self._held
            record = self._parse(first, self._origin)
            yield record._replace(message="\n".join((first, *rest))) if rest else record
            self._held = []
