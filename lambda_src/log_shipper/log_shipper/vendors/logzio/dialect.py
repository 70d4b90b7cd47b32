"""Logz.io's bulk listener: newline-delimited JSON, gzip, and a 400 that is a partial success.

Limits and answers: https://docs.logz.io/docs/shipping/other-sources/json-api/ and
https://docs.logz.io/docs/user-guide/data-hub/troubleshoot-invalid-logs/. A body holds at most 10 MB, taken as
uncompressed bytes; a line 500,000 bytes; a field's value 32,700 characters.

The ``type`` of a line selects the pipeline that parses it; one in the line overrides the one in the URL
(https://docs.logz.io/docs/shipping/code/http/), so only lines of another type than the URL's must name it. The built-in
types: https://docs.logz.io/docs/user-guide/data-hub/log-parsing/default-parsing/ and, for MySQL, "MySQL",
"Preconfigured log types".
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson

from log_shipper.bulk import Verdict, refuse_all
from log_shipper.environment import Destination
from log_shipper.errors import DeliveryError
from log_shipper.export_config import ExportConfig
from log_shipper.http_client import Answer
from log_shipper.parsers import archive_lines
from log_shipper.progress import Pending
from log_shipper.record import Origin, Record
from log_shipper.rendering import HEAD, Renderer, Shape
from log_shipper.transform import Segment, refuse_lines

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_LINE_BYTES = 500_000
MAX_VALUE_CHARS = 32_700
MAX_TYPE_BYTES = 2_000
"""What a type takes in a line that names it: at most 256 characters, escaped."""
_COUNTS = ("malformedLines", "oversizedLines", "emptyLogLines", "successfulLines")
_MOST_LOG_TYPES = 16
_JSON_STRING, _AFTER_LOG_TYPE = rb'"(?:[^"\\]|\\.)*+"', b',"source":'

# a line has room for the type that it may have to name
SHAPE = Shape(max_message_chars=MAX_VALUE_CHARS, max_line_bytes=MAX_LINE_BYTES - MAX_TYPE_BYTES)

BUILT_IN_TYPES: dict[str, dict[str, str]] = {
    "s3-logs": {
        "cloudtrail": "cloudtrail", "alb": "elb", "clb": "elb", "nlb": "elb", "cloudfront": "cloudfront",
        "s3-access": "S3Access", "vpc-flow": "vpcflow",
    },
    "aurora-mysql": {"error": "mysql_error", "general": "mysql", "slowquery": "mysql_slow_query"},
    "rds": {"error": "mysql_error", "general": "mysql", "slowquery": "mysql_slow_query"},
    "mongodb-atlas": {"": "mongodb"},
}  # fmt: skip
"""Logz.io's name for the log types of each vendor. The others keep the vendor's name: Logz.io has no pipeline for them,
or does not say that it has one."""


@lru_cache(maxsize=1024)
def built_in_type(vendor: str, log_type: str) -> str | None:
    """Return Logz.io's built-in type of a log, None when there is none."""
    types = BUILT_IN_TYPES.get(vendor, {})
    if vendor == "mongodb-atlas":
        # Atlas's log names vary; the pipeline is for the server's log, and is not said to read audit logs and events
        log_type = "other" if "audit" in log_type.lower() or "event" in log_type.lower() else ""
    return types.get(log_type)


def renderer_of(destination: Destination, config: ExportConfig, source: str, fields: dict[str, str] | None) -> Renderer:
    """Return what writes the lines of an object."""
    return LogzioRenderer(
        export=config.name,
        vendor=config.vendor,
        source=source,
        fields=fields,
        log_type=config.log_type or destination.log_type,
        parse_json=destination.parse_json,
    )


