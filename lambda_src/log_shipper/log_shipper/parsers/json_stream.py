"""JSON that is not one document a line: CloudTrail's ``{"Records": [...]}``, arrays, documents run together.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html. Each array element
or document is one record whose message is its original text. Memory is bounded by the largest element, and an element
by 4 MiB. What is not JSON comes out as lines, and reading goes on behind it: a damaged element costs its neighbours
nothing, and lines between documents are read as lines.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice, takewhile
from typing import NamedTuple

import orjson

from log_shipper.lenient_json import raw_decode
from log_shipper.lines import AHEAD_BYTES, MAX_LINE_BYTES, safe_text_cut
from log_shipper.parsers import json_lines, plain
from log_shipper.record import JsonValue, Origin, Record

_RECORDS = re.compile(r'\{\s{0,9}"Records"\s{0,9}:\s{0,9}\[')
_SEPARATORS = re.compile(r"[\s,\0\ufeff]{0,65535}")
_NEXT_ELEMENT = re.compile(r"[,\n]\s{0,64}(?=\{)")
_GOES_ON = re.compile(r"\s{0,64}(?:,\s{0,64}\{|\]\s{0,64}\Z)")
_OPENING = re.compile(r'\{\s?"[^"\\]{1,64}"')
_LONGEST_GUESS = 64 * 1024
_BLANKS = re.compile(r"[ \t,]*")
_OPENING_CHARS = 64
"""What must be read to detect how a text opens: more than the longest `_RECORDS` has."""
# half of a line's limit: a document is held as text and, for a moment, as objects that may take thirty times as much
_MAX_ELEMENT_CHARS = MAX_LINE_BYTES // 2
_MAX_DAMAGED = 256
"""How many damaged elements of an object are searched for the next whole one; the rest then comes out as lines."""
_CANDIDATES = 32
_AFTER_NUMBER = ",]} \t\r\n"
_NEAR_END = 16
"""An error so near to the end of what was read may be one of what was not read yet: ``tru``, ``\\u00``."""

LineReader = Callable[[str, Origin], Iterable[Record]]


class Elements(NamedTuple):
    """Elements of an array that are a line each."""

    block: str
    """Their texts, with a line feed between two."""
    times: list[str]
    """The time of each."""
    log_type: str

    def records(self) -> list[Record]:
        """Return the record of each."""
        texts = self.block.split("\n")
        return [Record(text, time, self.log_type) for text, time in zip(texts, self.times, strict=True)]


def is_records(text: str) -> bool:
    """Say whether a text begins as CloudTrail's ``{"Records": [``."""
    return _RECORDS.match(text) is not None


def is_document(text: str) -> bool:
    """Say whether a text begins with a whole JSON document."""
    return _element(text, 0, whole=True)[1] > 0


def is_array(text: str) -> bool:
    """Say whether a text begins as an array of JSON objects, and not as a plain line like ``[0] {"a": 1}``."""
    start = _after_separators(text, 1)
    if not text.startswith("{", start):
        return False
    if _element(text, start, whole=True)[1] > 0:
        return True
    # the first elements may be damaged: then one of the next is whole, and goes on or ends as an array's does
    for found in islice(_NEXT_ELEMENT.finditer(text, start), _CANDIDATES):
        end = _element(text, found.end(), whole=True)[1]
        if end > 0:
            return _GOES_ON.match(text, end) is not None
    return False


def read(pieces: Iterable[bytes], origin: Origin, read_line: LineReader | None = None) -> Iterator[Record]:
    """Yield one record per array element or document, and what is neither as lines.

    Parameters
    ----------
    pieces : iterable of bytes
        The decompressed object.
    read_line : callable, optional
        Reads a line that stands between documents; default: it is a line that was not understood.
    """
    yield from Reader(pieces, origin, read_line or _unknown, is_json=read_line is None).read()


