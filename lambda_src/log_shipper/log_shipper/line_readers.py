"""The formats, and what makes records of lines in each of those that have lines."""

from collections.abc import Callable, Iterator
from typing import Protocol

from log_shipper.errors import ConfigurationError
from log_shipper.parsers import (
    archive_lines,
    aurora_mysql,
    cockroachdb,
    docker_json,
    json_lines,
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


def _auto_line(line: str, origin: Origin) -> Record:
    if line.startswith("{"):
        record = json_lines.parse(line, origin)
        if record.understood:
            return record
    return plain.parse(line, origin)


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
