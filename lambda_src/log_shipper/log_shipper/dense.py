"""Blocks that are full of what is searched for: most of it is replaced without a step of Python for each match.

What a detector finds is a *token* in most texts: a byte on either side is one that no match contains or depends on.
`re.sub` replaces such tokens with a constant, in a loop in C, and the detectors search the rest. What is not so simple
stays in the rest, so the result is the same and only time differs. Every expression here takes time linear in the text:
a token begins behind a border, and its repeats are possessive or limited.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, compress, groupby

import orjson

from log_shipper.detectors import (
    ACCESS_KEY,
    FEWEST_DIGITS,
    IS_TENFOLD,
    LENGTHS,
    LUHN_DOUBLED,
    LUHN_VALUE,
    Span,
    Text,
    has_card,
    payment_cards,
)

_MIN_BYTES = 2048
"""A shorter block costs little, whatever is in it."""
_CHUNK_BYTES, _PROBE_BYTES, PROBE_TOKENS = 16384, 256, 3
_HEADER_BYTES = 48
_SHARE = 48
"""An @ or two colons in so many bytes, or digits, dots and capitals as half of them: more than what logs have."""
_OTHERS = bytes(set(range(256)) - set(b".0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_BORDERS = r"\n\t ,;(){}<>|&?=/\[\]\"!#$*^`"
_BORDER_AS_LINE_FEED = bytes(10 if byte in b'\n\t ,;(){}<>|&?=/[]"!#$*^`' else byte for byte in range(256))
# behind the first byte of a token: a search for that byte is faster than one for a border
_BEGUN, _BORDER = rf"(?<=[{_BORDERS}].)", rf"(?=[{_BORDERS}])"
# a dot may end a sentence
_ENDED = rf"(?=\.?[{_BORDERS}])"
_LOCAL, _LABEL, _TOP = r"[A-Za-z0-9._%+\-]", "[A-Za-z0-9]++", "[A-Za-z]{2,}+"
_DOMAIN = rf"@(?:{_LABEL}(?:-++{_LABEL})*+\.)++(?:xn--[A-Za-z0-9\-]*+(?<!-)|{_TOP})"
_SHORT_DOMAIN = rf"@{_LABEL}\.(?:{_TOP}{_ENDED}|(?:{_LABEL}\.)++{_TOP}{_ENDED})"
_HEX, _GROUP = "[0-9A-Fa-f]", "[0-9A-Fa-f]{1,4}+"
_SHORT_IPV6 = rf"(?::{_GROUP}){{0,2}}+::(?:{_GROUP}(?::{_GROUP}){{0,2}}+)?+{_ENDED}"
_REST_OF_IPV6 = rf"(?::{_GROUP})*+::(?:{_GROUP}(?::{_GROUP})*+)?+"
_OCTET = "(?!0[0-9]|2[6-9][0-9]|25[6-9]|[3-9][0-9]{2})[0-9]{1,3}+"
_FIRST_OCTET = rf"[0-9]{_BEGUN}(?:\.|(?<!0)[0-9](?:\.|(?<![{_BORDERS}](?:[3-9].|2[6-9]))[0-9](?<!25[6-9])\.))"
# for each detector, bytes that every token has, and expressions; the first alternatives are for the shortest tokens
_TOKENS = {
    "email": (
        ("@", rf"{_LOCAL}{_BEGUN}{_LOCAL}*+(?:{_SHORT_DOMAIN}|(?:'{_LOCAL}++)*+{_DOMAIN}{_ENDED})"),
    ),
    "ipv6": (
        ("::", rf"::(?<=[{_BORDERS}]::){_GROUP}(?:{_ENDED}|(?::{_GROUP}){{1,5}}+{_ENDED})"),
        ("::", rf"{_HEX}{_BEGUN}{_HEX}{{0,3}}+(?:{_SHORT_IPV6}|(?!(?:{_HEX}*+:){{8}}){_REST_OF_IPV6}{_ENDED})"),
    ),
    "ipv4": ((".", rf"{_FIRST_OCTET}{_OCTET}\.{_OCTET}\.{_OCTET}(?=(?:\.|:[0-9]{{1,5}})?[{_BORDERS}])"),),
    "aws-key": (("A", rf"A{_BEGUN}{ACCESS_KEY[1:]}{_ENDED}"),),
}  # fmt: skip
# a blank is part of a card in groups
_CARD = rf"([2-68]{_BEGUN}(?<![0-9] .)(?:[0-9]{{11,18}}+|[0-9]{{3}}(?:[ +\-][0-9]{{4}}){{3}}(?![0-9]))){_BORDER}"
_CARD_VALUE = r"([2-68](?<=[:,\[ ].)(?<![0-9] .)[0-9]{11,18}+)(?=[,\]} \n])"
# private characters of Unicode, so that a block stays UTF-8, and a line of it JSON
_PLACEHOLDERS = {name: chr(0xE000 + i).encode() for i, name in enumerate(("payment-card", *_TOKENS))}
_PLACEHOLDER_LEAD = b"\xee\x80"


def sample_of(data: bytes) -> bytes:
    """Return a sample of a block, of 1 KiB or less; nothing of a block that is short."""
    size = len(data)
    if size < _MIN_BYTES:
        return b""
    return b"".join([data[at : at + 64] for at in range(0, size, max(1024, size // 16))])


def is_dense(data: bytes) -> bool:
    """Say whether a block may be full of what is searched for, by a sample of it."""
    sample = sample_of(data)
    return (
        (sample.count(b"@") + sample.count(b"::")) * _SHARE > len(sample)
        or len(sample.translate(None, _OTHERS)) * 2 > len(sample)
    )  # fmt: skip


def windows(data: bytes) -> Iterator[bytes]:
    """Yield parts of a block, of whole lines each: what is not simple in one does not matter to another.

    A header's value may be in the line behind its name.
    """
    start = position = 0
    while (end := data.find(b"\n", position + _CHUNK_BYTES)) >= 0:
        position = end
        if b"authorization" not in data[end - _HEADER_BYTES : end].lower():
            yield data[start : end + 1]
            start = position = end + 1
    yield data[start:]


def replace_tokens(data: bytes, names: tuple[str, ...]) -> tuple[bytes, list[Span] | None]:
    """Return data with placeholders for tokens of these detectors, and where cards are in it, if that is known.

    Nothing is replaced where a token may belong to something that is longer than it.
    """
    if b"\\" in data or b"%" in data or b'"@' in data or _PLACEHOLDER_LEAD in data:
        return data, None
    if "aws-key" in names or "bearer-token" in names:
        lower = data.lower()
        if b"secret" in lower or b"bearer" in lower or b"basic" in lower:
            return data, None
    cards: list[Span] | None = None
    if "payment-card" in names:
        cards = []
        if has_card(data):
            data = _replace_cards(data)
            cards = payment_cards(Text(b"\n" + data))
            if cards:
                return data, cards
    expressions = token_expressions(names)

    def replace(chunk: bytes) -> bytes:
        for placeholder, sign, expression in expressions:
            if sign in chunk and expression.subn(b"", chunk[:_PROBE_BYTES])[1] >= PROBE_TOKENS:
                chunk = expression.sub(placeholder, chunk)
        return chunk

    return _in_chunks(replace, data), cards


@lru_cache(maxsize=64)
def token_expressions(names: tuple[str, ...]) -> list[tuple[bytes, bytes, re.Pattern[bytes]]]:
    """Return the placeholder, the sign and the expression of each kind of token; a start does not compile them."""
    return [
        (_PLACEHOLDERS[name], sign.encode(), re.compile(token.encode()))
        for name in _TOKENS
        if name in names
        for sign, token in _TOKENS[name]
    ]


def fill_placeholders(data: bytes, names: tuple[str, ...]) -> bytes:
    """Return data with what replaces each token."""
    for name, placeholder in _PLACEHOLDERS.items():
        if name in names:
            data = data.replace(placeholder, f"[{name}]".encode())
    return data


def _in_chunks(replace: Callable[[bytes], bytes], data: bytes) -> bytes:
    """Return data with chunks replaced that a cache of the processor holds; each has two more bytes on either side."""
    data = b"\n\n" + data + b"\n\n"
    borders = data.translate(_BORDER_AS_LINE_FEED)
    parts: list[bytes] = []
    start, last = 2, len(data) - 2
    while start < last:
        end = min(borders.find(b"\n", start + _CHUNK_BYTES) + 1 or last, last)
        parts.append(replace(data[start - 2 : end + 2])[2:-2])
        start = end
    return b"".join(parts)


def _replace_cards(data: bytes) -> bytes:
    """Return data with placeholders for cards without groups; a number of a JSON line becomes a string."""
    placeholder = _PLACEHOLDERS["payment-card"]
    if b"{" not in data and b"[" not in data:
        return _cards_replaced(_CARD, data, placeholder)
    if not _has_only_documents(data.removesuffix(b"\n")):
        return data
    # every second part is a string: nothing is escaped
    parts = data.split(b'"')
    structure, strings = b'"'.join(parts[::2]), b'"'.join(parts[1::2])
    parts[::2] = _cards_replaced(_CARD_VALUE, structure, b"\0").split(b'"')
    parts[1::2] = _cards_replaced(_CARD, strings, placeholder).split(b'"') if strings else parts[1::2]
    return b'"'.join(parts).replace(b"\0", b'"' + placeholder + b'"')


def _has_only_documents(lines: bytes) -> bool:
    """Say whether each line is a JSON object or array."""
    try:
        if b"[" in lines or b"]" in lines:
            return {*map(type, map(orjson.loads, lines.split(b"\n")))} <= {dict, list}
        # each line in a list of its own: without brackets, no line can end one or begin another
        documents = orjson.loads(b"[[" + lines.replace(b"\n", b"],[") + b"]]")
    except ValueError:
        return False
    one_each = len(documents) == lines.count(b"\n") + 1 and {*map(len, documents)} == {1}
    return one_each and {*map(type, chain.from_iterable(documents))} == {dict}


def _cards_replaced(numbers_expression: str, data: bytes, replacement: bytes) -> bytes:
    expression = re.compile(numbers_expression.encode())

    def replace(chunk: bytes) -> bytes:
        if len(expression.findall(chunk[:_PROBE_BYTES])) < PROBE_TOKENS:
            return chunk
        parts = expression.split(chunk)
        numbers = parts[1::2]
        distinct = {*numbers}
        if b"".join(distinct).isdigit():
            cards = dict.fromkeys(_cards_among(distinct), replacement)
        else:
            written = {number: number.translate(None, b" +-") for number in distinct}
            valid = {*_cards_among({*written.values()})}
            # what begins as a card of twelve digits may be one in its first three groups
            cards = {
                number: replacement
                for number, digits in written.items()
                if digits in valid and (len(digits) == len(number) or LENGTHS[digits[:4]] & 1 == 0)
            }
        parts[1::2] = map(cards.get, numbers, numbers)
        return b"".join(parts)

    return _in_chunks(replace, data)


def _cards_among(numbers: Iterable[bytes]) -> Iterator[bytes]:
    """Return the numbers that are cards: those of a length are summed at once, a digit in each byte of an integer."""
    return chain.from_iterable(_cards_of(size, [*same]) for size, same in groupby(sorted(numbers, key=len), len))


def _cards_of(size: int, numbers: list[bytes]) -> list[bytes]:
    digits = b"".join(numbers)
    sums = 0
    for place in range(size):
        column = digits[place::size].translate(LUHN_VALUE if (size - place) % 2 else LUHN_DOUBLED)
        sums += int.from_bytes(column, "little")
    is_valid = sums.to_bytes(len(numbers), "little").translate(IS_TENFOLD)
    bit = 1 << size - FEWEST_DIGITS
    return [number for number in compress(numbers, is_valid) if LENGTHS[number[:4]] & bit]
