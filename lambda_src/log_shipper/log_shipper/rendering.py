"""Records as lines, one JSON object each: the archive's, which Logz.io takes as they are, and what OTLP makes of them.

The parts that do not change within an object are serialized once; a line is then the joining of a few pieces. Its time
stands in it twice: `time` is the archive's name for it, `@timestamp` the one that Logz.io knows, in what is pushed and
in what its fetcher reads. So an archive object is shipped on without touching its lines.
"""

import hashlib
import re
from functools import lru_cache
from itertools import chain, islice, repeat
from typing import Any, NamedTuple

import orjson

from log_shipper import timestamps
from log_shipper.record import Record

HEAD = b'{"time":"'
TIMESTAMP = b'","@timestamp":"'
RESERVED_FIELDS = ("time", "export", "vendor", "log_type", "source", "message", "fields", "part", "part_of")
"""What every record has, or a part of one; no part of a key may take these names."""


class Shape(NamedTuple):
    """How long a destination's lines may be."""

    max_message_chars: int | None = None
    """The longest message or field it takes."""
    max_line_bytes: int | None = None
    """The longest line it takes."""


class Renderer:
    """Writes the lines of one object.

    Parameters
    ----------
    shape : Shape
        The destination's.
    export, vendor, source : str
        What every line of the object says.
    fields : dict of str to str, optional
        Named parts of the source's path, on every line.
    """

    def __init__(
        self, shape: Shape, *, export: str, vendor: str, source: str, fields: dict[str, str] | None = None
    ) -> None:
        self.shape = shape
        self._after_time = b'","export":' + orjson.dumps(export) + b',"vendor":' + orjson.dumps(vendor)
        self._source = _source_part(source)
        self._fields = fields or {}
        self._fields_part = b',"fields":' + orjson.dumps(fields) + b"}\n" if fields else b"}\n"
        self._middles: dict[str, bytes] = {}

    def line(self, record: Record) -> bytes:
        """Return the line of a record as the destination takes it, with its line feed."""
        return self.archived(record)

    def archived(self, record: Record, added: bytes = b"") -> bytes:
        """Return the line of a record as the archive has it, with its line feed.

        Parameters
        ----------
        added : bytes
            Members that the destination's line has in addition, each with a comma before it.
        """
        middle = self._middles.get(record.log_type)
        if middle is None:
            middle = self._after_time + b',"log_type":' + orjson.dumps(record.log_type)
            if len(self._middles) < 256:
                self._middles[record.log_type] = middle
        source = self._source if record.source is None else _source_part(record.source)
        tail = self._fields_part
        if record.fields:
            tail = b',"fields":' + orjson.dumps(self._fields | record.fields) + b"}\n"
        time = record.time.encode()
        return b"".join((HEAD, time, TIMESTAMP, time, middle, added, source, orjson.dumps(record.message), tail))

    def lines(self, times: list[bytes], segments: list[bytes], log_type: str, added: bytes = b"") -> bytes | None:
        """Return the lines of records that differ in time and message alone, copied once; None when they cannot be.

        Parameters
        ----------
        times : list of bytes
            The time of all records, or of each, without its Z.
        segments : list of bytes
            The messages, escaped as JSON has them, without quotes.
        added : bytes
            As in `archived`.
        """
        middle = self._after_time + b',"log_type":' + orjson.dumps(log_type) + added
        before, after = b"Z" + middle + self._source + b'"', b'"' + self._fields_part
        return joined_lines(HEAD, times, b"Z" + TIMESTAMP, before, segments, after)

    def archived_lines(self, block: bytes, lines: list[bytes]) -> tuple[bytes, str] | None:  # noqa: ARG002
        """Return a block of archive lines, which are ``lines``, as `joined` does; None when each must be read."""
        return block, ""

    def joined(self, lines: list[bytes], log_types: list[str]) -> tuple[bytes, str]:  # noqa: ARG002
        """Return lines of these log types as one, and their type; empty where they name it, or there are no types."""
        return b"".join(lines), ""

    def type_of(self, log_type: str) -> str:  # noqa: ARG002
        """Return the destination's type of a log type; empty where the destination has no types."""
        return ""

    def archive_line(self, line: bytes) -> bytes:
        """Return a line of the destination as the archive has it."""
        return line


