"""Bodies for HTTP destinations: gathers lines of any number of objects, posts them, and settles what the answer says.

What differs between destinations is a `Dialect`: how lines are framed as a body and what an answer means.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Literal, NamedTuple, Protocol

from isal import isal_zlib

from log_shipper import parallel
from log_shipper.errors import DeliveryError
from log_shipper.http_client import Answer, HttpClient
from log_shipper.progress import Acknowledge, Pending, Progress
from log_shipper.transform import Segment, refuse_lines, split_segment

BODIES_IN_FLIGHT = 8
"""Bodies that wait for their answers at a time, by default: what one core fills in 100 ms."""
MAX_BISECTIONS = 40
"""How many extra bodies one that was refused may be cut into before what is left of it is set aside as a whole."""


class Verdict(NamedTuple):
    """What an answer means for the segments that were posted.

    ``settled``: they are done with, as in ``segments``, where refused lines are marked. ``halve``: nothing was
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

    def query(self, log_type: str) -> str:
        """Return what is added to the URL's query for lines that do not name their type, which is this one."""

    def name_type(self, segment: Segment) -> Segment:
        """Return a segment of which every line names its type."""

    def frame(self, segments: Pending) -> Iterator[bytes]:
        """Yield the pieces of the uncompressed body that carries the segments' lines."""

    def unframe(self, body: bytes, segments: Pending) -> Pending:
        """Return the packed segments that a body was framed of with their data."""

    def is_taken(self, answer: Answer) -> bool:
        """Say whether an answer means that the destination has taken all lines of a body."""

    def evaluate(self, answer: Answer, segments: Pending) -> Verdict:
        """Say what another answer means; raise `DeliveryError` when the segments are to be tried again later."""


