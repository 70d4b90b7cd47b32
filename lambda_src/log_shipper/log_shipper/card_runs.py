"""Card numbers in groups, replaced without a step of Python for each: a run of digits is an array, not a text.

Every place of a run has two characters of 16 bits: the separator before the digit, and the digit with the length of
the card that may begin there. One expression then takes the first and shortest cards, as the detector does.
"""

import re
from collections.abc import Iterator
from itertools import chain

from log_shipper.borders import IN_CLASS, cut
from log_shipper.detectors import FEWEST_DIGITS, LENGTHS, card_candidates

_CHUNK_BYTES, _PIECE_DIGITS = 16384, 4096
_LONGEST = 20
"""The most digits of a card, and the one behind it."""
_RUN = rb"([2-68](?<![0-9].)(?:(?<=[%b].)|())[0-9 .+\-\x1c-\x1e]{11,}+(?:(?<=[ \x1c-\x1e])|(?=[%b])|()))" % (
    IN_CLASS,
    IN_CLASS,
)
_RUN_AS_BLANK = bytes(32 if byte in b"0123456789. +-\x1c\x1d\x1e" else 10 for byte in range(256))
_LONG_RUN = rb"[0-9][0-9 .+\-\xc2\xa0\xe2\x80\x91\xaf]{11,}+"
_WIDE = ((b"\xc2\xa0", b"\x1c"), (b"\xe2\x80\x91", b"\x1d"), (b"\xe2\x80\xaf", b"\x1e"))
_SEPARATORS = b" +-\x1c\x1d\x1e"
# between two runs, between two separators, and beside what is no border: each stands where a digit would
_NEXT_RUN, _FILLER, _UNSAFE = b"\x0b", b"\x0c", b"\x0e"
_TWO_SEPARATORS = rb"(?<=[ +\-\x1c-\x1e])(?=[ +\-\x1c-\x1e])"
_AS_BLANK = bytes.maketrans(_SEPARATORS, b" " * len(_SEPARATORS))
# a place is the digit (or its substitute) and, in the upper half of the byte, the separator before it
_DIGITS = b"0123456789.\x0b\x0c\x0e"
_SEPARATOR = 0xF0
_VALUES = bytes(
    _DIGITS.find(byte) if byte in _DIGITS else _SEPARATOR if byte in _SEPARATORS else 0 for byte in range(256)
)  # fmt: skip
_KINDS = bytes(_SEPARATORS.find(byte) + 1 << 4 if byte in _SEPARATORS else 0 for byte in range(256))
_DIGIT_OF = bytes(_DIGITS[byte & 15] if byte & 15 < len(_DIGITS) else 0 for byte in range(256))
_SEPARATOR_OF = bytes(_SEPARATORS[(byte >> 4) - 1] if 0 < byte >> 4 <= len(_SEPARATORS) else 0 for byte in range(256))
_FLAGGED = bytes(0x40 * (byte >> 4 > 0) | (0x30 | byte & 15 if byte & 15 < 10 else 0x2E) for byte in range(256))
_NEXT_FLAG = bytes(0x80 * (byte & 15 >= 10) for byte in range(256))
_NUMBER = bytes(0x30 | byte & 15 if byte & 15 < 10 else 0 for byte in range(256))
_SHORTEST = bytes((bits & -bits).bit_length() for bits in range(256))
# of these first two digits, only some have cards: the first four say which
_VAGUE = (b"22", b"27", b"30", b"35", b"50", b"58", b"60", b"63", b"64", b"67")
_IS_VAGUE = bytes(0xFF * (b"%02x" % byte in _VAGUE) for byte in range(256))
_SET = rb"[^\0]"
_CARD = "\xfa"
_LENGTHS_OF = "|".join(
    rf"(?<=[{chr(i << 8)}-{chr(i << 8 | 255)}])[^\x0b-\x0e.]{{{2 * (FEWEST_DIGITS - 2 + i)}}}"
    for i in (5, 8, 2, 4, 3, 1, 6, 7)
)
_FIRST = f"[{chr(0x100)}-{chr(0x8FF)}]"


def _selection(separators: str) -> str:
    """Return an expression for cards, the first and shortest.

    Its groups are the first digit, and all others of a card that is beside no border. A search for the first digit is
    faster than one for either of two alternatives.
    """
    before, behind = rf"(?:(?<=[{separators}].)|(?<=\x0b\0.))", rf"(?=[{separators}]|\0\x0b|\0\.(?: |\0\x0b))"
    return rf"({_FIRST})(?:{before}(?:{_LENGTHS_OF}){behind}|({_LENGTHS_OF}))"


# an e-mail address holds the others, too
_SELECTED, _SELECTED_WITHOUT_EMAIL = _selection(r" \x1c-\x1e"), _selection(r" +\-\x1c-\x1e")


