"""JSON that is not one document a line: CloudTrail's ``{"Records": [...]}``, arrays, documents run together.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html. Each array element
or document is one record whose message is its original text. Memory is bounded by the largest element, and an element
by 4 MiB: what is longer, or no JSON any more, comes out as plain lines from there on.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from log_shipper.lines import MAX_LINE_BYTES, line_blocks, text_of
from log_shipper.parsers import json_lines, plain
from log_shipper.record import JsonValue, Origin, Record

_RECORDS = re.compile(r'\{\s{0,9}"Records"\s{0,9}:\s{0,9}\[')
_ARRAY = re.compile(r"\[")
_SEPARATORS = re.compile(r"[\s,]*")
_OPENING_CHARS = 64
"""What must be seen to tell how a text opens: more than the longest `_RECORDS` has."""
# half of a line's limit: a document is held as text and, for a moment, as objects that may take thirty times as much
_MAX_ELEMENT_CHARS = MAX_LINE_BYTES // 2
_AFTER_NUMBER = ",]} \t\r\n"
_decode = json.JSONDecoder().raw_decode


def is_records(text: str) -> bool:
    """Say whether a text begins as CloudTrail's ``{"Records": [``."""
    return _RECORDS.match(text) is not None


def is_document(text: str) -> bool:
    """Say whether a text begins with a whole JSON document."""
    return _element(text, 0, whole=True)[1] > 0


def is_array(text: str) -> bool:
    """Say whether a text begins as a JSON array, and not as a plain line like ``[2026-01-02 03:04:05] started``."""
    start = _after_separators(text, 1)
    end = start if text.startswith("]", start) else _element(text, start, whole=True)[1]
    if end < 0:
        return False
    end = _after_separators(text, end)
    return not text.startswith("]", end) or text[end + 1 :].lstrip()[:1] in ("", "[", "{")


def read(pieces: Iterable[bytes], origin: Origin) -> Iterator[Record]:
    """Yield one record per array element or document; what is not JSON any more comes out as plain lines."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    source = iter(pieces)
    buffer = ""
    position = 0
    wanted = _OPENING_CHARS
    begun = ended = False
    opening, closing = "", ""
    while True:
        while not ended and len(buffer) - position < wanted:
            piece = next(source, None)
            ended = piece is None
            buffer = buffer[position:] + decoder.decode(piece or b"", ended)
            position = 0
        if not begun:
            buffer, begun = buffer.removeprefix("\ufeff"), True
        position = _after_separators(buffer, position)
        left = len(buffer) - position
        if left == 0 and ended:
            return
        if left == 0 or (not closing and not ended and left < _OPENING_CHARS):
            wanted = _OPENING_CHARS
            continue
        if closing and buffer[position] == closing[0]:
            position, opening, closing = position + 1, "", closing[1:]
            continue
        if not closing and (found := _RECORDS.match(buffer, position) or _ARRAY.match(buffer, position)):
            position, opening = found.end(), found[0]
            closing = "]" if opening == "[" else "]}"
            continue
        document, end = _element(buffer, position, whole=ended) if closing != "}" else (None, -1)
        # an element of that length is seen to end when there is a character more
        if end < 0 and not ended and closing != "}" and left <= _MAX_ELEMENT_CHARS:
            wanted = min(2 * left, _MAX_ELEMENT_CHARS) + 1
            continue
        if end < 0:
            rest = (opening + buffer[position:]).encode() + decoder.getstate()[0]
            buffer = ""
            yield from _plain_lines(chain((rest,), source), origin)
            return
        yield json_lines.of_document(buffer[position:end], document, origin)
        position, wanted, opening = end, 1, ""


def _after_separators(text: str, position: int) -> int:
    found = _SEPARATORS.match(text, position)
    return found.end() if found else position


def _element(text: str, position: int, *, whole: bool) -> tuple[JsonValue, int]:
    """Return the document at a position and where it ends; -1 when there is none or, in half a text, it may go on."""
    try:
        document, end = _decode(text, position)
    except (ValueError, RecursionError):
        return None, -1
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    # the beginning of a number is a number too, and so is that of 2026-01-02
    goes_on = (end == len(text) and not whole) or (is_number and text[end : end + 1] not in _AFTER_NUMBER)
    if goes_on or end - position > _MAX_ELEMENT_CHARS:
        return None, -1
    return document, end


def _plain_lines(pieces: Iterable[bytes], origin: Origin) -> Iterator[Record]:
    for block in line_blocks(pieces):
        for line in block.split(b"\n"):
            if line and not line.isspace():
                yield plain.unknown(text_of(line), origin)
