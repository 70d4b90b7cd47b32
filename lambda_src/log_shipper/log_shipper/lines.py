"""Blocks of whole lines from pieces of any size: the unit in which everything after decompression works."""

from collections.abc import Iterable, Iterator

_BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 8 * 1024 * 1024


def line_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield blocks that hold whole lines, ``\n`` between them and none at the end.

    ``\r\n`` becomes ``\n``; a stream whose first line ends with a lone ``\r`` has its lines ended by ``\r``. A leading
    byte order mark is dropped. A line longer than 8 MiB is cut there, so that memory stays bounded: each cut part is a
    line of its own.
    """
    held: list[bytes] = []
    held_bytes = 0
    lone_cr: bool | None = None
    for piece in _without_mark(pieces):
        if lone_cr is None:
            piece = b"".join((*held, piece))
            held, held_bytes = [], 0
            lone_cr = _ends_lines_with_cr(piece)
        if lone_cr:
            piece = piece.replace(b"\r", b"\n")
        cut = piece.rfind(b"\n")
        if cut >= 0:
            held.append(piece[:cut])
            yield _unix(b"".join(held))
            held, held_bytes = [piece[cut + 1 :]], len(piece) - cut - 1
            continue
        held.append(piece)
        held_bytes += len(piece)
        if held_bytes >= MAX_LINE_BYTES:
            block, rest = _cut_at_character(b"".join(held))
            held, held_bytes = [rest], len(rest)
            yield _unix(block)
    rest = b"".join(held)
    if lone_cr is None:
        rest = rest.rstrip(b"\r")
    if rest:
        yield _unix(rest)


def _without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    source = iter(pieces)
    head = b""
    while len(head) < len(_BOM) and (piece := next(source, None)) is not None:
        head += piece
    yield head.removeprefix(_BOM)
    yield from source


def _ends_lines_with_cr(text: bytes) -> bool | None:
    r"""Say whether the first line ends with a lone ``\r``; None while the text does not tell."""
    line_feed, carriage_return = text.find(b"\n"), text.find(b"\r")
    if carriage_return < 0:
        return None if line_feed < 0 else False
    if carriage_return == len(text) - 1:
        return None
    return line_feed < 0


def _cut_at_character(data: bytes) -> tuple[bytes, bytes]:
    """Cut before a UTF-8 character that the end of ``data`` may have split, so that no part is damaged by the cut."""
    for back in range(1, 4):
        byte = data[-back]
        if byte >= 0xC0:
            return data[:-back], data[-back:]
        if byte < 0x80:
            break
    return data, b""


def _unix(block: bytes) -> bytes:
    if b"\r" not in block:
        return block
    block = block.replace(b"\r\n", b"\n")
    return block[:-1] if block.endswith(b"\r") else block


def text_of(line: bytes) -> str:
    r"""Return the line as text; a byte that is not UTF-8 becomes ``\xNN``, so that it is seen and not lost."""
    return line.decode("utf-8", "backslashreplace")
