"""Matches as masks: a byte for each byte of a text, so that a text full of matches takes no step of Python for each.

A mask has 1 in the first byte of a match and 3 in its others: one bit says that a byte belongs to a match, the other
that it belongs to the match of the byte before it. So the OR of two masks is what merging their matches gives: what
overlaps is one, what is only adjacent stays two.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from log_shipper.borders import cut
from log_shipper.cards import WIDE_SEPARATORS, card_mask
from log_shipper.dense_integers import COMPLEX_IPV6, email_mask, ipv4_mask, ipv6_mask
from log_shipper.detectors import (
    LAST_SIGNS,
    Span,
    Text,
    emails,
    has_card,
    ipv4_addresses,
    ipv6_addresses,
    ipv6_runs_mask,
    is_no_card,
    may_have_no_card,
    search_of,
)

_FIRST_SIGN, _TAKEN = 0xF5, 0xFF
"""Of bytes above 0xF4, which UTF-8 does not have: in place of the first byte of the first detector's matches, the next
ones for other detectors, and in place of the other bytes of all matches."""
_TAKEN_BYTE = bytes([_TAKEN])
# what is neither part of an address nor says beside one that it is none
_BORDERS_AS_LINE_FEED = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or byte in b"._%+-@':" else 10 for byte in range(256)
)
_NO_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")
_CHUNK_BYTES, _WORD_SHARE, _FEW_WORDS = 131072, 256, 16
_ESCAPE_SIGNS = bytes((byte in b"bfnrtux") + 2 * (byte == 0x5C) for byte in range(256))


def int_of(mask: bytes) -> int:
    """Return a mask as an integer, the first byte the lowest."""
    return int.from_bytes(mask, "little")


@lru_cache(maxsize=8)
def ones(size: int) -> int:
    """Return 1 in each of so many bytes."""
    return int.from_bytes(b"\1" * size, "little")


def _emails(text: bytes) -> bytes:
    if b"xn--" in text:
        return of_spans(emails(Text(text)), len(text))
    return email_mask(text)


def _ipv6_addresses(text: bytes) -> bytes:
    search = search_of(COMPLEX_IPV6)
    match = search(text)
    if match is None:
        return ipv6_mask(text)
    borders = text.translate(_BORDERS_AS_LINE_FEED)
    words: list[Span] = []
    end = 0
    while match is not None:
        start = borders.rfind(b"\n", end, match.start()) + 1 or end
        end = borders.find(b"\n", match.end())
        words.append((start, end))
        if len(words) > _FEW_WORDS and len(words) * _WORD_SHARE > end:
            return _mask_of_runs(text)
        match = search(text, end)
    shown = _mask_of_runs(b"\n%b\n" % b"\n".join([text[start:end] for start, end in words]))
    mask = bytearray(ipv6_mask(b"".join(_others_as_line_feeds(text, words))))
    at = 1
    for start, end in words:
        mask[start:end] = shown[at : at + end - start]
        at += end - start + 1
    return bytes(mask)


def _mask_of_runs(text: bytes) -> bytes:
    return ipv6_runs_mask(text) or of_spans(ipv6_addresses(Text(text)), len(text))


def _others_as_line_feeds(text: bytes, words: list[Span]) -> Iterator[bytes]:
    done = 0
    for start, end in words:
        yield text[done:start]
        yield b"\n" * (end - start)
        done = end
    yield text[done:]


_MAKERS: dict[str, Callable[[bytes], bytes]] = {
    "email": _emails,
    "ipv4": ipv4_mask,
    "ipv6": _ipv6_addresses,
    "payment-card": card_mask,
}
_COLONS_SHARE, _SHARE = 64, 128
"""Two colons in so many bytes, or one match in so many bytes of a sample, are many."""
_SAMPLES, _SAMPLE_BYTES = 4, 128
# compiled when they are first used, so that a start does not wait for them
_CARD_LEAD = rb"[2-68](?<![0-9].)[0-9 +\-]{11}"
_SIGN_AT = rb"@(?<=%b@)" % LAST_SIGNS.replace("[", '["').encode()
_IN_MASK = rb"\x01\x03*+"
_LONG_RUN = rb"[0-9A-Fa-f:.]{65}"


def dense_names(text: Text, names: Iterable[str]) -> set[str]:
    """Return the detectors that may take so many steps for a text that masks cost less.

    These are those of which masks are made, unless what they find may not be so simple. Two colons take a step each,
    also where no address is.
    """
    data = text.data
    sample = data
    if len(data) > _SAMPLES * _SAMPLE_BYTES:
        places = range(0, len(data), len(data) // _SAMPLES + 1)
        sample = b"\n" + b"\n".join([data[at : at + _SAMPLE_BYTES] for at in places])
    few = len(sample) // _SHARE
    found = set()
    if len(emails(Text(sample))) > few and re.search(_SIGN_AT, data) is None:
        found.add("email")
    if len(ipv4_addresses(Text(sample))) > few:
        found.add("ipv4")
    if data.count(b"::") * _COLONS_SHARE > len(data) and re.search(_LONG_RUN, sample) is None:
        found.add("ipv6")
    if len(re.findall(_CARD_LEAD, sample)) > few and not (
        has_card(data, "with dots") or any(wide in data for wide in WIDE_SEPARATORS)
    ):
        found.add("payment-card")
    return found.intersection(names)


def of_name(name: str, text: Text) -> bytes:
    """Return the mask of what a detector of `dense_names` finds."""
    data = text.data
    if name == "payment-card":
        mask = card_mask(data)
        if not may_have_no_card(data):
            return mask
        spans = [found.span() for found in re.finditer(_IN_MASK, mask)]
        return of_spans([span for span in spans if not is_no_card(data, *span)], len(data))
    data = text.letters if name == "email" else data
    chunks = cut(data.translate(_BORDERS_AS_LINE_FEED), _CHUNK_BYTES)
    return b"".join([_MAKERS[name](b"\n%b\n" % data[start:end])[1:-1] for start, end in chunks])


def with_backslashes(mask: bytes, data: bytes) -> bytes:
    """Return a mask whose matches begin at the backslash before a letter that may be an escape's."""
    places, signs = int_of(mask), int_of(data.translate(_ESCAPE_SIGNS))
    first = places & ~(places >> 1) & signs & signs << 7
    return (places | first << 1 | first >> 8).to_bytes(len(mask), "little") if first else mask