def joined_lines(
    head: bytes, times: list[bytes], between: bytes | None, before: bytes, segments: list[bytes], after: bytes
) -> bytes:
    """Return head, time, before, segment, after of every line, where between is given with between and time again."""
    if len(times) == 1:
        opening = head + times[0] + (between + times[0] if between is not None else b"") + before
        return opening + (after + opening).join(segments) + after
    if between is None:
        pieces = chain.from_iterable(zip(repeat(after + head), times, repeat(before), segments))
    else:
        pieces = chain.from_iterable(zip(repeat(after + head), times, repeat(between), times, repeat(before), segments))
    return b"".join(chain((head,), islice(pieces, 1, None), (after,)))


def _source_part(source: str) -> bytes:
    return b',"source":' + orjson.dumps(source) + b',"message":'


def fit(record: Record, max_chars: int | None, oversize: str) -> list[Record]:
    """Return what a destination takes of a record: itself, its parts, a truncated one, or nothing (to quarantine).

    Parameters
    ----------
    max_chars : int or None
        The longest message or field value.
    oversize : str
        ``split``: parts of the message, numbered in the field ``part`` as ``2/3``, with the beginning of the whole
        message's SHA-256 in ``part_of``, so that they can be found and put together whatever their order.
        ``truncate``: the message's beginning and a mark that says how much is missing. ``quarantine``: an empty list.
        A field that is too long is omitted: the message also contains its text.
    """
    if max_chars is None:
        return [record]
    if record.fields and any(len(value) > max_chars for value in record.fields.values()):
        record = record._replace(fields={k: v for k, v in record.fields.items() if len(v) <= max_chars})
    size = len(record.message)
    if size <= max_chars:
        return [record]
    if oversize == "quarantine":
        return []
    if oversize == "truncate":
        mark = f" [truncated, {size} characters in all]"
        return [record._replace(message=record.message[: max_chars - len(mark)] + mark)]
    count = -(-size // max_chars)
    whole = hashlib.sha256(record.message.encode()).hexdigest()[:16]
    return [
        record._replace(
            message=record.message[i * max_chars : (i + 1) * max_chars],
            fields={"part": f"{i + 1}/{count}", "part_of": whole},
        )
        for i in range(count)
    ]


def path_fields(pattern: str, key: str) -> dict[str, str]:
    """Return the named segments of a key: ``{prefix}/{cluster}`` names the first two; ``_`` names nothing.

    A key with fewer segments than the pattern has, or with another text where the pattern has text, yields the names
    up to there.
    """
    named: dict[str, str] = {}
    for wanted, segment in zip(_segments(pattern), key.split("/"), strict=False):
        match = wanted.fullmatch(segment)
        if match is None:
            break
        named.update(match.groupdict())
    return named


@lru_cache(maxsize=64)
def _segments(pattern: str) -> tuple[Any, ...]:
    # RE2, because several names in one segment would make Python's engine try them all against a hostile key
    import re2

    def expression(part: str) -> str:
        if not part.startswith("{"):
            return str(re2.escape(part))
        return ".+" if part == "{_}" else f"(?P<{part[1:-1]}>.+)"

    return tuple(
        re2.compile("(?s)" + "".join(map(expression, re.split(r"(\{\w+\})", segment))))
        for segment in pattern.split("/")
    )


def hour_of(time: str) -> str:
    """Return the part of a time that names its archive partition: ``2026-11-21T02``."""
    return time[:13]


def archive_key(export: str, time: str, identity: str) -> str:
    """Return the archive key of an object whose first record has this time."""
    return f"logs/{export}/dt={time[:10]}/hour={time[11:13]}/{timestamps.epoch_ms(time):013d}-{identity}.json.gz"