def replace_cards(data: bytes, placeholder: bytes) -> tuple[bytes, bool]:
    """Return data with a placeholder for each card that has a border on either side, and whether no other is left.

    Cards whose groups are divided by dots stay.
    """
    is_wide = not data.isascii()
    if any(byte in data for byte in (b"\x0b", b"\x0c", b"\x0e", b"\x1c", b"\x1d", b"\x1e")):
        return data, False
    if is_wide:
        for wide, narrow in _WIDE:
            data = data.replace(wide, narrow)
    chunks = [_replaced(chunk, placeholder) for chunk in _chunks(b"\n" + data + b"\n")]
    data = b"".join([chunk[1:] for chunk, _ in chunks])[:-1]
    if is_wide:
        for wide, narrow in _WIDE:
            data = data.replace(narrow, wide)
    return data, all(is_whole for _, is_whole in chunks)


def has_many_runs(data: bytes) -> bool:
    """Say whether much of a text is digits and separators, by its beginning."""
    return sum(map(len, re.findall(_LONG_RUN, data[:512]))) > 128


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield parts that end where no run does, each with the byte before it."""
    for start, end in cut(data.translate(_RUN_AS_BLANK), _CHUNK_BYTES, start=1):
        yield data[start - 1 : end]


def _replaced(data: bytes, placeholder: bytes) -> tuple[bytes, bool]:
    parts = re.split(_RUN, data)
    runs = parts[1::4]
    if not runs:
        return data, True
    if (before := parts[2::4]).count(None) < len(runs) or parts[3::4].count(None) < len(runs):
        runs = [
            (b"" if first is None else _UNSAFE) + run + (b"" if last is None else _UNSAFE)
            for run, first, last in zip(runs, before, parts[3::4], strict=True)
        ]
    array = _NEXT_RUN.join([b"", *runs, b""])
    if b"  " in array.translate(_AS_BLANK):
        array = re.sub(_TWO_SEPARATORS, _FILLER, array)
    coded = _with_next(array.translate(_VALUES), array.translate(_KINDS)).translate(None, bytes([_SEPARATOR]))
    lengths = _lengths(coded)
    if lengths.count(0) == len(lengths):
        return data, True
    wide = bytearray(4 * len(coded))
    wide[::4] = coded.translate(_SEPARATOR_OF)
    wide[2::4] = coded.translate(_DIGIT_OF)
    wide[3::4] = lengths
    # the expressions are compiled when they are first used, so that a start does not wait for them
    expression = _SELECTED if b"@" in data else _SELECTED_WITHOUT_EMAIL
    pieces = re.split(expression, wide.decode("utf-16-le"), flags=re.DOTALL)
    others = pieces[2::3]
    is_whole = others.count(None) == len(others)
    if is_whole:
        pieces[1::3] = [_CARD] * len(others)
    else:
        pieces[1::3] = [
            _CARD if rest is None else first + rest for first, rest in zip(pieces[1::3], others, strict=True)
        ]
    del pieces[2::3]
    low = "".join(pieces).encode("utf-16-le")[::2].translate(None, b"\0" + _FILLER + _UNSAFE)
    shown = low.replace(_CARD.encode("latin-1"), placeholder).split(_NEXT_RUN)[1:]
    return b"".join(chain.from_iterable(zip(parts[::4], shown, strict=True))), is_whole


def _with_next(data: bytes, next_bits: bytes) -> bytes:
    """Return data in which each byte has the bits of the one before it, too."""
    both = int.from_bytes(data, "little") | int.from_bytes(next_bits, "little") << 8
    return both.to_bytes(len(data) + 1, "little")[:-1]


def _lengths(coded: bytes) -> bytes:
    """Return for each place which card begins there: 1 for one of twelve digits and so on, 0 for none."""
    number = coded.translate(_NUMBER)
    digits = _with_next(coded.translate(_FLAGGED), coded.translate(_NEXT_FLAG))
    parts: list[bytearray] = []
    for start in range(0, len(coded), _PIECE_DIGITS):
        end = start + _PIECE_DIGITS + _LONGEST
        candidates, twos = card_candidates(
            digits[start:end], number[start:end], is_begun=False, is_ended=False, may_break=True
        )
        part = bytearray(candidates)
        is_vague = twos.translate(_IS_VAGUE)
        if 255 in is_vague:
            both = int.from_bytes(is_vague, "little") & int.from_bytes(part, "little")
            for at in [place.start() for place in re.finditer(_SET, both.to_bytes(len(part), "little"))]:
                prefix = number[start + at : start + at + 4]
                part[at] &= LENGTHS[prefix] if prefix.isdigit() else 0
        parts.append(part[:_PIECE_DIGITS])
    found = b"".join(parts)
    return found.translate(_SHORTEST)
