"""Readers: in every format any bytes become records, the same however they are cut, and every line is in one."""

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import lenient_json, line_readers, lines, reading
from log_shipper.fast import RawBlock
from log_shipper.line_readers import COLUMN_FORMATS, FORMATS, STREAM_FORMATS, VENDOR_FORMATS
from log_shipper.parsers import json_stream
from log_shipper.reading import detect, read_blocks
from log_shipper.record import Record
from log_shipper.timestamps import normalise
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.cockroachdb import parser as cockroachdb
from log_shipper.vendors.s3_logs import parser as s3_logs

from tests.fuzz.budget import fuzz
from tests.fuzz.material import LARGEST, LINES, OBJECT, ORIGIN, SIZES, TEXT, TOKENS, cut
from tests.fuzz.test_bytes import STRUCTURE

CHOICES = [(vendor, "auto") for vendor in VENDOR_FORMATS] + [("s3-logs", name) for name in FORMATS if name != "auto"]
BEFORE_LINE = lenient_json.BEFORE_DOCUMENT


@pytest.fixture(autouse=True, params=["as they are", "small"])
def _limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit as it is, and every limit so small that each example meets it."""
    if request.param == "small":
        monkeypatch.setattr(lines, "HEAD_BYTES", 30)
        monkeypatch.setattr(reading, "HEAD_BYTES", 30)
        monkeypatch.setattr(lines, "MAX_LINE_BYTES", 200)
        monkeypatch.setattr(json_stream, "_MAX_ELEMENT_CHARS", 100)
        monkeypatch.setattr(reading, "_BLOCK_RECORDS", 2)
        for module in (line_readers, cockroachdb, docker_json):
            monkeypatch.setattr(module, "MAX_JOINED_CHARS", 150)


def starts(line: str) -> bool:
    return line[:1] in "2[I"


def read(data: bytes, vendor: str, name: str, sizes: list[int], *, joined: bool = False) -> list[Record]:
    blocks = read_blocks(
        cut(data, sizes), vendor=vendor, format_name=name, origin=ORIGIN, record_start=starts if joined else None
    )
    return [record for block in blocks for record in (block.records() if isinstance(block, RawBlock) else block)]


def lines_of(data: bytes) -> list[str]:
    """Return the lines that are not blank, as text."""
    found = (line for block in lines.line_blocks(lines.utf8(cut(data, LARGEST))) for line in block.split(b"\n"))
    return [lines.text_of(line) for line in found if line and not line.isspace()]


def in_order(parts: list[str], whole: str) -> bool:
    """Say whether each part is in the whole after the one before it."""
    at = 0
    for part in parts:
        found = whole.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def documents(texts: list[str]) -> Iterator[tuple[str, str]]:
    """Yield stream and text of each of Docker's lines, as a record has them."""
    for text in texts:
        try:
            document = lenient_json.loads(text)
        except ValueError:
            continue
        if not isinstance(document, dict) or not isinstance(document.get("log"), str):
            continue
        stamp, stream = document.get("time"), document.get("stream", "None")
        if isinstance(stamp, str) and normalise(stamp):
            named = stream if isinstance(stream, str) else orjson.dumps(stream).decode()
            yield encodable("None" if isinstance(stream, dict) else named), encodable(document["log"])


def encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def stream_of(record: Record) -> str | None:
    return (record.fields or {}).get("stream", "None") if record.understood else None


def is_header(text: str) -> bool:
    return s3_logs.is_cloudfront_header(text) or s3_logs.is_vpc_header(text)


