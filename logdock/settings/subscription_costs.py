"""What subscriptions cost a month, straight and through Kinesis: the model behind docs/subscriptions.md.

``python -m logdock.settings.subscription_costs`` prints the page's tables. It counts what differs between the two
ways, for one export with one destination: ingestion, storage, transfer and keys cost the same either way. What an
object causes is counted in ``logdock.settings.costs``, whose requests a test holds against the local cloud's. Prices
are list prices of us-east-1 as known in November 2026, without free tiers (aws.amazon.com, the pricing pages of
Kinesis Data Streams, S3, EventBridge, SQS, Lambda and CloudWatch Logs).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from logdock.settings.costs import PER_OBJECT, assume, inputs_table
from logdock.settings.costs import Inputs as Shared

GIGABYTES_A_DAY = (1, 10, 100)
LOG_STREAMS = (10, 2_000)
WAYS = ("direct", "kinesis")
_DAY_SECONDS = 86_400
_OBJECT = PER_OBJECT["archiving"] + PER_OBJECT["push"]
"""What an archive object causes that is shipped to one destination."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs(Shared):
    """The prices and assumptions of streams beside those of `logdock.settings.costs`; replace them with your own."""

    stream_hour: float = assume(0.04, "a Kinesis stream on demand, $ an hour", "price")
    gb_in: float = assume(0.08, "written to it, $ a GB; each record counts as whole KB", "price")
    gb_out: float = assume(0.04, "read from it, $ a GB", "price")
    delivery_seconds: float = assume(
        5,
        "what a log stream receives in so many seconds comes as one payload",
        "assumed: AWS documents none; the CloudWatch agent and the awslogs driver write that often",
    )
    delivery_bytes: float = assume(
        1_048_576, "bytes of lines in a payload at most", "assumed: one PutLogEvents request"
    )
    line_bytes: float = assume(300, "bytes of a line", "assumed; lines come evenly over the day")
    payload_bytes: float = assume(300, "compressed bytes of a payload without its lines", "assumed")
    shards: float = assume(4, "shards of a stream on demand", "its size until it takes more than 4 MB a second")
    batch_seconds: float = assume(60, "seconds after which a shard's records are handed over", "set by the stack")
    invocation_bytes: float = assume(6_000_000, "bytes of an invocation at most, in base64", "Lambda's limit")
    megabyte_seconds: float = assume(
        0.04, "seconds more for each MB of lines, in either function", "measured on full batches, rounded up"
    )

    @property
    def month_hours(self) -> float:
        """Hours of a month."""
        return self.month_days * 24

    @property
    def object_dollars(self) -> float:
        """What an object costs: its requests, events, marks and lines of access logs."""
        marks = self.mark_bytes / 1e9 * self.mark_days / self.month_days * self.mark_gb_month
        lines = (_OBJECT.puts + _OBJECT.gets) * self.access_lines * self.access_line_bytes / 1e9
        return (
            _OBJECT.puts * self.put
            + _OBJECT.gets * self.get
            + _OBJECT.marks * self.mark_write
            + marks
            + _OBJECT.events * self.event
            + _OBJECT.queue * self.queue_request
            + lines * self.archive_days / self.month_days * self.s3_gb_month
        )


class Costs(NamedTuple):
    """A month of one way."""

    deliveries: float
    objects: float
    puts: float
    gets: float
    invocations: float
    """`deliveries`, `objects`, `puts`, `gets`, `invocations`: CloudWatch's payloads, archive objects, the S3 requests
    and the invocations of both functions."""
    kinesis: float
    dollars: float
    """`kinesis`, `dollars`: What the stream costs, and everything together."""


