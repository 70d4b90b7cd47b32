"""The formats, and what makes records of lines in each of those that have lines."""

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from log_shipper import lenient_json, vendors
from log_shipper.errors import ConfigurationError
from log_shipper.parsers import archive_lines, json_lines, json_stream, plain
from log_shipper.record import MAX_JOINED_CHARS, Origin, Record
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.aurora_mysql import parser as aurora_mysql
from log_shipper.vendors.cockroachdb import parser as cockroachdb
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas
from log_shipper.vendors.rds import parser as rds
from log_shipper.vendors.s3_logs import parser as s3_logs

COLUMN_FORMATS = ("alb", "clb", "nlb", "s3-access", "vpc-flow", "cloudfront", "csv")
LINE_PARSERS: dict[str, Callable[[str, Origin], Record]] = {
    "mongodb": mongodb_atlas.parse,
    "aurora-audit": aurora_mysql.parse,
    "rds": rds.parse,
    "docker-json": docker_json.parse,
    "json-lines": json_lines.parse,
    "plain": plain.parse,
    "archive": archive_lines.parse,
}
STREAM_FORMATS = ("cloudtrail", "json")
JOINABLE_FORMATS = ("auto", "json-lines", "plain")
"""Formats whose lines a user's own ``record_start`` may join; the others know where a record begins."""
VENDOR_FORMATS = {
    "cockroachdb": "cockroachdb",
    "mongodb-atlas": "mongodb",
    "aurora-mysql": "aurora-audit",
    "rds": "rds",
    "aptible": "docker-json",
    "s3-logs": "auto",
    "cloudwatch-logs": "auto",
    "cloudflare": "cloudflare",
}
"""The format that ``auto`` means for a vendor. A format that no table here has is ``parse`` of the vendor's parser."""


def parser_of(vendor: str) -> Any:
    """Return a vendor's own parser, `log_shipper.vendors.<vendor>.parser`; None for a vendor that has none."""
    package = f"{vendors.__name__}.{vendor.replace('-', '_')}"
    try:
        return importlib.import_module(f"{package}.parser")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.parser"):
            raise
        return None


_KNOWN_FORMATS = ("auto", "cockroachdb", *STREAM_FORMATS, *LINE_PARSERS, *COLUMN_FORMATS)
LINE_PARSERS |= {name: parser_of(kind).parse for kind, name in VENDOR_FORMATS.items() if name not in _KNOWN_FORMATS}
FORMATS = ("auto", "cockroachdb", *STREAM_FORMATS, *LINE_PARSERS, *COLUMN_FORMATS)
_LOG_TYPES = {kind: find for kind in VENDOR_FORMATS if (find := getattr(parser_of(kind), "log_type_of_key", None))}


def log_type_of(key: str, vendor: str) -> str:
    """Return the log type from a key's path: by the ``log_type_of_key`` of the vendor's parser, if it has one."""
    find = _LOG_TYPES.get(vendor)
    return find(key) if find else vendor


class LineReader(Protocol):
    """Turns lines into records; may hold a record back until it knows that it is complete."""

    passed_over: int | None
    """How many characters of the lines are in no record on purpose, such as header lines, each line counted with its
    end. None for a reader whose messages are not the text of the lines, such as that of Docker's JSON."""

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

    For ``auto`` the reader distinguishes JSON from text; `MixedLines` also knows the columns that AWS services write to
    S3.
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
    if format_name == "archive":
        return _Single(parse, None)
    if record_start is not None:
        return _Joined(parse, record_start, record_start)
    if format_name == "mongodb":
        return _Joined(parse, mongodb_atlas.starts_record, mongodb_atlas.may_continue)
    if format_name == "rds":
        return _Joined(parse, rds.starts_record, rds.may_continue)
    return _Single(parse)


def unknown_lines() -> LineReader:
    """Return the reader of lines that stand where their format has none: each is a record that is not understood."""
    return _Single(plain.unknown)


def _auto_line(line: str, origin: Origin) -> Record:
    if line.startswith("{"):
        record = json_lines.parse(line, origin)
        if record.understood:
            return record
    return plain.parse(line, origin)


class _Single:
    """One line, one record."""

    def __init__(self, parse: Callable[[str, Origin], Record], passed_over: int | None = 0) -> None:
        self._parse, self.passed_over = parse, passed_over

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        yield self._parse(line, origin)

    def finish(self) -> Iterator[Record]:
        return iter(())


class _Columns:
    """One line, one record, but for header lines; a cell of CSV in quotes may go on over lines, up to 1 MiB of text."""

    def __init__(self, kind: str) -> None:
        self._parser = s3_logs.ColumnParser(kind)
        self.passed_over: int | None = 0
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
        if self._parser.take_header(line):
            self.passed_over = (self.passed_over or 0) + len(line) + 1
        else:
            yield self._parser.parse(line, origin)


