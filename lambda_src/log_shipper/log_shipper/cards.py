"""Card numbers, looked for in all places of a text at once: one bit of a long integer belongs to each digit.

A number of four bits in each place is four such integers, and what a card takes are a few operations on whole texts:
issuers are ANDs, Luhn's sums are additions bit by bit. So cards cost the same however many there are.
`log_shipper.detectors` finds cards in a run of digits by it, and `replace_cards` replaces those of a block that is full
of them.
"""

import re
from binascii import unhexlify
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


# groups in which cards are printed: UnionPay's, and those that dots may divide
_UNION_PAY = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (8, 8), (6, 10), (6, 13))
_FEWEST_OF_UNION_PAY = 16
_DOTTED = ((4, 4, 4, 4), (4, 6, 4), (4, 6, 5))
_PIECE_BYTES = 81920

_HEX = b"0123456789abcdef"
# of two codes in a byte: their bits 3 and 2, and their bits 1 and 0; of two such in a byte: four codes' higher bit, and
# their lower one
_HIGH_BITS, _LOW_BITS = (
    bytes(
        _HEX[(one >> k + 1 & 1) << 3 | (two >> k + 1 & 1) << 2 | (one >> k & 1) << 1 | two >> k & 1]
        for one in range(16)
        for two in range(16)
    )
    for k in (2, 0)
)
_HIGHER, _LOWER = (bytes(_HEX[byte >> k + 4 << 2 & 12 | byte >> k & 3] for byte in range(256)) for k in (2, 0))
_PAIR_OF_BITS = bytes(_HEX[byte >> 3 & 2 | byte & 1] for byte in range(256))
_FOUR_BITS = bytes(_HEX[byte >> 2 & 12 | byte & 3] for byte in range(256))

Planes = tuple[int, int, int, int]
"""Bits 0 to 3 of a number in each place: an integer for each bit, with one bit for each place, the first the highest.

There is a multiple of 8 places. `plane << n` has in each place what `plane` has n places further on.
"""


