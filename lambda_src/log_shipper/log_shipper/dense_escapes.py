r"""Blocks that are full of escapes: a word whose decoded text is one token is replaced, without a step for each.

A text is cut at borders, as it is written and decoded; both have the same number of words. Where a decoded word is what
a detector finds as a whole, so is what was written. What is not so simple stays, and the detectors search it.

An escaped border is a word of its own where nothing that is found as it is written could begin in it: the letter of
`\n` may begin an address, and the digits of `%20` too.
"""

import binascii
import re
from collections.abc import Callable, Iterator

from log_shipper.borders import BORDERS, cut

# between two words, and in place of an escaped border
_SPLIT, _OTHER, PERCENT = b"\x03", b"\x04", b"\x06"
MARKS = (_SPLIT, _OTHER, PERCENT)
# the expressions are compiled when they are first used, so that a start does not wait for them
# escapes of what no token has: a control character, blank, !"#$&()*,/;<=>?[]^`{|} or DEL
_CODES = "(?:[01][0-9a-fA-F]|2[0-4689aAcCfF]|3[b-fB-F]|5[bdeBDE]|60|7[bcdfBCDF])"
_BORDER = rf"(%(?:25)*+{_CODES}|\\(?<!\\\\)\\*+(?:(?:u00|x){_CODES}|[nrtbf\"/]))".encode()
# a percent sign that is not of a sign of tokens, encoded once
_OTHER_THAN_SIGN = rb"%(?!2[7bBdDeE]|3[0-9aA]|4[0-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])"
# all but the slash, which may be the last character of an escape
_RAW = BORDERS.replace(b"/", b"")
_LETTER_AND_WORD = rb"\\[nrtbf](?![%b\\])" % re.escape(_RAW)
_STRAY_PERCENT = rb"%(?!(?:25)*+(?:[0134567][0-9a-fA-F]|2[0-46-9a-fA-F]))"
_PERCENT_AS_EQUALS = bytes.maketrans(b"%=", b"=\xf8")
_CHARACTER = rb"\\[ux]"
_PAIR_BEFORE_CHARACTER = rb"\\\\[ux]"
_AT = rb"(?:\\*+@|\\++(?:u00|x)40|%(?:25)*+40)"
_QUOTE_AT, _ENCODED_QUOTE_AT = b'"' + _AT, b"22" + _AT
_BETWEEN_DIGITS = (rb"[ +\-]", rb"\x03[\x04\x06]\x03", rb"\xc2\xa0", rb"\xe2\x80[\x91\xaf]")
_BEHIND_DIGITS = rb"(?<=[0-9])(?=(?:%b)[0-9])" % b"|".join(_BETWEEN_DIGITS)
_BEFORE_DIGITS = rb"(?:%b)(?=[0-9])" % b"|".join(rb"(?<=[0-9]\x04%b)" % sign for sign in _BETWEEN_DIGITS)
_JOINED_ESCAPE = rb"(?:%|\\x|\\u00)[0-7][0-9][ +\-][0-9]"
_DIGITS_AND_BLANKS = bytes(
    48 if 48 <= byte < 58 else 32 if byte in b" +-\x04\x06\xa0\x91\xaf" else 97 for byte in range(256)
)  # fmt: skip
_BLANKS = [bytes([byte]) for byte in b" +-\x04\x06\xa0\x91\xaf"]
_IN_SEPARATORS = b"\x03\xc2\xe2\x80"
_WORD_BORDERS = _RAW + _SPLIT
_RAW_BORDERS = [bytes([byte]) for byte in _RAW]
_AS_LINE_FEED = bytes(10 if byte in _WORD_BORDERS else byte for byte in range(256))
# what an escape becomes is no UTF-8: bytes that mark places in long integers are of no word that is a token
_DECODED_AS_LINE_FEED = bytes(0xF0 if byte >= 0xF5 else sign for byte, sign in enumerate(_AS_LINE_FEED))
_NO_BORDERS = bytes(byte for byte in range(256) if byte not in _WORD_BORDERS)
_BORDERS = [bytes([byte]) if byte != _SPLIT[0] else b"" for byte in range(256)]
_CHUNK_BYTES, _PROBE_BYTES = 65536, 1024


class Words:
    """A text without the repetition of its lines, or of what is between two of its most frequent border."""

    def __init__(self, data: bytes, *, has_cards: bool = True) -> None:
        self.text = data
        """What is distinct, or the whole text where little is repeated or a card may be in several."""
        self._distinct: list[bytes] = []
        if has_cards and _may_join_digits(data):
            return
        beginning = data[:_PROBE_BYTES]
        for border in (b"\n", max(_RAW_BORDERS, key=beginning.count)):
            few = beginning.split(border)
            # no token has fewer than three bytes
            if len({*few}) * 2 > len(few) or len(few) * 3 > len(beginning):
                continue
            words = data.split(border)
            distinct = [*{*words}]
            if len(distinct) * 2 <= len(words):
                self._border, self._words, self._distinct = border, words, distinct
                self.text = border.join(distinct)
                return

    @property
    def is_shorter(self) -> bool:
        """Whether ``text`` is not the whole text."""
        return bool(self._distinct)

    def restored(self, text: bytes) -> bytes:
        """Return the whole text, with the words as they are in ``text`` now."""
        if not self._distinct:
            return text
        table = dict(zip(self._distinct, text.split(self._border), strict=True))
        return self._border.join(map(table.__getitem__, self._words))


def has_encoded_quote(data: bytes) -> bool:
    """Say whether a quoted local part of an e-mail address may end in a text, however its signs are written."""
    return any(re.search(expression, data) is not None for expression in (_QUOTE_AT, _ENCODED_QUOTE_AT))


