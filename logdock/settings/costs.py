"""What a deployment costs a month on AWS: one model for docs/costs.md, the dashboard, the plan and the tests.

It counts requests, bytes and fixed parts, and multiplies by list prices of us-east-1 as known in November 2026, without
free tiers. A test counts the requests of real deploys on the local cloud and holds :data:`PER_OBJECT` against them, and
another counts the alarms of every example's templates.

S3 sends EventBridge every event of a bucket that has EventBridge on, whether or not a rule matches (Amazon S3 User
Guide, "Using EventBridge"): an object of a versioned bucket is created, gets a delete marker when its retention ends,
and is deleted for good after its noncurrent days, which makes three. Small objects change no storage class (S3
Lifecycle moves nothing below 128 KB); those that `archive.compact` makes of the archive's do. AWS's pages do not say
whether the removal of the expired marker is announced; it is not counted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from logdock.alarms import ALARMS
from logdock.expected_alarms import Alarms, export_alarms, shared_alarms
from logdock.settings.deployment import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.exports import Export
from logdock.settings.load import load_settings
from logdock.settings.secret_reference import named_secrets

EVENTS_OF_AN_OBJECT = 3
"""Created, marked as deleted, deleted for good."""

Landing = Literal["bucket", "log groups"]
_MILLION, _GIGABYTE = 1e6, 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """What one object, or one payload of log events, causes."""

    puts: int = 0
    gets: int = 0
    """`puts`, `gets`: S3 requests; COPY and LIST are priced as PUT and are among the puts."""
    marks: int = 0
    """Writes to the mark table."""
    events: int = 0
    """S3's events on EventBridge over the object's life."""
    queue: int = 0
    """SQS requests: send, receive, delete."""
    ships: int = 0
    archives: int = 0
    """`ships`, `archives`: Invocations of the two functions."""

    def __add__(self, other: Requests) -> Requests:
        """Add up."""
        return Requests(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


_SHIPPED = Requests(queue=3, ships=1)
PER_OBJECT: Mapping[str, Requests] = {
    # The vendor's PUT is billed to the bucket's owner.
    "landing": Requests(puts=1, events=EVENTS_OF_AN_OBJECT),
    "archiving": Requests(puts=1, events=EVENTS_OF_AN_OBJECT, archives=1),
    # It is claimed, and noted as finished.
    "push": _SHIPPED + Requests(gets=1, marks=2),
    "archive": _SHIPPED + Requests(puts=1, gets=1, events=EVENTS_OF_AN_OBJECT),
    # The note, which is written only if there is none, the feed's object, and a LIST of the last keys.
    "feed": _SHIPPED + Requests(puts=3, gets=1, events=2 * EVENTS_OF_AN_OBJECT),
}
"""By what is done with an object, when each comes alone; a batch of 25 (ten, of a feed) shares an invocation,
a receive, the note of what is finished, a LIST and, of small objects, an object of the feed."""


def assume(value: float, what: str, source: str) -> Any:
    """Return a field of inputs: its value, what it is, and where it comes from."""
    return field(default=value, metadata={"what": what, "source": source})


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Prices and assumptions; use your own by naming them."""

    put: float = assume(0.005 / 1000, "S3 PUT, COPY, LIST", "price")
    get: float = assume(0.0004 / 1000, "S3 GET", "price")
    event: float = assume(1.00 / _MILLION, "an event of S3 on EventBridge", "price")
    mark_write: float = assume(0.625 / _MILLION, "DynamoDB on demand, a write of up to 1 KB", "price")
    mark_gb_month: float = assume(0.25, "DynamoDB, a GB and month", "price")
    queue_request: float = assume(0.40 / _MILLION, "an SQS request", "price")
    invocation: float = assume(0.20 / _MILLION, "a Lambda request", "price")
    gb_second: float = assume(0.0000133334, "Lambda on arm64, a GB-second", "price")
    log_gb: float = assume(0.50, "CloudWatch Logs, a GB ingested", "price")
    log_gb_month: float = assume(0.03, "CloudWatch Logs, a compressed GB and month", "price")
    s3_gb_month: float = assume(0.023, "S3 Standard, a GB and month", "price")
    transfer_gb: float = assume(0.09, "transfer to the internet, a GB", "price")
    alarm: float = assume(0.10, "an alarm, a month", "price")
    composite_alarm: float = assume(0.50, "a composite alarm, a month", "price")
    band_alarm: float = assume(0.30, "an alarm on an anomaly band, a month", "price")
    metric: float = assume(0.30, "a metric, a month", "price")
    dashboard: float = assume(3.00, "a dashboard, a month", "price")
    key: float = assume(1.00, "a KMS key, a month", "price")
    secret: float = assume(0.40, "a secret, a month", "price")
    gigabytes_a_day: float = assume(1, "GB of raw lines an export receives in a day", "assumed")
    objects_a_gb: float = assume(2880, "objects a GB in a bucket: one per host, log type and minute", "assumed")
    payloads_a_gb: float = assume(4000, "payloads a GB of a subscription, 250 KB of lines each", "assumed")
    compressed: float = assume(0.2, "share of its size that gzip leaves", "assumed")
    ship_seconds: float = assume(0.2, "seconds to ship an object", "assumed")
    archive_seconds: float = assume(0.1, "seconds of an archiver's invocation", "assumed")
    memory_gb: float = assume(0.5, "GB of memory of a function", "set by the stack")
    own_log_bytes: float = assume(
        1700, "bytes that an invocation logs: our line of figures, and Lambda's three", "measured, rounded up"
    )
    access_lines: float = assume(2, "lines of S3's access log per request and object, in the end", "assumed")
    access_line_bytes: float = assume(600, "bytes of such a line", "assumed")
    polls_a_month: float = assume(
        657_000, "receives of an empty queue by a function's five pollers, each 20 s", "730 hours"
    )
    mark_bytes: float = assume(
        350,
        "bytes of an object's claim and of its share of what is noted, 100 each for DynamoDB",
        "measured, rounded up",
    )
    mark_days: float = assume(30, "days of a mark", "set by the function")
    month_days: float = assume(365 / 12, "days of a month", "365 days / 12")
    log_days: float = assume(90, "days in CloudWatch Logs (`soc2`)", "setting")
    archive_days: float = assume(400, "days in S3 (`soc2`)", "setting")
    hot_days: float = assume(90, "days of a compacted object in S3 Standard (`soc2`)", "setting")
    noncurrent_days: float = assume(30, "days of an object that compaction has removed", "set by the stack")
    instant_gb_month: float = assume(0.004, "S3 Glacier Instant Retrieval, a GB and month", "price")
    transition: float = assume(0.02 / 1000, "a transition to S3 Glacier Instant Retrieval", "price")
    mark_read: float = assume(0.125 / _MILLION, "DynamoDB on demand, a read of up to 4 KB", "price")
    compacted_objects_a_gb: float = assume(24, "compacted objects a GB, where 1 GB comes in a day", "one each hour")
    compaction_puts: float = assume(
        5, "S3 PUTs and the like of a compacted object of 8 MB: of its upload in two parts, and its index", "counted"
    )
    compaction_seconds: float = assume(0.005, "seconds that a part takes to compact", "measured, rounded up")
    compaction_gb: float = assume(1.73, "GB of memory of the function that compacts", "set by the stack")
    athena_gb: float = assume(5 / 1000, "Athena, a GB that a statement reads", "price")
    columns_share: float = assume(0.8, "size of the columnar copy, beside what it copies", "measured")
    columns_requests: float = assume(
        60, "S3 requests of the price of PUT, a GB that is copied: of Athena's files, their listings and the index",
        "assumed",
    )  # fmt: skip
    feed_days: float = assume(60, "days of an object of a feed, noncurrent ones included", "set by the stack")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of an estimate."""

    export: str
    """The export's name, or ``deployment`` for what all share."""
    item: str
    """What is counted."""
    units: float
    """How many, a month."""
    dollars: float
    """What they cost, a month."""


