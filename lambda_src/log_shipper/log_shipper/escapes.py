"""Text with its escapes decoded, JSON's at any depth and percent-encoding, and the way back to what was written."""

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate
from operator import add
from typing import NamedTuple, Protocol

from log_shipper import dense
from log_shipper.dense_escapes import encoded_once
from log_shipper.detectors import search_of
from log_shipper.edits import Lines

# an escape whose character may belong to something that is searched for, or be beside it, after any number of
# backslashes, and a percent-encoded character, encoded any number of times: of UTF-8, of UTF-16 as JavaScript's
# `escape` writes it, or a byte that is no UTF-8, such as one of Latin-1
_CHARACTERS = rb"\\(?<!\\\\)\\*+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|/)"
_PERCENT = rb"%(?:25)*+[0-7][0-9a-fA-F]"
_PERCENT_NEXT = rb"%(?:25)*+[89abAB][0-9a-fA-F]"
_WIDE = rb"(?:[cC][2-9a-fA-F]|[dD][0-9a-fA-F])%b|[eE][0-9a-fA-F]%b%b|[fF][0-4]%b%b%b" % ((_PERCENT_NEXT,) * 6)
# what colours the text behind it on a terminal
_COLOUR = rb"\x1b\[[0-9;:]*+m"
_ESCAPE = re.compile(rb"(%b|%b|%%(?:25)*+(?:%b|[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}))" % (_CHARACTERS, _COLOUR, _WIDE))
_PERCENT_LEAD = rb"%[0-7][0-9a-fA-F]"
_WIDE_LEAD = rb"%(?:[89a-fA-F][0-9a-fA-F]|u[0-9a-fA-F]{4})"
# something may begin behind it, or go on
_WIDE_BEFORE = rb"%(?:[89a-fA-F][0-9a-fA-F][0-9A-Za-z:]|u[0-9a-fA-F]{4})"
_COLOUR_LEAD = rb"\x1b\["
# semicolons may be in it
_COLOUR_LEADS = (b"\x1b[", b"1b[", b"1B[")
# what is no percent-encoded ASCII character, encoded any number of times
_PERCENT_OTHER = rb"%(?!(?:25)*+(?:[0134567][0-9a-fA-F]|2[0-46-9a-fA-F]))"
_WIDE_NESTED_LEAD = rb"%(?:25)*(?:[89a-fA-F][0-9a-fA-F]|u[0-9a-fA-F]{4})"
_CODE = rb"(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|/)"
# two backslashes before what is no character's code, and one that a codec reads as an escape's or joins to one
_TWO_BEFORE_OTHER = rb"\\(?<!\\\\)\\(?!\\|%b)" % _CODE
_NO_ESCAPE = rb"\\(?=[\xc4-\xffU]|x(?![0-9a-fA-F]{2}))"
_BYTE_OUTSIDE_ASCII = rb"\\x[89a-fA-F][0-9a-fA-F]"
_HIDDEN = b"\x1a"
# a code of what is no letter or sign from @ on, or of a backslash; or one whose last digit may belong to a number
_NUMBER_BESIDE_CODE = (
    rb"\\(?:u(?:[^0]|0[^0]|00[^4-7]|005[cC]|00[4-7][0-9][0-9 .+\-\xc2\xe2])"
    rb"|x(?:[^4-7]|5[cC]|[4-7][0-9][0-9 .+\-\xc2\xe2]))"
)
# a pair of backslashes before what is no character's code
_OTHER_PAIR = rb"\\\\(?:[^\\u]|\z|u[0-9a-fA-F]{0,3}(?:[^0-9a-fA-F]|\z))"
_PERCENT_AS_EQUALS, _PERCENT_AND_EQUALS = bytes.maketrans(b"%=", b"=\xf8"), bytes.maketrans(b"\xf9\xf8", b"%=")
# what begins an escape that may matter: nothing is found over a line's end, and nothing begins behind it at a blank or
# at such a sign, unless a quote or a header does; a letter outside ASCII is part of e-mail addresses alone
_NO_BEGINNING = rb"[ ,;(){}<>|&?=\[\]!#$*^`\"\\]"
_BACKSLASH_LEADS = (
    rb"\\[bfnrtux/]",
    rb"\\(?:[tux/]|[bfnr](?!%b))" % _NO_BEGINNING,
    rb"\\(?:[tx/]|[bfnr](?!%b)|u(?!(?!00[0-7])[0-9a-fA-F]{4}(?:[g-zG-Z]|%b)))" % (_NO_BEGINNING, _NO_BEGINNING),
)
_ALL_LEADS = tuple(lead + b"|" + _PERCENT_LEAD for lead in _BACKSLASH_LEADS)
# a character outside ASCII is part of e-mail addresses alone; before others it is their border, or a card's separator
_ALL_WIDE_LEADS = tuple(
    lead + b"|" + wide for lead, wide in zip(_ALL_LEADS, (_WIDE_LEAD, _WIDE_LEAD, _WIDE_BEFORE), strict=True)
)
_HEX_PAIR = re.compile(rb"%(?:25)*+([0-9a-fA-F]{2})")
_ESCAPE_LEAD = re.compile(rb"\\[bfnrtux/]|%[0-7][0-9a-fA-F]")
# an @ that is encoded, behind the quotes of a local part
_QUOTE_AT = re.compile(rb"\"(?:\\++(?:u00|x)|%(?:25)*+)40")
# a letter of `Basic` that is encoded
_LETTER_OF_BASIC = rb"(?:u00|x|%|25)(?:[46][1239]|[57]3)"
_DENSE_ESCAPES = 64
"""One escape in so many bytes: then lines are decoded as they are."""
_LINE_FEED = b""
_DELIMITERS = bytes.maketrans(b",;&?{}()|", b"\n" * 9)
_DELIMITERS_OF_HEADERS = bytes.maketrans(b";&?{}()|", b"\n" * 8)
# control characters end the text before them and begin the text after them: the same number of bytes of that kind
_CONTROLS = ((b"\\n", b"\r\r"), (b"\\t", b"\t\t"), (b"\\r", b"\r\r"), (b"\\b", b"\r\r"), (b"\\f", b"\r\r"))
_ESCAPE_LETTERS = b"bfnrtux"
MAX_LAYERS = 10
"""How often escaped text may be escaped again and is still read, and strings may be in strings."""
# of bytes that UTF-8 does not have, for escapes of different lengths
_LONGER = [bytes([byte]) for byte in range(0xF5, 0x100)]
_LENGTHS = bytes(4 * (byte - 0xF4) if byte >= 0xF5 else 0 for byte in range(256))
# of escapes: what all have, how many bytes they become, and by how many they are longer
_SIZES_OF_CHARACTERS = (
    (b"\\\\", rb"\\\\(?=%b)" % _CODE, 1, 1),
    (b"\\u", rb"\\u00[0-7][0-9a-fA-F]", 1, 5),
    (b"\\u", rb"\\u0[0-7][0-9a-fA-F]{2}", 2, 4),
    (b"\\u", rb"\\u[0-9a-fA-F]{4}", 3, 3),
    (b"\\x", rb"\\x[0-7][0-9a-fA-F]", 1, 3),
    (b"\\/", rb"\\/", 1, 1),
)
_SIZES_OF_PERCENT = tuple(
    (b"%" + b"25" * layers, rb"%%(?:25){%d}(?!25)[0-7][0-9a-fA-F]" % layers, 1, 2 * layers + 2)
    for layers in range(len(_LONGER))
)
_CHARACTER_CODE = re.compile(rb"u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}")
_TAB_BEHIND_BACKSLASHES = re.compile(rb"\\+(?=\t\t)")
# UTF-8 has no bytes from here on: in texts that are searched they have other meanings
_NO_UTF8, _ANY_NEXT = 0xF5, b"\x80"


