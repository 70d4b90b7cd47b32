"""From an object's bytes to records: what the first bytes show, what any bytes become, and what nothing holds whole."""

import bz2
import gzip
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest
import zstandard
from log_shipper import lines, reading
from log_shipper.decode import decoded
from log_shipper.errors import CorruptInputError
from log_shipper.fast import RawBlock
from log_shipper.lines import HEAD_BYTES, MAX_LINE_BYTES, line_blocks
from log_shipper.parsers import json_stream
from log_shipper.reading import detect, read_blocks
from log_shipper.record import Origin, Record

from tests.conftest import covering

ORIGIN = Origin("2026-11-21T02:03:04Z", "given")


def read(pieces: Iterable[bytes], vendor: str = "s3-logs", format_name: str = "auto") -> Iterator[Record]:
    for block in read_blocks(pieces, vendor=vendor, format_name=format_name, origin=ORIGIN):
        yield from block.records() if isinstance(block, RawBlock) else block


def messages(pieces: Iterable[bytes], **how: str) -> list[str]:
    return [record.message for record in read(pieces, **how)]


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a":1}\n{"a":2}\n', "json-lines"),
        ('{"a":\n{"b":1}\n{"c":2}\n', "json-lines"),
        ("{main} started\n", "json-lines"),
        ('[{"a":1},{"a":2}]', "json"),
        ('[\n  {"a": 1}\n]', "json"),
        ("[]", "plain"),
        ("[1]\n[2]", "plain"),
        ('[0] {"a":1}\n[1] {"a":2}\n', "plain"),
        ("instance-id i-0ab is in vpc-id vpc-12\n", "plain"),
        ('\0\0\0{"a":1}\n', "json-lines"),
        ('{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "json"),
        ('{\n  "a": "' + "x" * HEAD_BYTES, "json"),
        ('{"a":1}{"a":2}', "json"),
        ('\r\n {"Records" : [', "cloudtrail"),
        ("plain words, and more words\n", "plain"),
        ("[2026-01-02 03:04:05] started\n", "plain"),
        ("[info] started, at last\n", "plain"),
        ("[1] 4711\n", "plain"),
        ('["a"] started\n', "plain"),
        ("[{main}] started\n", "plain"),
        ("error,timeout\n", "plain"),
        ("error,timeout\nerror\n", "plain"),
        ("id,name\n1,ada\n", "csv"),
        ('id,name\r\n1,"a\r\nb"\r\n', "csv"),
        ("id,name\r1,ada\r", "csv"),
        ('\ufeff[{"a":1}]', "json"),
        ("", "plain"),
    ],
)
def test_the_format_is_detected_by_content(text: str, kind: str) -> None:
    assert detect(text.encode()[:HEAD_BYTES]) == kind


@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_the_format_does_not_depend_on_the_pieces(size: int) -> None:
    data = b"version account-id srcaddr\n" + b"2 123456789010 10.0.0.1\n" * 3
    records = list(read(cut(data, size)))
    assert [record.log_type for record in records] == ["vpc-flow"] * 3


@pytest.mark.parametrize("size", [1, 3, 7, 100_000])
def test_carriage_returns_end_lines_where_nothing_else_does(size: int) -> None:
    assert messages(cut(b"a\rb\r\rc", size)) == ["a", "b", "c"]
    assert messages(cut(b"50%\r100%\nok\r\n", size)) == ["50%\r100%", "ok"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [1, 2, 5, 100_000])