def _unknown(line: str, origin: Origin) -> Iterable[Record]:
    return (plain.unknown(line, origin),)


class Reader:
    """Reads a text of which a part is held, from `_position` on.

    Parameters
    ----------
    pieces, origin, read_line
        As for `read`.
    finish_lines : callable
        Returns what `read_line` holds back, which stands before a document that follows; nothing by default.
    is_json : bool
        Any value is an element of an array, not objects alone.

    Attributes
    ----------
    chars_read : int
        How many characters were read, a byte that is not UTF-8 counted as it is shown.
    passed_over : int
        How many of them are in no record and no line on purpose: what opens and closes arrays, blanks, and what
        separates elements. Each record and line counts one more than its characters, so this may be negative.
    """

    def __init__(
        self,
        pieces: Iterable[bytes],
        origin: Origin,
        read_line: LineReader,
        finish_lines: Callable[[], Iterable[Record]] = tuple,
        *,
        is_json: bool,
    ) -> None:
        self.chars_read = self.passed_over = 0
        self._is_json = is_json
        self._source, self._origin = iter(pieces), origin
        self._read_line, self._finish_lines, self._may_hold_lines = read_line, finish_lines, False
        # a byte that is not UTF-8 becomes a lone surrogate, which JSON takes in a string, and `\xNN` in the record
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._buffer, self._position, self._ended = "", 0, False
        self._opening = ""
        """The opening of an array, and what follows it, as long as no element was read."""
        self._closing = ""
        """What ends the array, and what it stands in; empty outside of arrays."""
        self._damaged = 0
        self._right_guesses = self._wrong_guesses = 0
        self._inside_line = False
        """True behind the first part of a line that is too long: all of it is one line, whatever it looks like."""

    def read(self) -> Iterator[Record]:
        """Yield the records; `chars_read` and `passed_over` are final once all are taken."""
        for found in self.read_together():
            if isinstance(found, Elements):
                yield from found.records()
            else:
                yield found

    def read_together(self) -> Iterator[Record | Elements]:
        """Yield the records, those of many elements together, as long as they are one line each."""
        wanted = _OPENING_CHARS
        while True:
            self._fill(wanted)
            if self._inside_line and self._position < len(self._buffer):
                yield from self._pass_over()
                continue
            start, self._position = self._position, _after_separators(self._buffer, self._position)
            if not self._opening:
                self.passed_over += self._position - start
            else:
                self._opening += self._buffer[start : self._position]
                if len(self._opening) >= _MAX_ELEMENT_CHARS:
                    yield from self._pass_over()
                    continue
            left = len(self._buffer) - self._position
            if left == 0 and self._ended:
                if self._opening:
                    # an object that breaks off before its first element is a line
                    yield from self._pass_over()
                return
            if left == 0 or (not self._closing and not self._ended and left < _OPENING_CHARS):
                wanted = _OPENING_CHARS
                continue
            wanted = 1
            if self._closing and self._buffer[self._position] == self._closing[0]:
                self._pass_opening()
                self.passed_over += 1
                self._position, self._closing = self._position + 1, self._closing[1:]
                continue
            if self._closing[:1] != "}" and self._open():
                continue
            document, end, is_broken = None, -1, True
            if self._may_be_element():
                if self._closing:
                    yield from self._alike()
                    left = len(self._buffer) - self._position
                document, end, is_broken = _element(self._buffer, self._position, whole=self._ended)
                if end > 0 and not self._closing:
                    # a line that only begins with a document is a line
                    length = end - self._position
                    end = self._position + length if self._ends_line(length) else -1
                    is_broken = end < 0
            if end > 0:
                text = _text(self._buffer[self._position : end])
                self._pass_opening()
                self.passed_over -= 1
                yield from self._held_lines()
                yield json_lines.of_document(text, document, self._origin)
                self._position = end
            elif not is_broken and not self._ended and left <= _MAX_ELEMENT_CHARS:
                wanted = min(2 * left, _MAX_ELEMENT_CHARS) + 1
            else:
                yield from self._pass_over()

    def _fill(self, wanted: int) -> None:
        while not self._ended and len(self._buffer) - self._position < wanted:
            piece = next(self._source, None)
            self._ended = piece is None
            text = self._decoder.decode(piece or b"", self._ended)
            self.chars_read += len(_text(text))
            self._buffer, self._position = self._buffer[self._position :] + text, 0

    def _pass_opening(self) -> None:
        self.passed_over += len(self._opening)
        self._opening = ""

    def _open(self) -> bool:
        """Enter an array, if one begins here: a trail also inside of an array, another one not."""
        if found := _RECORDS.match(self._buffer, self._position):
            opening, closing = found[0], "]}"
        elif not self._closing and self._buffer[self._position] == "[" and self._begins_array():
            opening, closing = "[", "]"
        else:
            return False
        self._opening, self._closing = self._opening + opening, closing + self._closing
        self._position += len(opening)
        return True

    def _begins_array(self) -> bool:
        """Say whether a bracket opens an array: what follows may begin an element, and is no line's own bracket."""
        start = _after_separators(self._buffer, self._position + 1)
        if self._buffer[start : start + 1] == "{":
            return True
        while True:
            _, end, is_broken = _element(self._buffer, self._position, whole=self._ended)
            left = len(self._buffer) - self._position
            if end > 0:
                return self._ends_line(end - self._position)
            if is_broken or self._ended or left > _MAX_ELEMENT_CHARS:
                return not is_broken
            self._fill(2 * left)

    def _ends_line(self, length: int) -> bool:
        """Say whether nothing but another document follows in the line of the next so many characters."""
        while True:
            found = _BLANKS.match(self._buffer, self._position + length)
            end = found.end() if found else self._position + length
            if end < len(self._buffer) or self._ended or end - self._position > 2 * _MAX_ELEMENT_CHARS:
                return self._buffer[end : end + 1] in ("", "\r", "\n", "[", "{")
            self._fill(end - self._position + _OPENING_CHARS)

    def _alike(self) -> Iterator[Record | Elements]:
        """Yield the records of elements that all open with one name, as CloudTrail's do, but for the last that is held.

        Each is taken to end where the next one opens. That is so when it is JSON as a whole, because no beginning of an
        object is an object; orjson says so several times faster than the decoder that finds the end itself.
        """
        opening = _OPENING.match(self._buffer, self._position)
        if opening is None or self._wrong_guesses > 4 + self._right_guesses // 4:
            return
        border = "}," + opening[0]
        self._wrong_guesses += 1
        last = self._buffer.rfind(border, self._position)
        if last < 0:
            return
        texts = self._buffer[self._position : last].split(border)
        texts = [f"{opening[0]}{part}}}" for part in [texts[0].removeprefix(opening[0]), *texts[1:]]]
        times: list[str] = []
        with suppress(orjson.JSONDecodeError):
            times += json_lines.times_of([*takewhile(_is_short, texts)], self._origin.arrival)
        count = len(times)
        if not count:
            return
        texts = texts[:count]
        self._pass_opening()
        # each counts one more than its characters, which is the comma; what is left is mostly one element
        self._buffer, self._position = self._buffer[self._position + sum(map(len, texts)) + count :], 0
        self._right_guesses += count
        yield from self._held_lines()
        text = "\n".join(texts)
        if text.count("\n") == count - 1:
            yield Elements(_text(text), times, self._origin.log_type)
        else:
            for each, time in zip(texts, times, strict=True):
                yield Record(_text(each), time, self._origin.log_type)

    def _may_be_element(self) -> bool:
        """Say whether a record may begin here: an object or, in the arrays of what is said to be JSON, any value."""
        is_object = self._buffer[self._position] == "{"
        return self._closing[:1] != "}" and (is_object or (self._closing != "" and self._is_json))

    def _pass_over(self) -> Iterator[Record]:
        """Yield what is no JSON as lines: in an array up to the next whole element, elsewhere one line."""
        if self._closing.startswith("]"):
            self._damaged += 1
            self._fill(2 * _MAX_ELEMENT_CHARS + 1)
            end = self._next_element() if self._damaged <= _MAX_DAMAGED else -1
            if end > 0:
                whole = self._opening + self._buffer[self._position : end]
                text = whole.rstrip(" \t\r\n,")
                self.passed_over += len(whole) - len(text)
                self._position, self._opening = end, ""
                yield from self._as_lines(text)
                return
        longest = max(0, _MAX_ELEMENT_CHARS - len(self._opening))
        # where a line is cut depends on the text alone, not on how much of it happens to be held
        wanted = longest + AHEAD_BYTES
        while (cut := self._buffer.find("\n", self._position, self._position + longest)) < 0:
            left = len(self._buffer) - self._position
            if self._ended or left >= wanted:
                break
            self._fill(min(2 * left, wanted))
        end = cut if cut >= 0 else min(len(self._buffer), self._position + longest)
        if cut < 0 and longest and end < len(self._buffer):
            end = self._position + safe_text_cut(self._buffer[self._position : self._position + wanted], longest)
        text = self._opening + self._buffer[self._position : end]
        self._opening, self._closing, self._position = "", "", end
        self._inside_line = cut < 0
        yield from self._as_lines(text)

    def _held_lines(self) -> Iterable[Record]:
        if not self._may_hold_lines:
            return ()
        self._may_hold_lines = False
        return self._finish_lines()

    def _as_lines(self, text: str) -> Iterator[Record]:
        self._may_hold_lines = True
        # behind the last line is no line feed
        self.passed_over -= 1
        for whole in text.split("\n"):
            line = whole.rstrip("\r")
            if line and not line.isspace():
                self.passed_over += len(whole) - len(line)
                yield from self._read_line(_text(line), self._origin)
            else:
                self.passed_over += len(whole) + 1

    def _next_element(self) -> int:
        """Return where the next whole element of the array begins, in what is held; -1 when there is none."""
        at = self._position
        for _ in range(_CANDIDATES):
            found = _NEXT_ELEMENT.search(self._buffer, at, self._position + _MAX_ELEMENT_CHARS)
            if found is None:
                return -1
            at = found.end()
            if _element(self._buffer, at, whole=self._ended)[1] > 0:
                return at
        return -1