def may_begin_in_escape(data: bytes) -> bool:
    r"""Say whether a word follows the letter of an escape such as `\n`."""
    return re.search(_LETTER_AND_WORD, data) is not None


def has_joined_escape(data: bytes) -> bool:
    """Say whether the digits of an escape may begin what is a card number as it is written."""
    return _may_join_digits(data) and re.search(_JOINED_ESCAPE, data) is not None


def _may_join_digits(data: bytes) -> bool:
    return any(map(data.__contains__, _BLANKS)) and b"0 0" in data.translate(_DIGITS_AND_BLANKS, _IN_SEPARATORS)


def forms(data: bytes, *, is_json: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield parts of a text: as they are written, with `_SPLIT` beside escaped borders, and decoded, a word a line.

    Parameters
    ----------
    is_json : bool
        Every line is a JSON document: a letter behind a backslash is that of an escape.
    """
    is_plain_json = is_json and b"\\\\" not in data
    for start, end in cut(data.translate(_AS_LINE_FEED), _CHUNK_BYTES):
        chunk = data[start:end]
        is_simple = b"\\" not in chunk and re.search(_OTHER_THAN_SIGN, chunk) is None
        parts = [chunk] if is_simple else re.split(_BORDER, chunk)
        escapes = parts[1::2]
        forms = {escape: _forms_of(escape, is_plain_json=is_plain_json) for escape in {*escapes}}
        parts[1::2] = [forms[escape][0] for escape in escapes]
        written = b"".join(parts)
        parts[1::2] = [forms[escape][1] for escape in escapes]
        yield written, _decoded(b"".join(parts), is_simple=is_simple).translate(_DECODED_AS_LINE_FEED)


def _forms_of(escape: bytes, *, is_plain_json: bool) -> tuple[bytes, bytes]:
    """Return an escaped border as it is written and decoded, with a split before it, and behind it if it can be."""
    sign = escape.lstrip(b"\\")[:1]
    if sign == b"%":
        return _SPLIT + escape + _SPLIT, _SPLIT + PERCENT + _SPLIT
    if sign in b'u/"' or (sign in b"nrtbf" and is_plain_json):
        return _SPLIT + escape + _SPLIT, _SPLIT + _OTHER + _SPLIT
    return _SPLIT + escape, _SPLIT + _OTHER


def _decoded(data: bytes, *, is_simple: bool) -> bytes:
    """Return a text whose escaped borders are marked, with its other escapes decoded.

    ``is_simple`` says that all escapes are percent-encoded once, and of signs that tokens have.
    """
    if b"%" in data:
        if not is_simple:
            data = re.sub(_STRAY_PERCENT, b"\xf9", data)
        data = encoded_once(data)
        # quoted-printable differs in the sign
        data = binascii.a2b_qp(data.translate(_PERCENT_AS_EQUALS)).replace(b"\xf8", b"=")
    if b"\\" in data and re.search(_CHARACTER, data) is not None:
        data = data.replace(b"\\x", b"\\u00")
        for _ in range(4):
            data = data.decode("raw_unicode_escape", "replace").encode("latin-1", "backslashreplace")
            if re.search(_PAIR_BEFORE_CHARACTER, data) is None:
                break
            data = data.replace(b"\\\\", b"\\")
    if PERCENT in data:
        # what is found as it is written may begin in a percent-encoded border, unless a letter follows
        for sign in b"0123456789._%+-:":
            data = data.replace(PERCENT + _SPLIT + bytes([sign]), PERCENT + _SPLIT + _OTHER + bytes([sign]))
    if _may_join_digits(data):
        # a card may begin in one word and end in another
        data = re.sub(_BEFORE_DIGITS, _OTHER, re.sub(_BEHIND_DIGITS, _OTHER, data))
    return data


def encoded_once(data: bytes) -> bytes:
    """Return percent-encoded text whose percent signs are encoded no more, however often they were."""
    for _ in range(3):
        if b"%25" not in data:
            return data
        data = data.replace(b"%25", b"%")
    # a sign that is encoded a thousand times takes no thousand passes
    return re.sub(rb"%(?:25)++", b"%", data)


def replaced(written: bytes, decoded: bytes, replace: Callable[[bytes], bytes], placeholders: list[bytes]) -> bytes:
    """Return a text with placeholders for the words that are one token.

    Parameters
    ----------
    written, decoded : bytes
        Of `forms`.
    replace : callable
        Replaces tokens that have a line feed on either side by placeholders, which begin alike and are in no text.
    """
    borders = written.translate(None, _NO_BORDERS)
    if len(borders) != decoded.count(b"\n"):
        return written.replace(_SPLIT, b"")
    tokens = replace(b"\n\n" + decoded + b"\n\n")[2:-2]
    is_uniform = bool(borders) and borders.count(borders[:1]) == len(borders)
    count = len(borders) + (not tokens.endswith(b"\n"))
    if is_uniform and tokens.count(placeholders[0][:-1]) == count and len(tokens) == count * 3 + len(borders):
        # each word is a token
        return tokens.replace(b"\n", _BORDERS[borders[0]])
    words = written.translate(_AS_LINE_FEED).split(b"\n")
    shown = map(dict(zip(placeholders, placeholders, strict=True)).get, tokens.split(b"\n"), words)
    if is_uniform:
        return _BORDERS[borders[0]].join(shown)
    parts = [b""] * (2 * len(words) - 1)
    parts[::2] = shown
    parts[1::2] = map(_BORDERS.__getitem__, borders)
    return b"".join(parts)
