"""Tokens of a block that is full of them, recognized in all places at once: a byte of a long integer is a place's.

A step of an expression is a shift and an AND of integers, its alternatives are an OR, and a repetition is an addition,
which carries over a run of bytes that are all ones. So a block costs the same however many tokens are in it.
"""

from functools import lru_cache

from log_shipper.borders import BORDERS

_ABSENT, _TOKEN = b"\xff", b"\xf8"
"""Of bytes above 0xF4, which no text here has: UTF-8 does not have them."""


@lru_cache(maxsize=8)
def _flags(*classes: bytes) -> bytes:
    """Return for each byte a bit for each class that it belongs to, the first one's the lowest."""
    return bytes(sum(1 << bit for bit, members in enumerate(classes) if byte in members) for byte in range(256))


_DIGITS, _LETTERS = b"0123456789", b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# no bit is left for the colon: it has that of the zero, without that of digits
_IPV4_FLAGS = _flags(_DIGITS, b"0:", b"1", b"2", b"5", b"6789", BORDERS, b".")
_EMAIL_FLAGS = _flags(_DIGITS + _LETTERS, _LETTERS, b"-", b".", b"_%+", b"@", BORDERS)
_OF_EMAIL = bytes(255 * (byte in _DIGITS + _LETTERS + b"-._%+@") for byte in range(256))
_HIGH = bytes(range(0x80, 256))
# made when they are first needed, so that a start does not wait for them
_EACH_EMAIL_CLASSES = (_DIGITS + _LETTERS + _HIGH, _LETTERS + _HIGH, b"-", b".", b"_%+", b"@", b"'")
_HEX = b"0123456789abcdefABCDEF"
_ALNUM = _DIGITS + _LETTERS
_IPV6_CLASSES = (_HEX, b":", b".", _ALNUM, _ALNUM + b"_-", b"%", b"_", _DIGITS)
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


def email_cover(text: bytes) -> bytes:
    """Return 255 in each byte of the e-mail addresses of a text without quoted local parts and `xn--`, else 0.

    Two addresses that nothing divides overlap: the local part of the second begins behind the first one's @.
    """
    size = len(text)
    each = _ones(size.bit_length())
    # the first byte is the lowest: to the left is what precedes, and a carry goes to what follows
    flags = int.from_bytes(text.translate(_flags(*_EACH_EMAIL_CLASSES)), "little")
    alnum, letter, dash, dot = flags & each, flags >> 1 & each, flags >> 2 & each, flags >> 3 & each
    local = alnum | dash | dot | flags >> 4 & each
    at = flags >> 5 & each & local << 8
    # no label ends with a dash, or is empty
    of_domain = (alnum | dot & alnum << 8 | dash & (alnum | dash) << 8) * 255
    of_domain &= ~(of_domain + (at << 8 & alnum))
    # the last label is of letters, of two at least
    of_top = letter * 255
    end = ~of_top & (of_top + ((dot & of_domain & letter >> 8 & letter >> 16) << 8)) & each
    if not end:
        return bytes(size)
    local |= flags >> 6 & local << 8 & local >> 8
    flags = end >> 8 | of_domain & each << 1 | at << 2 | local << 3
    # the first byte is the highest: a carry goes to what precedes
    flags = int.from_bytes(flags.to_bytes(size, "little"), "big")
    last, of_domain, at, local = flags & each, (flags >> 1 & each) * 255, flags >> 2 & each, flags >> 3 & each
    carried = of_domain + last
    at &= carried & ~of_domain
    of_local = (local | at) * 255
    return (of_domain & ~carried | of_local & ~(of_local + at) | (last | at) * 255).to_bytes(size, "big")


def ipv6_mask(text: bytes) -> bytes:
    """Return 1 in the first byte of each IPv6 address of a text, 3 in its others, else 0.

    The text begins and ends with a line feed, and nothing in it is as `COMPLEX_IPV6` has it. So each address has two
    colons together, once, and not too many groups.
    """
    size = len(text)
    each = _ones(size.bit_length())
    # to the left is what precedes, and a carry goes to what follows
    flags = int.from_bytes(text.translate(_flags(*_IPV6_CLASSES)), "little")
    hexadecimal, colon, dot, alnum = flags & each, flags >> 1 & each, flags >> 2 & each, flags >> 3 & each
    run = hexadecimal | colon | dot
    five = hexadecimal & hexadecimal >> 8
    five &= five >> 16 & hexadecimal >> 32
    both = colon & colon >> 8
    behind = (run * 255 + (both & ~(five >> 16))) & ~(run * 255)
    of_zone = (flags >> 4 & each) * 255
    zone = behind & flags >> 5 & of_zone >> 8
    if zone:
        # it belongs to no other run
        hexadecimal &= ~of_zone | of_zone + (zone << 8)
        run = hexadecimal | colon | dot
        five &= hexadecimal
    begin = run & ~(run << 8)
    # what precedes an address may be the end of a name, with its colon
    named = begin & ((alnum & ~run) << 8 | flags >> 6 << 8 & colon & ~(colon >> 8))
    of_name = (hexadecimal | dot) * 255
    colon_of_name = colon & ~of_name & (of_name + named)
    begin = begin ^ named | colon_of_name << 8
    colon ^= colon_of_name
    both &= colon
    # groups, with one colon between two of them; one of five digits or more is none
    of_groups = (hexadecimal & ~(five & ~(hexadecimal << 8)) | colon & hexadecimal >> 8 & hexadecimal << 8) * 255
    left = ~of_groups & (of_groups + begin) & both
    end = ~of_groups & (of_groups + (left << 16)) & ~((begin & both) << 16)
    # behind it are dots, a colon or two, or a port of five digits
    stop = each & ~(run | alnum)
    dots = dot & stop >> 8
    dots |= dot & dots >> 8
    stop |= dots | dot & dots >> 8
    digits = five & flags >> 7 & flags >> 15 & flags >> 23 & flags >> 31 & flags >> 39
    port = digits & (of_groups & colon) << 8 & (stop >> 40 | colon >> 40 & stop >> 48)
    end = end & (stop | colon & stop >> 8 | both & stop >> 16) | (end & port) >> 8
    if not end:
        return bytes(size)
    flags = int.from_bytes((of_groups & each | both | both << 8 | end >> 7).to_bytes(size, "little"), "big")
    # to the left is what follows, and a carry goes to what precedes
    last, places = flags >> 1 & each, (flags & each) * 255
    covered = int.from_bytes((places & ~(places + last) | last * 255).to_bytes(size, "big"), "little")
    first = covered & ~(covered << 8) & each
    if zone:
        # only a link-local address has one
        letters = int.from_bytes(text.translate(_flags(b"fF", b"eE")), "little")
        zone &= covered + (first & letters & letters >> 9) & ~covered
        covered |= zone * 255 | of_zone & ~(of_zone + (zone << 8))
    return (covered & each * 3 & ~(first << 1)).to_bytes(size, "little")