def test_utf_16_is_detected_by_its_byte_order_mark(encoding: str, size: int) -> None:
    text = "\ufeff[1] é€𝄞\r\nzwei\r\n"
    assert messages(cut(text.encode(encoding), size)) == ["[1] é€𝄞", "zwei"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_utf_16_without_a_mark_is_detected_by_its_nuls(encoding: str, size: int) -> None:
    assert messages(cut("sent to anna@example.com é\r\nzwei\r\n".encode(encoding), size)) == [
        "sent to anna@example.com é", "zwei"
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("size", [1, 3, 100_000])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_utf_32_is_detected_by_its_nuls(encoding: str, size: int, mark: str) -> None:
    text = f"{mark}sent to anna@example.com é€𝄞😀\r\nzwei\r\n"
    assert messages(cut(text.encode(encoding), size)) == ["sent to anna@example.com é€𝄞😀", "zwei"]
    assert messages([mark.encode(encoding)]) == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    ["Ёлка: вход anna@example.com", "σύνδεση anna@example.com", "כניסה anna@example.com", "دخول anna@example.com"],
)
def test_utf_16_without_a_mark_is_detected_in_every_alphabet(encoding: str, text: str) -> None:
    assert messages([f"{text}\r\nzwei\r\n".encode(encoding)]) == [text, "zwei"]


@pytest.mark.parametrize("text", ["8=FIX.4.2\x019=65\x0135=A\x01", "\x1b[31mred\x1b[0m\x07", "\x04\x05" * 9 + "abc"])
def test_control_characters_are_not_taken_for_utf_16(text: str) -> None:
    assert messages([text.encode()]) == [text]


@pytest.mark.parametrize(
    "data", [b"a\0b\0c", b"\0" * 64 + b"a line", b"a\0b\0c\0d\0 a line that goes on", b"\0\0\0\0abcd"]
)
def test_text_with_nuls_is_not_taken_for_utf_16(data: bytes) -> None:
    assert "".join(messages([data])).strip("\0") == data.decode().strip("\0")


def test_utf_16_that_is_damaged_is_shown_and_not_lost() -> None:
    data = "\ufeffa".encode("utf-16-le") + b"\x00\xd8" + "b\n".encode("utf-16-le") + b"\x01"
    assert messages([data]) == [r"a\x00\xd8b", r"\x01"]


def test_json_in_utf_16_is_read_as_json() -> None:
    records = list(read(['\ufeff[{"time":"2026-01-02T03:04:05Z","a":"é"}]'.encode("utf-16-le")]))
    assert [(record.message, record.time) for record in records] == [
        ('{"time":"2026-01-02T03:04:05Z","a":"é"}', "2026-01-02T03:04:05Z")
    ]


@pytest.mark.parametrize(
    "pieces", [[], [b""], [b"\n"], [b"\r\n \n"], [b"\xef\xbb\xbf"], [b"\xff\xfe"], [gzip.compress(b"")]]
)
@pytest.mark.parametrize("format_name", ["auto", "json", "csv", "plain"])
def test_an_empty_object_holds_no_record(pieces: list[bytes], format_name: str) -> None:
    assert messages(decoded(pieces), format_name=format_name) == []


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("codec", sorted(PACK))
@pytest.mark.parametrize("vendor", ["s3-logs", "cockroachdb", "aptible", "mongodb-atlas"])
def test_a_truncated_object_is_read_to_its_last_byte(codec: str, vendor: str) -> None:
    wanted = [f"line {i}" for i in range(3)]
    whole = PACK[codec]("\n".join(wanted).encode()) + PACK[codec](b", and more")[:-3]
    found: list[str] = []
    with pytest.raises(CorruptInputError):
        found.extend(record.message for record in read(decoded(cut(whole, 5)), vendor))
    assert found[:2] == wanted[:2]
    assert found[2].startswith(wanted[2])


def test_a_json_array_that_breaks_off_is_read_to_its_last_byte() -> None:
    stream = gzip.compress(b'[{"a":1},{"a":2},{"a"') + gzip.compress(b":3}]")[:-9]
    found: list[str] = []
    with pytest.raises(CorruptInputError, match="truncated"):
        found.extend(record.message for record in read(decoded([stream])))
    assert found[:2] == ['{"a":1}', '{"a":2}']
    assert found[2].startswith('{"a"')


def test_zstd_may_begin_with_data_of_its_writers() -> None:
    skippable = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    assert messages(decoded(cut(skippable + zstandard.compress(b"a\nb\n"), 3))) == ["a", "b"]


BOMBS = [
    b"\0",
    b"[",
    b'"\\',
    b'{"a":[',
    b"x" * 999 + b"\n",
    b'{"a":"' + b"x" * 999 + b'"},',
    b'1,"' + b"x" * 999 + b"\n",
]


@pytest.mark.parametrize(
    ("unit", "format_name"),
    covering({repr(unit[:9]): unit for unit in BOMBS}, {name: name for name in ("auto", "json", "csv", "json-lines")}),
)
def test_a_bomb_is_never_held_whole(unit: bytes, format_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 128 * 1024
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", longest)
    monkeypatch.setattr(json_stream, "_MAX_ELEMENT_CHARS", longest)
    size = 40 * longest
    bomb = gzip.compress(unit * (size // len(unit)), 1)
    tracemalloc.start()
    for block in read_blocks(decoded(cut(bomb, 131_072)), vendor="s3-logs", format_name=format_name, origin=ORIGIN):
        assert block
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size


def test_a_document_that_is_too_long_comes_before_the_one_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, reading):
        monkeypatch.setattr(module, "HEAD_BYTES", 30)
    monkeypatch.setattr(json_stream, "_MAX_ELEMENT_CHARS", 100)
    # cut behind the comma, what is left of a long one looks as if it went on in the next line
    long = '{"a":"' + "x" * 80 + '","b":"' + "y" * 80 + '"}'
    texts = [long, '{"c":1}', long, '{"d":2}']
    found = read_blocks(iter(["\n".join(texts).encode()]), vendor="s3-logs", format_name="auto", origin=ORIGIN)
    messages = [
        record.message for block in found for record in (block.records() if isinstance(block, RawBlock) else block)
    ]
    assert "".join(messages) == "".join(texts)


def test_a_line_longer_than_8_mib_is_cut_there_whatever_the_pieces() -> None:
    data = b"a\n" + "é".encode() * (MAX_LINE_BYTES + 1) + b"\nb"
    found = [
        [line for block in line_blocks(cut(data, size)) for line in block.split(b"\n")] for size in (524_289, 65_536)
    ]
    assert found[0] == found[1]
    assert b"".join(found[0]) == data.replace(b"\n", b"")
    assert max(map(len, found[0])) <= MAX_LINE_BYTES
    assert [line.decode()[0] for line in found[0]] == ["a", "é", "é", "é", "b"]


@pytest.mark.parametrize("character", ["\u0080", "é", "\u0800", "‹", "\U00010000", "😀"])
def test_cut_of_a_long_line_leaves_characters_whole(character: str) -> None:
    data = ("x" * 20 + character * 9).encode()
    for cut in range(21, len(data)):
        end = lines.safe_cut(data, cut)
        assert cut - 4 < end <= cut
        assert data[:end].decode() + data[end:].decode() == data.decode()