class LogzioRenderer(Renderer):
    """Writes archive lines: with the fields of a JSON message, and with a ``type`` where it differs from the others'.

    Parameters
    ----------
    log_type : str or None
        The type of every line, as the settings name it; None for the built-in type of each log, or the vendor.
    parse_json : bool
        Whether a line has the fields of its message, which is redacted before.
    """

    def __init__(
        self,
        *,
        export: str,
        vendor: str,
        source: str,
        fields: dict[str, str] | None = None,
        log_type: str | None,
        parse_json: bool,
    ) -> None:
        super().__init__(SHAPE, export=export, vendor=vendor, source=source, fields=fields)
        self._vendor, self._parse_json = vendor, parse_json
        self._only_type = log_type or (vendor if vendor not in BUILT_IN_TYPES else None)
        self._before_log_type = b',"vendor":' + orjson.dumps(vendor) + b',"log_type":'
        self._archived_types: dict[bytes, tuple[bytes, str]] = {}
        self._is_mixed = False

    def type_of(self, log_type: str) -> str:
        """Return Logz.io's type of a log."""
        return self._only_type or built_in_type(self._vendor, log_type) or self._vendor

    def line(self, record: Record) -> bytes:
        """Return the line of a record; without the message's fields where those would make it too long."""
        if self._parse_json and record.message.startswith("{"):
            from log_shipper import json_fields

            line = self.archived(record, json_fields.members_of(record.message))
            if len(line) <= MAX_LINE_BYTES - MAX_TYPE_BYTES:
                return line
        return self.archived(record)

    def lines(self, times: list[bytes], segments: list[bytes], log_type: str, added: bytes = b"") -> bytes | None:
        """Return lines at once; None when a message may have fields."""
        if self._parse_json and any(segment.startswith(b"{") for segment in segments):
            return None
        return super().lines(times, segments, log_type, added)

    def archived_lines(self, block: bytes, lines: list[bytes]) -> tuple[bytes, str] | None:
        """Return archive lines as `joined` does; None when a message may have fields, or fields have a log type."""
        if self._parse_json and b'"message":"{' in block:
            return None
        if self._only_type:
            return block, self._only_type
        first, count = self._log_type(block), len(lines)
        known = self._known_type(first)
        if known is not None and not self._is_mixed:
            start = block.find(first)
            # most lines have it in the same place
            if set(map(itemgetter(slice(start, start + len(first))), lines)) == {first}:
                return block, known[1]
        # a column may have any name: its log type is not the line's
        if block.count(self._before_log_type) != count:
            return None
        if known is not None and not self._is_mixed and block.count(first) == count:
            return block, known[1]
        typed, missing = self._typed(block, count, first)
        if missing:
            # a log type that this object has not had before
            for found in set(re.findall(re.escape(self._before_log_type) + _JSON_STRING + _AFTER_LOG_TYPE, block)):
                self._known_type(found)
            if len(self._archived_types) > _MOST_LOG_TYPES:
                return None
            typed, missing = self._typed(block, count, first)
        self._is_mixed = True
        return None if missing else (typed, "")

    def _typed(self, block: bytes, count: int, first: bytes) -> tuple[bytes, int]:
        """Return so many archive lines with the types of the log types known so far, and how many lines have others.

        The log type that is ``first`` is looked for first.
        """
        for part in sorted(self._archived_types, key=first.__ne__):
            if not count:
                break
            with_type = self._archived_types[part][0]
            typed = block.replace(part, with_type)
            count -= (len(typed) - len(block)) // (len(with_type) - len(part))
            block = typed
        return block, count

    def _log_type(self, line: bytes) -> bytes:
        """Return the part of an archive line that has its log type."""
        start = line.find(self._before_log_type)
        return line[start : line.find(_AFTER_LOG_TYPE, start) + len(_AFTER_LOG_TYPE)] if start >= 0 else b""

    def _known_type(self, part: bytes) -> tuple[bytes, str] | None:
        """Return what a line has in place of that part when it names its type, and the type."""
        known = self._archived_types.get(part)
        written = part[len(self._before_log_type) : -len(_AFTER_LOG_TYPE)]
        if known is None and re.fullmatch(_JSON_STRING, written):
            named = self.type_of(orjson.loads(written))
            typed = part.removesuffix(_AFTER_LOG_TYPE) + b',"type":' + orjson.dumps(named) + _AFTER_LOG_TYPE
            known = self._archived_types[part] = typed, named
        return known

    def joined(self, lines: list[bytes], log_types: list[str]) -> tuple[bytes, str]:
        """Return lines as one, and the type of all of them; where there are several, the lines name theirs."""
        types = {log_type: self.type_of(log_type) for log_type in set(log_types)}
        if len(set(types.values())) <= 1:
            return b"".join(lines), next(iter(types.values()), "")
        openings = {log_type: _opening(named) for log_type, named in types.items()}
        return b"".join([openings[log_type] + line[1:] for line, log_type in zip(lines, log_types, strict=True)]), ""

    def archive_line(self, line: bytes) -> bytes:
        """Return a line as the archive has it."""
        return self.archived(archive_lines.parse(line.decode(), Origin("", self._vendor)))


