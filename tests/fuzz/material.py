"""What the tests of this folder feed: recorded lines, bent; tokens that parsers trip over; any bytes, cut anywhere."""

import bz2
import gzip
from collections.abc import Callable
from itertools import cycle

import zstandard
from hypothesis import strategies as st
from log_shipper.record import Origin

from tests.lambda_src.log_shipper.world import EVENTS

ORIGIN = Origin("2026-11-21T02:03:04Z", "given")
SECRET = "ada.lovelace@example.com"

RECORDED = [
    line
    for path in sorted(EVENTS.rglob("*"))
    if path.is_file() and path.parent.name not in ("sqs", "events")
    for line in path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
]
TOKENS = [
    '"', "\\", "{", "}", "[", "]", ",", ":", "'", "\t", " ", "-", ".", "@", "=", "\r", "\x00", "\x0c", "\x1c", "\x7f",
    "\x85", "\ufeff", "\u2028", "é", "😀", "‹", "›", "×", "†", "⋮", r"\u0040", r"\ud800", r"\n", r"\"", "null", "1",
    "1.5e", "0.", "-0", "9" * 30, "4111111111111111", "4111 1111 1111 1111", "10.1.2.3", "::1", SECRET,
    "Bearer abcdefgh12", "AKIAIOSFODNN7EXAMPLE", "2026-11-21T02:03:04Z", "20261121", "1763690400", '"time":',
    '{"time":"2026-11-21T02:03:04Z"', '{"Records":[', "]}", '{"t":{"$date":"2026-11-21T02:03:04.000+00:00"},"a":1}',
    '{"log":"part","stream":"stdout","time":"2026-11-21T02:03:04Z"}',
    '{"log":"end\\n","stream":"stdout","time":"2026-11-21T02:03:04Z"}',
    "#Fields: date time", "#Version: 1.0", "id,name", "srcaddr dstaddr",
    "I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [-] 23 +more",
    "I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [-] 23 |",
]  # fmt: skip

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=8)
_RECORDED = st.sampled_from(RECORDED)
_BENT = st.builds(
    lambda line, at, drop, token: line[: at % (len(line) + 1)] + token + line[at % (len(line) + 1) + drop :],
    _RECORDED,
    st.integers(0, 4000),
    st.integers(0, 60),
    st.sampled_from(TOKENS) | TEXT,
)
LINE = st.one_of(_RECORDED, _BENT, st.lists(st.sampled_from(TOKENS) | TEXT, max_size=6).map("".join))
LINES = st.lists(LINE, max_size=8)


def _joined(lines: list[str], ending: str, ends: bool, mark: str) -> bytes:
    return (mark + ending.join(lines) + (ending if ends else "")).encode()


OBJECT = st.one_of(
    st.binary(max_size=80),
    st.builds(
        _joined,
        LINES,
        st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]),
        st.booleans(),
        st.sampled_from(["", "\ufeff"]),
    ),
    LINES.map(lambda lines: "\ufeff".join(["", "\n".join(lines)]).encode("utf-16-le")),
)
"""The bytes of an object, decompressed."""

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
    "plain": lambda data: data,
}
SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=6)
"""The sizes of the pieces that something is cut into, again and again."""
LARGEST = [120]
"""Pieces as large as they may be: no longer than the longest line, which some tests make short."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | TEXT | st.sampled_from(TOKENS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.sampled_from(TOKENS), inner, max_size=4),
    max_leaves=12,
)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Return the pieces of some bytes."""
    pieces: list[bytes] = []
    at = 0
    for size in cycle(sizes):
        if at >= len(data):
            return pieces
        pieces.append(data[at : at + size])
        at += size
    return pieces
