"""Card numbers, looked for in all places of a text at once: one byte of a long integer belongs to each digit.

The sums of all numbers of a length take one addition, and the comparisons that a card takes are a few operations on
whole texts, so cards cost the same however many there are. `log_shipper.detectors` finds cards in a run of digits by
it, and `replace_cards` replaces those of a block that is full of them.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from log_shipper.borders import BORDERS

FEWEST_DIGITS, MOST_DIGITS = 12, 19
MAESTRO = (5018, 5020, 5038, 5893, 6304, 6390, 6759, 6761, 6762, 6763)


@lru_cache(maxsize=10_000)
def card_lengths(prefix: bytes) -> tuple[int, ...]:
    """Return how many digits a card number that begins so may have, the fewest first."""
    if len(prefix) < 4:
        return ()
    two, three, four = int(prefix[:2]), int(prefix[:3]), int(prefix)
    lengths: set[int] = set()
    for is_issuer, digits in (
        (prefix.startswith(b"4"), (13, 16, 19)),  # Visa
        (51 <= two <= 55 or 2221 <= four <= 2720, (16,)),  # Mastercard
        (two in (34, 37), (15,)),  # American Express
        (two in (36, 38, 39) or 300 <= three <= 305 or three == 309, (14, 16)),  # Diners Club
        (four == 6011 or 644 <= three <= 649 or two == 65, (16, 19)),  # Discover
        (3528 <= four <= 3589, (16, 19)),  # JCB
        (two in (62, 81), (16, 17, 18, 19)),  # UnionPay
        (2200 <= four <= 2204, (16, 19)),  # Mir
        (two in (60, 65, 81, 82) or three in (353, 356, 508), (16,)),  # RuPay
        (four in MAESTRO, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ):
        if is_issuer:
            lengths.update(digits)
    return tuple(sorted(lengths))


class _Lengths(dict[bytes, int]):
    """How many digits a card may have, by its first four as two bytes: a bit for each length, from the fewest on."""

    def __missing__(self, twos: bytes) -> int:
        lengths = card_lengths(twos.hex().encode())
        return self.setdefault(twos, sum(1 << length - FEWEST_DIGITS for length in lengths))


LENGTHS = _Lengths()
# the same by the first two digits: what any four that begin so allow
LENGTHS_BY_TWO = bytes(
    0b10010010 * (byte >> 4 == 4)
    | sum(bits for twos, bits in (
        (b"\x51\x52\x53\x54\x55\x23\x24\x25\x26\x27\x82", 0b10000), (b"\x22\x60\x64\x65\x35", 0b10010000),
        (b"\x34\x37", 0b1000), (b"\x36\x38\x39\x30", 0b10100), (b"\x62\x81", 0b11110000),
        (b"\x50\x58\x63\x67", 0xFF),
    ) if byte in twos)
    for byte in range(256)
)  # fmt: skip
# of these first two digits, only some have cards: the first four say which
_VAGUE = b"\x22\x27\x30\x35\x50\x58\x60\x63\x64\x67"
_IS_VAGUE = bytes(byte in _VAGUE for byte in range(256))
# groups in which cards are printed: UnionPay's, and those that dots may divide
_UNION_PAY = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (8, 8), (6, 10), (6, 13))
_FEWEST_OF_UNION_PAY = 16
_DOTTED = ((4, 4, 4, 4), (4, 6, 4), (4, 6, 5))
# twice a digit, with the sum of its digits, of values and of their codes in ASCII
_DOUBLED = bytes((byte & 15) * 2 - 9 * (byte & 15 > 4) if byte & 15 < 10 else 0 for byte in range(256))
_IS_TENFOLD = bytes(total % 10 == 0 for total in range(256))
_IS_62 = bytes(byte == 0x62 for byte in range(256))
_IS_SET = bytes(byte > 0 for byte in range(256))
_MAY_BEGIN = bytes(byte >> 4 in (2, 3, 4, 5, 6, 8) for byte in range(256))


_PIECE_BYTES = 20480


def _int(data: bytes | bytearray) -> int:
    return int.from_bytes(data, "little")


_EACH = [_int(b"\1" * 2 * _PIECE_BYTES) << bit for bit in range(8)]


class Places:
    """The places of digits, of which each has a byte in every integer here; what is no digit has a place, too.

    Parameters
    ----------
    digits : bytes
        The last four bits of each digit are its value.
    is_digit, is_separated : int
        1 in each place of a digit; 1 in each place with a separator between the digit before it and its own.
    is_begun, is_ended : bool
        No digit is beside the first place, and none beside the last.
    """

    def __init__(
        self, digits: bytes, is_digit: int, is_separated: int, *, is_begun: bool = True, is_ended: bool = True
    ) -> None:
        self._count = len(digits)
        self._begins = is_digit ^ (is_digit & is_digit << 8) | is_separated
        self._ends = is_digit ^ (is_digit & is_digit >> 8) | is_separated >> 8
        if not is_begun:
            self._begins &= ~0xFF | is_separated
        if not is_ended:
            self._ends &= (1 << 8 * self._count - 8) - 1
        values = is_digit * 15
        value, doubled = _int(digits) & values, _int(digits.translate(_DOUBLED)) & values
        self._twos = (value << 4 | value >> 8).to_bytes(self._count, "little")
        # of so many places from each one on: the sum, where of an even number the first is doubled; whether all are
        # digits; whether a group begins behind the first
        self._sums = {1: value, 2: doubled + (value >> 8)}
        self._digits = {1: is_digit}
        self._begun = {2: self._begins >> 8}
        self._matched: dict[tuple[int, ...], int] = {}

    def cards(self) -> dict[int, int]:
        """Return for each number of digits the places in which a card of so many begins."""
        may_begin = (self._begins & self._all_digits(FEWEST_DIGITS)) * 255
        if not may_begin:
            return {}
        lengths = _int(self._twos.translate(LENGTHS_BY_TWO)) & may_begin
        printed = self._printed_union_pay() if b"\x62" in self._twos else {}
        found: dict[int, int] = {}
        for length in range(FEWEST_DIGITS, min(MOST_DIGITS, self._count) + 1):
            bit = length - FEWEST_DIGITS
            if not lengths & _EACH[bit]:
                continue
            at = lengths >> bit & self._ends >> 8 * length - 8 & _EACH[0]
            if at and (at := at & self._all_digits(length)):
                known = at & printed.get(length, 0)
                found[length] = at if known == at else known | at & self._has_check_digit(length)
        return self._issued(found)

    def dotted(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return where groups begin in which dots divide cards, by how many digits they have, and where cards do."""
        may_begin = _int(self._twos.translate(_MAY_BEGIN)) & self._begins
        shapes: dict[int, int] = {}
        for sizes in _DOTTED:
            if at := self._in_groups(sizes, may_begin):
                shapes[sum(sizes)] = at
        lengths = _int(self._twos.translate(LENGTHS_BY_TWO))
        union_pay = _int(self._twos.translate(_IS_62))
        cards = {
            length: (self._has_check_digit(length) | union_pay) & lengths >> length - FEWEST_DIGITS & at
            for length, at in shapes.items()
        }
        return shapes, self._issued(cards)

    def _issued(self, found: dict[int, int]) -> dict[int, int]:
        """Return of these numbers those that the first four digits allow as the first two do."""
        any_found = 0
        for at in found.values():
            any_found |= at
        if not any(two in self._twos for two in _VAGUE):
            return found
        if vague := _int(self._twos.translate(_IS_VAGUE)) & any_found:
            is_vague = vague.to_bytes(self._count, "little")
            bits = bytearray(b"\xff" * self._count)
            twos, next_vague = self._twos, is_vague.find
            at = next_vague(1)
            while at >= 0:
                bits[at] = LENGTHS[twos[at : at + 3 : 2]]
                at = next_vague(1, at + 1)
            allowed = _int(bits)
            found = {length: at & allowed >> length - FEWEST_DIGITS for length, at in found.items()}
        return found

    def _printed_union_pay(self) -> dict[int, int]:
        """Return for each length where a number is that UnionPay's groups alone make a card."""
        result: dict[int, int] = {}
        at = _int(self._twos.translate(_IS_62)) & self._begins & self._all_digits(_FEWEST_OF_UNION_PAY)
        at ^= at & self._any_begins(4)
        for sizes in _UNION_PAY if at else ():
            result[sum(sizes)] = result.get(sum(sizes), 0) | self._in_groups(sizes, at)
        return result

    def _in_groups(self, sizes: tuple[int, ...], places: int) -> int:
        """Return of these places, which are always the same, those in which groups of these sizes begin."""
        if not sizes:
            return places
        if sizes not in self._matched:
            *before, size = sizes
            start = 8 * sum(before)
            at = self._in_groups(tuple(before), places)
            at = at and at & self._ends >> start + 8 * size - 8
            at = at and at & self._begins >> start
            if at and size > 1:
                at ^= at & self._any_begins(size) >> start
            self._matched[sizes] = at
        return self._matched[sizes]

    def _any_begins(self, length: int) -> int:
        if length not in self._begun:
            half = length // 2 + 1
            rest = self._any_begins(length - half + 1)
            self._begun[length] = self._any_begins(half) | rest >> 8 * (half - 1)
        return self._begun[length]

    def _all_digits(self, length: int) -> int:
        if length not in self._digits:
            first = FEWEST_DIGITS if length > FEWEST_DIGITS else (length + 1) // 2
            self._digits[length] = self._all_digits(first) & self._all_digits(first) >> 8 * (length - first)
        return self._digits[length]

    def _has_check_digit(self, length: int) -> int:
        return _int(self._sum_of(length).to_bytes(self._count, "little").translate(_IS_TENFOLD))

    def _sum_of(self, length: int) -> int:
        if length not in self._sums:
            first = 1 if length % 2 else 1 << (length - 1).bit_length() - 1
            self._sums[length] = self._sum_of(first) + (self._sum_of(length - first) >> 8 * first)
        return self._sums[length]


