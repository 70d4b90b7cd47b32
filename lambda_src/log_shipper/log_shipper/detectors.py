"""The built-in detectors: what each finds, as RE2 patterns over UTF-8 bytes, and the checks a pattern cannot make.

Every pattern is plain RE2 syntax, so matching is linear in the text.
"""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple


class Detector(NamedTuple):
    """A built-in detector.

    Attributes
    ----------
    pattern : str
        RE2 syntax with one capturing group, which is what is replaced. It matches nothing that holds a quote or a line
        feed but at its borders, so it finds the same in a JSON line as in the line's values.
    refine : callable, optional
        Takes what was caught; returns the spans in it to replace, and where the search goes on: what a pattern alone
        cannot tell.
    """

    pattern: str
    refine: Callable[[bytes], tuple[list[tuple[int, int]], int]] | None = None


def payment_cards(run: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return the spans of card numbers in a run of digits whose groups are parted by single spaces or dashes.

    A card has a known issuer's prefix and length and Luhn's check digit; it begins and ends with a group. The search
    goes on before the last group, which may begin something else.
    """
    groups = [(match.start(), match.end()) for match in _DIGITS.finditer(run)]
    spans = []
    first = 0
    while first < len(groups):
        digits = b""
        for last in range(first, len(groups)):
            start, end = groups[last]
            digits += run[start:end]
            if len(digits) > _MAX_CARD_DIGITS:
                break
            if len(digits) >= _MIN_CARD_DIGITS and _issuer_fits(digits) and _luhn(digits):
                spans.append((groups[first][0], end))
                first = last
                break
        first += 1
    last_start, last_end = groups[-1]
    return spans, last_end if last_start == 0 or (spans and spans[-1][1] == last_end) else last_start - 1


def _issuer_fits(number: bytes) -> bool:
    length, two, four = len(number), int(number[:2]), int(number[:4])
    if number.startswith(b"4"):
        return length in (13, 16, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return length == 16
    if two in (34, 37):
        return length == 15
    if two in (36, 38, 39) or 300 <= four // 10 <= 305:
        return length == 14
    return length == 16 and (two in (35, 65, 62) or four == 6011 or 644 <= four // 10 <= 649)


def _luhn(number: bytes) -> bool:
    total = 0
    for position, byte in enumerate(reversed(number)):
        digit = byte - 0x30
        if position % 2:
            digit = digit * 2 - 9 * (digit > 4)
        total += digit
    return total % 10 == 0


def _ipv6(text: bytes) -> tuple[list[tuple[int, int]], int]:
    try:
        IPv6Address(text.decode("ascii"))
    except AddressValueError:
        return [], 1
    return ([(0, len(text))] if text != b"::" else []), len(text)


_DIGITS = re.compile(rb"[0-9]+")
_MIN_CARD_DIGITS, _MAX_CARD_DIGITS = 13, 19
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

DETECTORS = {
    "email": Detector(r"([A-Za-z0-9._%+\-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63})"),
    "ipv4": Detector(rf"(?:^|[^0-9.])((?:{_OCTET}\.){{3}}{_OCTET})(?:[^0-9.]|\.[^0-9]|\.?$)"),
    "ipv6": Detector(
        r"(?:^|[^0-9A-Za-z:.])((?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:[0-9]{1,3}\.){3}[0-9]{1,3})?)"
        r"(?:[^0-9A-Za-z:]|$)",
        _ipv6,
    ),
    "payment-card": Detector(
        r"(?:^|[^0-9])([2-6][0-9]{0,17}[ \-](?:[0-9][ \-]?){11,}[0-9]|[2-6][0-9]{12,15}|[2-6][0-9]{18})(?:[^0-9]|$)",
        payment_cards,
    ),
    "aws-key": Detector(
        r"(?:^|[^A-Za-z0-9])((?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA|ABIA|ACCA)[A-Z0-9]{16})(?:[^A-Za-z0-9]|$)"
    ),
    "bearer-token": Detector(r"(?:^|[^A-Za-z0-9])(?i:bearer)[ \t]+([A-Za-z0-9\-._~+/]{8,}=*)"),
}
