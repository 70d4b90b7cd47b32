"""The built-in detectors: what each finds, as RE2 patterns over bytes, and the checks that a pattern cannot make.

Every pattern is plain RE2 syntax over single bytes (Latin-1), so matching is linear in the text, and bytes that are not
UTF-8 hide nothing. docs/redaction.md states what each detector finds and what it does not.
"""

import base64
import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

Refine = Callable[[bytes], tuple[list[tuple[int, int]], int]]


class Detector(NamedTuple):
    """A built-in detector.

    Attributes
    ----------
    pattern : str
        RE2 syntax; what a capturing group holds is replaced. What is replaced holds no backslash, quote or
        line feed but the quotes around an e-mail address's local part, so it lies within one string of a JSON line.
    refine : callable, optional
        Takes what was captured; returns the spans in it to replace, and where the search goes on: what a pattern alone
        cannot decide.
    """

    pattern: str
    refine: Refine | None = None


def payment_cards(run: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return the spans of card numbers in a run of digits whose groups are separated by one separator each.

    A card has a known issuer's prefix and length and Luhn's check digit; it begins and ends with a group. UnionPay
    issues cards without a valid check digit: those are found in the groups in which they are printed. The search
    continues before the last group, which may begin something else.
    """
    spans: list[tuple[int, int]] = []
    start = end = done = 0
    for group in _DIGITS.finditer(run):
        start, end = group.span()
        if start < done:
            continue
        prefix = run[start : start + 16].translate(None, _SEPARATOR_BYTES)[:4]
        for length in _card_lengths(prefix):
            card = _OF_LENGTH[length].match(run, start)
            if card is not None and _is_card(card[0]):
                spans.append(card.span())
                done = card.end()
                break
    return spans, end if start == 0 or done == end else start - 1


def _is_card(text: bytes) -> bool:
    if b"." in text and not (_is_printed(text) and not text.translate(None, b"0123456789.")):
        # a decimal number, not a card
        return False
    return _luhn(text.translate(None, _SEPARATOR_BYTES)) or (text.startswith(b"62") and _is_printed(text))


def _is_printed(text: bytes) -> bool:
    """Say whether digits are in groups in which cards are printed."""
    return tuple([len(group) for group in _DIGITS.findall(text)]) in _PRINTED


@lru_cache(maxsize=10_000)
def _card_lengths(prefix: bytes) -> tuple[int, ...]:
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
        (four in _MAESTRO, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ):
        if is_issuer:
            lengths.update(digits)
    return tuple(sorted(lengths))


def _luhn(number: bytes) -> bool:
    total = 0
    for position, byte in enumerate(reversed(number)):
        digit = byte - 0x30
        if position % 2:
            digit = digit * 2 - 9 * (digit > 4)
        total += digit
    return total % 10 == 0


def _ipv6(text: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return the address at the start of a run of hex digits, colons and dots, without a port or what ends a sentence.

    What follows an address in the run is nothing, dots or colons, or a port.
    """
    run, percent, _ = text.partition(b"%")
    if len(run) <= _LONGEST_RUN:
        core = run.rstrip(b".")
        for cut in dict.fromkeys((core, core.removesuffix(b":"), core.removesuffix(b"::"), _PORT.sub(b"", core))):
            if cut != b"::" and _is_ipv6(cut):
                # only a link-local address has a zone
                is_whole = bool(percent) and cut == run and run[:2].lower() == b"fe"
                end = len(text) if is_whole else len(cut)
                return [(0, end)], end
    # the rest of the run holds no border, so no other IPv6 address begins in it
    return [], 1


def _is_ipv6(text: bytes) -> bool:
    try:
        IPv6Address(text.decode("ascii"))
    except AddressValueError:
        return False
    return True


def _credential(text: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return the token that follows the scheme; after `Basic` only user and password, or the value of a header."""
    match = _SCHEME.match(text)
    if match is None:
        return [], 1
    token = text[match.end() :]
    if match["basic"] and not (match["header"] or _is_user_and_password(token)):
        return [], match.end()
    return [(match.end(), len(text))], len(text)


def _is_user_and_password(token: bytes) -> bool:
    try:
        return b":" in base64.b64decode(token + b"=" * (-len(token) % 4), validate=True)
    except binascii.Error:
        return False


_MAESTRO = (5018, 5020, 5038, 5893, 6304, 6390, 6759, 6761, 6762, 6763)
_SEPARATOR = r"(?:[ \-]|\xC2\xA0|\xE2\x80(?:\x91|\xAF))"
"""Between groups of digits: blank or dash, or U+00A0, U+2011 or U+202F, which do not break the line."""
_SEPARATOR_BYTES = b" .-\xc2\xa0\xe2\x80\x91\xaf"
_PRINTED = {
    (4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (8, 8), (6, 10), (6, 13),
    (4, 4, 4, 1), (4, 4, 5), (4, 4, 4),
}  # fmt: skip
_DIGITS = re.compile(rb"[0-9]+")
# so many digits that end with a group
_OF_LENGTH = {
    n: re.compile(rb"(?:[0-9](?:\.|%s)?){%d}[0-9](?![0-9])" % (_SEPARATOR.encode(), n - 1)) for n in range(12, 20)
}
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LONGEST_RUN = 64
_PORT = re.compile(rb":[0-9]{1,5}:?$")
_SCHEME = re.compile(rb"(?i)(?P<header>authorization[^a-z]{1,10})?(?:bearer|(?P<basic>basic))(?:[ \t]+|\+)")
# letters outside ASCII, as UTF-8: not the punctuation of U+0080 to U+00BF and U+2000 to U+2FFF, and no emoji
_LETTER = (
    r"[\xC3-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]|[\xE1\xE4-\xEC\xEE][\x80-\xBF]{2}|\xE3[\x81-\xBF][\x80-\xBF]"
    r"|\xED[\x80-\x9F][\x80-\xBF]|\xF0[\xA0-\xAF][\x80-\xBF]{2}"
)
_LOCAL = rf"(?:[A-Za-z0-9._%+\-]|{_LETTER})"
_LABEL = rf"(?:[A-Za-z0-9]|{_LETTER})(?:(?:[A-Za-z0-9\-]|{_LETTER})*(?:[A-Za-z0-9]|{_LETTER}))?"
_TOP = rf"(?:xn--[A-Za-z0-9\-]*[A-Za-z0-9]|(?:[A-Za-z]|{_LETTER}){{2,63}})"
# a JSON line has no letter or digit after a quote that ends a string
_QUOTED = r'(?:\\+"[^"\\\n]+\\+"|"[A-Za-z0-9][^"\\\n]*")'
_KEY_NAME = r"(?i:secret[ _.\-]?(?:access[ _.\-]?)?key)"

# digits that begin as an issuer's cards and are as many; `payment_cards` decides
_BARE = (
    r"4[0-9]{12}(?:[0-9]{3}(?:[0-9]{3})?)?|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}"
    r"|(?:3[689]|30)[0-9]{12}(?:[0-9]{2})?|(?:8[12]|50)[0-9]{14}|(?:60|64|65|35|22)[0-9]{14}(?:[0-9]{3})?"
    rf"|(?:62|81)[0-9]{{14,17}}|(?:{'|'.join(map(str, _MAESTRO))})[0-9]{{8,15}}"
)
# at least twelve digits with a separator among them, by how many stand before the first
_MORE = rf"(?:[0-9]{_SEPARATOR}?)"
_GROUPED = (
    rf"[2-68](?:[0-9]{{0,2}}{_SEPARATOR}{_MORE}{{8,}}|[0-9]{{3,4}}{_SEPARATOR}{_MORE}{{6,}}"
    rf"|[0-9]{{5,6}}{_SEPARATOR}{_MORE}{{4,}}|[0-9]{{7}}{_SEPARATOR}{_MORE}{{3,}}|[0-9]{{8,17}}{_SEPARATOR}{_MORE}*)[0-9]"
)
_DOTTED = r"[2-68][0-9]{3}\.(?:[0-9]{4}\.[0-9]{4}\.[0-9]{4}|[0-9]{6}\.[0-9]{4,5})"

DETECTORS = {
    "email": Detector(rf"((?:{_LOCAL}+(?:'{_LOCAL}+)*|{_QUOTED})@(?:{_LABEL}\.)+{_TOP})"),
    "ipv4": Detector(rf"(?:^|[^0-9.])((?:{_OCTET}\.){{3}}{_OCTET})(?:[^0-9.]|\.[^0-9]|\.?$)"),
    "ipv6": Detector(
        r"(?:^|[^0-9A-Za-z:.]|[G-Zg-z_]:|(?i:ipv6):)((?:[0-9A-Fa-f]{0,4}:){2}[0-9A-Fa-f:.]*(?:%[0-9A-Za-z_\-]+)?)"
        r"(?:[^0-9A-Za-z:.]|\.[^0-9]|$)",
        _ipv6,
    ),
    "payment-card": Detector(rf"(?:^|[^0-9])({_BARE}|{_GROUPED}|{_DOTTED})(?:[^0-9]|$)", payment_cards),
    "aws-key": Detector(
        r"(?:^|[^A-Za-z0-9])((?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA|ABIA|ACCA)[A-Z0-9]{16})(?:[^A-Za-z0-9]|$)"
        rf"|{_KEY_NAME}[\"'\\ \t:=>]{{1,16}}([A-Za-z0-9/+]{{40}})(?:[^A-Za-z0-9/+]|$)"
    ),
    "bearer-token": Detector(
        r"(?:^|[^A-Za-z0-9])((?i:(?:authorization[\"'\\ \t:=]{1,10})?(?:bearer|basic))(?:[ \t]+|\+)"
        r"[A-Za-z0-9\-._~+/]{8,}=*)",
        _credential,
    ),
}
