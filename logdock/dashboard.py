"""The dashboards: what is wrong on top, then a row for each export: landed and shipped, lag, failures, volume.

They show what the alarms look at and what costs nothing, and make no metric of their own. What one dashboard cannot
hold goes on in another: a dashboard takes 500 widgets, a widget 500 metrics, and a dashboard 2,500 of all its widgets
(Amazon CloudWatch User Guide, "CloudWatch service quotas"; not adjustable). Without the CDK: the command names their
stacks.

Source: CloudWatch API Reference, "Dashboard body structure and syntax".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from logdock.alarms import ALARMS, Metric
from logdock.expected_alarms import export_alarms, shared_alarms
from logdock.settings import Deployment
from logdock.settings.costs import LANDINGS, dollars_per_gigabyte
from logdock.settings.destinations import ARCHIVE
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding
from logdock.settings.names import Names

COLUMNS = 24
ALARMS_OF_A_WIDGET = 100
WIDGETS_OF_A_DASHBOARD = 500
METRICS_OF_A_DASHBOARD = 2500
METRICS_OF_A_WIDGET = 500
MONTH_SECONDS = 30 * 86400
USD_PER_GB = {landing: round(dollars_per_gigabyte(landing, ["push"]), 2) for landing in LANDINGS}
"""What a gigabyte costs by the way it lands, as docs/costs.md has it: list prices, ``soc2``, one destination."""

Widget = dict[str, Any]


def dashboards(settings: Deployment, names: Names) -> list[list[Widget]]:
    """Return the widgets of every dashboard, where they are to be; none if the settings want no dashboard."""
    if not settings.dashboard:
        return []
    rows: list[tuple[int, list[Widget]]] = [(3, [each]) for each in _alarm_states(settings, names)]
    rows += [(4, [each]) for each in _costs(settings, names)]
    rows += [(5, _export_row(settings, names, export)) for export in settings.exports]
    rows += [
        (5, [_queues(names, destination, is_pushed=destination in settings.pushes)])
        for destination in settings.shippers
    ]
    found: list[list[Widget]] = [[]]
    y = metrics = 0
    for height, row in rows:
        more = sum(len(widget["properties"].get("metrics", ())) for widget in row)
        if len(found[-1]) + len(row) > WIDGETS_OF_A_DASHBOARD or metrics + more > METRICS_OF_A_DASHBOARD:
            found.append([])
            y = metrics = 0
        width = COLUMNS // len(row)
        found[-1] += [
            {**widget, "x": at * width, "y": y, "width": width, "height": height} for at, widget in enumerate(row)
        ]
        y, metrics = y + height, metrics + more
    return found


def _alarm_states(settings: Deployment, names: Names) -> Iterator[Widget]:
    """Yield the state of every composite alarm, those of exports first, as many in a widget as it takes."""
    # An export that has no alarm has no composite alarm either.
    found = [
        (export.name, region)
        for export in settings.exports
        for region in settings.regions_of(export)
        if export_alarms(settings, export, region)
    ]
    shared = [(name, region) for region in settings.regions for name in shared_alarms(settings, region)]
    found += sorted(shared, key=lambda each: each[0] in ("compactor", "replica"))
    arns = [
        f"arn:{names.partition}:cloudwatch:{region}:{names.account}:alarm:{names.deployment}/{name}"
        for name, region in found
    ]
    for at in range(0, len(arns), ALARMS_OF_A_WIDGET):
        title = f"{names.deployment}: alarms"
        yield {"type": "alarm", "properties": {"title": title, "alarms": arns[at : at + ALARMS_OF_A_WIDGET]}}


def _costs(settings: Deployment, names: Names) -> Iterator[Widget]:
    """Yield what each export costs a month at its pace in the time that is shown; what is not measured is omitted."""
    parts: list[list[object]] = [[]]
    for at, export in enumerate(settings.exports):
        sums = [*_volume(settings, names, export)]
        if not sums:
            continue
        ids = [f"v{at}x{number}" for number, _ in enumerate(sums)]
        gigabytes = f"({' + '.join(f'FILL({each}, 0)' for each in ids)}) / 1000000000"
        reckoned = f"{gigabytes} * {MONTH_SECONDS} / PERIOD({ids[0]}) * {USD_PER_GB[export.lands_in]}"
        if len(parts[-1]) + 1 + len(sums) > METRICS_OF_A_WIDGET:
            parts.append([])
        parts[-1].append([{"expression": reckoned, "label": export.name, "id": f"usd{at}"}])
        parts[-1] += [_with(metric, id=name, visible=False) for name, metric in zip(ids, sums, strict=True)]
    bucket, groups = USD_PER_GB["bucket"], USD_PER_GB["log groups"]
    title = f"USD a month at this pace: {bucket} per GB through buckets, {groups} through log groups"
    for metrics in filter(None, parts):
        yield _graph(names, title, metrics, view="singleValue", setPeriodToTimeRange=True)


def _export_row(settings: Deployment, names: Names, export: Export) -> list[Widget]:
    destinations = export.delivered_to
    seconds = settings.alerts_of(export).lag_after_minutes * 60
    lag = _watched("export/lag").name
    lags = [
        [
            _metric(names, export, lag, each, region, id=f"l{at}", visible=False, stat="Maximum"),
            [{"expression": f"l{at} / 1000", "label": each + _of(region, names), "id": f"s{at}"}],
        ]
        for at, (each, region) in enumerate(_streams(settings, export, destinations))
    ]
    row = [_graph(names, f"{export.name}: landed and shipped", [*_landed_and_shipped(settings, names, export)])]
    if lags:
        limit = {"horizontal": [{"label": "alarm", "value": seconds}]}
        shown = [metric for pair in lags for metric in pair]
        row.append(_graph(names, f"{export.name}: lag in seconds", shown, annotations=limit))
    row.append(_graph(names, f"{export.name}: failures", [*_failures(names, export)]))
    return [*row, *_volume_by_type(settings, names, export)]


def _landed_and_shipped(settings: Deployment, names: Names, export: Export) -> Iterator[object]:
    """Yield records by destination; what landed in a bucket is counted in objects, on an axis of its own."""
    if export.lands_in == "bucket":
        yield [*_of_rule(names, export, "MatchedEvents"), {"label": "landed (objects)", "yAxis": "right"}]
    for destination, region in _streams(settings, export, export.delivered_to):
        if destination in names.feeds and export.lands_in == "log groups":
            # A feed's objects are copied whole: their records are not counted.
            continue
        label = "landed" if destination == ARCHIVE and export.lands_in == "log groups" else f"shipped to {destination}"
        yield _metric(names, export, "sent", destination, region, label=label + _of(region, names))


def _of_rule(names: Names, export: Export, name: str) -> list[str]:
    """Return a metric of the rule that announces an export's objects, as a widget has it."""
    return ["AWS/Events", name, *(part for pair in names.rule_dimensions(export).items() for part in pair)]