def ipv4_cover(text: bytes) -> bytes:
    """Return 255 in each byte of the IPv4 addresses of a text that begins and ends with a line feed, else 0."""
    each = _ones(len(text).bit_length())
    flags = int.from_bytes(text.translate(_IPV4_FLAGS), "big")
    digit, dot = flags & each, flags >> 7 & each
    other = each & ~(digit | dot)
    last = _last_of_ipv4(flags, each, other, each & ~(digit | dot & digit << 8))
    runs = (digit | dot) * 255
    return (runs & ~(runs + last) | last * 255).to_bytes(len(text), "big") if last else bytes(len(text))


def replace_ipv4(placeholder: bytes, text: bytes) -> bytes:
    """Return a text with a placeholder for each IPv4 address that is a token, which a port or a dot may follow."""
    each = _ones(len(text).bit_length())
    # the first byte is the highest: to the left is what follows, and a carry goes to what precedes
    flags = int.from_bytes(text.translate(_IPV4_FLAGS), "big")
    digit, border, dot = flags & each, flags >> 6 & each, flags >> 7
    zero_or_colon = flags >> 1 & each
    end = border | dot & border << 8
    if colon := zero_or_colon ^ (zero_or_colon & digit):
        rest, port = border, 0
        for _ in range(5):
            rest = digit & rest << 8
            port |= rest
        end |= colon & port << 8
    return _replaced(text, (digit | dot & each) * 255, _last_of_ipv4(flags, each, border, end), placeholder)


def _last_of_ipv4(flags: int, each: int, border: int, end: int) -> int:
    """Return 1 in the last place of each IPv4 address between a place of ``border`` and one of ``end``."""
    digit, dot = flags & each, flags >> 7
    five, more = flags >> 4 & digit, flags >> 5 & digit
    less = digit ^ five ^ more
    two_digits = digit & digit << 8
    two_digits ^= two_digits & flags >> 1
    # a hundred and something, or two hundred and up to 55
    three_digits = (
        two_digits
        & digit << 16
        & (flags >> 2 & ~(flags >> 3) | flags >> 3 & (less << 8 | five << 8 & (less | five) << 16))
    )
    steps = ((digit & dot << 8, 16), (two_digits & dot << 16, 24), (three_digits & dot << 24, 32))
    at = border >> 8
    for _ in range(3):
        at = (at & steps[0][0]) >> 16 | (at & steps[1][0]) >> 24 | (at & steps[2][0]) >> 32
    return at & digit & end << 8 | (at & two_digits & end << 16) >> 8 | (at & three_digits & end << 24) >> 16


def replace_emails(placeholder: bytes, text: bytes) -> bytes:
    """Return a text with a placeholder for each e-mail address that is a token, in ASCII and without quotes."""
    each = _ones(len(text).bit_length())
    # the first byte is the lowest: to the left is what precedes, and a carry goes to what follows
    flags = int.from_bytes(text.translate(_EMAIL_FLAGS), "little")
    alnum, letter, dash, dot = flags & each, flags >> 1 & each, flags >> 2 & each, flags >> 3 & each
    at, border = flags >> 5 & each, flags >> 6
    of_local = (alnum | dash | dot | flags >> 4 & each) * 255
    at &= of_local + (border << 8 & of_local & each)
    # no label begins or ends with a dash
    of_domain = (alnum | dot & alnum >> 8 | dash & (alnum | dash) >> 8) * 255
    end = ~of_domain & (of_domain + (at << 8 & alnum))
    # the last label is of letters, of two at least, and a dot may end a sentence
    of_top = letter * 255
    end &= ~of_top & (of_top + (dot << 8 & letter & letter >> 8)) & (border | dot & border >> 8) & each
    if not end:
        return text
    last = int.from_bytes((end >> 8).to_bytes(len(text), "little"), "big")
    return _replaced(text, int.from_bytes(text.translate(_OF_EMAIL), "big"), last, placeholder)


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


def _replaced(text: bytes, runs: int, last: int, placeholder: bytes) -> bytes:
    """Return a text with a placeholder for each token.

    Parameters
    ----------
    runs : int
        255 in each place of what tokens consist of; a token is all of a run up to its own last place.
    last : int
        1 in the last place of each token.
    """
    if not last:
        return text
    tokens = runs & ~(runs + last)
    shown = (int.from_bytes(text, "big") | tokens) ^ last * (_ABSENT[0] ^ _TOKEN[0])
    return shown.to_bytes(len(text), "big").translate(None, _ABSENT).replace(_TOKEN, placeholder)