def before_escape(lines: Lines, start: int) -> int:
    r"""Return where something found at a place begins, -1 where it is no beginning.

    After a backslash, its first letter may be that of an escape. In a JSON string it is, and what follows is found in
    the decoded view; elsewhere it may be either (`C:\users\bob`), and the escape is taken out with it.
    """
    data = lines.data
    if start == 0 or data[start - 1] != 0x5C or data[start] not in _ESCAPE_LETTERS:
        return start
    if _CHARACTER_CODE.match(data, start):
        return -1
    first = start
    while first and data[first - 1] == 0x5C:
        first -= 1
    lines.move_to(start)
    return -1 if (start - first) % 2 and lines.is_json else first


class View:
    """Pieces of lines with their escapes decoded, however often they were escaped, and the way back."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        """The decoded pieces, a line each."""
        self._layers: list[_Layer] = []

    @classmethod
    def of(cls, data: bytes, lower: bytes) -> "View | None":
        """Return the view of what is between two delimiters and has an escape; None when there is nothing to decode.

        ``lower`` is data with lower-case letters.
        """
        view = cls(data)
        view._take_pieces(lower)
        before = view.data
        view._end_at_controls()
        has_controls, layers = view.data != before, 0
        while layers < MAX_LAYERS and view._decode():
            # the letter of a control character's escape may have been an escape itself
            view._end_at_controls()
            layers += 1
        return view if layers or has_controls else None

    def has_same_numbers(self, data: bytes) -> bool:
        """Say whether what consists of digits, dots and separators, in groups or not, is the same in the original data.

        Every character code is of a letter or a sign that is none of these, and its digits are beside no others.
        """
        is_whole = not any(isinstance(layer, _Pieces) for layer in self._layers)
        return is_whole and b"%" not in data and search_of(_NUMBER_BESIDE_CODE)(data) is None

    def _end_at_controls(self) -> None:
        """Have the escapes of control characters end the text before them."""
        if b"\\" in self.data and re.search(rb"\\[bfnrt]", self.data) is not None:
            for escape, border in _CONTROLS:
                self.data = self.data.replace(escape, border)
            if b"\\\t" in self.data:
                # in strings within strings, a token may follow
                self.data = _TAB_BEHIND_BACKSLASHES.sub(lambda found: b"\t" * len(found[0]), self.data)

    def _take_pieces(self, lower: bytes) -> None:
        """Leave what has an escape, between two delimiters: nothing that is found goes on over one.

        Only a quoted local part of an e-mail address does, and a header whose name and value are two values: where
        there may be one, pieces are lines, or do not end at a comma.
        """
        data = self.data
        sample = dense.sample_of(data)
        is_dense = len(_ESCAPE_LEAD.findall(sample)) * _DENSE_ESCAPES > len(sample) > 0
        has_at = b"@" in data
        if has_at and b'"@' in data:
            delimiters = _LINE_FEED
        else:
            delimiters = _DELIMITERS_OF_HEADERS if b"basic" in lower else _DELIMITERS
        all_leads: tuple[bytes, ...] = _BACKSLASH_LEADS
        if b"%" in data:
            all_leads = _ALL_WIDE_LEADS if is_dense or _has_wide(data) else _ALL_LEADS
        if b"\x1b" in data:
            all_leads = tuple(lead + b"|" + _COLOUR_LEAD for lead in all_leads)
        leads = all_leads[0 if delimiters != _DELIMITERS else 1 if has_at else 2]
        if is_dense:
            # so many pieces that taking them costs more than decoding all
            self.data = data if re.search(leads, data) is not None else b""
            return
        taken, origins = self._pieces(leads, delimiters)
        pieces = b"\n".join(taken)
        if (b"40" in pieces and _QUOTE_AT.search(pieces)) or any(map(pieces.__contains__, _COLOUR_LEADS)):
            wider = _LINE_FEED
        elif delimiters == _DELIMITERS and search_of(_LETTER_OF_BASIC)(pieces) is not None:
            wider = _DELIMITERS_OF_HEADERS
        else:
            wider = delimiters
        if wider != delimiters:
            taken, origins = self._pieces(all_leads[0], wider)
            pieces = b"\n".join(taken)
        self.data = pieces
        self._layers.append(_Pieces(taken, origins, data))

    def _pieces(self, leads: bytes, delimiters: bytes) -> tuple[list[bytes], list[int]]:
        """Return the parts between delimiters that have the beginning of an escape, and where they begin."""
        data = self.data
        borders = data.translate(delimiters) if delimiters != _LINE_FEED else data
        taken: list[bytes] = []
        origins: list[int] = []
        begin = 0
        for lead in re.finditer(leads, data):
            at = lead.start()
            if at < begin:
                continue
            start = borders.rfind(b"\n", begin, at) + 1 or begin
            begin = borders.find(b"\n", at)
            if begin < 0:
                begin = len(data)
            taken.append(data[start:begin])
            origins.append(start)
        return taken, origins

    def _decode(self) -> bool:
        """Decode one layer of escapes; return whether there was any."""
        data = self.data
        layers: list[_Layer] = []
        for sign, lead, escape, decode in _CODECS:
            if sign in data and (re.search(lead, data) is not None or (sign == b"%" and _has_wide(data))):
                decoded = decode(data)
                if decoded is None:
                    break
                if decoded != data:
                    layers.append(_Decoded(data, escape))
                    data = decoded
        else:
            self.data = data
            self._layers += layers
            return bool(layers)
        texts, escapes, characters = _decoded_parts(self.data)
        if not escapes:
            return False
        parts = [b""] * (2 * len(escapes) + 1)
        parts[::2], parts[1::2] = texts, characters
        self._layers.append(_Decoded(self.data, parts=(texts, escapes, characters)))
        self.data = b"".join(parts)
        return True

    def originals(self, positions: Sequence[int]) -> Sequence[int]:
        """Return the places in the original data of borders between two decoded bytes."""
        for layer in reversed(self._layers):
            starts, origins = layer.borders()
            positions = [
                origins[i := bisect_right(starts, position) - 1] + position - starts[i] for position in positions
            ]
        return positions

    def original_mask(self, mask: bytes) -> bytes | None:
        """Return the mask of the original data for one of the decoded; None where escapes are of too many lengths."""
        for layer in reversed(self._layers):
            shown = layer.original_mask(mask)
            if shown is None:
                return None
            mask = shown
        return mask


class _Layer(Protocol):
    """What was decoded where; it is computed only where anything is found."""

    def borders(self) -> tuple[list[int], list[int]]:
        """Return where the pieces of the decoded data begin, and where they began."""

    def original_mask(self, mask: bytes) -> bytes | None:
        """Return the mask of the data before it was decoded for one of it now."""


class _Pieces(NamedTuple):
    """Pieces of data, each of which is a line now."""

    taken: list[bytes]
    origins: list[int]
    data: bytes

    def borders(self) -> tuple[list[int], list[int]]:
        return [0, *accumulate([len(piece) + 1 for piece in self.taken[:-1]])], self.origins

    def original_mask(self, mask: bytes) -> bytes:
        parts: list[bytes] = []
        done = start = 0
        for piece, origin in zip(self.taken, self.origins, strict=True):
            parts += (bytes(origin - done), mask[start : start + len(piece)])
            done, start = origin + len(piece), start + len(piece) + 1
        parts.append(bytes(len(self.data) - done))
        return b"".join(parts)


class _Decoded:
    """Data with its escapes decoded."""

    def __init__(
        self, data: bytes, escape: bytes = b"", parts: tuple[list[bytes], list[bytes], list[bytes]] | None = None
    ) -> None:
        self._data, self._escape, self._known_parts = data, escape, parts

    @property
    def _parts(self) -> tuple[list[bytes], list[bytes], list[bytes]]:
        return self._known_parts or _decoded_parts(self._data, re.compile(rb"(%b)" % self._escape))

    def borders(self) -> tuple[list[int], list[int]]:
        return _borders(*self._parts)

    def original_mask(self, mask: bytes) -> bytes | None:
        marked, sizes = self._lengths
        if len(sizes) > len(_LONGER):
            return None
        mask = (marked | int.from_bytes(mask, "little")).to_bytes(len(mask), "little")
        for i, size in enumerate(sizes, 1):
            for bits in (0, 1, 3):
                mask = mask.replace(bytes([4 * i + bits]), bytes([bits]) + bytes([3 * (bits > 0)]) * size)
        return mask

    @cached_property
    def _lengths(self) -> tuple[int, list[int]]:
        """Return by how much escapes are longer than their characters, and which is where, above the bits of a mask."""
        if (marked := self._with_sizes()) is not None:
            return marked
        texts, escapes, characters = self._parts
        distinct = {
            escape: (character, len(escape) - len(character))
            for escape, character in {*zip(escapes, characters, strict=True)}
        }
        sizes = sorted({size for _, size in distinct.values()} - {0})
        signs = dict(zip((0, *sizes), (b"", *_LONGER), strict=False))
        table = {
            # behind all characters: one of several backslashes is where `originals` has it
            escape: signs.get(size, b"").rjust(len(character), b"\0")
            for escape, (character, size) in distinct.items()
        }
        parts = [b""] * (2 * len(escapes) + 1)
        parts[::2], parts[1::2] = texts, map(table.__getitem__, escapes)
        return int.from_bytes(b"".join(parts).translate(_LENGTHS), "little"), sizes

    def _with_sizes(self) -> tuple[int, list[int]] | None:
        """Return the same of escapes that are not nested deeply, without a step of Python for each; None of others."""
        data = self._data
        if self._escape == _PERCENT:
            sizes, rest = _SIZES_OF_PERCENT, b"%" + b"25" * len(_LONGER)
        elif self._escape == _CHARACTERS:
            sizes, rest = _SIZES_OF_CHARACTERS, b"\\" * 3
        else:
            return None
        if rest in data:
            return None
        signs = dict(zip(sorted({size for *_, size in sizes}), _LONGER, strict=False))
        for lead, expression, count, size in sizes:
            if lead in data:
                data = re.sub(expression, signs[size].rjust(count, b"\0"), data)
        return int.from_bytes(data.translate(_LENGTHS), "little"), [*signs]


def _has_wide(data: bytes) -> bool:
    """Say whether there may be a percent-encoded character outside ASCII."""
    return search_of(_WIDE_LEAD)(data) is not None


def _percent_decoded(data: bytes) -> bytes | None:
    """Return text decoded whose percent-encoded characters are all of ASCII; None where one may be another.

    Quoted-printable differs in the sign: the standard library decodes it in C.
    """
    if re.search(_PERCENT_OTHER, data) is not None:
        if search_of(_WIDE_NESTED_LEAD)(data) is not None:
            return None
        data = re.sub(_PERCENT_OTHER, b"\xf9", data)
    return binascii.a2b_qp(encoded_once(data).translate(_PERCENT_AS_EQUALS)).translate(_PERCENT_AND_EQUALS)


def _characters_decoded(data: bytes) -> bytes | None:
    r"""Return text decoded whose escapes are all `\uXXXX`, `\xXX` or `\/`; None where one may be another.

    A codec of the standard library decodes it in C: it leaves pairs of backslashes, of which one is the other's escape.
    """
    if _HIDDEN in data or (b"\\x" in data and re.search(_BYTE_OUTSIDE_ASCII, data) is not None):
        return None
    has_pairs = b"\\\\" in data
    if has_pairs and search_of(_OTHER_PAIR)(data) is not None:
        data = re.sub(_TWO_BEFORE_OTHER, _HIDDEN * 2, data)
        has_pairs = b"\\\\" in data
        if has_pairs and search_of(_OTHER_PAIR)(data) is not None:
            return None
    if b"\\U" in data or b"\\x" in data or not data.isascii():
        data = re.sub(_NO_ESCAPE, _HIDDEN, data)
    if has_pairs and (b"\\x" in data or b"\\/" in data or b"005c" in data.lower()):
        return None
    data = data.replace(b"\\x", b"\\u00").replace(b"\\/", b"/")
    try:
        if not data.isascii():
            # in this codec, what is not of Latin-1 is an escape already
            data = data.decode("utf-8", "surrogatepass").encode("raw_unicode_escape")
        text = data.decode("raw_unicode_escape")
    except UnicodeDecodeError:
        return None
    if has_pairs:
        text = text.replace("\\\\", "\\")
    return text.encode("utf-8", "surrogatepass").replace(_HIDDEN, b"\\")


# one kind after the other is as both at once: what the second one finds too early, it would find in the next layer
_CODECS: tuple[tuple[bytes, bytes, bytes, Callable[[bytes], bytes | None]], ...] = (
    (b"\\", rb"\\" + _CODE, _CHARACTERS, _characters_decoded),
    (b"%", _PERCENT_LEAD, _PERCENT, _percent_decoded),
    (b"\x1b", _COLOUR_LEAD, _COLOUR, lambda data: re.sub(_COLOUR, b"\x1b", data)),
)


def _decoded_parts(data: bytes, escape: re.Pattern[bytes] = _ESCAPE) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return what is between the escapes, the escapes, and what each is decoded."""
    parts = escape.split(data)
    if b"\\\\" in data:
        parts = _without_pairs(parts)
    texts, escapes = parts[::2], parts[1::2]
    table = {escape: _decoded(escape) for escape in set(escapes)}
    return texts, escapes, list(map(table.__getitem__, escapes))


