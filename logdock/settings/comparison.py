"""What Logdock costs beside four other ways from log groups to a log service and S3: the tables of docs/comparison.md.

``python -m logdock.settings.comparison`` prints them. Logdock's own figures are those of
:mod:`logdock.settings.costs` and :mod:`logdock.settings.subscription_costs`. Costs that all ways have in common are
not included: CloudWatch's ingestion and storage, the transfer to the log service, and the log service's own bill.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from logdock.settings.costs import assume, inputs_table, monthly_estimate
from logdock.settings.deployment import Deployment
from logdock.settings.subscription_costs import Inputs as Subscriptions
from logdock.settings.subscription_costs import costs, deliveries_a_month

GIGABYTES_A_DAY = (1, 10, 100, 1000)
LOG_STREAMS = (10, 2_000)
WAYS = (
    "Logdock, `direct`",
    "Logdock, `kinesis`",
    "Firehose",
    "Vector on Fargate",
    "Datadog's forwarder",
    "S3 and Athena",
)
SHIPS = WAYS[:-1]
"""Those after which the lines are in a log service."""
_AWS = "https://aws.amazon.com"
_MIB = 1 << 20


def _page(name: str, address: str) -> str:
    return f"price: [{name}]({address})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """The prices and assumptions of the other ways; use your own by naming them."""

    firehose_gb: float = assume(0.029, "Firehose, $ a GB ingested", _page("Firehose", f"{_AWS}/firehose/pricing/"))
    firehose_record: float = assume(
        5120, "bytes that Firehose rounds each record up to", _page("Firehose", f"{_AWS}/firehose/pricing/")
    )
    decompressed_gb: float = assume(
        0.00325, "Firehose, $ a GB of CloudWatch Logs decompressed", _page("Firehose", f"{_AWS}/firehose/pricing/")
    )
    firehose_object: float = assume(5e6, "bytes of lines of an S3 object of Firehose, at most", "its default buffer")
    firehose_seconds: float = assume(300, "seconds after which Firehose writes what it has", "its default buffer")
    vcpu_hour: float = assume(
        0.03238, "Fargate on ARM, $ a vCPU and hour", _page("Fargate", f"{_AWS}/fargate/pricing/")
    )
    task_gb_hour: float = assume(
        0.00356, "Fargate on ARM, $ a GB of memory and hour", _page("Fargate", f"{_AWS}/fargate/pricing/")
    )
    gb_a_vcpu: float = assume(2, "GB of memory for each vCPU", "Fargate's least")
    vector_rate: float = assume(
        10,
        "MiB of lines a second that a vCPU of Vector takes",
        "Vector: [sizing](https://vector.dev/docs/setup/going-to-prod/sizing/)",
    )
    peak: float = assume(3, "times the average that Vector is sized for", "assumed")
    tasks: float = assume(2, "tasks of 1 vCPU at least, in two availability zones", "Vector: the same page")
    balancer_hour: float = assume(
        0.0225,
        "load balancer, $ an hour",
        _page("Elastic Load Balancing", f"{_AWS}/elasticloadbalancing/pricing/"),
    )
    balancer_gb: float = assume(
        0.008, "load balancer, $ a GB", _page("Elastic Load Balancing", f"{_AWS}/elasticloadbalancing/pricing/")
    )
    forwarder_gb: float = assume(
        1,
        "GB of memory of Datadog's forwarder",
        "its default: [Datadog](https://docs.datadoghq.com/logs/guide/forwarder/)",
    )
    forwarder_seconds: float = assume(0.2, "seconds of its invocation", "assumed: one POST")
    forwarder_megabyte: float = assume(
        0.084, "seconds more for each MB of lines", "measured once: 2.43 CPU s for 50 MB, at 0.58 CPU"
    )
    searches: float = assume(100, "searches of a whole day in a month", "assumed")


def monthly_dollars(gigabytes_a_day: float, log_streams: int, inputs: Inputs | None = None) -> dict[str, float]:
    """Return what each way costs in a month."""
    inputs = inputs or Inputs()
    ours = Subscriptions()
    hours, days = ours.month_hours, ours.month_hours / 24
    raw = gigabytes_a_day * 1e9 * days
    deliveries = deliveries_a_month(gigabytes_a_day, log_streams, ours)
    packed = raw * ours.compressed
    kept = packed / 1e9 * ours.archive_days / ours.month_days * ours.s3_gb_month
    record = ours.payload_bytes + packed / deliveries
    rounded = deliveries * math.ceil(record / inputs.firehose_record) * inputs.firehose_record
    objects = max(hours * 3600 / inputs.firehose_seconds, raw / inputs.firehose_object)
    firehose = rounded / 1e9 * inputs.firehose_gb + objects * ours.put
    decompressed = raw / 1e9 * inputs.decompressed_gb
    vcpus = max(inputs.tasks, math.ceil(raw / (hours * 3600) / _MIB * inputs.peak / inputs.vector_rate))
    tasks = hours * vcpus * (inputs.vcpu_hour + inputs.gb_a_vcpu * inputs.task_gb_hour)
    balancer = hours * inputs.balancer_hour + packed / 1e9 * inputs.balancer_gb
    seconds = deliveries * inputs.forwarder_seconds + raw / 1e6 * inputs.forwarder_megabyte
    forwarder = deliveries * ours.invocation + seconds * inputs.forwarder_gb * ours.gb_second
    logged = deliveries * ours.own_log_bytes / 1e9 * ours.log_gb
    scanned = inputs.searches * gigabytes_a_day * ours.compressed * ours.athena_gb
    return dict(
        zip(
            WAYS,
            (
                costs(gigabytes_a_day, deliveries, "direct", ours).dollars + kept + _fixed("direct"),
                costs(gigabytes_a_day, deliveries, "kinesis", ours).dollars + kept + _fixed("kinesis"),
                firehose + decompressed + kept,
                firehose + tasks + balancer + kept,
                forwarder + logged,
                firehose + decompressed + kept + scanned,
            ),
            strict=True,
        )
    )


def _fixed(way: Literal["direct", "kinesis"]) -> float:
    """Return what a deployment of one export and one destination costs before the first line; the stream is apart."""
    deployment = Deployment.model_validate(
        {
            "deployment": "acme",
            "account": "111122223333",
            "region": "us-east-1",
            "subscriptions": way,
            "destinations": [{"name": "logz", "kind": "logzio", "token_secret": "acme/logzio"}],
            "exports": [{"name": "apps", "kind": "cloudwatch-logs", "log_groups": ["/apps"], "ship_to": ["logz"]}],
        }
    )
    return sum(row.dollars for row in monthly_estimate(deployment, gigabytes_a_day={"apps": 0}))


def tables(inputs: Inputs | None = None) -> str:
    """Return the page's tables: dollars a month by volume and log streams, and the inputs."""
    inputs = inputs or Inputs()
    return "\n\n".join("\n".join(table) for table in (_dollars(inputs), inputs_table(inputs)))


def cheapest(dollars: dict[str, float]) -> str:
    """Return the cheapest way whose lines are in a log service and in S3."""
    kept = [way for way in SHIPS if way != "Datadog's forwarder"]
    return min(kept, key=dollars.__getitem__)


def _dollars(inputs: Inputs) -> Iterator[str]:
    yield f"| GB a day | log streams | deliveries a second | {' | '.join(WAYS)} | cheapest that ships and keeps |"
    yield "| --- " * (len(WAYS) + 4) + "|"
    for gigabytes in GIGABYTES_A_DAY:
        for streams in LOG_STREAMS:
            found = monthly_dollars(gigabytes, streams, inputs)
            rate = deliveries_a_month(gigabytes, streams, Subscriptions()) / Subscriptions().month_hours / 3600
            cells = " | ".join(f"{found[way]:,.0f}" for way in WAYS)
            yield f"| {gigabytes:,} | {streams:,} | {rate:,.0f} | {cells} | {cheapest(found)} |"


if __name__ == "__main__":
    print(tables())