def _failures(names: Names, export: Export) -> Iterator[object]:
    shipped, refused = export.announced_to, _watched("export/refused").name
    for destination in shipped:
        yield _metric(names, export, refused, destination, names.region, label=f"refused by {destination}")
    if shipped or export.lands_in == "bucket":
        yield [*_of_rule(names, export, _watched("export/handover").name), {"label": "not announced"}]
    else:
        yield _metric(names, export, refused, ARCHIVE, names.region, label="not archived")


def _volume(settings: Deployment, names: Names, export: Export) -> Iterator[list[Any]]:
    """Yield the bytes that an export brings, by Region: those that its volume alarm watches."""
    if export.lands_in == "log groups":
        for region in settings.regions_of(export):
            yield _metric(names, export, _watched("export/volume").name, ARCHIVE, region)
    elif export.ship_to:
        yield _metric(names, export, _watched("export/volume").name, export.ship_to[0], names.region)


def _volume_by_type(settings: Deployment, names: Names, export: Export) -> Iterator[Widget]:
    """Yield the bytes by log type: a log group each, or what the shipper says of the paths in a bucket."""
    title = f"{export.name}: bytes by log type"
    landing = export.landing(settings)
    if isinstance(landing, BucketLanding):
        if export.ship_to:
            function = names.shipper(export.ship_to[0])
            query = (
                f"SOURCE '/aws/lambda/{function}' | filter event = 'volume' and export = '{export.name}' "
                "| stats sum(bytes_in) as bytes by log_type | sort bytes desc"
            )
            properties = {"title": title, "region": names.region, "query": query, "view": "bar"}
            yield {"type": "log", "properties": properties}
        return
    metrics: list[object] = [
        ["AWS/Logs", "IncomingBytes", "LogGroupName", group, _options(names, region, label=group + _of(region, names))]
        for region in settings.regions_of(export)
        for group in landing.names
        if not export.other_account
    ]
    if landing.prefixes:
        # Which log groups a prefix has changes from hour to hour.
        metrics.append(_metric(names, export, "bytes_in", ARCHIVE, names.region, label="all, those by prefix included"))
    elif export.other_account:
        # What CloudWatch Logs counts of a log group is in the group's account.
        metrics.append(_metric(names, export, "bytes_in", ARCHIVE, names.region, label="all"))
    yield _graph(names, title, metrics, stacked=True)