def monthly_estimate(deployment: Deployment, gigabytes_a_day: Mapping[str, float] | None = None) -> list[Row]:
    """Estimate a month of a deployment, export by export, once it holds as much as its retention keeps.

    Parameters
    ----------
    deployment
        The settings.
    gigabytes_a_day
        The volume of exports, by name. Default: that of the inputs.
    """
    kept = deployment.effective_retention
    inputs = Inputs(archive_days=kept.archive_days, hot_days=kept.hot_days)
    rows = [*_shared_rows(deployment, inputs)]
    for export in deployment.exports:
        gigabytes = (gigabytes_a_day or {}).get(export.name, inputs.gigabytes_a_day) * inputs.month_days
        kinds = [_kind_of(deployment, name) for name in export.ship_to]
        # Log groups whose retention the deploy leaves unchanged are counted with the deployment's.
        inputs = replace(inputs, log_days=getattr(export, "retention_days", None) or kept.hot_days)
        rows += [
            Row(export=export.name, item=item, units=units * gigabytes, dollars=dollars * gigabytes)
            for item, units, dollars in per_gigabyte(
                export.lands_in, kinds, inputs, compact=deployment.archive.compact, columns=deployment.is_columnar
            )
        ]
        if export.announcing_account:
            # Billed as a custom event (Amazon EventBridge pricing): one for each object, to the bus of the deployment.
            events, dollars = _priced(inputs.objects_a_gb * gigabytes, inputs.event)
            rows.append(Row(export=export.name, item="events to another account's bus", units=events, dollars=dollars))
        rows += _watching_rows(deployment, export, inputs)
    return rows


