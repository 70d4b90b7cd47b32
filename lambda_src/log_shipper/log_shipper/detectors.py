"""The built-in detectors: what each finds, as RE2 patterns over UTF-8 bytes, and the checks a pattern cannot make.

Every pattern is plain RE2 syntax, so matching is linear in the text.
"""

import re
from collections.abc import Callable
from functools import lru_cache
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
    spans: list[tuple[int, int]] = []
    start = end = done = 0
    for group in _DIGITS.finditer(run):
        start, end = group.span()
        if start < done:
            continue
        for length in _card_lengths(run[start : start + 7].translate(None, b" -")[:4]):
            card = _OF_LENGTH[length].match(run, start)
            if card is not None and _luhn(card[0].translate(None, b" -")):
                spans.append(card.span())
                done = card.end()
                break
    return spans, end if start == 0 or done == end else start - 1


@lru_cache(maxsize=10_000)
def _card_lengths(prefix: bytes) -> tuple[int, ...]:
    """Return how many digits a card number that begins so may have, the fewest first."""
    if len(prefix) < 4:
        return ()
    two, three, four = int(prefix[:2]), int(prefix[:3]), int(prefix)
    if prefix.startswith(b"4"):
        return (13, 16, 19)
    if two in (34, 37):
        return (15,)
    if two in (36, 38, 39) or 300 <= three <= 305:
        return (14,)
    known = 51 <= two <= 55 or 2221 <= four <= 2720 or two in (35, 65, 62) or four == 6011 or 644 <= three <= 649
    return (16,) if known else ()


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
# so many digits that end with a group
_OF_LENGTH = {n: re.compile(rb"(?:[0-9][ \-]?){%d}[0-9](?![0-9])" % (n - 1)) for n in (13, 14, 15, 16, 19)}
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