def _queues(names: Names, destination: str, *, is_pushed: bool) -> Widget:
    values = {"deployment": names.deployment, "destination": destination, "queue": names.queue(destination)}
    values["dead_letter_queue"] = names.queue(destination, "-dead")
    dead, oldest, failed, answer = (
        _shown(f"destination/{name}", values) for name in ("dead", "lag", "failing", "slow")
    )
    waiting = [*dead[:-1], names.queue(destination)]
    answered = [[*answer, {"label": "answers, in ms", "stat": "Average", "yAxis": "right"}]] if is_pushed else []
    return _graph(
        names,
        f"{destination}: messages that wait, failed and were given up; age of the oldest",
        [
            [*waiting, {"label": "waiting", "stat": "Maximum"}],
            [*failed, {"label": "failed tries"}],
            [*dead, {"label": "given up", "stat": "Maximum", "color": "#d13212"}],
            [*oldest, {"label": "oldest, in seconds", "stat": "Maximum", "yAxis": "right"}],
            *answered,
        ],
    )


def _watched(alarm: str) -> Metric:
    """Return the metric that an alarm of the table watches."""
    metric = ALARMS[alarm].metric
    if metric is None:
        raise ValueError(f"the alarm {alarm} watches no metric of its own")
    return metric


def _shown(alarm: str, values: Mapping[str, str]) -> list[str]:
    """Return the metric that an alarm of the table watches as a widget names it."""
    metric = _watched(alarm).fill(values)
    return [metric.namespace, metric.name, *(text for pair in metric.dimensions.items() for text in pair)]


def _graph(names: Names, title: str, metrics: Sequence[object], **more: object) -> Widget:
    properties = {"title": title, "region": names.region, "view": "timeSeries", "stat": "Sum", "period": 300}
    return {"type": "metric", "properties": {**properties, "metrics": list(metrics), **more}}


def _metric(names: Names, export: Export, name: str, destination: str, region: str, **options: object) -> list[Any]:
    """Return a metric that the shipper makes of an export."""
    dimensions = {"deployment": names.deployment, "export": export.name, "destination": destination}
    flat = [text for pair in dimensions.items() for text in pair]
    return ["Logdock", name, *flat, _options(names, region, **options)]


def _options(names: Names, region: str, **options: object) -> Mapping[str, object]:
    return {**options, **({"region": region} if region != names.region else {})}


def _with(metric: list[Any], **options: object) -> list[Any]:
    return [*metric[:-1], {**metric[-1], **options}]


def _of(region: str, names: Names) -> str:
    return "" if region == names.region else f", {region}"


def _streams(settings: Deployment, export: Export, destinations: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield destinations with their Regions: an archiver is in each Region of its log groups, a shipper at home."""
    for destination in destinations:
        archives = destination == ARCHIVE and export.lands_in == "log groups"
        for region in settings.regions_of(export) if archives else (settings.region,):
            yield destination, region