def per_gigabyte(
    landing: Landing, kinds: list[str], inputs: Inputs, *, compact: bool = False, columns: bool = False
) -> Iterator[tuple[str, float, float]]:
    """Yield what a GB of raw lines costs: item, units, dollars.

    Parameters
    ----------
    landing
        How the lines come.
    kinds
        What each destination is: ``push``, ``feed`` or ``archive``.
    inputs
        Prices and assumptions.
    compact
        The archive's objects are compacted.
    columns
        What is compacted is copied as Parquet.
    """
    through_groups = landing == "log groups"
    objects = inputs.payloads_a_gb if through_groups else inputs.objects_a_gb
    each = PER_OBJECT["archiving" if through_groups else "landing"]
    for kind in kinds:
        each += PER_OBJECT[kind]
    whole_copies = 1 + sum(kind == "archive" for kind in kinds)
    days = whole_copies * inputs.archive_days + sum(kind == "feed" for kind in kinds) * inputs.feed_days
    if through_groups:
        yield "CloudWatch Logs, ingestion (GB)", 1, inputs.log_gb
        months = inputs.log_days / inputs.month_days
        yield "CloudWatch Logs, storage (GB-months)", *_priced(inputs.compressed * months, inputs.log_gb_month)
    yield "S3 PUT, COPY, LIST", *_priced(each.puts * objects, inputs.put)
    yield "S3 GET", *_priced(each.gets * objects, inputs.get)
    yield "S3's events, over an object's life", *_priced(each.events * objects, inputs.event)
    yield "SQS requests", *_priced(each.queue * objects, inputs.queue_request)
    yield "DynamoDB writes", *_priced(each.marks * objects, inputs.mark_write)
    marked = each.marks / 2 * objects * inputs.mark_bytes / _GIGABYTE * inputs.mark_days / inputs.month_days
    yield "DynamoDB storage (GB-months)", *_priced(marked, inputs.mark_gb_month)
    invocations = (each.ships + each.archives) * objects
    yield "Lambda requests", *_priced(invocations, inputs.invocation)
    seconds = (each.ships * inputs.ship_seconds + each.archives * inputs.archive_seconds) * objects
    yield "Lambda GB-seconds", *_priced(seconds * inputs.memory_gb, inputs.gb_second)
    yield "functions' own logs (GB)", *_priced(invocations * inputs.own_log_bytes / _GIGABYTE, inputs.log_gb)
    months = inputs.archive_days / inputs.month_days
    compacted = (through_groups + kinds.count("archive")) * compact
    moved = inputs.compressed * compacted * max(0.0, inputs.archive_days - inputs.hot_days) / inputs.month_days
    removed = inputs.compressed * compacted * inputs.noncurrent_days / inputs.month_days
    stored = inputs.compressed * days / inputs.month_days - moved + removed
    yield "S3 storage (GB-months)", *_priced(stored, inputs.s3_gb_month)
    lines = (each.puts + each.gets) * objects * inputs.access_lines
    yield (
        "S3 access logs (GB-months)",
        *_priced(lines * inputs.access_line_bytes / _GIGABYTE * months, inputs.s3_gb_month),
    )
    pushed = sum(kind == "push" for kind in kinds)
    yield "transfer to destinations (GB)", *_priced(pushed * inputs.compressed, inputs.transfer_gb)
    if compacted:
        asked = kinds if through_groups else []
        yield "S3 Glacier Instant Retrieval (GB-months)", *_priced(moved, inputs.instant_gb_month)
        yield from _compaction(compacted * objects, asked, compacted * inputs.compacted_objects_a_gb, inputs)
    if compacted and columns:
        yield from _columns(compacted * inputs.compressed, compacted, inputs)