class MixedLines:
    """Looks at every line of an S3 object for itself: JSON, the columns of AWS services, CSV under a header, or text.

    What a line is taken for decides about its fields and its time, never about whether it is a record; of the columns
    alone, header lines become no records, and only those that hold the names of columns and nothing else.

    Parameters
    ----------
    is_csv : bool
        The first line names the columns of the following ones. It is a record too: text may look like a header.
    """

    def __init__(self, *, is_csv: bool) -> None:
        self._columns: dict[str, s3_logs.ColumnParser] = {}
        self.passed_over: int | None = 0
        self._named: str | None = None
        self._is_header = is_csv
        self._held: list[str] = []
        self._chars = 0
        self._origin = Origin("", "")

    @property
    def is_plain(self) -> bool:
        """True while a line that shows no format by itself can be nothing but text."""
        return self._named is None and not self._held and not self._is_header

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        """Take a line; yield the records that are complete because of it."""
        if self._held:
            yield from self._go_on(line, origin)
        elif self._is_header:
            self._is_header, self._named = False, "csv"
            self._parser("csv").take_header(line)
            yield Record(line, origin.arrival, "csv")
        elif self._opens(line):
            self._held, self._chars, self._origin = [line], len(line), origin
        else:
            yield from self._read(line, origin)

    def finish(self) -> Iterator[Record]:
        """Yield what was held back: lines that open what does not end stand for themselves."""
        held, self._held = self._held, []
        for line in held:
            yield from self._read(line, self._origin)

    def _opens(self, line: str) -> bool:
        """Say whether a line opens a document, or a cell of CSV in quotes, that may go on in the following lines."""
        if self._named == "csv" and s3_logs.ends_in_quotes(line):
            return True
        return _OPENS_DOCUMENT.match(line) is not None

    def _go_on(self, line: str, origin: Origin) -> Iterator[Record]:
        is_document = self._held[0][:1] in "{["
        if self._begins_record(line, is_document=is_document):
            yield from self.finish()
            yield from self.feed(line, origin)
            return
        self._held.append(line)
        self._chars += len(line)
        if line[:1] in ("}", "]") if is_document else line.count('"') % 2:
            text = "\n".join(self._held)
            records = self._documents(text, text, self._origin) if is_document else [self._csv(text, self._origin)]
            if records:
                self._held = []
                yield from records
                return
        if self._chars >= MAX_JOINED_CHARS:
            yield from self.finish()

    def _begins_record(self, line: str, *, is_document: bool) -> bool:
        """Say whether a line cannot belong to what is held: no object goes on with one, no cell with a log record."""
        if is_document and self._held[0].startswith("["):
            return False
        return line.startswith("{") or (not is_document and s3_logs.format_of(line) is not None)

    def _read(self, line: str, origin: Origin) -> Iterator[Record]:
        text = line.lstrip(lenient_json.BEFORE_DOCUMENT) if line[:1] in lenient_json.BEFORE_DOCUMENT else line
        if text.startswith("{"):
            yield from self._json_line(line, text, origin)
            return
        if text.startswith("[") and (records := self._documents(line, text, origin)):
            yield from records
            return
        kind = s3_logs.format_of(text)
        if kind is not None:
            if self._parser(kind).take_header(text):
                self._named = kind
                self._pass_over(len(line) + 1)
                return
        elif self._named and self._parser(self._named).fits(text):
            kind = self._named
        yield self._parser(kind).parse(line, origin) if kind else Record(line, origin.arrival, "plain")

    def _json_line(self, line: str, text: str, origin: Origin) -> list[Record]:
        """Return the record of a line that begins with a brace, or those of the trail or documents that it holds."""
        if not json_stream.is_records(text):
            record = json_lines.parse(text, origin._replace(log_type="json-lines"))
            if record.understood:
                return [record._replace(message=line)]
        found = self._documents(line, text, origin)
        return found or [plain.unknown(line, origin._replace(log_type="json-lines"))]

    def _documents(self, line: str, text: str, origin: Origin) -> list[Record]:
        """Return the elements or documents of a text that holds nothing else; nothing where it is no JSON."""
        if text.startswith("[") and not json_stream.is_array(text):
            return []
        log_type = "cloudtrail" if json_stream.is_records(text) else origin.log_type
        data = text.encode("utf-8", "surrogatepass")
        stream = json_stream.Reader((data,), origin._replace(log_type=log_type), _unknown, is_json=True)
        records = list(stream.read())
        if not records or not all(record.understood for record in records):
            return []
        # the text's own line feed, and what is before the text
        self._pass_over(stream.passed_over + 1 + len(line) - len(text))
        return records

    def _pass_over(self, chars: int) -> None:
        self.passed_over = (self.passed_over or 0) + chars

    def _csv(self, text: str, origin: Origin) -> Record:
        return self._parser("csv").parse(text, origin)

    def _parser(self, kind: str) -> s3_logs.ColumnParser:
        if kind not in self._columns:
            self._columns[kind] = s3_logs.ColumnParser(kind)
        return self._columns[kind]


_OPENS_DOCUMENT = re.compile(r"(?:\{|\[)\s*$|(?:\{\s*\"|\[\s*\{).*[,{\[]\s*$", re.DOTALL)
"""A line that ends in the middle of a JSON document, as pretty-printed ones do."""


def _unknown(line: str, origin: Origin) -> list[Record]:
    return [plain.unknown(line, origin)]


class _Joined:
    """A record goes on over the lines that do not begin one, up to 1 MiB of text."""

    def __init__(
        self,
        parse: Callable[[str, Origin], Record],
        starts: Callable[[str], bool],
        may_continue: Callable[[str], bool],
    ) -> None:
        self._parse, self._starts, self._may_continue = parse, starts, may_continue
        self.passed_over: int | None = 0
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
