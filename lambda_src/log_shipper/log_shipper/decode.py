"""Decompression by content: gzip (one member or many), zstd, bzip2 or plain, detected by the first bytes, not by name.

What comes out compressed again is decompressed once more: its sender compressed a compressed file for the transfer.
Output comes in pieces of bounded size whatever the input expands to, so memory does not grow with the object.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Protocol, cast

from isal import igzip_lib

from log_shipper.errors import CorruptInputError, ExpansionError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BZIP2_MAGIC = b"BZh"
NOT_LOGS = {
    b"PAR1\x15": "Parquet", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"PK\x07\x08": "zip", b"\xfd7zXZ\x00": "xz",
    b"LZIP\x01": "lzip", b"Obj\x01": "Avro", b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\x04\x22\x4d\x18": "LZ4", b"\x02\x21\x4c\x18": "LZ4", b"\xff\x06\x00\x00sN": "Snappy", b"x\x9c": "zlib",
    b"x\xda": "zlib", b"\x1f\x9d": "compress",
}  # fmt: skip
"""Files that hold no lines, or lines that are not read: as text they would be shipped as noise, past redaction."""
_ORC = b"ORC"
_MAGIC_BYTES = max(map(len, NOT_LOGS))
_SKIPPABLE = b"\x2a\x4d\x18"
"""What follows 0x50 to 0x5f at the start of a zstd stream that begins with user data (RFC 8878, 3.1.2)."""
IsalError = cast("type[Exception]", igzip_lib.IsalError)
PIECE_BYTES = 256 * 1024
UNLIMITED_BYTES = 64 * 1024 * 1024
"""How much any object may expand to, however small it is stored."""
_END_BYTES = 16
"""More than checksums and sizes at the end of a stream take."""
_ZSTD_INPUT_BYTES = 1024
"""zstandard's decompressor takes no output limit: small inputs bound what one call can expand to."""


class Counted:
    """Counts the bytes that pass."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def decoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes of ``chunks`` in pieces of about 256 KiB at most.

    Raises
    ------
    CorruptInputError
        When a compressed stream is truncated or damaged, after what was readable before it has been yielded; at once
        for what `NOT_LOGS` names, and for what is compressed more than twice.
    """
    for _ in range(3):
        head, stream = _with_magic(chunks)
        inner = _decompressed(head, stream)
        if inner is None:
            return _plain(head, stream)
        chunks = inner
    return _refused("the object is compressed more than twice, which is not read")


def decoded_within(chunks: Iterable[bytes], max_expansion: int) -> Iterator[bytes]:
    """Yield what `decoded` does until it is more than 64 MiB and ``max_expansion`` times the stored bytes read so far.

    A few MB of gzip can hold several GB of one character, which a destination would charge for.

    Raises
    ------
    ExpansionError
        When it is more, after what comes before it has been yielded.
    """
    stored, expanded = Counted(chunks), 0
    for piece in decoded(stored):
        expanded += len(piece)
        if expanded - UNLIMITED_BYTES > max_expansion * stored.bytes:
            raise ExpansionError(
                f"it expands to more than {max_expansion} times its stored size: {stored.bytes:,} bytes read so far "
                f"became more than {expanded - len(piece):,}; a larger `max_expansion` of the export allows it"
            )
        yield piece


def _with_magic(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of a stream and the whole stream; damage in them is met when it is read."""
    source = iter(chunks)
    head = b""
    try:
        while len(head) < _MAGIC_BYTES and (chunk := next(source, None)) is not None:
            head += chunk
    except CorruptInputError as error:
        source = _refused(str(error))
    return head, chain((head,), source) if head else source


def _decompressed(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes] | None:
    """Return what a compressed stream holds, None for one that is not compressed."""
    if head.startswith(GZIP_MAGIC):
        return _members(stream, _new_gzip, IsalError, GZIP_MAGIC, "gzip")
    if head.startswith(BZIP2_MAGIC) and head[3:4].isdigit():
        return _members(stream, _new_bzip2, OSError, BZIP2_MAGIC, "bzip2")
    if head.startswith(ZSTD_MAGIC) or (head[:1] in b"PQRSTUVWXYZ[\\]^_" and head[1:4] == _SKIPPABLE):
        return _unzstd(stream)
    return None


def _plain(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    for magic, name in (*NOT_LOGS.items(), (_ORC, "ORC")):
        # ORC's three letters may begin a line, but no control character follows them there
        if head.startswith(magic) and (magic != _ORC or head[3:4] < b" "):
            return _refused(f"the object is {name}, which is not read: have it written as text or JSON")
    return _sliced(stream, PIECE_BYTES)


def _refused(reason: str) -> Iterator[bytes]:
    raise CorruptInputError(reason)
    yield


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def _new_gzip() -> _Decompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _new_bzip2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _members(
    chunks: Iterable[bytes],
    new: Callable[[], _Decompressor],
    failure: type[Exception],
    magic: bytes,
    name: str,
) -> Iterator[bytes]:
    """Decompress concatenated members; zero padding between and after them is ignored, as gzip(1) does."""
    member: _Decompressor | None = None
    held = begun = b""
    returned = 0
    for chunk in _with_end_apart(chunks):
        data = held + chunk if held else chunk
        held = begun = b""
        while data or (member is not None and not member.needs_input):
            if member is None:
                data = data.lstrip(b"\0")
                if len(data) < len(magic):
                    held = data
                    break
                if not data.startswith(magic):
                    raise CorruptInputError(f"bytes that are not {name} follow a {name} member")
                member, begun, returned = new(), data, 0
            try:
                piece = member.decompress(data, PIECE_BYTES)
            except failure as error:
                yield from _before_damage(begun, new(), failure, returned)
                raise CorruptInputError(f"damaged {name} stream: {error}") from None
            data = b""
            returned += len(piece)
            if piece:
                yield piece
            if member.eof:
                data, member = member.unused_data, None
    if member is not None or held:
        raise CorruptInputError(f"truncated {name} stream")


def _with_end_apart(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks, and the last bytes one by one: what precedes a wrong checksum is decompressed by then."""
    held = b""
    for chunk in chunks:
        chunk = held + chunk
        yield chunk[:-_END_BYTES]
        held = chunk[-_END_BYTES:]
    yield from _sliced((held,), 1)


def _before_damage(data: bytes, member: _Decompressor, failure: type[Exception], returned: int) -> Iterator[bytes]:
    """Yield what a damaged member holds behind what was returned, byte by byte; of a call that fails nothing is."""
    fed = 0
    with suppress(failure):
        while fed < len(data) or not member.needs_input:
            size = int(member.needs_input)
            piece = member.decompress(data[fed : fed + size], PIECE_BYTES)
            fed += size
            if returned < len(piece):
                yield piece[returned:]
            returned = max(0, returned - len(piece))


def _sliced(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) <= size:
            yield chunk
            continue
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    import zstandard

    frame = None
    for data in _sliced(_with_end_apart(chunks), _ZSTD_INPUT_BYTES):
        while data:
            if frame is None:
                frame = zstandard.ZstdDecompressor().decompressobj()
            try:
                piece = frame.decompress(data)
            except zstandard.ZstdError as error:
                raise CorruptInputError(f"damaged zstd stream: {error}") from None
            if piece:
                yield from _sliced((piece,), PIECE_BYTES)
            data = b""
            if frame.eof:
                data, frame = frame.unused_data, None
    if frame is not None:
        raise CorruptInputError("truncated zstd stream")