def _compaction(parts: float, asked: list[str], made: float, inputs: Inputs) -> Iterator[tuple[str, float, float]]:
    """Yield what it takes to make some compacted objects of their parts; deleting is free.

    An export that lands in a bucket is archived for no one, so no destination is asked.
    """
    yield "compaction: transitions", *_priced(made, inputs.transition)
    yield "compaction: S3 PUT", *_priced(made * inputs.compaction_puts, inputs.put)
    # each part is read, a feed is asked for each, and the object is looked at
    yield "compaction: S3 GET", *_priced(parts * (1 + asked.count("feed")) + made, inputs.get)
    yield "compaction: S3's events", *_priced(2 * made * EVENTS_OF_AN_OBJECT, inputs.event)
    # half a read for a mark, and as much for its share of what the invocation that holds it has noted
    yield "compaction: DynamoDB reads", *_priced(parts * asked.count("push"), inputs.mark_read)
    seconds = parts * inputs.compaction_seconds * inputs.compaction_gb
    yield "compaction: Lambda GB-seconds", *_priced(seconds, inputs.gb_second)
    # a line when a part is read, and one when it is removed
    logged = 2 * parts * inputs.access_line_bytes / _GIGABYTE * inputs.archive_days / inputs.month_days
    yield "compaction: S3 access logs (GB-months)", *_priced(logged, inputs.s3_gb_month)


def _columns(read: float, raw: float, inputs: Inputs) -> Iterator[tuple[str, float, float]]:
    """Yield what it takes to copy some compressed GB once, and to keep the copy as long as the archive."""
    copied = read * inputs.columns_share / inputs.month_days
    yield "columns: Athena (GB read)", *_priced(read, inputs.athena_gb)
    yield "columns: S3 PUT, LIST", *_priced(raw * inputs.columns_requests, inputs.put)
    yield (
        "columns: S3 storage (GB-months)",
        *_priced(copied * min(inputs.hot_days, inputs.archive_days), inputs.s3_gb_month),
    )
    later = copied * max(0.0, inputs.archive_days - inputs.hot_days)
    yield "columns: S3 Glacier Instant Retrieval (GB-months)", *_priced(later, inputs.instant_gb_month)


def _priced(units: float, price: float) -> tuple[float, float]:
    return units, units * price


def _kind_of(deployment: Deployment, name: str) -> str:
    if name == ARCHIVE:
        return "archive"
    return "feed" if name in deployment.feeds else "push"


def billed_alarms(alarms: Alarms) -> int:
    """Count alarms as CloudWatch bills them, without those on a band: one of several metrics once for each."""
    return sum(len(row.metrics) or 1 for row in map(ALARMS.__getitem__, alarms) if not row.is_band)


def keys_of(deployment: Deployment, export: Export) -> int:
    """Count the keys of an export: one in each Region that it lands in, if it has any."""
    return len(deployment.regions_of(export)) if export.has_own_key else 0


