"""Blocks that are full of what is searched for: most of it is replaced without a step of Python for each match.

What a detector finds is a *token* in most texts: a byte on either side is one that no match contains or depends on.
`re.sub` replaces such tokens with a constant, in a loop in C, and the detectors search the rest. What is not so simple
stays in the rest, so the result is the same and only time differs. Every expression here takes time linear in the text:
a token begins behind a border, and its repeats are possessive or limited.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import orjson

from log_shipper import dense_escapes
from log_shipper.borders import BORDERS, IN_CLASS, cut
from log_shipper.cards import DOTTED, TEXT, TEXT_ALONE, TEXT_WITH_EMAIL, replace_cards
from log_shipper.dense_integers import (
    CARD,
    QUOTE,
    replace_emails,
    replace_ipv4,
    with_hidden_numbers,
    with_quotes_behind_numbers,
    with_shown_numbers,
)
from log_shipper.detectors import (
    ACCESS_KEY,
    WHOLE_IPV6,
    Text,
    bearer_tokens,
    has_card,
    may_have_no_card,
    search_of,
)

_MIN_BYTES = 2048
"""A shorter block costs little, whatever is in it."""
_WINDOW_BYTES, _CHUNK_BYTES, _PROBE_BYTES, PROBE_TOKENS = 65536, 65536, 256, 3
_HEADER_BYTES = 48
_SHARE = 48
"""One of these signs in so many bytes, or digits, dots and capitals as half of them: more than logs have."""
_ESCAPE_LEAD = re.compile(rb"\\[bfnrtux/]|%[0-7][0-9a-fA-F]")
_ESCAPE_SHARE = 32
"""One escape in so many bytes."""
_CARD_LEAD = re.compile(rb"[2-68](?<![0-9].)[0-9][0-9 .+\-]{10}")
_CARD_SHARE = 128
"""One card in so many bytes, or what begins as one."""
_OTHERS = bytes(set(range(256)) - set(b".0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_NO_GROUPS = bytes(set(range(256)) - set(b"0123456789 +-\xc2\xa0\xe2\x80\x91\xaf"))
_ACCESS_KEY_LEAD = ACCESS_KEY.removesuffix("[A-Z0-9]{16}").encode()
_BORDERS = IN_CLASS.decode()
_BORDER_AS_LINE_FEED = bytes(10 if byte in BORDERS else byte for byte in range(256))
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
_QUOTED_EMAIL = rf'"(?<=[{_BORDERS}]")(?=[A-Za-z0-9])[^"\n]++"(?:{_SHORT_DOMAIN}|{_DOMAIN}{_ENDED})'
# with a small letter, or it may be an address, a card or a key; a slash may be of the token before it
_BEARER_TOKEN = (
    rf" (?<=[{_BORDERS.replace('/', '')}:][Bb][Ee][Aa][Rr][Ee][Rr] )(?=[A-Z0-9\-._~+/]*+[a-z])"
    rf"[A-Za-z0-9\-._~+/]{{8,}}+=*+{_BORDER}(?! [0-9])"
)
# for each detector, bytes that every token has, and expressions; the first alternatives are for the shortest tokens
_TOKENS = {
    "email": (
        ("@", rf"{_LOCAL}{_BEGUN}{_LOCAL}*+(?:'{_LOCAL}++)*+(?:{_SHORT_DOMAIN}|{_DOMAIN}{_ENDED})"),
    ),
    "ipv6": (
        ("::", rf"::(?<=[{_BORDERS}]::){_GROUP}(?:{_ENDED}|(?::{_GROUP}){{1,5}}+{_ENDED})"),
        ("::", rf"{_HEX}{_BEGUN}{_HEX}{{0,3}}+(?:{_SHORT_IPV6}|(?!(?:{_HEX}*+:){{8}}){_REST_OF_IPV6}{_ENDED})"),
    ),
    "ipv4": (),
    "aws-key": (("A", rf"A{_BEGUN}{ACCESS_KEY[1:]}{_ENDED}"),),
}  # fmt: skip
# what is faster for most of them
_AT_ONCE: dict[str, tuple[bytes, Callable[[bytes, bytes], bytes]]] = {
    "email": (b"@", replace_emails),
    "ipv4": (b".", replace_ipv4),
}
# private characters of Unicode, so that a block stays UTF-8, and a line of it JSON
_PLACEHOLDERS = {name: chr(0xE000 + i).encode() for i, name in enumerate(("payment-card", "bearer-token", *_TOKENS))}
_PLACEHOLDER_LEAD = b"\xee\x80"
_SHAPE_OF_NUMBERS = bytes.maketrans(b"123456789eE+", b"000000000..-")
_LONG_FRACTION, _LONG_EXPONENT = b"." + b"0" * 12, b".-" + b"0" * 12


def sample_of(data: bytes) -> bytes:
    """Return a sample of a block, of 1 KiB or less; nothing of a block that is short."""
    size = len(data)
    if size < _MIN_BYTES:
        return b""
    # at uneven distances, or lines of one length would be looked at in one place
    places = [at + i * i * 61 % 512 for i, at in enumerate(range(0, size, max(1024, size // 16)))]
    return b"".join([data[at : at + 64] for at in places])


def is_dense(data: bytes) -> bool:
    """Say whether a block may be full of what is searched for, by a sample of it."""
    sample = sample_of(data)
    return (
        (sample.count(b"@") + sample.count(b"::") + sample.count(b"earer ")) * _SHARE > len(sample)
        or len(sample.translate(None, _OTHERS)) * 2 > len(sample)
        or len(sample.translate(None, _NO_GROUPS)) * 4 > len(sample) * 3
        or len(_ESCAPE_LEAD.findall(sample)) * _ESCAPE_SHARE > len(sample) > 0
        or len(_CARD_LEAD.findall(sample)) * _CARD_SHARE > len(sample) > 0
    )  # fmt: skip


def has_dense_escapes(data: bytes) -> bool:
    """Say whether a block may be full of escapes, by a sample of it."""
    sample = sample_of(data)
    return len(_ESCAPE_LEAD.findall(sample)) * _ESCAPE_SHARE > len(sample) > 0


def windows(data: bytes) -> Iterator[bytes]:
    """Yield parts of a block, of whole lines each: what is not simple in one does not matter to another.

    A header's value may be in the line behind its name.
    """
    start = position = 0
    while (end := data.find(b"\n", position + _WINDOW_BYTES)) >= 0:
        position = end
        if b"authorization" not in data[end - _HEADER_BYTES : end].lower():
            yield data[start : end + 1]
            start = position = end + 1
    yield data[start:]


def replace_tokens(data: bytes, names: tuple[str, ...]) -> tuple[bytes, bool]:
    """Return data with placeholders for tokens of these detectors, and whether no card is in it any more.

    Nothing is replaced where a token may belong to something that is longer than it.
    """
    # what colours the text behind it on a terminal ends in a letter
    if _PLACEHOLDER_LEAD in data or b"\x1b" in data:
        return data, False
    if _has_header_or_key(data, names):
        lower = data.lower()
        if any(sign in lower for sign in (b"\\", b"%", b'"@', b"secret", b"basic")):
            return data, False
        if "bearer-token" in names:
            data = re.sub(_BEARER_TOKEN.encode(), b" " + _PLACEHOLDERS["bearer-token"], data)
            if b"bearer" in lower and bearer_tokens(Text(b"\n" + data)):
                return data, False
    if b"\\" in data or b"%" in data:
        data = _replace_encoded(data, names)
        if b"\\" in data or b"%" in data:
            return (_without_cards_in_numbers(data) if "payment-card" in names else data), False
    if b'"@' in data:
        whole = data
        if "email" in names:
            # not in chunks: a quote is a border, at which they are cut
            data = re.sub(_QUOTED_EMAIL.encode(), _PLACEHOLDERS["email"], b"\n%b\n" % data)[1:-1]
        if b'"@' in data:
            return whole, False
    has_no_cards = "payment-card" in names
    if has_no_cards and has_card(data):
        data, has_no_cards = _replace_cards(data)
        if not has_no_cards:
            return data, False
    kinds = [kind for kind in _kinds(names) if kind.sign in data]
    if not kinds:
        return data, has_no_cards

    def replace(chunk: bytes) -> bytes:
        words = dense_escapes.Words(chunk, has_cards=False)
        if words.is_shorter:
            return words.restored(_tokens_replaced(b"\n\n" + words.text + b"\n\n", kinds)[2:-2])
        return _tokens_replaced(chunk, kinds, PROBE_TOKENS)

    return _in_chunks(replace, data), has_no_cards


class _Kind(NamedTuple):
    """One kind of tokens: a byte or two that each of them has, and what replaces those of a text."""

    placeholder: bytes
    sign: bytes
    replace: Callable[[bytes], bytes]

    def count(self, text: bytes) -> int:
        """Return how many tokens of this kind are in a text."""
        return self.replace(text).count(self.placeholder) - text.count(self.placeholder)


def _tokens_replaced(text: bytes, kinds: list[_Kind], fewest: int = 0) -> bytes:
    """Return a text with placeholders for its tokens, of those kinds of which it has so many at its beginning."""
    for kind in kinds:
        if kind.sign in text and (not fewest or kind.count(text[:_PROBE_BYTES]) >= fewest):
            text = kind.replace(text)
    return text


def _replace_encoded(data: bytes, names: tuple[str, ...]) -> bytes:
    """Return data with placeholders for tokens that have escapes in them or beside them."""
    if not has_dense_escapes(data) or b'"@' in data or any(mark in data for mark in dense_escapes.MARKS):
        return data
    kinds = _kinds(names, are_lines=True)
    sample = b"\n".join(
        [b"", *[form for _, form in dense_escapes.forms((sample_of(data) or data)[:384], is_json=False)]]
    )
    if sum(kind.count(sample) for kind in kinds) < PROBE_TOKENS:
        return data
    if ("email" in names and dense_escapes.has_encoded_quote(data)) or (
        "payment-card" in names and dense_escapes.has_joined_escape(data)
    ):
        return data
    words = dense_escapes.Words(data)
    is_json = (
        (b"{" in data or b"[" in data)
        and dense_escapes.may_begin_in_escape(words.text)
        and has_only_documents(data.removesuffix(b"\n"))
    )
    forms = [*dense_escapes.forms(words.text, is_json=is_json)]
    if any(_PLACEHOLDER_LEAD in decoded or _has_header_or_key(decoded, names) for _, decoded in forms):
        return data
    if any(dense_escapes.PERCENT in decoded for _, decoded in forms):
        # what is found as it is written could begin in the digits of a percent-encoded border, or end in them
        if (b"::" in data and b"fe" in data.lower()) or (b"@" in data and "email" in names):
            return data
        if b"::" in data:
            names = tuple(name for name in names if name != "ipv6")
    has_cards = "payment-card" in names and b"{" not in data and b"[" not in data
    kinds = _kinds(names, are_lines=True)

    def replace(text: bytes) -> bytes:
        if has_cards and has_card(text):
            text, _ = replace_cards(text, _PLACEHOLDERS["payment-card"], TEXT_WITH_EMAIL)
        return _tokens_replaced(text, kinds)

    placeholders = [*_PLACEHOLDERS.values()]
    return words.restored(
        b"".join([dense_escapes.replaced(written, decoded, replace, placeholders) for written, decoded in forms])
    )


def _has_header_or_key(data: bytes, names: tuple[str, ...]) -> bool:
    """Say whether there may be what is found behind a name: a secret key, or the value of a header."""
    if "aws-key" not in names and "bearer-token" not in names:
        return False
    lower = data.lower()
    return b"secret" in lower or b"bearer" in lower or b"basic" in lower


@lru_cache(maxsize=64)
def _kinds(names: tuple[str, ...], *, are_lines: bool = False) -> list[_Kind]:
    """Return the kinds of tokens of these detectors, in the order of `_TOKENS`; a start does not compile them.

    Where each word is a line, both begin with a line feed: a search for it is faster than one for a first byte.
    """
    before = "\n" if are_lines else ""
    kinds: list[_Kind] = []
    for name in _TOKENS:
        if name not in names:
            continue
        placeholder = _PLACEHOLDERS[name]
        if name in _AT_ONCE:
            mark, replace = _AT_ONCE[name]
            kinds.append(_Kind(placeholder, mark, partial(replace, placeholder)))
        for sign, expression in token_expressions(name, are_lines=are_lines):
            kinds.append(_Kind(placeholder, sign, partial(expression.sub, before.encode() + placeholder)))
    return kinds


def token_expressions(name: str, *, are_lines: bool = False) -> Iterator[tuple[bytes, re.Pattern[bytes]]]:
    """Yield the sign and the expression of tokens of a detector."""
    for sign, token in _TOKENS[name]:
        yield sign.encode(), re.compile(("\n" + token.replace(_BEGUN, "") if are_lines else token).encode())


def fill_placeholders(data: bytes, names: tuple[str, ...]) -> bytes:
    """Return data with what replaces each token."""
    for name, placeholder in _PLACEHOLDERS.items():
        # one byte is looked for faster than three
        if name in names and placeholder[-1] in data:
            data = data.replace(placeholder, f"[{name}]".encode())
    return data


def _in_chunks(replace: Callable[[bytes], bytes], data: bytes) -> bytes:
    """Return data with chunks replaced that a cache of the processor holds; each has two more bytes on either side."""
    data = b"\n\n" + data + b"\n\n"
    chunks = cut(data.translate(_BORDER_AS_LINE_FEED), _CHUNK_BYTES, start=2, end=len(data) - 2)
    return b"".join([replace(data[start - 2 : end + 2])[2:-2] for start, end in chunks])


def _in_separate_chunks(replace: Callable[[bytes], bytes], data: bytes) -> bytes:
    """Return data with such chunks replaced; each has a line feed on either side."""
    chunks = cut(data.translate(_BORDER_AS_LINE_FEED), _CHUNK_BYTES)
    return b"".join([replace(b"\n%b\n" % data[start:end])[1:-1] for start, end in chunks])


def _replace_cards(data: bytes) -> tuple[bytes, bool]:
    """Return data with placeholders for cards, and whether there is no other; a number of JSON becomes a string."""
    placeholder = _PLACEHOLDERS["payment-card"]
    beginning = data[: data.find(b"\n", 0, _PROBE_BYTES) + 1]
    if b'"' not in beginning and not _cards_replaced(beginning, placeholder)[1]:
        # most are joined to something else
        return data, False
    if b"{" not in data and b"[" not in data:
        return _cards_replaced(data, placeholder)
    if not has_only_documents(data.removesuffix(b"\n")):
        return data, False
    # every second part is a string: nothing is escaped
    parts = data.split(b'"')
    parts[::2] = _numbers_replaced(b'"'.join(parts[::2])).split(b'"')
    strings, is_whole = b'"'.join(parts[1::2]), True
    if has_card(strings):
        strings, is_whole = _cards_replaced(strings, placeholder)
        parts[1::2] = strings.split(b'"')
    return b'"'.join(parts).replace(CARD, placeholder).replace(QUOTE, b'"'), is_whole


def _without_cards_in_numbers(data: bytes) -> bytes:
    """Return data, which may have escapes, with placeholders for the cards that are numbers of JSON."""
    if (
        b'"@' in data
        or not has_card(data)
        or re.search(rb"\\u[eE]0", data) is not None
        or not has_only_documents(data.removesuffix(b"\n"))
    ):
        return data
    # a string has no control characters; it may have a placeholder as an escape
    parts = data.replace(rb"\\", b"\2").replace(rb"\"", b"\3").split(b'"')
    structure = b'"'.join(parts[::2])
    if not has_card(structure):
        return data
    parts[::2] = _numbers_replaced(structure).split(b'"')
    data = b'"'.join(parts).replace(CARD, _PLACEHOLDERS["payment-card"]).replace(QUOTE, b'"')
    return data.replace(b"\2", rb"\\").replace(b"\3", rb"\"")


def _numbers_replaced(structure: bytes) -> bytes:
    """Return JSON without its strings, with `CARD` for cards in numbers and `QUOTE` on either side of the numbers."""
    shape = structure.translate(_SHAPE_OF_NUMBERS)
    may_be_fractions = _LONG_FRACTION in shape or _LONG_EXPONENT in shape
    data = _in_separate_chunks(with_hidden_numbers, structure) if may_be_fractions else structure
    data, _ = replace_cards(data, CARD, TEXT_ALONE)
    if may_be_fractions:
        data = _in_separate_chunks(_with_quoted_numbers, data)
        return with_shown_numbers(data)
    if CARD + b"." in data or CARD + b"e" in data or CARD + b"E" in data:
        data = _in_separate_chunks(with_quotes_behind_numbers, data).replace(CARD, QUOTE + CARD)
    else:
        data = data.replace(CARD, QUOTE + CARD + QUOTE)
    return data.replace(b"-" + QUOTE + CARD, QUOTE + b"-" + CARD)


def _with_quoted_numbers(structure: bytes) -> bytes:
    return with_quotes_behind_numbers(with_quotes_behind_numbers(structure)[::-1])[::-1]


def _cards_replaced(text: bytes, placeholder: bytes) -> tuple[bytes, bool]:
    is_whole = True
    if has_card(text, "without"):
        if may_have_no_card(text):
            return text, False
        kind = TEXT_WITH_EMAIL if b"@" in text else TEXT if _may_have_others(text) else TEXT_ALONE
        text, is_whole = replace_cards(text, placeholder, kind)
    if is_whole and has_card(text, "with dots"):
        text, is_whole = replace_cards(text, placeholder, DOTTED)
    return text, is_whole


def _may_have_others(text: bytes) -> bool:
    """Say whether anything but cards, and the values of headers and keys, may be found in a text without escapes."""
    return (
        any(sign in text for sign in (b".", b"@", b"::"))
        or (b"A" in text and re.search(_ACCESS_KEY_LEAD, text) is not None)
        or search_of(WHOLE_IPV6)(text) is not None
    )


# a block is read as JSON in several steps
@lru_cache(maxsize=1)
def has_only_documents(lines: bytes) -> bool:
    """Say whether each line is a JSON object or array."""
    count = lines.count(b"\n")
    try:
        if b"[" in lines or lines[:1] != b"{" or lines.count(b"\n{") != count:
            return {*map(type, map(orjson.loads, lines.split(b"\n")))} <= {dict, list}
        # without arrays, no object goes on behind a comma with another one: each line begins with one of its own
        return len(orjson.loads(b"[" + lines.replace(b"\n", b",") + b"]")) == count + 1
    except ValueError:
        return False