def _is_short(text: str) -> bool:
    return len(text) <= _LONGEST_GUESS


def _text(part: str) -> str:
    r"""Return a part of the text with ``\xNN`` for each byte that is not UTF-8, as `lines.text_of` writes it."""
    if part.isascii():
        return part
    return part.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _after_separators(text: str, position: int) -> int:
    found = _SEPARATORS.match(text, position)
    return found.end() if found else position


def _element(text: str, position: int, *, whole: bool) -> tuple[JsonValue, int, bool]:
    """Return the document at a position, where it ends, and whether it is broken whatever follows.

    The end is -1 when there is no document or, in half a text, it may go on.
    """
    try:
        document, end = raw_decode(text, position)
    except RecursionError:
        return None, -1, True
    except json.JSONDecodeError as error:
        return None, -1, error.pos < len(text) - _NEAR_END and not error.msg.startswith("Unterminated")
    except ValueError:
        return None, -1, True
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    # the beginning of a number is a number too, and so is that of 2026-01-02
    if is_number and text[end : end + 1] not in _AFTER_NUMBER:
        # what may still make it a longer number: ".", "e", "e+"
        return None, -1, len(text) - end > 2
    if end - position > _MAX_ELEMENT_CHARS:
        return None, -1, True
    if end == len(text) and not whole:
        return None, -1, False
    return document, end, False