def _watching_rows(deployment: Deployment, export: Export, inputs: Inputs) -> Iterator[Row]:
    found = [export_alarms(deployment, export, region) for region in deployment.regions_of(export)]
    alarms, bands = sum(map(billed_alarms, found)), sum(ALARMS[each].is_band for each in chain(*found))
    figures = len(export.delivered_to) * len(METRICS)
    yield Row(export=export.name, item="alarms", units=alarms, dollars=alarms * inputs.alarm)
    if bands:
        yield Row(export=export.name, item="band alarms", units=bands, dollars=bands * inputs.band_alarm)
    composites = sum(map(bool, found))
    yield Row(
        export=export.name, item="composite alarms", units=composites, dollars=composites * inputs.composite_alarm
    )
    yield Row(export=export.name, item="metrics", units=figures, dollars=figures * inputs.metric)
    keys = keys_of(deployment, export)
    yield Row(export=export.name, item="keys", units=keys, dollars=keys * inputs.key)


METRICS = ("sent", "quarantined", "bytes_in", "lag_ms")
"""The figures of an export and a destination that are metrics."""


def shared_keys(deployment: Deployment) -> int:
    """Count the keys that belong to no export: the archive's, a further Region's, the replica's."""
    return len(deployment.regions) + int(deployment.replica is not None)


def _shared_rows(deployment: Deployment, inputs: Inputs) -> Iterator[Row]:
    shared = [each for region in deployment.regions for each in shared_alarms(deployment, region).values()]
    counted = {
        "keys": (shared_keys(deployment), inputs.key),
        "alarms": (sum(map(billed_alarms, shared)), inputs.alarm),
        "composite alarms": (len(shared), inputs.composite_alarm),
        "metrics": (len(deployment.pushes), inputs.metric),
        "SQS polls": (len(deployment.shippers) * inputs.polls_a_month, inputs.queue_request),
        "secrets": (len(named_secrets(deployment.model_dump())), inputs.secret),
        "dashboards": (int(deployment.dashboard), inputs.dashboard),
    }
    for item, (units, price) in counted.items():
        yield Row(export="deployment", item=item, units=units, dollars=units * price)


def dollars_per_gigabyte(landing: Landing, kinds: list[str], inputs: Inputs | None = None) -> float:
    """Return what a GB of raw lines costs in all."""
    return sum(dollars for _, _, dollars in per_gigabyte(landing, kinds, inputs or Inputs()))


def tables(inputs: Inputs) -> str:
    """Return the tables of docs/costs.md: a GB by item, a GB by the volume of a host, and the inputs."""
    bucket, groups = (
        {item: (units, dollars) for item, units, dollars in per_gigabyte(landing, ["push"], inputs)}
        for landing in LANDINGS
    )
    lines = [
        "| per GB | Atlas → S3 → Logz.io: units | $ | CockroachDB → CloudWatch Logs → archive → Logz.io: units | $ |",
        "| --- | --- | --- | --- | --- |",
    ]
    for item in groups:
        cells = [
            f"{_number(found[0])} | {found[1]:.3f}" if found else "— | —" for found in (bucket.get(item), groups[item])
        ]
        lines.append(f"| {item} | {' | '.join(cells)} |")
    sums = [f"**{sum(dollars for _, dollars in found.values()):.2f}**" for found in (bucket, groups)]
    lines += [f"| **sum** | | {sums[0]} | | {sums[1]} |", ""]
    lines += ["| GB a host and day | objects a GB | $ a GB, Atlas → S3 → Logz.io |", "| --- | --- | --- |"]
    for volume in (0.1, 1, 10):
        objects = inputs.objects_a_gb / volume
        dollars = dollars_per_gigabyte("bucket", ["push"], replace(inputs, objects_a_gb=objects))
        lines.append(f"| {volume:g} | {_number(objects)} | {dollars:.2f} |")
    lines += ["", *_compaction_tables(inputs), "", *_columns_table(inputs)]
    return "\n".join([*lines, "", *inputs_table(inputs)])


def inputs_table(inputs: Any, beside: type | None = None) -> Iterator[str]:
    """Yield the table of inputs, without those that they have from the class ``beside``."""
    known = {each.name for each in fields(beside)} if beside else set()
    yield "| input | value | where from |"
    yield "| --- | --- | --- |"
    for each in fields(inputs):
        if each.name not in known:
            yield f"| {each.metadata['what']} | {_number(getattr(inputs, each.name))} | {each.metadata['source']} |"