def of_spans(spans: Iterable[Span], size: int) -> bytes:
    """Return the mask of matches in a text of a size."""
    mask = bytearray(size)
    for start, end in sorted(spans):
        mask[start] |= 1
        mask[start + 1 : end] = b"\3" * (end - start - 1)
    return bytes(mask)


def apart(masks: Sequence[int], size: int) -> list[int] | None:
    """Return masks of several detectors without what is within a match of another; None where they overlap otherwise.

    Of two equal matches, the first detector's stays.
    """
    masks = [*masks]
    each = ones(size)
    used = [i for i, mask in enumerate(masks) if mask]
    for at, i in enumerate(used):
        for k in used[at + 1 :]:
            for outer, inner in ((i, k), (k, i)):
                both = masks[outer] & masks[inner] & each
                if both:
                    masks[inner] = _without(masks[inner], masks[outer], both, size)
            if masks[i] & masks[k] & each:
                return None
    return masks


def _without(inner: int, outer: int, both: int, size: int) -> int:
    """Return a mask without the matches that are within one of the other mask, which has these bytes in common."""
    each = ones(size)
    # of these matches, each byte that is not within: not covered, or not joined to the byte before as the inner one is
    outside = inner & each & ~both | inner >> 1 & ~(outer >> 1) & each
    kept = _matches_with(inner, outside, size)
    return inner & kept * 3


def _matches_with(mask: int, places: int, size: int) -> int:
    """Return 1 in each byte of the matches that have one of these places in them."""
    each = ones(size)
    covered, joined = mask & each, mask >> 1 & each
    # a carry goes from a place to the end of its match, and in the reversed text to its beginning
    behind = _carried(joined * 255, (places << 8) & joined) | places
    back = (covered & joined >> 8) * 255
    reverse = int.from_bytes(back.to_bytes(size, "little"), "big")
    seeds = int.from_bytes(places.to_bytes(size, "little"), "big")
    before = _carried(reverse, seeds << 8 & reverse & each)
    return behind & each | int.from_bytes(before.to_bytes(size, "big"), "little") & each


def _carried(runs: int, seeds: int) -> int:
    """Return 255 in each byte of runs of 255 from the first seed in each on."""
    return runs & ~(runs + seeds) | seeds * 255


def signed(data: bytes, masks: Sequence[int]) -> bytes:
    """Return data with a sign of its detector in the first byte of each match, and one sign in the others of all.

    No two matches overlap. A byte that is no sign is of UTF-8.
    """
    each = ones(len(data))
    covered = signs = 0
    for sign, mask in enumerate(masks, _FIRST_SIGN):
        covered |= mask
        signs |= (mask & ~(mask >> 1) & each) * (sign ^ _TAKEN)
    # 255 on top of a byte is 255
    return ((int_of(data) | (covered & each) * _TAKEN) ^ signs).to_bytes(len(data), "little") if covered else data


def sign_of(i: int) -> bytes:
    """Return the sign of the detector of the mask with this number."""
    return bytes([_FIRST_SIGN + i])


def replaced(data: bytes, replacements: Sequence[bytes]) -> bytes:
    """Return data of `signed` with what each sign stands for."""
    data = data.translate(None, _TAKEN_BYTE)
    for i, replacement in enumerate(replacements):
        data = data.replace(sign_of(i), replacement)
    return data
