"""Addresses of a text that is full of them, recognized in all places at once: one bit of a long integer is a place's.

A step of an expression is a shift and an AND of such integers, its alternatives are an OR, and a repetition is an
addition, which carries over a run of ones. So a text costs the same however many addresses are in it. `planes_of` makes
the integers. Numbers of JSON have a byte for each place.
"""

from functools import lru_cache

from log_shipper.borders import BORDERS
from log_shipper.cards import bits_of, plane_bytes, planes_of

_ABSENT, _TOKEN = b"\xff", b"\xf8"
"""Of bytes above 0xF4, which no text here has: UTF-8 does not have them."""


def _flags(*classes: bytes) -> bytes:
    """Return for each byte a bit for each class that it belongs to, the first one's the lowest."""
    return bytes(sum(1 << bit for bit, members in enumerate(classes) if byte in members) for byte in range(256))


def _codes(**classes: bytes) -> bytes:
    """Return for each byte the last character of its class's name, a hexadecimal digit; 0 for a byte of none."""
    codes = {byte: ord(name[-1]) for name, members in classes.items() for byte in members}
    return bytes(codes.get(byte, 48) for byte in range(256))


_DIGITS = b"0123456789"
# a digit is its own code; then dot, border, colon and what is none
_IPV4_CODES = bytes(
    byte if byte in _DIGITS else 97 if byte == 46 else 98 if byte in BORDERS else 99 if byte == 58 else 102
    for byte in range(256)
)
_CODES = _codes(
    colon_1=b":", at_2=b"@", quote_3=b"'", dot_4=b".", dash_5=b"-", plus_6=b"+", percent_7=b"%",
    letter_8=b"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ", wide_9=bytes(range(0x80, 256)), underscore_a=b"_",
    border_b=BORDERS, digit_c=_DIGITS, hexadecimal_d=b"abcdABCD", hexadecimal_e=b"eE", hexadecimal_f=b"fF",
)  # fmt: skip
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
COMPLEX_IPV6 = (
    rb"(?:[0-9A-Fa-f]{0,4}:){6}|:::|[0-9A-Fa-f:.]{65}|%[0-9A-Za-z_\-]{60}|::[0-9A-Fa-f:]*\.+[0-9A-Fa-f:]|\.{4}"
)
"""What `ipv6_mask` does not read: many groups, long runs and zones, an IPv4 address at the end."""
CARD, QUOTE = b"\0", b"\1"
"""In place of a card in a number of JSON, and of a quote beside it; no JSON has them."""
# no JSON has control characters but for blanks, and outside its strings, no bytes above 0x7F
_SHOWN = bytes(byte ^ 0x20 if byte ^ 0x20 in _DIGITS else byte for byte in range(256))
_NUMBER_FLAGS = _flags(_DIGITS, _DIGITS + b".eE+-" + CARD, CARD, b"-")
_BEHIND_NUMBER = [(bytes([sign | 0x80]), bytes([sign])) for sign in b",:[]} \t\r\n"]


@lru_cache(maxsize=8)
def _ones(bits: int) -> int:
    return int.from_bytes(b"\1" * (1 << bits), "little")


@lru_cache(maxsize=8)
def _zeros(size: int) -> int:
    return int.from_bytes(b"0" * size, "little")