# of bytes that UTF-8 does not have, which are free: in place of what is deleted, and of a card
_ABSENT, _CARD = 0xFF, 0xF8
_WIDE = ((b"\xc2\xa0", b"\xf5"), (b"\xe2\x80\x91", b"\xf6"), (b"\xe2\x80\xaf", b"\xf7"))
_IS_DIGIT = bytes(byte in b"0123456789" for byte in range(256))


class Kind(NamedTuple):
    """One kind of numbers that are replaced: what is between their groups, and what must be beside them.

    Attributes
    ----------
    separators : bytes
        What may be between two groups of digits; the first ``beside`` of them may also be beside a number.
    before, behind : bytes
        What may be on either side.
    """

    separators: bytes
    beside: int
    before: bytes
    behind: bytes = b""
    is_dotted: bool = False


class _Tables:
    """What the bytes of a text and its codes are, for one kind of numbers."""

    def __init__(self, kind: Kind) -> None:
        separators, beside, before, behind, self.is_dotted = kind
        self.flags = bytes(1 if byte in b"0123456789" else 2 * (byte in separators) for byte in range(256))
        self.is_beside = bytes(byte in separators[:beside] for byte in range(256))
        # a dot may end a sentence; no document of JSON has one behind a number
        marks = ((1, before), (2, behind or before), (4, b"."))
        self.edges = bytes(sum(bit for bit, signs in marks if byte in signs) for byte in range(256))