def nothing_is_lost(data: bytes, name: str, records: list[Record]) -> None:
    """Assert what a format keeps of an object."""
    wanted, messages = lines_of(data), [record.message for record in records]
    whole = "\n".join(messages)
    if name in STREAM_FORMATS:
        text = b"".join(lines.utf8([data])).decode("utf-8", "backslashreplace")
        assert STRUCTURE.sub("", "".join(messages)) == STRUCTURE.sub("", text)
    elif name == "cockroachdb":
        found = (cockroachdb._CRDB_V2.match(line) for line in wanted)
        goes_on = [match is not None and match["cont"] in "+|!" for match in found]
        assert in_order(
            [line.split("] ", 1)[-1][-3:] if on else line for line, on in zip(wanted, goes_on, strict=True)], whole
        )
    elif name == "docker-json":
        # a message is the text without its line feed; the parts of a line are joined
        streams = {stream for stream, _ in documents(wanted)}
        for stream in streams:
            written = "".join(log for on, log in documents(wanted) if on == stream)
            read = (record.message for record in records if stream_of(record) == stream)
            assert "".join(read).replace("\n", "") == written.replace("\n", "")
        others = [line for line in wanted if not list(documents([line]))]
        assert others == [record.message for record in records if not record.understood]
    elif name == "archive":
        assert len(messages) == len(wanted)
        assert all(
            record.message == (orjson.loads(line)["message"] if record.source is not None else line)
            for record, line in zip(records, wanted, strict=True)
        )
    elif name == "csv":
        header = "\n".join(wanted).removesuffix(whole)
        assert "\n".join(wanted).endswith(whole)
        assert not header or s3_logs._csv_cells(header.rstrip("\n"))
    elif name == "cloudfront":
        assert messages == [line for line in wanted if not s3_logs.is_cloudfront_header(line)]
    elif name == "vpc-flow":
        assert messages == [line for line in wanted if not s3_logs.is_vpc_header(line)]
    elif name == "mixed":
        text = "".join(line for line in wanted if not is_header(line.lstrip(BEFORE_LINE)))
        assert STRUCTURE.sub("", "".join(messages)) == STRUCTURE.sub("", text)
    else:
        assert whole.split("\n") == (wanted or [""])


@fuzz
@given(OBJECT, st.sampled_from(CHOICES), SIZES)
def test_no_parser_loses_a_line_or_raises(data: bytes, choice: tuple[str, str], sizes: list[int]) -> None:
    vendor, name = choice
    records = read(data, vendor, name, sizes)
    assert records == read(data, vendor, name, LARGEST)
    for record in records:
        assert normalise(record.time) == record.time
        assert record.message
    if name == "auto":
        name = VENDOR_FORMATS[vendor]
    nothing_is_lost(data, "mixed" if name == "auto" else name, records)


@fuzz
@given(OBJECT, st.sampled_from(line_readers.JOINABLE_FORMATS), SIZES)
def test_joined_lines_are_the_lines(data: bytes, name: str, sizes: list[int]) -> None:
    records = read(data, "s3-logs", name, sizes, joined=True)
    assert records == read(data, "s3-logs", name, LARGEST, joined=True)
    found = detect(b"".join(lines.utf8([data]))[: lines.HEAD_BYTES]) if name == "auto" else name
    nothing_is_lost(data, found, records)


@fuzz
@given(LINES, st.sampled_from([*line_readers.LINE_PARSERS, "auto"]))
def test_a_line_parser_makes_one_record_of_any_line(texts: list[str], name: str) -> None:
    parse = line_readers._auto_line if name == "auto" else line_readers.LINE_PARSERS[name]
    for text in texts:
        record = parse(text, ORIGIN)
        assert normalise(record.time) == record.time
        # of Docker's lines the message is what the container wrote
        is_unwrapped = name == "docker-json" and record.understood
        whole = next(documents([text]))[1].removesuffix("\n") if is_unwrapped else text
        assert record.source is not None or record.message == whole
        assert record.fields is None or all(isinstance(value, str) for value in record.fields.values())


@fuzz
@given(LINES, st.sampled_from(COLUMN_FORMATS))
def test_a_column_parser_makes_one_record_of_any_line_that_is_no_header(texts: list[str], kind: str) -> None:
    parser = s3_logs.ColumnParser(kind)
    for text in texts:
        record = parser.parse(text, ORIGIN)
        assert record.message == text
        assert normalise(record.time) == record.time


@fuzz
@given(st.lists(TEXT | st.sampled_from(TOKENS), max_size=6).map("".join))
def test_a_time_is_a_time_or_none(text: str) -> None:
    found = normalise(text)
    assert found is None or normalise(found) == found