def _borders(texts: list[bytes], escapes: list[bytes], characters: list[bytes]) -> tuple[list[int], list[int]]:
    """Return where each text and each character begins in the decoded text, and where in the original."""
    sizes = [*map(len, texts)]
    shown, written = map(len, characters), map(len, escapes)
    return [0, *accumulate(map(add, sizes, shown))], [0, *accumulate(map(add, sizes, written))]


def _without_pairs(parts: list[bytes]) -> list[bytes]:
    """Return texts and escapes in turn, with the pairs of backslashes that precede an escape as one of their own."""
    escapes = parts[1::2]
    pairs = {escape: escape[: (len(escape) - len(escape.lstrip(b"\\"))) // 2 * 2] for escape in set(escapes)}
    rests = {escape: escape[len(pair) :] for escape, pair in pairs.items()}
    result = [b""] * (4 * len(escapes) + 1)
    result[::4] = parts[::2]
    result[1::4] = map(pairs.__getitem__, escapes)
    result[3::4] = map(rests.__getitem__, escapes)
    return result


def _decoded(escape: bytes) -> bytes:
    if escape[:1] == b"%" and b"u" not in escape:
        return _text_byte(bytes.fromhex(b"".join(_HEX_PAIR.findall(escape)).decode()))
    if escape[:1] == b"\x1b":
        return escape[:1]
    if escape[:2] == b"\\\\":
        # one backslash of two is the other one's escape
        return escape[: len(escape) // 2]
    if escape[:1] not in (b"\\", b"%"):
        return escape
    if escape[1:2] == b"/":
        return b"/"
    if escape[1:2] == b"x":
        return _text_byte(bytes.fromhex(escape[2:].decode()))
    character = chr(int(escape[-4:], 16))
    return character.encode("utf-8", "surrogatepass")


def _text_byte(character: bytes) -> bytes:
    return _ANY_NEXT if len(character) == 1 and character[0] >= _NO_UTF8 else character
