"""Bodies for HTTP destinations: gathers lines of any number of jobs, posts them, and settles what the answer says.

What differs between destinations is a `Dialect`: how lines are framed as a body and what an answer means.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, Protocol

from isal import isal_zlib

from log_shipper.errors import DeliveryError
from log_shipper.http_client import Answer, HttpClient
from log_shipper.jobs import Job, Segment, acknowledge, halves, refuse_lines

Pending = list[tuple[Job, Segment]]
MAX_BISECTIONS = 40
"""How many extra bodies one that was refused may be cut into before what is left of it is set aside as a whole."""


class Verdict(NamedTuple):
    """What an answer means for the segments that were posted.

    ``settled``: they are done with, as in ``segments``, where refused lines are told apart. ``halve``: nothing was
    taken, smaller bodies may be. Anything else is a `DeliveryError`.
    """

    action: Literal["settled", "halve"]
    segments: Pending
    reason: str = ""


class Dialect(Protocol):
    """One kind of HTTP destination."""

    target_body_bytes: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every post."""

    def query(self, job: Job) -> str:
        """Return what is added to the URL's query for a job's lines; a body holds lines of one query only."""

    def frame(self, segments: Pending) -> Iterator[bytes]:
        """Yield the pieces of the uncompressed body that carries the segments' lines."""

    def judge(self, answer: Answer, segments: Pending) -> Verdict:
        """Say what an answer means; raise `DeliveryError` when the segments are to be tried again later."""


class BulkSink:
    """Gathers lines of any number of jobs into bodies and posts them.

    Parameters
    ----------
    client : HttpClient
        Posts to the destination.
    dialect : Dialect
        The destination's kind.
    on_unauthorized : callable
        Called when the destination refuses the credentials.
    """

    by_hour = False
    exact = False

    def __init__(
        self, client: HttpClient, dialect: Dialect, on_unauthorized: Callable[[], None] = lambda: None
    ) -> None:
        self._client, self._dialect, self._on_unauthorized = client, dialect, on_unauthorized
        self._pending: Pending = []
        self._query = ""
        self._bytes = 0
        self._bisections = 0

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return self._client.requests

    @property
    def retries(self) -> int:
        """How many of them repeated one that failed."""
        return self._client.retries

    def write(self, job: Job, segment: Segment) -> None:
        """Take a segment; post what was gathered before when it would not fit into the same body."""
        query = self._dialect.query(job)
        full = self._bytes + len(segment.data) > self._dialect.target_body_bytes
        if self._pending and (query != self._query or (self._bytes and full)):
            self.flush()
        self._query = query
        self._pending.append((job, segment))
        self._bytes += len(segment.data)

    def end(self, job: Job) -> None:
        """Nothing: a body may hold lines of several jobs."""

    def drop(self, job: Job) -> None:
        """Nothing: the lines that were taken are whole, and are acknowledged as far as they go."""

    def flush(self) -> None:
        """Post what is gathered and settle it.

        Raises
        ------
        DeliveryError
            When the destination did not take it; what it did not take stays until `abandon`.
        """
        self._bisections = 0
        if self._bytes:
            self._post(len(self._pending))
        else:
            acknowledge(self._pending, self._pending[:])
        self._bytes = 0

    def abandon(self) -> None:
        """Leave what is gathered for the next attempt."""
        for job, segment in self._pending:
            job.leave(segment)
        self._pending, self._bytes = [], 0

    def _post(self, count: int) -> None:
        """Post the first ``count`` pending segments."""
        segments = self._pending[:count]
        answer = self._client.post(_compressed(self._dialect.frame(segments)), self._dialect.headers, self._query)
        if answer.status in (401, 403):
            self._on_unauthorized()
            raise DeliveryError(f"{self._client.host} answered {answer.status}")
        verdict = self._dialect.judge(answer, segments)
        if verdict.action == "settled":
            acknowledge(self._pending, verdict.segments)
        else:
            self._post_halves(count, verdict.reason)

    def _post_halves(self, count: int, reason: str) -> None:
        segments = self._pending[:count]
        self._bisections += 1
        if self._bisections > MAX_BISECTIONS:
            acknowledge(self._pending, refuse_all(segments, f"{reason} (as part of a body)"))
            return
        if count == 1:
            job, segment = segments[0]
            parts = halves(segment)
            if len(parts) == 1:
                acknowledge(self._pending, refuse_all(segments, reason))
                return
            self._pending[:1] = [(job, part) for part in parts]
            count = 2
        middle = count // 2
        for part in (middle, count - middle):
            self._post(part)


def refuse_all(segments: Pending, reason: str) -> Pending:
    """Return segments of which every line was refused."""
    return [(job, refuse_lines(job, segment, None, reason)) for job, segment in segments]


def _compressed(pieces: Iterator[bytes]) -> bytes:
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    compressed = [compressor.compress(piece) for piece in pieces]
    return b"".join((*compressed, compressor.flush()))
