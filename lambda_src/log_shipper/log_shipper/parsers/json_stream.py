"""JSON that is not one document a line: CloudTrail's ``{"Records": [...]}``, arrays, documents run together.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html. Each array element
or document is one record whose message is its original text. Memory is bounded by the largest element, not the object.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator

from log_shipper.parsers import json_lines, plain
from log_shipper.record import Origin, Record

_RECORDS = re.compile(r'\s*\{\s*"Records"\s*:\s*\[')
_SEPARATORS = re.compile(r"[\s,]*")
_OPENING_CHARS = 64
_MAX_ELEMENT_CHARS = 16 * 1024 * 1024
_AFTER_NUMBER = ",]} \t\r\n"
_decode = json.JSONDecoder().raw_decode


def is_records(text: str) -> bool:
    """Say whether a text begins as CloudTrail's ``{"Records": [``."""
    return _RECORDS.match(text) is not None


def read(pieces: Iterable[bytes], origin: Origin) -> Iterator[Record]:
    """Yield one record per array element or document; what is not JSON any more comes out as plain lines."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    source = iter(pieces)
    buffer = ""
    position = 0
    in_array = False
    started = False
    ended = False
    wanted = _OPENING_CHARS
    while True:
        while not ended and len(buffer) - position < wanted:
            piece = next(source, None)
            ended = piece is None
            buffer = buffer[position:] + decoder.decode(piece or b"", ended)
            position = 0
        if not started:
            buffer, started = buffer.removeprefix("\ufeff"), True
            opening = _RECORDS.match(buffer)
            if opening is None and buffer.lstrip().startswith("["):
                position, in_array = buffer.index("[") + 1, True
            elif opening is not None:
                position, in_array = opening.end(), True
        match = _SEPARATORS.match(buffer, position)
        position = match.end() if match else position
        if in_array and buffer.startswith("]", position):
            position, in_array = position + 1, False
            continue
        if position >= len(buffer):
            if ended:
                return
            wanted = 1
            continue
        if not in_array and buffer[position] == "}" and not buffer[position + 1 :].strip() and ended:
            return
        document = None
        try:
            document, end = _decode(buffer, position)
        except (ValueError, RecursionError):
            end = -1
        # a number may go on in the next piece even where its beginning is a number already
        cut_short = end == len(buffer) or (isinstance(document, int | float) and buffer[end] not in _AFTER_NUMBER)
        if end < 0 or (cut_short and not ended):
            if not ended and len(buffer) - position < _MAX_ELEMENT_CHARS:
                wanted = 2 * (len(buffer) - position) + 1
                continue
            if end < 0:
                yield from _plain_lines(buffer[position:], source, decoder, origin)
                return
        yield json_lines.of_document(buffer[position:end], document, origin)
        position, wanted = end, 1


def _plain_lines(
    text: str, source: Iterator[bytes], decoder: codecs.IncrementalDecoder, origin: Origin
) -> Iterator[Record]:
    while True:
        *lines, text = text.split("\n")
        for line in lines:
            if line.strip():
                yield plain.unknown(line, origin)
        piece = next(source, None)
        if piece is None:
            text += decoder.decode(b"", True)
            if text.strip():
                yield plain.unknown(text, origin)
            return
        text += decoder.decode(piece)
