"""Blocks of whole lines from pieces of any size: the unit in which everything after decompression works.

What comes out depends on the bytes alone, not on how they were cut into pieces.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

HEAD_BYTES = 128 * 1024
"""How much of an object is read to detect its encoding, its line ending and its format."""
MAX_LINE_BYTES = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_CUT_BYTES, AHEAD_BYTES = 4096, 80
_BORDERS = (
    # a header's name may be a value, and its value that of the next name; numbers with semicolons may be a colour's
    re.compile(rb"[\n,;&?{}()|](?<![0-9\[];)(?<!authorization\",)(?<!authorization\\\",)", re.IGNORECASE),
    re.compile(
        rb"(?<!secret)(?<!access)(?<!bearer)(?<!basic)(?<![0-9:=>\"'\s\\])[ \t](?=[a-z<\[])(?![^\s\"]{0,64}\"@)",
        re.IGNORECASE,
    ),
)
_OTHER_THAN_UPPER = bytes(range(8, 256))
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def with_head(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first 128 KiB of a stream, or all there is, and the whole stream again."""
    source = iter(pieces)
    parts: list[bytes] = []
    size = 0
    while size < HEAD_BYTES and (piece := next(source, None)) is not None:
        parts.append(piece)
        size += len(piece)
    head = b"".join(parts)
    return head[:HEAD_BYTES], chain((head,), source)


def utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Return a stream as it is, or recoded when it is UTF-16, as on Windows, or UTF-32."""
    head, stream = with_head(pieces)
    encoding = _utf32(head) or _utf16(head)
    if encoding is None:
        return stream
    decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
    ends = chain(((piece, False) for piece in stream), ((b"", True),))
    return (decoder.decode(piece, final).encode() for piece, final in ends)


def _utf32(head: bytes) -> str | None:
    """Return the encoding of UTF-32, with a byte order mark or without: no other text has so many NULs where it has."""
    characters = len(head) // 4
    nulls = [head[i : 4 * characters : 4].count(0) for i in range(4)]
    for encoding, mark, (low, plane, high) in (
        ("utf-32-le", b"\xff\xfe\0\0", (0, 2, 3)),
        ("utf-32-be", b"\0\0\xfe\xff", (3, 1, 0)),
    ):
        # the last plane of Unicode is 16, and most characters are of plane 0
        if nulls[high] == characters and nulls[plane] * 8 >= characters * 7 and nulls[low] * 8 <= characters:
            return "utf-32" if head.startswith(mark) else encoding if characters > 1 else None
    return None


def _utf16(head: bytes) -> str | None:
    """Return the encoding of UTF-16 with a byte order mark, or of text that is plainly UTF-16 without one.

    Any text of logs has digits, blanks and line feeds, whose upper bytes are NUL and whose lower bytes are not. Two
    stray bytes that look like a mark would turn every line behind them into noise, so a few NULs are needed behind it.
    Without a mark, seven of eight characters must be of the alphabets up to U+07FF: no other text has such upper bytes.
    """
    first, second = head[::2].count(0), head[1::2].count(0)
    if head.startswith(_UTF16_BOMS):
        upper, lower = (second, first) if head.startswith(b"\xff\xfe") else (first, second)
        return "utf-16" if len(head) == 2 or (upper * 32 >= len(head) - 2 and lower * 2 <= upper) else None
    lower, upper = [len(head[i::2].translate(None, _OTHER_THAN_UPPER)) for i in range(2)]
    if len(head) >= 8 and max(lower, upper) * 16 >= len(head) * 7 and not (first and second):
        return "utf-16-le" if upper > lower else "utf-16-be"
    return None


def line_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield blocks that hold whole lines, ``\n`` between them and none at the end.

    ``\r\n`` becomes ``\n``; a stream that has lone ``\r`` and no ``\n`` in its first 128 KiB has its lines ended by
    ``\r``. A leading byte order mark is dropped. A line longer than 8 MiB is cut before that, so that memory stays
    bounded: each cut part is a line of its own.
    """
    head, source = with_head(pieces)
    # the last byte may be the first half of \r\n
    lone_cr = b"\n" not in head and b"\r" in head[:-1]
    held: list[bytes] = []
    held_bytes = 0
    for piece in chain((next(source).removeprefix(_BOM),), source):
        if lone_cr:
            piece = piece.replace(b"\r", b"\n")
        if held_bytes + len(piece) > MAX_LINE_BYTES:
            piece = b"".join((*held, piece))
            held, held_bytes = [], 0
            while (piece.find(b"\n") if b"\n" in piece else len(piece)) > MAX_LINE_BYTES:
                cut = safe_cut(piece, MAX_LINE_BYTES)
                yield piece[:cut]
                piece = piece[cut:]
        cut = piece.rfind(b"\n")
        if cut >= 0:
            yield _unix(b"".join((*held, memoryview(piece)[:cut])))
            held, held_bytes = [], 0
        held.append(piece[cut + 1 :])
        held_bytes += len(piece) - cut - 1
    rest = _unix(b"".join(held))
    if rest:
        yield rest


def safe_cut(data: bytes, cut: int) -> int:
    """Return where to cut data, at ``cut`` or up to 4 KiB before, so that nothing that redaction finds is in two parts.

    A card may have blanks in it and a token follows one, so punctuation is preferred, and then blanks between words.
    """
    start = max(cut - _CUT_BYTES, cut // 2)
    for border in _BORDERS:
        ends = [found.end() for found in border.finditer(data, start, cut + AHEAD_BYTES) if found.end() <= cut]
        if ends:
            return ends[-1]
    return _character_border(data, cut)


def safe_text_cut(text: str, cut: int) -> int:
    """Return the same as `safe_cut`, of text."""
    start = max(0, cut - 2 * _CUT_BYTES)
    return start + safe_cut(text[start : cut + AHEAD_BYTES].encode("ascii", "replace"), cut - start)


def _character_border(data: bytes, cut: int) -> int:
    """Return ``cut``, or a little less where that would split a UTF-8 character, so that no part is damaged by it."""
    for back in range(1, 4):
        byte = data[cut - back]
        if byte >= 0xC0:
            return cut - back
        if byte < 0x80:
            break
    return cut


def _unix(block: bytes) -> bytes:
    if b"\r" not in block:
        return block
    block = block.replace(b"\r\n", b"\n")
    return block[:-1] if block.endswith(b"\r") else block


def text_of(line: bytes) -> str:
    r"""Return the line as text; a byte that is not UTF-8 becomes ``\xNN``, so that it is seen and not lost."""
    return line.decode("utf-8", "backslashreplace")


def is_utf8(data: bytes) -> bool:
    """Say whether data is UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