class BulkSink:
    """Gathers lines of any number of objects into bodies and posts them.

    While bodies wait for their answers the next is gathered, and posted too. They are settled in the order in which
    they were begun, whichever is answered first, so an object is acknowledged without a gap. Once the oldest has
    failed no other begins; those behind it, ``bodies_in_flight`` less one, may have been taken and are sent again.
    Until a body is answered its lines are held compressed, as it was posted.

    Parameters
    ----------
    connect : callable
        Returns a client that posts to the destination, one body at a time.
    dialect : Dialect
        The destination's kind.
    bodies_in_flight : int
        How many bodies may wait for their answers at a time.
    on_unauthorized : callable
        Called when the destination refuses the credentials.
    """

    by_hour = False
    exact = False

    def __init__(
        self,
        connect: Callable[[], HttpClient],
        dialect: Dialect,
        acknowledge: Acknowledge,
        on_unauthorized: Callable[[], None] = lambda: None,
        *,
        bodies_in_flight: int,
    ) -> None:
        self._connect, self._dialect, self._on_unauthorized = connect, dialect, on_unauthorized
        self._acknowledge = acknowledge
        self._clients: list[HttpClient] = []
        self._idle: list[HttpClient] = []
        self._flights = parallel.Flights(bodies_in_flight, bodies_in_flight * dialect.target_body_bytes)
        self._pending: Pending = []
        self._type = ""
        self._bytes = 0
        self._bisections = 0

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return sum(client.requests for client in self._clients)

    @property
    def retries(self) -> int:
        """How many of them repeated one that failed."""
        return sum(client.retries for client in self._clients)

    @property
    def answers(self) -> int:
        """How many requests the destination answered, or let run out of time."""
        return self.requests

    @property
    def seconds(self) -> float:
        """How long that took in all."""
        return sum(client.seconds for client in self._clients)

    def prepare(self, progress: Progress, *, fed_as_it_is: bool) -> None:
        """Nothing: a body needs nothing else."""

    def write(self, progress: Progress, segment: Segment) -> None:
        """Take a segment; post what was gathered before when it would not fit into the same body.

        The URL has the first type of the body, whose lines stay as they are. Lines of other types name theirs, so
        that small objects of many types share a body.
        """
        if self._bytes and self._bytes + len(segment.data) > self._dialect.target_body_bytes:
            self._begin()
        if not self._bytes:
            self._type = ""
        if not self._type:
            self._type = segment.type
        elif segment.type not in ("", self._type):
            segment = self._dialect.name_type(segment)
        self._pending.append((progress, segment))
        self._bytes += len(segment.data)

    def end(self, progress: Progress) -> None:
        """Nothing: a body may hold lines of several objects."""

    def drop(self, progress: Progress) -> None:
        """Nothing: the lines that were taken are whole, and are acknowledged as far as they go."""

    def flush(self) -> None:
        """Post what is gathered and settle everything.

        Raises
        ------
        DeliveryError
            When the destination did not take it; what it did not take stays until `abandon`.
        """
        self._begin()
        self._flights.settle()

    def abandon(self) -> None:
        """Leave what is gathered, and what the destination does not take at once, for the next attempt."""
        for client in self._clients:
            client.give_up()
        self._flights.abandon()
        for progress, segment in self._pending:
            progress.release(segment)
        self._pending, self._bytes = [], 0

    def _begin(self) -> None:
        """Post what is gathered in the background, once there is room and nothing is known to have failed."""
        if not self._bytes:
            self._flights.settle()
            self._acknowledge(self._pending, self._pending[:])
            return
        body = _compressed(self._dialect.frame(self._pending))
        self._flights.settle_answered()
        self._flights.make_room(self._bytes)
        query = self._dialect.query(self._type)
        answer = parallel.start(self._send, body, query)
        pending, size = [(progress, segment.packed()) for progress, segment in self._pending], self._bytes
        self._pending, self._bytes = [], 0
        self._flights.add(pending, size, lambda segments: self._settle(segments, answer, body, query), [answer])

    def _send(self, body: bytes, query: str) -> Answer:
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._connect()
            self._clients.append(client)
        try:
            return client.post(body, self._dialect.headers, query)
        finally:
            self._idle.append(client)

    def _settle(self, segments: Pending, answer: Future[Answer], body: bytes, query: str) -> None:
        self._bisections = 0
        answered = answer.result()
        if not self._dialect.is_taken(answered):
            segments[:] = self._dialect.unframe(isal_zlib.decompress(body, 31), segments)
        self._evaluate(answered, segments, len(segments), query)

    def _post(self, segments: Pending, count: int, query: str) -> None:
        """Post the first ``count`` of the segments."""
        body = _compressed(self._dialect.frame(segments[:count]))
        self._evaluate(self._send(body, query), segments, count, query)

    def _evaluate(self, answer: Answer, segments: Pending, count: int, query: str) -> None:
        """Settle the first ``count`` of the segments, which were posted."""
        if answer.status in (401, 403):
            self._on_unauthorized()
            raise DeliveryError(f"{self._clients[0].host} answered {answer.status}")
        if self._dialect.is_taken(answer):
            self._acknowledge(segments, segments[:count])
            return
        verdict = self._dialect.evaluate(answer, segments[:count])
        if verdict.action == "settled":
            self._acknowledge(segments, verdict.segments)
        else:
            self._post_parts(segments, count, query, verdict.reason)

    def _post_parts(self, segments: Pending, count: int, query: str, reason: str) -> None:
        self._bisections += 1
        if self._bisections > MAX_BISECTIONS:
            self._acknowledge(segments, refuse_all(segments[:count], f"{reason} (as part of a body)"))
            return
        # a segment without lines is no body
        with_lines = [number for number in range(count) if segments[number][1].data]
        if len(with_lines) == 1:
            only = with_lines[0]
            progress, segment = segments[only]
            parts = split_segment(segment)
            if len(parts) == 1:
                self._acknowledge(segments, refuse_all(segments[:count], reason))
                return
            segments[only : only + 1] = [(progress, part) for part in parts]
            with_lines.append(only + 1)
            count += 1
        middle = with_lines[len(with_lines) // 2]
        for part in (middle, count - middle):
            self._post(segments, part, query)


def refuse_all(segments: Pending, reason: str) -> Pending:
    """Return segments of which every line was refused."""
    return [(progress, refuse_lines(segment, None, reason)) for progress, segment in segments]


def _compressed(pieces: Iterator[bytes]) -> bytes:
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    compressed = [compressor.compress(piece) for piece in pieces]
    return b"".join((*compressed, compressor.flush()))
