"""The destinations by kind: what each wants its lines to look like, and what takes them."""

from collections.abc import Callable
from typing import Protocol

from log_shipper.environment import Destination, Environment
from log_shipper.export_config import ExportConfig
from log_shipper.progress import Acknowledge, Progress
from log_shipper.rendering import Renderer, Shape
from log_shipper.secret_store import SecretStore
from log_shipper.transform import Segment


class Sink(Protocol):
    """Takes segments of objects, acknowledges them when the destination has them."""

    by_hour: bool
    """Segments are to end where the hour does."""
    exact: bool
    """What is delivered a second time is not there twice, so that nothing need be remembered of a finished object."""

    @property
    def requests(self) -> int:
        """How many requests were made."""

    @property
    def retries(self) -> int:
        """How many of them repeated one that failed."""

    @property
    def answers(self) -> int:
        """How many requests an endpoint answered, or let run out of time."""

    @property
    def seconds(self) -> float:
        """How long that took in all."""

    def prepare(self, progress: Progress, *, fed_as_it_is: bool) -> None:
        """Begin with what can be done before an object is open; one call at a time.

        ``fed_as_it_is``: it is an archive object whose message comes for the first time.
        """

    def write(self, progress: Progress, segment: Segment) -> None:
        """Take a segment; may deliver what was taken before."""

    def end(self, progress: Progress) -> None:
        """Note that an object has no more segments."""

    def drop(self, progress: Progress) -> None:
        """Note that an object will not be read to its end now."""

    def flush(self) -> None:
        """Deliver what was taken."""

    def abandon(self) -> None:
        """Leave what was not delivered for the next attempt."""


def renderer_of(destination: Destination, config: ExportConfig, source: str, fields: dict[str, str] | None) -> Renderer:
    """Return what writes the lines of an object for a destination."""
    kind: type[Renderer] = Renderer
    shape = Shape()
    if destination.kind == "logzio":
        from log_shipper.vendors.logzio import dialect as logzio

        return logzio.renderer_of(destination, config, source, fields)
    if destination.kind == "otlp":
        from log_shipper.vendors.otlp import dialect as otlp

        kind, shape = otlp.OtlpRenderer, otlp.SHAPE
    return kind(shape, export=config.name, vendor=config.vendor, source=source, fields=fields)


def open_sink(
    destination: Destination,
    environment: Environment,
    secrets: SecretStore,
    remaining_seconds: Callable[[], float],
    acknowledge: Acknowledge,
) -> Sink:
    """Return what takes lines for a destination during one invocation; ``acknowledge`` settles what it took."""
    if destination.kind in ("logzio", "otlp"):
        from log_shipper.bulk import BODIES_IN_FLIGHT, BulkSink, Dialect
        from log_shipper.http_client import Backoff, HttpClient

        dialect: Dialect
        if destination.kind == "logzio":
            from log_shipper.vendors.logzio import dialect as logzio

            token = secrets.token(destination.secret)
            url = logzio.listener_url(destination.url, token)
            dialect = logzio.LogzioDialect()
        else:
            from log_shipper.vendors.otlp import dialect as otlp

            url = otlp.logs_url(destination.url)
            dialect = otlp.OtlpDialect(secrets.headers(destination.secret) if destination.secret else {})
        backoff = Backoff()
        return BulkSink(
            lambda: HttpClient(url, remaining_seconds=remaining_seconds, backoff=backoff),
            dialect,
            acknowledge,
            on_unauthorized=lambda: secrets.forget(destination.secret),
            bodies_in_flight=destination.bodies_in_flight or BODIES_IN_FLIGHT,
        )
    if destination.kind == "archive":
        from log_shipper.archive_writer import ObjectSink

        return ObjectSink(environment.archive_bucket, acknowledge)
    from log_shipper.feed import Feed, FeedSink, last_written

    where = environment.archive_bucket, destination.name
    return FeedSink(Feed(*where, last_written(*where)), acknowledge)
