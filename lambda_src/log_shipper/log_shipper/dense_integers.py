"""Tokens of a block that is full of them, recognized in all places at once: a byte of a long integer is a place's.

A step of an expression is a shift and an AND of integers, its alternatives are an OR, and a repetition is an addition,
which carries over a run of bytes that are all ones. So a block costs the same however many tokens are in it.
"""

from functools import lru_cache

from log_shipper.borders import BORDERS

_ABSENT, _TOKEN = b"\xff", b"\xf8"
"""Of bytes above 0xF4, which no text here has: UTF-8 does not have them."""


def _flags(*classes: bytes) -> bytes:
    """Return for each byte a bit for each class that it belongs to, the first one's the lowest."""
    return bytes(sum(1 << bit for bit, members in enumerate(classes) if byte in members) for byte in range(256))


_DIGITS, _LETTERS = b"0123456789", b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# no bit is left for the colon: it has that of the zero, without that of digits
_IPV4_FLAGS = _flags(_DIGITS, b"0:", b"1", b"2", b"5", b"6789", BORDERS, b".")
_EMAIL_FLAGS = _flags(_DIGITS + _LETTERS, _LETTERS, b"-", b".", b"_%+", b"@", BORDERS)
_OF_EMAIL = bytes(255 * (byte in _DIGITS + _LETTERS + b"-._%+@") for byte in range(256))
CARD, QUOTE = b"\0", b"\1"
"""In place of a card in a number of JSON, and of a quote beside it; no JSON has them."""
# no JSON has control characters but for blanks, and outside its strings, no bytes above 0x7F
_SHOWN = bytes(byte ^ 0x20 if byte ^ 0x20 in _DIGITS else byte for byte in range(256))
_NUMBER_FLAGS = _flags(_DIGITS, _DIGITS + b".eE+-" + CARD, CARD, b"-")
_BEHIND_NUMBER = [(bytes([sign | 0x80]), bytes([sign])) for sign in b",:[]} \t\r\n"]


@lru_cache(maxsize=8)
def _ones(bits: int) -> int:
    return int.from_bytes(b"\1" * (1 << bits), "little")


def replace_ipv4(placeholder: bytes, text: bytes) -> bytes:
    """Return a text with a placeholder for each IPv4 address that is a token, which a port or a dot may follow."""
    each = _ones(len(text).bit_length())
    # the first byte is the highest: to the left is what follows, and a carry goes to what precedes
    flags = int.from_bytes(text.translate(_IPV4_FLAGS), "big")
    digit, border, dot = flags & each, flags >> 6 & each, flags >> 7
    zero_or_colon, five, more = flags >> 1 & each, flags >> 4 & digit, flags >> 5 & digit
    less = digit ^ five ^ more
    two_digits = digit & digit << 8
    two_digits ^= two_digits & zero_or_colon
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
    end = border | dot & border << 8
    if colon := zero_or_colon ^ (zero_or_colon & digit):
        rest, port = border, 0
        for _ in range(5):
            rest = digit & rest << 8
            port |= rest
        end |= colon & port << 8
    last = at & digit & end << 8 | (at & two_digits & end << 16) >> 8 | (at & three_digits & end << 24) >> 16
    return _replaced(text, (digit | dot & each) * 255, last, placeholder)


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
