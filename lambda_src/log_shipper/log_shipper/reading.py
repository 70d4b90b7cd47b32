"""From decompressed bytes to records: the format is picked by vendor and content, then read block by block."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from log_shipper import fast, lenient_json
from log_shipper.errors import AccountingError, CorruptInputError
from log_shipper.export_config import ExportConfig
from log_shipper.fast import RawBlock
from log_shipper.line_readers import (
    STREAM_FORMATS,
    VENDOR_FORMATS,
    LineReader,
    MixedLines,
    line_reader,
    log_type_of,
    unknown_lines,
)
from log_shipper.lines import HEAD_BYTES, line_blocks, text_of, utf8, with_head
from log_shipper.parsers import json_stream
from log_shipper.parsers.json_stream import Elements
from log_shipper.record import Origin, Record
from log_shipper.rendering import path_fields
from log_shipper.telemetry import Tally
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas
from log_shipper.vendors.s3_logs import parser as s3_logs

_BLOCK_RECORDS, _BLOCK_CHARS = 500, 1024 * 1024


def read_landed(
    pieces: Iterable[bytes], config: ExportConfig, key: str, arrival: str, tally: Tally
) -> Iterator[list[Record] | RawBlock]:
    """Yield what `read_blocks` makes of a vendor's object.

    Parameters
    ----------
    pieces : iterable of bytes
        The decompressed object.
    key : str
        Its key, which some formats take the log type from.
    arrival : str
        The time of a line that has none.
    tally : Tally
        Counts the failed logins of an audit log.
    """
    log_type = log_type_of(key, config.vendor)
    if config.vendor == "mongodb-atlas" and "audit" in log_type.lower():
        pieces = mongodb_atlas.counting_failed_logins(pieces, tally)
    return read_blocks(
        pieces,
        vendor=config.vendor,
        format_name=config.format_name,
        origin=Origin(arrival, log_type),
        record_start=config.record_start,
    )


def read_blocks(
    pieces: Iterable[bytes], *, vendor: str, format_name: str, origin: Origin,
    record_start: Callable[[str], bool] | None = None,
) -> Iterator[list[Record] | RawBlock]:  # fmt: skip
    """Yield an object's records in lists, in order, with bounded memory; blocks that may be taken whole as they are.

    Which records come out depends on the bytes, not on how they are cut into pieces.

    Parameters
    ----------
    pieces : iterable of bytes
        The decompressed object.
    vendor : str
        The export's vendor, whose format is meant by ``auto``.
    format_name : str
        One of `FORMATS`.

    Raises
    ------
    CorruptInputError
        When the pieces break off so; after everything before the damage has been yielded.
    AccountingError
        When records do not hold all of the lines: a defect. It is raised after everything has been yielded, so that
        the object is not acknowledged and is tried again.
    """
    damage: list[CorruptInputError] = []
    yield from _blocks(_until_damage(pieces, damage), vendor, format_name, origin, record_start)
    if damage:
        raise damage[0]


def _until_damage(pieces: Iterable[bytes], damage: list[CorruptInputError]) -> Iterator[bytes]:
    """Yield pieces; where they break off, end instead of raising: the line that is cut there is held until the end."""
    try:
        yield from pieces
    except CorruptInputError as error:
        damage.append(error)


def _blocks(
    pieces: Iterator[bytes], vendor: str, format_name: str, origin: Origin, record_start: Callable[[str], bool] | None
) -> Iterator[list[Record] | RawBlock]:
    source = utf8(pieces)
    if format_name == "auto":
        format_name = VENDOR_FORMATS[vendor]
    is_mixed = False
    if format_name == "auto":
        head, source = with_head(source)
        format_name = detect(head)
        is_mixed = record_start is None
    mixed = MixedLines(is_csv=format_name == "csv") if is_mixed else None
    if vendor in ("s3-logs", "cloudwatch-logs"):
        origin = origin._replace(log_type=format_name if format_name != "json" else origin.log_type)
    if format_name in STREAM_FORMATS:
        yield from _documents(source, origin, mixed)
        return
    reader = Accounted(mixed or line_reader(format_name, record_start))
    timestamp_source = fast.source_of_format(format_name) if record_start is None else ""
    for block in line_blocks(source):
        log_type = origin.log_type
        if mixed:
            timestamp_source, log_type = fast.source_of_block(block, mixed)
        # a line that opens with a brace begins a record, so nothing held back goes on in it
        if timestamp_source == "arrival" or (timestamp_source and block.startswith(b"{")):
            if held := reader.finish():
                yield held
            yield RawBlock(block, timestamp_source, log_type, [origin.arrival], partial(reader.read, block, origin))
        elif records := reader.read(block, origin):
            yield records
    if records := reader.finish():
        yield records
    reader.check()


def _documents(source: Iterable[bytes], origin: Origin, mixed: MixedLines | None) -> Iterator[list[Record] | RawBlock]:
    """Yield the records of JSON that is not one document a line, and of the lines between the documents."""
    lines = Accounted(mixed or unknown_lines())
    stream = json_stream.Reader(source, origin, lines.read_line, lines.finish, is_json=mixed is None)
    returned = 0
    for batch in _batched(stream.read_together()):
        if isinstance(batch, list):
            returned += _size(batch)
            yield batch
        else:
            returned += len(batch.block) + 1
            yield RawBlock(batch.block, "arrival", batch.log_type, batch.times, batch.records)
    if records := lines.finish():
        returned += _size(records)
        yield records
    lines.check()
    # what was read as lines is compared with its records above, and here with what was not read as lines
    in_documents = returned - lines.chars_returned
    if stream.chars_read != in_documents + lines.chars_read + stream.passed_over:
        raise AccountingError(
            f"characters read {stream.chars_read} != in documents {in_documents} + in lines {lines.chars_read}"
            f" + passed over {stream.passed_over}"
        )


def _size(records: list[Record]) -> int:
    return sum([len(record[0]) for record in records]) + len(records)


class Accounted:
    """A reader whose records must hold every character that it is given.

    Bytes that are not UTF-8 are counted as they are then shown. A line and a record count one more, for the line feed,
    which a record has inside where lines were joined.

    Attributes
    ----------
    chars_read, chars_returned : int
        How many characters the lines had, and how many the records.
    """

    def __init__(self, reader: LineReader) -> None:
        self._reader = reader
        self.chars_read = self.chars_returned = 0

    def read(self, block: bytes, origin: Origin) -> list[Record]:
        """Return the records that a block of lines of one origin completes."""
        return self.feed([(text_of(line), origin) for line in block.split(b"\n") if line and not line.isspace()])

    def read_line(self, line: str, origin: Origin) -> list[Record]:
        """Return the records that a line completes."""
        self.chars_read += len(line) + 1
        return self._count(list(self._reader.feed(line, origin)))

    def feed(self, lines: list[tuple[str, Origin]]) -> list[Record]:
        """Return the records that lines complete."""
        self.chars_read += sum([len(line) for line, _ in lines]) + len(lines)
        return self._count([record for line, origin in lines for record in self._reader.feed(line, origin)])

    def finish(self) -> list[Record]:
        """Return what the reader held back."""
        return self._count(list(self._reader.finish()))

    def _count(self, records: list[Record]) -> list[Record]:
        self.chars_returned += _size(records)
        return records

    def check(self) -> None:
        """Raise when what was read is neither in records nor passed over on purpose; only after `finish`.

        Raises
        ------
        AccountingError
            A defect of the reader.
        """
        passed_over = self._reader.passed_over
        if passed_over is not None and self.chars_read != self.chars_returned + passed_over:
            raise AccountingError(
                f"characters read {self.chars_read} != in records {self.chars_returned} + passed over {passed_over}"
            )


def key_fields(key: str, vendor: str, pattern: str | None) -> dict[str, str] | None:
    """Return the fields that an object's key gives to every line: by its vendor's layout and the export's names."""
    found = docker_json.key_fields(key) if vendor == "aptible" else {}
    return found | path_fields(pattern, key) if pattern else found or None