_tables_of = lru_cache(maxsize=4)(_Tables)
_BLANK_AND_WIDE, _PLUS_AND_DASH = b" \xf5\xf6\xf7", b"+-"
_IN_GROUPS = _BLANK_AND_WIDE + _PLUS_AND_DASH
# an e-mail address holds plus and dash, too
TEXT = Kind(_IN_GROUPS, 6, BORDERS)
TEXT_WITH_EMAIL = Kind(_IN_GROUPS, 4, BORDERS)
DOTTED = Kind(b".", 0, BORDERS, is_dotted=True)
NUMBER = Kind(_IN_GROUPS, 0, b":,[ ", b",]} \n")
_LOOK_AHEAD = 24
"""A card that begins so many places before the end of a piece is whole in it, with what follows."""
_OR_ABSENT = bytes([_ABSENT, *range(1, 256)])
_FIRST_OF = [b"\1".ljust(size, b"\0")[:size] for size in range(MOST_DIGITS + 1)]
_REST = _int(b"\0" + b"\1" * (FEWEST_DIGITS - 1))


def replace_cards(data: bytes, placeholder: bytes, kind: Kind) -> tuple[bytes, bool]:
    """Return data with a placeholder for each card of a kind that has a border on either side, and whether all had.

    Data has no bytes above 0xF4, which UTF-8 does not have either.
    """
    if is_wide := not kind.is_dotted and not data.isascii():
        for wide, narrow in _WIDE:
            data = data.replace(wide, narrow)
    data = b"\n" + data + b"\n" * _LOOK_AHEAD
    # made when they are first needed, so that a start does not wait for them
    tables = _tables_of(kind)
    parts: list[bytes] = []
    position = is_whole = 1
    while position < len(data) - _LOOK_AHEAD:
        part, size, are_all = _replaced(data[position - 1 : position + _PIECE_BYTES], placeholder, tables)
        parts.append(part)
        position += size
        is_whole &= are_all
    data = b"".join(parts)
    if is_wide:
        for wide, narrow in _WIDE:
            data = data.replace(narrow, wide)
    return data, bool(is_whole)


