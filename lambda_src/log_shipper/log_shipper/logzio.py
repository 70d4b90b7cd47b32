"""Logz.io's bulk listener: newline-delimited JSON, gzip, and a 400 that is a partial success.

Limits and answers: https://docs.logz.io/docs/shipping/other-sources/json-api/ and
https://docs.logz.io/docs/user-guide/data-hub/troubleshoot-invalid-logs/. A body holds at most 10 MB, taken as
uncompressed bytes; a line 500,000 bytes; a field's value 32,700 characters.

The ``type`` of a line selects the pipeline that parses it; one in the line overrides the one in the URL. The built-in
types: https://docs.logz.io/docs/user-guide/data-hub/log-parsing/default-parsing/ and, for MySQL, "MySQL",
"Preconfigured log types".
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson

from log_shipper.bulk import Pending, Verdict, refuse_all
from log_shipper.environment import Destination
from log_shipper.errors import DeliveryError
from log_shipper.export_config import ExportConfig
from log_shipper.http_client import Answer
from log_shipper.jobs import Job, refuse_lines
from log_shipper.parsers import archive_lines
from log_shipper.record import Origin, Record
from log_shipper.rendering import Renderer, Shape

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_LINE_BYTES = 500_000
MAX_VALUE_CHARS = 32_700
_COUNTS = ("malformedLines", "oversizedLines", "emptyLogLines", "successfulLines")


SHAPE = Shape(max_message_chars=MAX_VALUE_CHARS, max_line_bytes=MAX_LINE_BYTES)

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
    """Return what writes the lines of an object: with a type of their own where the settings name none."""
    has_types = not (config.log_type or destination.log_type) and config.vendor in BUILT_IN_TYPES
    if not (has_types or destination.parse_json):
        return Renderer(SHAPE, export=config.name, vendor=config.vendor, source=source, fields=fields)
    return LogzioRenderer(
        export=config.name,
        vendor=config.vendor,
        source=source,
        fields=fields,
        has_types=has_types,
        parse_json=destination.parse_json,
    )


class LogzioRenderer(Renderer):
    """Writes archive lines with more members: Logz.io's built-in ``type``, and the fields of a JSON message.

    Parameters
    ----------
    has_types : bool
        Whether a line has the built-in type of its log, where there is one.
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
        has_types: bool,
        parse_json: bool,
    ) -> None:
        super().__init__(SHAPE, export=export, vendor=vendor, source=source, fields=fields)
        self._vendor, self._has_types, self._parse_json = vendor, has_types, parse_json
        opening = b',"vendor":' + orjson.dumps(vendor) + b',"log_type":'
        self._archived_type = re.compile(re.escape(opening) + rb'("(?:[^"\\]|\\.)*+")(?=,"source":)')
        # replaced one after the other, which is faster than an expression, where the types are known by name
        self._known_types = (
            None
            if vendor == "mongodb-atlas"
            else [
                (known + b',"source":', known + self._type_part(log_type) + b',"source":')
                for log_type in BUILT_IN_TYPES.get(vendor, ())
                for known in (opening + orjson.dumps(log_type),)
            ]
        )

    def line(self, record: Record) -> bytes:
        """Return the line of a record; without the message's fields where those would make it too long."""
        added = self._type_part(record.log_type)
        if self._parse_json and record.message.startswith("{"):
            from log_shipper import json_fields

            line = self.archived(record, added + json_fields.members_of(record.message))
            if len(line) <= MAX_LINE_BYTES:
                return line
        return self.archived(record, added)

    def lines(self, times: list[bytes], segments: list[bytes], log_type: str, added: bytes = b"") -> bytes | None:
        """Return lines at once; None when a message may have fields."""
        if self._parse_json and any(segment.startswith(b"{") for segment in segments):
            return None
        return super().lines(times, segments, log_type, added + self._type_part(log_type))

    def archived_lines(self, block: bytes, count: int) -> bytes | None:
        """Return archive lines with their types; None when a message may have fields."""
        if self._parse_json and b'"message":"{' in block:
            return None
        first = self._archived_type.search(block) if self._has_types else None
        if first is None:
            return block + b"\n"
        part = self._type_part(orjson.loads(first[1]))
        typed = block.replace(first[0], first[0] + part) if part else block
        # one type in all lines, as is usual, is seen by how much longer they are
        is_one = len(typed) - len(block) == count * len(part) if part else block.count(first[0]) == count
        if is_one:
            return typed + b"\n"
        if self._known_types is None:
            return self._archived_type.sub(self._typed, block) + b"\n"
        for before, after in self._known_types:
            block = block.replace(before, after)
        return block + b"\n"

    def archive_line(self, line: bytes) -> bytes:
        """Return a line as the archive has it."""
        return self.archived(archive_lines.parse(line.decode(), Origin("", self._vendor)))

    def _typed(self, log_type: re.Match[bytes]) -> bytes:
        return log_type[0] + self._type_part(orjson.loads(log_type[1]))

    def _type_part(self, log_type: str) -> bytes:
        named = built_in_type(self._vendor, log_type) if self._has_types else None
        return b',"type":"%b"' % named.encode() if named else b""


def listener_url(base: str, token: str) -> str:
    """Return the URL to post to, but for the ``type``. It holds the token: it is never logged."""
    parts = urlsplit(base)
    query = urlencode({"token": token})
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


class LogzioDialect:
    """Lines as the archive has them; 400 counts what was refused and has taken the rest.

    Parameters
    ----------
    log_type : str or None
        Logz.io's ``type`` of every record that has none of its own; None makes it the export's vendor.
    """

    target_body_bytes = 3 * 1024 * 1024

    def __init__(self, log_type: str | None) -> None:
        self._log_type = log_type
        self.headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}

    def query(self, job: Job) -> str:
        """Return the ``type``, which stands in the URL: the listener gives it to every line that has none."""
        return urlencode({"type": job.export.log_type or self._log_type or job.export.vendor})

    def frame(self, segments: Pending) -> Iterator[bytes]:
        """Yield the lines."""
        return (segment.data for _, segment in segments)

    def judge(self, answer: Answer, segments: Pending) -> Verdict:
        """Say what an answer means: 200 all taken, 400 some, 413 none; anything else is for later."""
        if answer.status == 200:
            return Verdict("settled", segments)
        if answer.status == 400:
            return Verdict("settled", attribute(answer.body, segments))
        if answer.status == 413:
            return Verdict("halve", segments, "the listener answered 413 to the record alone")
        raise DeliveryError(f"the listener answered {answer.status}")


def attribute(body: bytes, segments: Pending) -> Pending:
    """Read a 400: return the segments with the refused lines told apart from those the listener has taken.

    The listener counts what it refused but does not name it. Oversized lines are the longest ones, malformed ones fail
    the checks here; what cannot be told is refused as a whole, with the counts as the reason, and never posted again.
    """
    lines = [line for _, segment in segments for line in segment.data.splitlines(keepends=True)]
    counts = _counts(body)
    if counts:
        refused = {line for line in lines if _is_malformed(line)}
        oversized = _longest(lines, counts["oversizedLines"])
        if len(refused) == counts["malformedLines"] and not counts["emptyLogLines"] and oversized is not None:
            refused |= oversized
            reason = "the listener refused the record as malformed or oversized"
            return [(job, refuse_lines(job, segment, refused, reason)) for job, segment in segments]
    told = ", ".join(f"{name} {count}" for name, count in counts.items()) or "no counts"
    return refuse_all(segments, f"the listener refused part of a batch of {len(lines)} lines: {told}")


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
