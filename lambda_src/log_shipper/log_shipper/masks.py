"""Matches as masks: a byte for each byte of a text, so that a text full of matches takes no step of Python for each.

A mask has 1 in the first byte of a match and 3 in its others: one bit says that a byte belongs to a match, the other
that it belongs to the match of the byte before it. So the OR of two masks is what merging their matches gives: what
overlaps is one, what is only adjacent stays two.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from log_shipper.dense_integers import COMPLEX_IPV6, email_cover, ipv4_cover
from log_shipper.dense_integers import ipv6_mask as ipv6_places
from log_shipper.detectors import Span, Text, ipv6_mask, search_of

_FIRST, _TAKEN = 0xF5, 0xFF
"""Of bytes above 0xF4, which UTF-8 does not have: in place of the first byte of a match, and of its others."""
_ESCAPE_LETTERS = bytes(byte in b"bfnrtux" for byte in range(256))
_BACKSLASHES = bytes(byte == 0x5C for byte in range(256))
_IS_TAKEN = bytes(_TAKEN * (byte > 0) for byte in range(256))
# for each detector's mask, what makes its own sign of the first byte of a match
_FIRSTS = [bytes((_TAKEN ^ _FIRST + i) * (byte == 1) for byte in range(256)) for i in range(10)]
_SIGNS = [bytes([_FIRST + i]) for i in range(10)]


def int_of(mask: bytes) -> int:
    """Return a mask as an integer, the first byte the lowest."""
    return int.from_bytes(mask, "little")


def ones(size: int) -> int:
    """Return 1 in each of so many bytes."""
    return int.from_bytes(b"\1" * size, "little")


def of_cover(cover: bytes) -> int:
    """Return the mask of what is covered by 255, where no two matches are adjacent."""
    covered = int_of(cover) & ones(len(cover))
    return covered | (covered & covered << 8) << 1


def _emails(text: Text) -> int | None:
    if b'"@' in text.data or b'\\"' in text.data and b'\\@' in text.data or b"xn--" in text.data:
        return None
    return of_cover(email_cover(text.letters))


def _ipv4_addresses(text: Text) -> int:
    return of_cover(ipv4_cover(text.data + b"\n")[:-1])


def _ipv6_addresses(text: Text) -> int | None:
    if not _complex_ipv6_search()(text.data):
        return ipv6_places(text.data + b"\n")
    mask = ipv6_mask(text.data)
    return None if mask is None else int_of(mask)


@lru_cache(maxsize=1)
def _complex_ipv6_search() -> Callable[[bytes], object]:
    return search_of(COMPLEX_IPV6)


_MAKERS: dict[str, tuple[bytes, int, Callable[[Text], int | None]]] = {
    "email": (b"@", 64, _emails),
    "ipv4": (b".", 16, _ipv4_addresses),
    "ipv6": (b"::", 64, _ipv6_addresses),
}
"""For each detector, a sign that every match has, and one of them in so many bytes is many."""


def is_dense(data: bytes, names: Iterable[str]) -> bool:
    """Say whether data has many signs of matches of one of these detectors, of which masks are made."""
    return any(data.count(_MAKERS[name][0]) * _MAKERS[name][1] > len(data) for name in names if name in _MAKERS)


def of_name(name: str, text: Text) -> int | None:
    """Return the mask of what a detector finds; None where it may find little, or what is not so simple."""
    return _MAKERS[name][2](text) if is_dense(text.data, [name]) else None


def begins_in_escape(mask: int, data: bytes) -> bool:
    """Say whether a match begins at a letter that may be an escape's."""
    firsts = mask & ~(mask >> 1) & int_of(data.translate(_ESCAPE_LETTERS)) & int_of(data.translate(_BACKSLASHES)) << 8
    return firsts != 0


def of_spans(spans: Iterable[Span], size: int) -> int:
    """Return the mask of matches in a text of a size."""
    mask = bytearray(size)
    for start, end in sorted(spans):
        mask[start] |= 1
        mask[start + 1 : end] = b"\3" * (end - start - 1)
    return int_of(mask)


def apart(masks: Sequence[int], size: int) -> list[int] | None:
    """Return masks of several detectors without what is within a match of another; None where they overlap otherwise.

    Of two equal matches, the first detector's stays.
    """
    masks = [*masks]
    each = ones(size)
    for i in range(len(masks)):
        for k in range(i + 1, len(masks)):
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


def replaced(data: bytes, masks: Sequence[int], replacements: Sequence[bytes]) -> bytes:
    """Return data with the matches of each mask replaced; no two of them overlap."""
    size = len(data)
    whole = int_of(data)
    for i, mask in enumerate(masks):
        shown = mask.to_bytes(size, "little")
        # 255 on top of a byte is 255
        whole |= int_of(shown.translate(_IS_TAKEN))
        whole ^= int_of(shown.translate(_FIRSTS[i]))
    data = whole.to_bytes(size, "little").translate(None, bytes([_TAKEN]))
    for first, replacement in zip(_SIGNS, replacements):
        data = data.replace(first, replacement)
    return data