def deliveries_a_month(gigabytes_a_day: float, log_streams: float, inputs: Inputs) -> float:
    """Count the payloads: one for each time that a log stream has something, more only where one is full."""
    day_bytes = gigabytes_a_day * 1e9 / log_streams
    windows = _DAY_SECONDS / inputs.delivery_seconds
    used = windows * (1 - math.exp(-day_bytes / inputs.line_bytes / windows))
    return log_streams * max(used, day_bytes / inputs.delivery_bytes) * inputs.month_hours / 24


def costs(gigabytes_a_day: float, deliveries: float, way: str, inputs: Inputs) -> Costs:
    """Add up a month in which CloudWatch delivers so often."""
    days = inputs.month_hours / 24
    raw = gigabytes_a_day * 1e9 * days
    kinesis, objects = 0.0, deliveries
    if way == "kinesis":
        record = inputs.payload_bytes + raw * inputs.compressed / deliveries
        kinesis = inputs.stream_hour * inputs.month_hours
        kinesis += deliveries * math.ceil(record / 1024) * 1024 / 1e9 * inputs.gb_in
        kinesis += deliveries * record / 1e9 * inputs.gb_out
        windows = _DAY_SECONDS / inputs.batch_seconds * days
        used = windows * (1 - math.exp(-deliveries / inputs.shards / windows))
        full = deliveries * record * 4 / 3 / inputs.invocation_bytes / inputs.shards
        objects = inputs.shards * max(used, full)
    invocations = 2 * objects
    seconds = objects * (inputs.archive_seconds + inputs.ship_seconds) + 2 * raw / 1e6 * inputs.megabyte_seconds
    dollars = (
        kinesis
        + objects * inputs.object_dollars
        + invocations * (inputs.invocation + inputs.own_log_bytes / 1e9 * inputs.log_gb)
        + seconds * inputs.memory_gb * inputs.gb_second
    )
    return Costs(deliveries, objects, _OBJECT.puts * objects, _OBJECT.gets * objects, invocations, kinesis, dollars)


def break_even(gigabytes_a_day: float, inputs: Inputs) -> float:
    """Find how many deliveries a month cost the same either way."""
    low, high = 1.0, 1e9
    while high - low > 1:
        middle = (low + high) / 2
        direct, kinesis = (costs(gigabytes_a_day, middle, way, inputs).dollars for way in WAYS)
        low, high = (middle, high) if direct < kinesis else (low, middle)
    return high


def tables(inputs: Inputs) -> str:
    """Return the page's tables: what each way makes and costs, where they cost the same, and the inputs."""
    return "\n\n".join(
        "\n".join(table) for table in (_costs(inputs), _break_even(inputs), inputs_table(inputs, beside=Shared))
    )


def _costs(inputs: Inputs) -> Iterator[str]:
    yield (
        "| GB a day | log streams | way | deliveries | archive objects | S3 PUT + GET | invocations | Kinesis $ "
        "| $ in all |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for gigabytes in GIGABYTES_A_DAY:
        for log_streams in LOG_STREAMS:
            deliveries = deliveries_a_month(gigabytes, log_streams, inputs)
            for way in WAYS:
                made = costs(gigabytes, deliveries, way, inputs)
                yield (
                    f"| {gigabytes} | {log_streams:,} | {way} | {_many(made.deliveries)} | {_many(made.objects)} "
                    f"| {_many(made.puts + made.gets)} | {_many(made.invocations)} | {made.kinesis:,.0f} "
                    f"| **{made.dollars:,.0f}** |"
                )


def _break_even(inputs: Inputs) -> Iterator[str]:
    yield "| GB a day | deliveries a month that cost the same | a second |"
    yield "| --- | --- | --- |"
    for gigabytes in GIGABYTES_A_DAY:
        found = break_even(gigabytes, inputs)
        yield f"| {gigabytes} | {_many(found)} | {found / inputs.month_hours / 3600:.1f} |"


def _many(count: float) -> str:
    return f"{count / 1e6:,.2f} M" if count >= 1e6 else f"{count / 1e3:,.0f} k"


if __name__ == "__main__":
    print(tables(Inputs()))