def _opening(log_type: str) -> bytes:
    """Return how a line begins that names its type."""
    return b'{"type":' + orjson.dumps(log_type) + b","


def listener_url(base: str, token: str) -> str:
    """Return the URL to post to, but for the ``type``. It holds the token: it is never logged."""
    parts = urlsplit(base)
    query = urlencode({"token": token})
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


class LogzioDialect:
    """Lines as the archive has them; 400 counts what was refused and has taken the rest."""

    target_body_bytes = 4 * 1024 * 1024

    def __init__(self) -> None:
        self.headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}

    def query(self, log_type: str) -> str:
        """Return the ``type``: the listener gives it to every line that has none."""
        return urlencode({"type": log_type}) if log_type else ""

    def name_type(self, segment: Segment) -> Segment:
        """Return a segment whose lines have their ``type``, which stands before all else."""
        # a line feed stands nowhere in a line
        head, opening = b"\n" + HEAD, b"\n" + _opening(segment.type) + HEAD[1:]
        return segment._replace(data=(b"\n" + segment.data).replace(head, opening)[1:])

    def frame(self, segments: Pending) -> Iterator[bytes]:
        """Yield the lines."""
        return (segment.data for _, segment in segments)

    def unframe(self, body: bytes, segments: Pending) -> Pending:
        """Return the packed segments that a body was framed of with their data."""
        unpacked, position = [], 0
        for progress, segment in segments:
            unpacked.append((progress, segment.unpacked(body[position : position + segment.size])))
            position += segment.size
        return unpacked

    def is_taken(self, answer: Answer) -> bool:
        """Say whether the listener has taken a body as a whole."""
        return answer.status == 200

    def evaluate(self, answer: Answer, segments: Pending) -> Verdict:
        """Say what another answer means: 400 some taken, 413 nothing; anything else is for later."""
        if answer.status == 400:
            return Verdict("settled", attribute(answer.body, segments))
        if answer.status == 413:
            return Verdict("halve", segments, "the listener answered 413 to the record alone")
        raise DeliveryError(f"the listener answered {answer.status}")


def attribute(body: bytes, segments: Pending) -> Pending:
    """Read a 400: return the segments with the lines that the listener refused marked.

    The listener counts what it refused but does not name it. Oversized lines are the longest ones, malformed ones fail
    the checks here; what cannot be attributed is refused as a whole, with the counts as the reason, and never posted
    again.
    """
    lines = [line for _, segment in segments for line in segment.data.splitlines(keepends=True)]
    counts = _counts(body)
    if counts:
        refused = {line for line in lines if _is_malformed(line)}
        oversized = _longest(lines, counts["oversizedLines"])
        if len(refused) == counts["malformedLines"] and not counts["emptyLogLines"] and oversized is not None:
            refused |= oversized
            reason = "the listener refused the record as malformed or oversized"
            return [(each, refuse_lines(segment, refused, reason)) for each, segment in segments]
    figures = ", ".join(f"{name} {count}" for name, count in counts.items()) or "no counts"
    return refuse_all(segments, f"the listener refused part of a batch of {len(lines)} lines: {figures}")


def _counts(body: bytes) -> dict[str, int]:
    try:
        document = orjson.loads(body)
        return {name: int(document.get(name, 0)) for name in _COUNTS}
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        return {}


def _longest(lines: list[bytes], count: int) -> set[bytes] | None:
    """Return the ``count`` longest lines, None when lines of one length stand on both sides of the cut."""
    by_size = sorted(lines, key=len, reverse=True)
    if 0 < count < len(by_size) and len(by_size[count - 1]) == len(by_size[count]):
        return None
    return set(by_size[:count])


def _is_malformed(line: bytes) -> bool:
    try:
        return not isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return True
