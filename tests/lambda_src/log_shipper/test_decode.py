import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.decode import NOT_LOGS, PIECE_BYTES, decoded
from log_shipper.errors import CorruptInputError
from log_shipper.lines import MAX_LINE_BYTES, line_blocks, text_of

CODECS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstandard.compress}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@given(st.binary(max_size=300), st.integers(1, 64))
def test_any_bytes_come_through_or_are_corrupt_input(data: bytes, size: int) -> None:
    try:
        assert b"".join(decoded(cut(data, size))) == data
    except CorruptInputError:
        assert (
            data.startswith((b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", *NOT_LOGS, b"ORC"))
            or data[1:4] == b"\x2a\x4d\x18"
        )


@pytest.mark.parametrize("codec", sorted(CODECS))
@given(data=st.binary(min_size=50, max_size=200), cut_off=st.integers(1, 12))
def test_rejects_truncated_stream(codec: str, data: bytes, cut_off: int) -> None:
    with pytest.raises(CorruptInputError, match=r"truncated|damaged"):
        list(decoded([CODECS[codec](data)[:-cut_off]]))


def test_what_precedes_the_damage_is_yielded() -> None:
    stream = gzip.compress(b"first\n") + gzip.compress(b"second\n")[:-4]
    with pytest.raises(CorruptInputError):
        list(decoded(cut(stream, 5)))
    pieces = decoded(cut(stream, 5))
    assert next(pieces) in b"first\n"


LINES = [b"%05d %x\n" % (i, hash((i, "a")) & 0xFFFFFFFF) for i in range(20_000)]


@pytest.mark.parametrize("lines", [1, 3, 20_000])
@pytest.mark.parametrize("size", [1 << 20, 4096])
@pytest.mark.parametrize("codec", ["gzip", "gzip size", "zstd"])
def test_a_wrong_checksum_costs_no_line(codec: str, lines: int, size: int) -> None:
    data = b"".join(LINES[:lines])
    if codec == "zstd":
        stream = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(data))
        stream[-1] ^= 1
    else:
        stream = bytearray(gzip.compress(data))
        stream[-1 if codec == "gzip size" else -8] ^= 1
    pieces: list[bytes] = []
    with pytest.raises(CorruptInputError, match="damaged"):
        pieces.extend(decoded(cut(bytes(stream), size)))
    assert b"".join(pieces) == data


@pytest.mark.parametrize("codec", ["gzip", "bzip2"])
def test_what_precedes_damage_in_a_small_member_is_yielded(codec: str) -> None:
    whole, damaged = b"".join(LINES[:900]), bytearray(CODECS[codec](b"".join(LINES[:2000])))
    at = len(damaged) * 3 // 4
    damaged[at : at + 64] = bytes(64)
    pieces: list[bytes] = []
    with pytest.raises(CorruptInputError, match="damaged"):
        pieces.extend(decoded([CODECS[codec](b"first\n") + damaged]))
    assert b"".join(pieces).startswith(b"first\n" + (whole if codec == "gzip" else b""))
    assert max(map(len, pieces)) <= PIECE_BYTES


def test_rejects_garbage_after_a_member() -> None:
    with pytest.raises(CorruptInputError, match="not gzip"):
        list(decoded([gzip.compress(b"a") + b"garbage"]))


def test_zero_padding_after_a_member_is_ignored() -> None:
    assert b"".join(decoded([gzip.compress(b"a") + bytes(600)])) == b"a"


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_pieces_stay_small_however_far_the_input_expands(codec: str) -> None:
    stream = CODECS[codec](bytes(20 * 1024 * 1024))
    sizes = [len(piece) for piece in decoded([stream])]
    assert sum(sizes) == 20 * 1024 * 1024
    assert max(sizes) <= PIECE_BYTES


def test_line_without_end_is_cut_between_characters() -> None:
    data = "é".encode() * (MAX_LINE_BYTES + 1)
    blocks = list(line_blocks(cut(data, 512 * 1024 + 1)))
    assert len(blocks) > 1
    assert "".join(block.decode() for block in blocks) == data.decode()


def test_bytes_that_are_not_text_are_shown() -> None:
    assert text_of(b"caf\xe9 \xff") == "caf\\xe9 \\xff"


@pytest.mark.parametrize("outer", sorted(CODECS))
@pytest.mark.parametrize("inner", sorted(CODECS))
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_decoded_of_a_compressed_file_compressed_again_returns_its_lines(outer: str, inner: str, size: int) -> None:
    stream = CODECS[outer](CODECS[inner](b"first\n") + CODECS[inner](b"second\n"))
    assert b"".join(decoded(cut(stream, size))) == b"first\nsecond\n"


def test_decoded_of_a_file_compressed_three_times_is_refused() -> None:
    with pytest.raises(CorruptInputError, match="more than twice"):
        list(decoded([gzip.compress(gzip.compress(gzip.compress(b"a")))]))


@pytest.mark.parametrize(
    ("data", "name"),
    [(lzma.compress(b"a"), "xz"), (b"Obj\x01\x04\x14avro.codec", "Avro"), (b"ORC\n\x0b", "ORC"), (b"ORC\x11\0", "ORC"),
     (b"7z\xbc\xaf\x27\x1c\0", "7-Zip"), (b"PAR1\x15\x04", "Parquet"), (b"PK\x03\x04\x14", "zip")],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_decoded_of_what_holds_no_lines_is_refused_by_name(
    data: bytes, name: str, wrap: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(CorruptInputError, match=f"the object is {name}, which is not read"):
        list(decoded([wrap(data)]))


@pytest.mark.parametrize("text", [b"ORC 1\n", b"ORCHID", b"Object", b"Obj\n", b"BZhello", b"7z a.7z"])
def test_decoded_of_text_that_begins_alike_is_text(text: bytes) -> None:
    assert b"".join(decoded([gzip.compress(text)])) == text