def _compaction_tables(inputs: Inputs) -> Iterator[str]:
    """Yield what differs with `archive.compact`: of a GB, and of the bill once an archive is full."""

    def of_a_gigabyte(inputs: Inputs) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float]]]:
        small, large = (
            {
                item: (units, dollars)
                for item, units, dollars in per_gigabyte("log groups", ["push"], inputs, compact=on)
            }
            for on in (False, True)
        )
        differing = [item for item in large if small.get(item) != large[item]]
        return {item: small[item] for item in differing if item in small}, {item: large[item] for item in differing}

    small, large = of_a_gigabyte(inputs)
    way = "CockroachDB → CloudWatch Logs → archive → Logz.io"
    yield f"| per GB, {way} | small objects: units | $ | compacted: units | $ |"
    yield "| --- | --- | --- | --- | --- |"
    for item, (units, dollars) in large.items():
        before = f"{_number(small[item][0])} | {small[item][1]:.4f}" if item in small else "— | —"
        yield f"| {item} | {before} | {_number(units)} | {dollars:.4f} |"
    sums = [f"**{sum(dollars for _, dollars in found.values()):.4f}**" for found in (small, large)]
    yield f"| **sum of what differs** | | {sums[0]} | | {sums[1]} |"
    yield ""
    yield "| 1,000 GB a day, kept for | small objects: $ a month | compacted: storage alone | compaction included |"
    yield "| --- | --- | --- | --- |"
    gigabytes = 1000 * inputs.month_days
    for profile, days in (("soc2", 400), ("seven-years", 2557)):
        # objects are full
        small, large = of_a_gigabyte(replace(inputs, archive_days=days, compacted_objects_a_gb=1.3, compaction_puts=20))
        kept = sum(dollars for item, (_, dollars) in large.items() if item.startswith("S3 "))
        bills = [sum(dollars for _, dollars in small.values()), kept, sum(dollars for _, dollars in large.values())]
        yield f"| {days:,} days (`{profile}`) | {' | '.join(f'{each * gigabytes:,.0f}' for each in bills)} |"


def _columns_table(inputs: Inputs) -> Iterator[str]:
    """Yield what `sql.format: parquet` costs more, of a GB of raw lines."""
    yield "| per GB, with `sql: {format: parquet}` | units | $ |"
    yield "| --- | --- | --- |"
    rows = [*_columns(inputs.compressed, 1, inputs)]
    for item, units, dollars in rows:
        yield f"| {item} | {_number(units)} | {dollars:.4f} |"
    yield f"| **sum** | | **{sum(dollars for _, _, dollars in rows):.4f}** |"


def summary_table(deployment: Deployment) -> str:
    """Return the table of README.md: what a deployment costs a month before the first log line, and per GB."""
    counted: dict[str, tuple[float, float]] = {}
    for row in monthly_estimate(deployment, gigabytes_a_day={each.name: 0 for each in deployment.exports}):
        units, dollars = counted.get(row.item, (0, 0))
        counted[row.item] = units + row.units, dollars + row.dollars
    lines = ["| what | how many | USD a month |", "| --- | --- | --- |"]
    lines += [f"| {item} | {_number(units)} | {dollars:.2f} |" for item, (units, dollars) in counted.items() if dollars]
    lines.append(f"| **before the first log line** | | **{sum(dollars for _, dollars in counted.values()):.2f}** |")
    for export in deployment.exports:
        kinds = [_kind_of(deployment, name) for name in export.ship_to]
        dollars = dollars_per_gigabyte(export.lands_in, kinds)
        lines.append(f"| each GB of log lines of `{export.name}`, all the time it is kept included | | {dollars:.2f} |")
    return "\n".join(lines)


LANDINGS: tuple[Landing, Landing] = ("bucket", "log groups")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}" if value >= 0.001 else f"{value:.10f}".rstrip("0")


if __name__ == "__main__":
    print(summary_table(load_settings(Path(sys.argv[1]))) if sys.argv[1:] else tables(Inputs()))