def _replaced(text: bytes, placeholder: bytes, kind: _Tables) -> tuple[bytes, int, bool]:
    """Return what follows the first byte of a text, with placeholders, how much that was, and if all cards had borders.

    The last places are left, unless a card ends in them.
    """
    places, separators = text, b""
    flags = _int(text.translate(kind.flags))
    if is_joined := flags >> 1 & flags << 8 & flags >> 8:
        whole, joined = _int(text), is_joined * _ABSENT
        places = (whole | joined).to_bytes(len(text), "little").translate(None, bytes([_ABSENT]))
        # what is before each place: a separator, or nothing
        before = (whole & joined) << 8 | joined
        separators = before.to_bytes(len(text), "little").translate(None, bytes([_ABSENT]))
    is_digit = _int(places.translate(_IS_DIGIT)) if separators else flags & _EACH[0]
    numbers = Places(places, is_digit, _int(separators.translate(_IS_SET)), is_begun=False)
    found, cards = numbers.dotted() if kind.is_dotted else (numbers.cards(), {})
    stop = len(places) - _LOOK_AHEAD
    found, rest = _first_of(found, stop)
    for length, at in found.items():
        stop = max(stop, (at.bit_length() - 1) // 8 + length)
    consumed = stop - 1 + (stop - separators.count(0, 0, stop) if separators else 0)
    edges = _int(places.translate(kind.edges)) if found else 0
    beside = _int(separators.translate(kind.is_beside))
    before, behind = edges << 8 | beside, edges >> 1 | edges >> 2 & edges >> 9 | beside
    first = is_left = is_card = 0
    for length, at in found.items():
        shown = at & cards.get(length, at)
        found[length] = shown & before & behind >> 8 * length
        first |= found[length]
        is_card |= shown
        is_left |= at ^ found[length]
    if not first:
        return text[1 : 1 + consumed], consumed, not is_card
    if is_left:
        rest = _rest_of(found)
    rest *= _ABSENT
    shown = _int(places)
    shown = (shown ^ (shown & first * 255)) | first * _CARD | rest
    result: bytes | bytearray = shown.to_bytes(len(places), "little")[1:stop]
    if separators:
        both = bytearray(2 * stop - 2)
        both[::2] = (_int(separators.translate(_OR_ABSENT)) | rest).to_bytes(len(places), "little")[1:stop]
        both[1::2] = result
        result = both
    result = result.translate(None, bytes([_ABSENT])).replace(bytes([_CARD]), placeholder)
    return bytes(result), consumed, first == is_card


def shortest(found: dict[int, int], count: int) -> bytes:
    """Return for each place how many digits the shortest number has that begins there, 0 where none does."""
    sizes = 0
    for length, at in _apart(found).items():
        sizes |= at * length
    return sizes.to_bytes(count, "little")


def _apart(found: dict[int, int]) -> dict[int, int]:
    """Return of numbers that begin in one place the shortest."""
    apart: dict[int, int] = {}
    taken = 0
    for length, at in sorted(found.items()):
        apart[length] = at ^ (at & taken)
        taken |= at
    return apart


def _first_of(found: dict[int, int], count: int) -> tuple[dict[int, int], int]:
    """Return of numbers that overlap the first and shortest, and so on, and the places of their other digits.

    Those that begin behind so many places are omitted.
    """
    found = _apart({length: kept for length, at in found.items() if (kept := at & (1 << 8 * count) - 1)})
    starts = 0
    for at in found.values():
        starts |= at
    rest = _rest_of(found)
    if not rest & starts * 255:
        return found, rest
    sizes = shortest(found, count)
    if len(found) == 1:
        first = _numbers(*found).sub(_FIRST_OF[min(found)], sizes)[:count]
    else:
        parts = _numbers(*found).split(sizes)
        parts[1::2] = map(_FIRST_OF.__getitem__, map(len, parts[1::2]))
        first = b"".join(parts)
    is_first = _int(first)
    found = {length: at & is_first for length, at in found.items()}
    return found, _rest_of(found)


@lru_cache(maxsize=256)
def _numbers(*sizes: int) -> re.Pattern[bytes]:
    """Return the expression of a number of digits with the places of so many, where it may be one of these."""
    return re.compile(b"(%b)" % b"|".join([b"%c.{,%d}" % (size, size - 1) for size in sizes]), re.DOTALL)


def _rest_of(numbers: dict[int, int]) -> int:
    """Return the places of the digits behind the first one of each number."""
    rest = longer = 0
    for length in range(MOST_DIGITS, FEWEST_DIGITS, -1):
        longer |= numbers.get(length, 0)
        rest |= longer << 8 * length - 8
    return rest | (longer | numbers.get(FEWEST_DIGITS, 0)) * _REST
