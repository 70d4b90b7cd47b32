"""Logz.io's bulk listener: newline-delimited JSON, gzip, and a 400 that is a partial success.

Limits and answers: https://docs.logz.io/docs/shipping/other-sources/json-api/ and
https://docs.logz.io/docs/user-guide/data-hub/troubleshoot-invalid-logs/. A body holds at most 10 MB, taken as
uncompressed bytes; a line 500,000 bytes; a field's value 32,700 characters.
"""

from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson

from log_shipper.bulk import Pending, Verdict, refuse_all
from log_shipper.errors import DeliveryError
from log_shipper.http_client import Answer
from log_shipper.jobs import Job, refuse_lines
from log_shipper.rendering import Shape

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_LINE_BYTES = 500_000
MAX_VALUE_CHARS = 32_700
_COUNTS = ("malformedLines", "oversizedLines", "emptyLogLines", "successfulLines")


SHAPE = Shape(max_message_chars=MAX_VALUE_CHARS, max_line_bytes=MAX_LINE_BYTES)


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
        Logz.io's ``type`` of every record; None makes it the export's vendor.
    """

    target_body_bytes = 3 * 1024 * 1024

    def __init__(self, log_type: str | None) -> None:
        self._log_type = log_type
        self.headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}

    def query(self, job: Job) -> str:
        """Return the ``type``, which stands in the URL: the listener gives it to every line of the body."""
        return urlencode({"type": self._log_type or job.export.vendor})

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