def detect(head: bytes) -> str:
    """Return the format that an object's first lines show; its name says nothing, and later lines may be of others."""
    text = head.decode("utf-8", "surrogateescape").lstrip("\ufeff\0 \t\r\n")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    first_line, _, rest = text.partition("\n")
    first_line = first_line.rstrip("\r")
    if json_stream.is_records(text):
        return "cloudtrail"
    if text.startswith("{"):
        is_line = lenient_json.is_document(first_line)
        # a document that goes on after what is seen here may be of any form
        is_stream = not is_line and (json_stream.is_document(text) or len(head) >= HEAD_BYTES)
        return "json" if is_stream else "json-lines"
    if text.startswith("[") and json_stream.is_array(text):
        return "json"
    second_line = rest.partition("\n")[0].rstrip("\r")
    if found := s3_logs.format_of(first_line):
        return found
    # a header that heads nothing is a plain line
    return "csv" if s3_logs.is_csv_header(first_line, second_line) else "plain"


def _batched(found: Iterator[Record | Elements]) -> Iterator[list[Record] | Elements]:
    batch: list[Record] = []
    chars = 0
    for each in found:
        if isinstance(each, Record):
            batch.append(each)
            chars += len(each.message)
        if batch and (isinstance(each, Elements) or len(batch) == _BLOCK_RECORDS or chars >= _BLOCK_CHARS):
            yield batch
            batch, chars = [], 0
        if isinstance(each, Elements):
            yield each
    if batch:
        yield batch