class _Places:
    """What the bytes of a text are to an e-mail or IPv6 address: an integer for each class, the first place the lowest.

    To the left is what precedes, and a carry goes to what follows; in a mirrored one, the other way round.
    """

    def __init__(self, text: bytes) -> None:
        self.count, self.size = len(text), -(-len(text) // 8) * 8
        self.every = every = (1 << self.size) - 1
        codes = text.translate(_CODES).ljust(self.size, b"0")
        b0, b1, b2, b3 = (int.from_bytes(plane.translate(_MIRRORED), "little") for plane in plane_bytes(codes))
        n0, n1 = every ^ b0, every ^ b1
        sign, letter, self.hexadecimal = b2 & ~b3, b3 & ~b2, b3 & b2
        other = every ^ (b3 | b2)
        self.e, self.f = self.hexadecimal & b1 & n0, self.hexadecimal & b1 & b0
        self.digit = self.hexadecimal & n1 & n0
        self.colon, self.at, self.quote = other & n1 & b0, other & b1 & n0, other & b1 & b0
        self.dot, self.dash, self.percent = sign & n1 & n0, sign & n1 & b0, sign & b1 & b0
        self.wide, self.underscore, self.border = letter & n1 & b0, letter & b1 & n0, letter & b1 & b0
        self.alnum = self.hexadecimal | letter & n1 & n0
        self.local = (b3 | b2) ^ self.border

    def mirrored(self, plane: int) -> int:
        """Return an integer of one of the two orders in the other."""
        return int.from_bytes(plane.to_bytes(self.size // 8, "big").translate(_MIRRORED), "little")


# two detectors look at a text one after the other
_places = lru_cache(maxsize=1)(_Places)


def _mask(covered: int, size: int, count: int, first: int | None = None) -> bytes:
    """Return 1 in the first byte of each match of a text of so many bytes, 3 in its others, else 0.

    The first place is the highest. Unless ``first`` says where they begin, no two matches are adjacent.
    """
    mask = _bytes_of(covered, size, count)
    joined = mask & mask << 8 if first is None else _bytes_of(covered ^ first, size, count)
    return (mask | joined << 1).to_bytes(count, "little")


def _bytes_of(plane: int, size: int, count: int) -> int:
    """Return an integer with a byte for each place in place of a bit, the first place the lowest."""
    return int.from_bytes(bits_of(plane, size)[:count], "little") ^ _zeros(count)


def email_mask(text: bytes) -> bytes:
    """Return the mask of the e-mail addresses of a text without quoted local parts and `xn--`.

    Two addresses that nothing divides overlap: the local part of the second begins behind the first one's @.
    """
    of = _places(text)
    alnum, local = of.alnum | of.wide, of.local
    letter = alnum ^ of.digit
    at = of.at & local << 1
    # no label ends with a dash, or is empty
    of_domain = alnum | of.dot & alnum << 1 | of.dash & (alnum | of.dash) << 1
    of_domain &= ~(of_domain + (at << 1 & alnum))
    # the last label is of letters, of two at least
    end = ~letter & (letter + ((of.dot & of_domain & letter >> 1 & letter >> 2) << 1)) & of.every
    if not end:
        return bytes(of.count)
    local |= of.quote & local << 1 & local >> 1
    # a carry goes to what precedes
    last, of_domain, at, local = map(of.mirrored, (end >> 1, of_domain, at, local))
    carried = of_domain + last
    at &= carried & ~of_domain
    local |= at
    return _mask(of_domain & ~carried | local & ~(local + at) | last | at, of.size, of.count)


def ipv6_mask(text: bytes) -> bytes:
    """Return the mask of the IPv6 addresses of a text.

    The text begins and ends with a line feed, and nothing in it is as `COMPLEX_IPV6` has it. So each address has two
    colons together, once, and not too many groups.
    """
    of = _places(text)
    hexadecimal, colon, dot, alnum = of.hexadecimal, of.colon, of.dot, of.alnum
    run = hexadecimal | colon | dot
    five = hexadecimal & hexadecimal >> 1
    five &= five >> 2 & hexadecimal >> 4
    both = colon & colon >> 1
    behind = (run + (both & ~(five >> 2))) & ~run
    of_zone = alnum | of.dash | of.underscore
    zone = behind & of.percent & of_zone >> 1
    if zone:
        # it belongs to no other run
        hexadecimal &= ~of_zone | of_zone + (zone << 1)
        run = hexadecimal | colon | dot
        five &= hexadecimal
    begin = run & ~(run << 1)
    # what precedes an address may be the end of a name, with its colon
    named = begin & ((alnum & ~run) << 1 | of.underscore << 1 & colon & ~(colon >> 1))
    of_name = hexadecimal | dot
    colon_of_name = colon & ~of_name & (of_name + named)
    begin = begin ^ named | colon_of_name << 1
    colon ^= colon_of_name
    both &= colon
    # groups, with one colon between two of them; one of five digits or more is none
    of_groups = hexadecimal & ~(five & ~(hexadecimal << 1)) | colon & hexadecimal >> 1 & hexadecimal << 1
    left = ~of_groups & (of_groups + begin) & both
    end = ~of_groups & (of_groups + (left << 2)) & ~((begin & both) << 2)
    # behind it are dots, a colon or two, or a port of five digits
    stop = of.every & ~(run | alnum)
    dots = dot & stop >> 1
    dots |= dot & dots >> 1
    stop |= dots | dot & dots >> 1
    digit = of.digit
    digits = five & digit & digit >> 1 & digit >> 2 & digit >> 3 & digit >> 4
    port = digits & (of_groups & colon) << 1 & (stop >> 5 | colon >> 5 & stop >> 6)
    end = end & (stop | colon & stop >> 1 | both & stop >> 2) | (end & port) >> 1
    if not end:
        return bytes(of.count)
    # a carry goes to what precedes
    last, places = of.mirrored(end >> 1), of.mirrored(of_groups | both | both << 1 & of.every)
    covered = places & ~(places + last) | last
    first = covered & ~(covered >> 1)
    if zone:
        # only a link-local address has one
        found = of.mirrored(covered)
        zone &= found + (of.mirrored(first) & of.f & of.e >> 1) & ~found
        covered |= of.mirrored(zone | of_zone & ~(of_zone + (zone << 1)))
    return _mask(covered, of.size, of.count, first)


class _Numbers:
    """What the bytes of a text are to an IPv4 address: an integer for each class, the first place the highest.

    To the left is what follows, and a carry goes to what precedes.
    """

    def __init__(self, text: bytes) -> None:
        self.count, self.size = len(text), -(-len(text) // 8) * 8
        self.every = (1 << self.size) - 1
        b0, b1, b2, b3 = planes_of(text.translate(_IPV4_CODES))
        other = b3 & (b2 | b1)
        self.digit = digit = self.every ^ other
        self.dot, self.border, self.colon = other & ~(b2 | b0), other & ~b2 & b0, other & ~b1
        small = digit & ~(b3 | b2)
        self.zero, one, two = small & ~(b1 | b0), small & b0 & ~b1, small & b1 & ~b0
        five, more = digit & b2 & b0 & ~b1, digit & (b3 | b2 & b1)
        less = digit ^ five ^ more
        two_digits = digit & digit << 1
        two_digits ^= two_digits & self.zero
        # a hundred and something, or two hundred and up to 55
        three_digits = two_digits & digit << 2 & (one | two & (less << 1 | five << 1 & (less | five) << 2))
        self.numbers = digit, two_digits, three_digits

    def last_of_addresses(self, border: int, end: int) -> int:
        """Return 1 in the last place of each address between a place of ``border`` and one of ``end``."""
        one, two, three = self.numbers
        steps = one & self.dot << 1, two & self.dot << 2, three & self.dot << 3
        at = border >> 1
        for _ in range(3):
            at = (at & steps[0]) >> 2 | (at & steps[1]) >> 3 | (at & steps[2]) >> 4
        return at & one & end << 1 | (at & two & end << 2) >> 1 | (at & three & end << 3) >> 2


def ipv4_mask(text: bytes) -> bytes:
    """Return the mask of the IPv4 addresses of a text that begins and ends with a line feed."""
    of = _Numbers(text)
    runs = of.digit | of.dot
    last = of.last_of_addresses(of.every ^ runs, of.every & ~(of.digit | of.dot & of.digit << 1))
    return _mask(runs & ~(runs + last) | last, of.size, of.count) if last else bytes(of.count)


def replace_ipv4(placeholder: bytes, text: bytes) -> bytes:
    """Return a text with a placeholder for each IPv4 address that is a token, which a port or a dot may follow."""
    of = _Numbers(text)
    end = of.border | of.dot & of.border << 1
    if of.colon:
        rest, port = of.border, 0
        for _ in range(5):
            rest = of.digit & rest << 1
            port |= rest
        end |= of.colon & port << 1
    return _replaced(text, of.digit | of.dot, of.last_of_addresses(of.border, end), of.size, placeholder)


def replace_emails(placeholder: bytes, text: bytes) -> bytes:
    """Return a text with a placeholder for each e-mail address that is a token, in ASCII and without quotes."""
    of = _places(text)
    alnum, dash, dot = of.alnum, of.dash, of.dot
    local, letter = of.local ^ of.wide, alnum ^ of.digit
    at = of.at & (local + (of.border << 1 & local))
    # no label begins or ends with a dash
    of_domain = alnum | dot & alnum >> 1 | dash & (alnum | dash) >> 1
    end = ~of_domain & (of_domain + (at << 1 & alnum))
    # the last label is of letters, of two at least, and a dot may end a sentence
    end &= ~letter & (letter + (dot << 1 & letter & letter >> 1)) & (of.border | dot & of.border >> 1)
    return _replaced(text, of.mirrored(local | of.at), of.mirrored(end >> 1), of.size, placeholder) if end else text


def with_hidden_numbers(structure: bytes) -> bytes:
    """Return JSON without its strings, with control characters for the digits of numbers that do not change.

    A number whose whole part is shorter than a card holds none, whatever its fraction or exponent is.
    """
    flags = int.from_bytes(structure.translate(_NUMBER_FLAGS), "little")
    each = _ones(len(structure).bit_length())
    digit, of_number, minus = flags & each, flags >> 1 & each, flags >> 3
    four = digit & digit >> 8
    four &= four >> 16
    twelve = four & four >> 32 & four >> 64
    begins = of_number & ~(of_number << 8)
    short = begins & ~(twelve | minus & twelve >> 8)
    runs = of_number * 255
    hidden = runs & ~(runs + short) & digit << 5
    return (int.from_bytes(structure, "little") ^ hidden).to_bytes(len(structure), "little")


def with_shown_numbers(structure: bytes) -> bytes:
    """Return JSON without its strings, with digits for the control characters of `with_hidden_numbers`."""
    return structure.translate(_SHOWN)


def with_quotes_behind_numbers(structure: bytes) -> bytes:
    """Return JSON without its strings, with `QUOTE` behind each number that has `CARD` in it.

    The last byte is behind the last number. In reversed text, the quote comes before the number.
    """
    flags = int.from_bytes(structure.translate(_NUMBER_FLAGS), "little")
    each = _ones(len(structure).bit_length())
    of_number = flags >> 1 & each
    behind = (of_number * 255 + (flags >> 2 & each)) & ~of_number & each
    marked = (int.from_bytes(structure, "little") | behind << 7).to_bytes(len(structure), "little")
    for mark, sign in _BEHIND_NUMBER:
        if mark in marked:
            marked = marked.replace(mark, QUOTE + sign)
    return marked


def _replaced(text: bytes, runs: int, last: int, size: int, placeholder: bytes) -> bytes:
    """Return a text with a placeholder for each token; the first place is the highest.

    Parameters
    ----------
    runs : int
        1 in each place of what tokens consist of; a token is all of a run up to its own last place.
    last : int
        1 in the last place of each token.
    """
    if not last:
        return text
    count = len(text)
    tokens = _bytes_of(runs & ~(runs + last) | last, size, count)
    # no two tokens are adjacent
    shown = (int.from_bytes(text, "little") | tokens * 255) ^ (tokens & ~(tokens >> 8)) * (_ABSENT[0] ^ _TOKEN[0])
    return shown.to_bytes(count, "little").translate(None, _ABSENT).replace(_TOKEN, placeholder)
