"""Decoders: any bytes, cut anywhere, come through whole or raise what is documented; never anything else."""

import base64
import codecs
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from log_shipper import decode, lines
from log_shipper.decode import decoded
from log_shipper.errors import CorruptInputError, EnvelopeError
from log_shipper.lines import line_blocks, utf8
from log_shipper.parsers import json_stream
from log_shipper.vendors.aptible import envelope as aptible_envelope

from tests.fuzz.budget import fuzz
from tests.fuzz.material import LINES, OBJECT, ORIGIN, PACKED, SIZES, TEXT, cut

STRUCTURE = re.compile(r'"Records"|[\s,:\[\]{}\0\ufeff]')
"""What the form of a JSON stream is made of, and what may stand between its elements."""


@fuzz
@given(st.lists(OBJECT, min_size=1, max_size=3), st.sampled_from(sorted(PACKED)), SIZES)
def test_what_was_packed_comes_out(parts: list[bytes], codec: str, sizes: list[int]) -> None:
    # what begins as a compressed file or as one that holds no lines is decoded again, or refused
    parts = [b"line " + parts[0], *parts[1:]]
    data = b"".join(parts)
    stream = b"".join(map(PACKED[codec], parts))
    assume(codec != "plain" or list(decoded([stream])) == ([stream] if stream else []))
    assert b"".join(decoded(cut(stream, sizes))) == data


@fuzz
@given(OBJECT, st.sampled_from(sorted(PACKED)), st.integers(0, 200), st.binary(max_size=4), st.integers(0, 9), SIZES)
def test_a_damaged_stream_is_read_as_far_as_it_goes(
    data: bytes, codec: str, at: int, put: bytes, drop: int, sizes: list[int]
) -> None:
    stream = PACKED[codec](data)
    at %= len(stream) + 1
    damaged = stream[:at] + put + stream[at + drop :]
    found = b""
    try:
        for piece in decoded(cut(damaged, sizes)):
            assert len(piece) <= decode.PIECE_BYTES
            found += piece
    except CorruptInputError:
        return
    assert found == damaged or codec != "plain"


@fuzz
@given(OBJECT, SIZES)
def test_lines_depend_on_the_bytes_alone_and_none_is_lost(data: bytes, sizes: list[int]) -> None:
    blocks = list(line_blocks(cut(data, sizes)))
    found = b"\n".join(blocks)
    assert found == b"\n".join(line_blocks([data]))
    ends = re.compile(rb"[\r\n]")
    assert ends.sub(b"", found) == ends.sub(b"", data.removeprefix(codecs.BOM_UTF8))
    if b"\n" in data:
        assert found.count(b"\n") + len(blocks) >= len([line for line in data.split(b"\n") if line.strip(b"\r")])


@fuzz
@given(OBJECT, SIZES, st.integers(4, 40))
def test_no_line_is_longer_than_the_longest(data: bytes, sizes: list[int], longest: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines, "MAX_LINE_BYTES", longest)
        patched.setattr(lines, "HEAD_BYTES", 0)
        small = [min(size, longest) for size in sizes]
        found = [line for block in line_blocks(cut(data, small)) for line in block.split(b"\n")]
        again = [line for block in line_blocks(cut(data, [longest])) for line in block.split(b"\n")]
    assert [line for line in found if line] == [line for line in again if line]
    assert max(map(len, found), default=0) <= longest


@fuzz
@given(OBJECT, SIZES)
def test_recoding_depends_on_the_bytes_alone(data: bytes, sizes: list[int]) -> None:
    found = b"".join(utf8(cut(data, sizes)))
    assert found == b"".join(utf8([data]))
    if b"\0" not in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        assert found == data


@fuzz
@given(OBJECT, SIZES, st.sampled_from([16, 64, 1 << 20]))
@example(b"[" + b" " * 40 + b"x y", [50], 16)
@example(b'[{"a":"b"}]{"a":1} {"Records":[\\\xef\xbb\xbf[[{"a":"b"}]"[{"Records":["Records"\0', [1], 16)
def test_a_json_stream_keeps_what_is_no_structure(data: bytes, sizes: list[int], longest: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_stream, "_MAX_ELEMENT_CHARS", longest)
        records = list(json_stream.read(cut(data, sizes), ORIGIN))
        if longest > len(data):
            assert records == list(json_stream.read([data], ORIGIN))
    kept = "".join(record.message for record in records)
    text = data.decode("utf-8", "backslashreplace")
    assert STRUCTURE.sub("", kept) == STRUCTURE.sub("", text)


NAMES = [
    "x-amz-key-v2",
    "x-amz-iv",
    "x-amz-cek-alg",
    "x-amz-wrap-alg",
    "x-amz-tag-len",
    "x-amz-key",
    "X-Amz-Meta-x-amz-iv",
]
VALUES = st.one_of(
    TEXT,
    st.sampled_from(["AES/GCM/NoPadding", "AES/GCM", "128", "AAAAAAAAAAAAAAAA", "A" * 80]),
    st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
)
PROPER = {"x-amz-cek-alg": "AES/GCM/NoPadding", "x-amz-wrap-alg": "AES/GCM", "x-amz-tag-len": "128"}


@fuzz
@given(
    st.dictionaries(st.sampled_from(NAMES) | TEXT, VALUES, max_size=6), st.booleans(), st.binary(max_size=40),
    st.binary(max_size=80), SIZES,
)  # fmt: skip
def test_an_envelope_opens_or_raises_its_own_error(
    metadata: dict[str, str], proper: bool, key: bytes, body: bytes, sizes: list[int]
) -> None:
    try:
        envelope = aptible_envelope.read_envelope(metadata | (PROPER if proper else {}))
        if envelope is not None:
            aptible_envelope.verify(cut(body, sizes), envelope, key)
            aptible_envelope.unwrap_key(envelope, key)
    except EnvelopeError:
        pass


@fuzz
@given(st.binary(min_size=12, max_size=12), st.binary(max_size=80), st.sampled_from([16, 24, 32]), SIZES)
def test_a_body_that_was_not_encrypted_so_is_never_released_as_verified(
    iv: bytes, body: bytes, bits: int, sizes: list[int]
) -> None:
    with pytest.raises(EnvelopeError):
        aptible_envelope.verify(cut(body, sizes), aptible_envelope.Envelope(b"", iv), b"k" * bits)


@fuzz
@given(st.text(max_size=200), st.lists(st.binary(max_size=32), max_size=3))
def test_a_master_key_is_found_or_missed_by_name(key: str, keys: list[bytes]) -> None:
    with pytest.raises(EnvelopeError):
        aptible_envelope.master_key_for(key, keys)


@fuzz
@given(LINES)
def test_a_json_stream_of_lines_loses_none(texts: list[str]) -> None:
    data = "\n".join(texts)
    kept = "".join(record.message for record in json_stream.read([data.encode()], ORIGIN))
    assert STRUCTURE.sub("", kept) == STRUCTURE.sub("", data)