def planes_of(codes: bytes) -> Planes:
    """Return the planes of codes, which are a hexadecimal digit for each place."""
    one, two, three, four = plane_bytes(codes.ljust(-(-len(codes) // 8) * 8, b"f"))
    return _int_of(one), _int_of(two), _int_of(three), _int_of(four)


def plane_bytes(codes: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the bytes of the planes of codes, of which there are a multiple of 8.

    Pairs of digits become bytes, and each byte the digit of one bit of several codes: so every pass has half as much to
    do as the one before it.
    """
    pairs = unhexlify(codes)
    high, low = unhexlify(pairs.translate(_HIGH_BITS)), unhexlify(pairs.translate(_LOW_BITS))
    return (
        unhexlify(low.translate(_LOWER)),
        unhexlify(low.translate(_HIGHER)),
        unhexlify(high.translate(_LOWER)),
        unhexlify(high.translate(_HIGHER)),
    )


def _int_of(plane: bytes) -> int:
    return int.from_bytes(plane, "big")


def plane_of(bits: bytes) -> int:
    """Return the plane of bits, which are a 0 or a 1 for each place."""
    fours = unhexlify(unhexlify(bits.ljust(-(-len(bits) // 8) * 8, b"0")).translate(_PAIR_OF_BITS))
    return int.from_bytes(unhexlify(fours.translate(_FOUR_BITS)), "big")


def _sum(one: Planes, two: Planes, carry: int = 0) -> Planes:
    """Return the sums of two numbers and a carry modulo 15, where they are at most 30."""
    (a0, a1, a2, a3), (b0, b1, b2, b3) = one, two
    either = a0 ^ b0
    s0 = either ^ carry
    carry = a0 & b0 | either & carry
    either = a1 ^ b1
    s1 = either ^ carry
    carry = a1 & b1 | either & carry
    either = a2 ^ b2
    s2 = either ^ carry
    carry = a2 & b2 | either & carry
    either = a3 ^ b3
    s3 = either ^ carry
    carry = a3 & b3 | either & carry
    # 16 is 1 modulo 15
    carry0 = s0 & carry
    carry1 = s1 & carry0
    carry2 = s2 & carry1
    return s0 ^ carry, s1 ^ carry0, s2 ^ carry1, s3 ^ carry2


def _shifted(planes: Planes, count: int) -> Planes:
    b0, b1, b2, b3 = planes
    return b0 << count, b1 << count, b2 << count, b3 << count


class Places:
    """The places of digits in which cards may begin; what is no digit has a place, too.

    Luhn's sum is a multiple of 10 where it is even and a multiple of 5. Numbers are added modulo 15, of which 5 is a
    factor, because twice a number is then its bits in another order.

    Parameters
    ----------
    codes : bytes
        For each place its digit, and f for what is none.
    is_separated : int
        1 in each place with a separator between the digit before it and its own.
    is_begun, is_ended : bool
        No digit is beside the first place, and none beside the last.

    Attributes
    ----------
    size : int
        How many places the planes have.
    """

    def __init__(self, codes: bytes, is_separated: int, *, is_begun: bool = True, is_ended: bool = True) -> None:
        self._count, self.size = len(codes), -(-len(codes) // 8) * 8
        self._every = (1 << self.size) - 1
        self._value = planes_of(codes)
        _, _, b2, b3 = self._value
        is_digit = self._every ^ b3 & b2
        self._begins = is_digit ^ (is_digit & is_digit >> 1) | is_separated
        self._ends = is_digit ^ (is_digit & is_digit << 1) | is_separated << 1
        if not is_begun:
            self._begins &= self._every >> 1 | is_separated
        if not is_ended:
            self._ends &= self._every << self.size - self._count + 1
        self._sums: dict[int, tuple[Planes, int]] = {}
        self._digits = {1: is_digit}
        self._begun = {2: self._begins << 1}
        self._matched: dict[tuple[int, ...], int] = {}

    def cards(self) -> dict[int, int]:
        """Return for each number of digits the places in which a card of so many begins."""
        may_begin = self._begins & self._all_digits(FEWEST_DIGITS)
        if not may_begin:
            return {}
        issued = self._issued()
        printed = self._printed_union_pay()
        found: dict[int, int] = {}
        for length in range(FEWEST_DIGITS, min(MOST_DIGITS, self._count) + 1):
            at = may_begin & issued[length] & self._ends << length - 1
            if at and (at := at & self._all_digits(length)):
                known = at & printed.get(length, 0)
                found[length] = at if known == at else known | at ^ (at & self._has_wrong_sum(length))
        return found

    def dotted(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return where groups begin in which dots divide cards, by how many digits they have, and where cards do."""
        b0, b1, b2, b3 = self._value
        # from 2 to 6, or 8
        may_begin = self._begins & ((b1 | b2) ^ (b2 & b1 & b0) | b3 & (self._every ^ b0))
        shapes: dict[int, int] = {}
        for sizes in _DOTTED:
            if at := self._in_groups(sizes, may_begin):
                shapes[sum(sizes)] = at
        if not shapes:
            return {}, {}
        issued, union_pay = self._issued(), self._begins_62()
        cards: dict[int, int] = {}
        for length, at in shapes.items():
            of_issuer = at & issued[length]
            cards[length] = of_issuer ^ (of_issuer & self._has_wrong_sum(length)) | of_issuer & union_pay
        return shapes, cards

    def _issued(self) -> dict[int, int]:
        """Return for each number of digits the places whose first four begin a card of so many, as `card_lengths`."""
        b0, b1, b2, b3 = self._value
        every = self._every
        n0, n1, n2 = every ^ b0, every ^ b1, every ^ b2
        even, odd = n1 & n0, n1 & b0
        less = every ^ (b3 | b2)
        d0, d1, d2, d3 = less & even, less & odd, b1 & n2 & n0, b1 & n2 & b0
        d4, d5, d6, d7 = b2 & even, b2 & odd, b2 & b1 & n0, b2 & b1 & b0
        d8, d9 = b3 & n0, b3 & b0
        d01, d12, d89, d678 = d0 | d1, d1 | d2, d8 | d9, d6 | d7 | d8
        next0, next8 = d0 << 1, d8 << 1
        maestro = (
            d5 & (d0 & ((d1 | d3) & next8 | d2 & next0) << 1 | d8 & (d9 & d3 << 1) << 1) << 1
            | d6 & (d3 & (d0 & d4 << 1 | d9 & next0) << 1 | d7 & (d5 & d9 << 1 | d6 & (d12 | d3) << 1) << 1) << 1
        )
        amex = d3 & (d4 | d7) << 1
        diners = d3 & (d6 | d89 | d0 & (every ^ d678) << 1) << 1
        jcb = d3 & (d5 & (d2 & d89 << 1 | every ^ (d01 | d2 | d9)) << 1) << 1
        discover = d6 & (d0 & (d1 & d1 << 1) << 1 | d4 & (every ^ (d01 | d2 | d3)) << 1 | d5) << 1
        union_pay = d6 & d2 << 1 | d8 & d1 << 1
        mir = d2 & (d2 & (d0 & (every ^ (d5 | d678 | d9)) << 1) << 1) << 1
        mastercard = d5 & (d12 | d3 | d4 | d5) << 1 | d2 & (
            d2 & (d2 & (every ^ d0) << 1 | every ^ (d01 | d2)) << 1 | d3 | d4 | d5 | d6 | d7 & (d01 | d2 & next0) << 1
        ) << 1  # fmt: skip
        ru_pay = d6 & next0 | d8 & d2 << 1 | d5 & (d0 & next8) << 1
        long = d4 | jcb | discover | union_pay | mir | maestro
        union_pay |= maestro
        return {
            12: maestro, 13: d4 | maestro, 14: diners | maestro, 15: amex | maestro,
            16: long | mastercard | diners | ru_pay, 17: union_pay, 18: union_pay, 19: long,
        }  # fmt: skip

    def _begins_62(self) -> int:
        b0, b1, b2, b3 = self._value
        return (b2 & b1 & (self._every ^ (b3 | b0))) & (b1 & (self._every ^ (b3 | b2 | b0))) << 1

    def _printed_union_pay(self) -> dict[int, int]:
        """Return for each length where a number is that UnionPay's groups alone make a card."""
        result: dict[int, int] = {}
        at = self._begins & self._begins_62() & self._all_digits(_FEWEST_OF_UNION_PAY)
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
            start = sum(before)
            at = self._in_groups(tuple(before), places)
            at = at and at & self._ends << start + size - 1
            at = at and at & self._begins << start
            if at and size > 1:
                at ^= at & self._any_begins(size) << start
            self._matched[sizes] = at
        return self._matched[sizes]

    def _any_begins(self, length: int) -> int:
        if length not in self._begun:
            half = length // 2 + 1
            rest = self._any_begins(length - half + 1)
            self._begun[length] = self._any_begins(half) | rest << half - 1
        return self._begun[length]

    def _all_digits(self, length: int) -> int:
        if length not in self._digits:
            first = FEWEST_DIGITS if length > FEWEST_DIGITS else (length + 1) // 2
            self._digits[length] = self._all_digits(first) & self._all_digits(first) << length - first
        return self._digits[length]

    def _has_wrong_sum(self, length: int) -> int:
        """Return where Luhn's sum of so many digits is no multiple of 10."""
        total, odd = self._sum_of(length - length % 2)
        if length % 2:
            b0 = self._value[0]
            total, odd = _sum(self._value, _shifted(total, 1)), b0 ^ odd << 1
        s0, s1, s2, s3 = total
        # of the numbers up to 15, the multiples of 5 have two bits twice
        return s0 ^ s2 | s1 ^ s3 | odd

    def _sum_of(self, length: int) -> tuple[Planes, int]:
        """Return the sum of an even number of digits modulo 15, of which the first is doubled, and where it is odd."""
        if length not in self._sums:
            if length == 2:
                b0, b1, b2, b3 = self._value
                # of twice a digit, the digits are added: 10 to 18 become 1 to 9, which is 1 more modulo 5
                is_more = b3 | b2 & (b1 | b0)
                total = _sum((b3, b0, b1, b2), _shifted(self._value, 1), is_more)
                self._sums[length] = total, is_more ^ b0 << 1
            else:
                first = 1 << (length - 1).bit_length() - 1 if length != 14 else 12
                (one, is_odd), (two, odd) = self._sum_of(first), self._sum_of(length - first)
                self._sums[length] = _sum(one, _shifted(two, first)), is_odd ^ odd << first
        return self._sums[length]


# of bytes that UTF-8 does not have, which are free: in place of what is deleted, and of a card
_ABSENT, _CARD = 0xFF, 0xF8
WIDE_SEPARATORS = (b"\xc2\xa0", b"\xe2\x80\x91", b"\xe2\x80\xaf")
_WIDE = tuple(zip(WIDE_SEPARATORS, (b"\xf5", b"\xf6", b"\xf7"), strict=True))
_AS_CODE = bytes(byte if byte in b"0123456789" else 102 for byte in range(256))
_IS_PRESENT = bytes(48 + (byte > 0) for byte in range(256))


def _int(data: bytes | bytearray) -> int:
    return int.from_bytes(data, "little")


class Kind(NamedTuple):
    """One kind of numbers that are replaced: what is between their groups, and what must be beside them."""

    separators: bytes
    """What may be between two groups of digits; the first ``beside`` of them may also be beside a number."""
    beside: int
    edges: bytes
    """What may be on either side."""
    is_dotted: bool = False


class _Tables:
    """What the bytes of a text and its codes are, for one kind of numbers."""

    def __init__(self, kind: Kind) -> None:
        separators, beside, edges, self.is_dotted = kind
        self.flags = bytes(1 if byte in b"0123456789" else 2 * (byte in separators) for byte in range(256))
        self.is_any_beside = edges == _NO_DIGITS
        self.are_all_beside = beside == len(separators)
        self.is_beside = bytes(48 + (byte in separators[:beside]) for byte in range(256))
        # a dot may end a sentence
        self.edges = bytes(_HEX[(byte in edges) + 4 * (byte == 46)] for byte in range(256))


_tables_of = lru_cache(maxsize=5)(_Tables)
_BLANK_AND_WIDE, _PLUS_AND_DASH = b" \xf5\xf6\xf7", b"+-"
_NO_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")
_IN_GROUPS = _BLANK_AND_WIDE + _PLUS_AND_DASH
# an e-mail address holds plus and dash, too
TEXT = Kind(_IN_GROUPS, 6, BORDERS)
TEXT_WITH_EMAIL = Kind(_IN_GROUPS, 4, BORDERS)
# where nothing else is found, anything may be beside a card
TEXT_ALONE = Kind(_IN_GROUPS, 6, _NO_DIGITS)
DOTTED = Kind(b".", 0, BORDERS, is_dotted=True)
_LOOK_AHEAD = 24
"""A card that begins so many places before the end of a piece is whole in it, with what follows."""
_OR_ABSENT = bytes([_ABSENT, *range(1, 256)])
_IS_ABSENT = bytes([_ABSENT]).ljust(256, b"\0")


def card_mask(data: bytes) -> bytes:
    """Return 1 in the first byte of each card of data without dots and wide separators, 3 in its others, else 0."""
    return replace_cards(data, None, TEXT_ALONE)[0]


def replace_cards(data: bytes, placeholder: bytes | None, kind: Kind) -> tuple[bytes, bool]:
    """Return data with a placeholder for each card of a kind that has a border on either side, and whether all had.

    Data has no bytes above 0xF4, which UTF-8 does not have either. Without a placeholder, a mask is returned.
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


def _replaced(text: bytes, placeholder: bytes | None, kind: _Tables) -> tuple[bytes, int, bool]:
    """Return what follows the first byte of a text, with placeholders, how much that was, and if all cards had borders.

    The last places are left, unless a card ends in them. Without a placeholder, the mask of the cards is returned.
    """
    places, separators = text, b""
    flags = _int(text.translate(kind.flags))
    if is_joined := flags >> 1 & flags << 8 & flags >> 8:
        whole, joined = _int(text), is_joined * _ABSENT
        places = (whole | joined).to_bytes(len(text), "little").translate(None, bytes([_ABSENT]))
        # what is before each place: a separator, or nothing
        before = (whole & joined) << 8 | joined
        separators = before.to_bytes(len(text), "little").translate(None, bytes([_ABSENT]))
    is_separated = plane_of(separators.translate(_IS_PRESENT))
    numbers = Places(places.translate(_AS_CODE), is_separated, is_begun=False)
    found, cards = numbers.dotted() if kind.is_dotted else (numbers.cards(), {})
    size, stop = numbers.size, len(places) - _LOOK_AHEAD
    found, rest = _first_of(found, size, stop)
    for length, at in found.items():
        if at:
            stop = max(stop, size - (at & -at).bit_length() + length)
    consumed = stop - 1 + (is_separated >> size - stop).bit_count()
    first = is_left = is_card = 0
    if kind.is_any_beside:
        for at in found.values():
            first |= at
        is_card = first
    elif found:
        is_edge, _, is_dot, _ = planes_of(places.translate(kind.edges))
        beside = is_separated if kind.are_all_beside else plane_of(separators.translate(kind.is_beside))
        before, behind = is_edge >> 1 | beside, is_edge | is_dot & is_edge << 1 | beside
        for length, at in found.items():
            shown = at & cards.get(length, at)
            found[length] = shown & before & behind << length
            first |= found[length]
            is_card |= shown
            is_left |= at ^ found[length]
    if not first:
        return bytes(consumed) if placeholder is None else text[1 : 1 + consumed], consumed, not is_card
    if is_left:
        rest = _rest_of(found)
    zeros = _int(b"0" * len(places))
    taken = (_int(bits_of(first | rest, size)[: len(places)]) ^ zeros) * 255
    begun = _int(bits_of(first, size)[: len(places)]) ^ zeros
    if placeholder is None:
        # what is taken is 3 instead of absent, and everything else 0
        taken &= _int(b"\3" * len(places))
        shown = taken ^ begun * 2
    else:
        shown = (_int(places) | taken) ^ begun * (_ABSENT ^ _CARD)
    result: bytes | bytearray = shown.to_bytes(len(places), "little")[1:stop]
    if separators:
        both = bytearray(2 * stop - 2)
        omitted = taken & ~(begun * 255)
        table = _OR_ABSENT if placeholder is not None else _IS_ABSENT
        both[::2] = (_int(separators.translate(table)) | omitted).to_bytes(len(places), "little")[1:stop]
        both[1::2] = result
        result = both
    result = result.translate(None, bytes([_ABSENT]))
    if placeholder is not None:
        result = result.replace(bytes([_CARD]), placeholder)
    return bytes(result), consumed, first == is_card


def bits_of(plane: int, size: int) -> bytes:
    """Return a plane of so many places as a 0 or a 1 for each of them."""
    return f"{plane:0{size}b}".encode()


def shortest(found: dict[int, int], size: int, count: int) -> tuple[bytes, bytes]:
    """Return for each of the first places whether a number begins there, a 0 or a 1, and the shortest one's digits.

    Parameters
    ----------
    size : int
        How many places the planes have.
    """
    apart = [(length, at) for length, at in _apart(found).items() if at]
    starts = codes = 0
    for _, at in apart:
        starts |= at
    zeros = _int(b"0" * count)
    # a bit of the numbers that stand for lengths
    for bit in range((len(apart) - 1).bit_length()):
        plane = 0
        for code, (_, at) in enumerate(apart):
            if code >> bit & 1:
                plane |= at
        codes |= (_int(bits_of(plane, size)[:count]) ^ zeros) << bit
    sizes = bytes([length for length, _ in apart]).ljust(256)
    return bits_of(starts, size)[:count], codes.to_bytes(count, "little").translate(sizes)


def _apart(found: dict[int, int]) -> dict[int, int]:
    """Return of numbers that begin in one place the shortest."""
    apart: dict[int, int] = {}
    taken = 0
    for length, at in sorted(found.items()):
        apart[length] = at ^ (at & taken)
        taken |= at
    return apart


def _first_of(found: dict[int, int], size: int, count: int) -> tuple[dict[int, int], int]:
    """Return of numbers that overlap the first and shortest, and so on, and the places of their other digits.

    Those that begin behind so many of the places are omitted.
    """
    first_ones = (1 << size) - (1 << size - count)
    found = _apart({length: kept for length, at in found.items() if (kept := at & first_ones)})
    starts = 0
    for at in found.values():
        starts |= at
    rest = _rest_of(found)
    if not rest & starts:
        return found, rest
    if len(found) == 1:
        number = b"1".ljust(min(found), b"0")
        first = re.sub(b"1.{,%d}" % (len(number) - 1), number, bits_of(starts, size)[:count])[:count]
    else:
        first = _first_places(*shortest(found, size, count))
    is_first = plane_of(first.ljust(size, b"0"))
    found = {length: at & is_first for length, at in found.items()}
    return found, _rest_of(found)


def _first_places(starts: bytes, sizes: bytes) -> bytes:
    """Return places in which numbers of these sizes begin, without those that overlap one before them."""
    first = bytearray(b"0") * len(starts)
    at = starts.find(b"1")
    while at >= 0:
        first[at] = 49
        at = starts.find(b"1", at + sizes[at])
    return bytes(first)


def _rest_of(numbers: dict[int, int]) -> int:
    """Return the places of the digits behind the first one of each number."""
    rest = longer = 0
    for length in range(MOST_DIGITS, FEWEST_DIGITS, -1):
        longer |= numbers.get(length, 0)
        rest |= longer >> length - 1
    longer |= numbers.get(FEWEST_DIGITS, 0)
    # eleven digits are behind the first one of each
    longer |= longer >> 1
    longer |= longer >> 2
    longer |= longer >> 4
    return rest | longer >> 1 | longer >> 4
