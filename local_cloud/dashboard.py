"""The deployed dashboard as a picture: its alarms and its rows of exports, from what the local cloud has measured.

The demo lasts a minute or two, so what is counted is drawn as it adds up, by the second.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local_cloud.stage import Stage

_COLOURS = ("#1f6feb", "#2da44e", "#bf8700", "#8250df", "#57606a")
_STATES = {"OK": "#2da44e", "ALARM": "#d1242f", "INSUFFICIENT_DATA": "#8c959f"}
_COLUMNS = ("landed and shipped", "lag in seconds", "failures", "bytes by log type")

Series = list[tuple[float, float]]
"""Seconds since the play began, and values."""


def draw(stage: Stage, since: datetime.datetime, path: Path) -> bool:
    """Draw the deployment's dashboard into an SVG file; return whether it has one.

    Parameters
    ----------
    stage
        The deployed cloud.
    since
        When the play began.
    path
        The file.
    """
    if not stage.settings.dashboard:
        return False
    answer = stage.customer("cloudwatch").get_dashboard(DashboardName=stage.settings.deployment)
    widgets = json.loads(answer["DashboardBody"])["widgets"]
    rows: dict[str, dict[str, Any]] = defaultdict(dict)
    for widget in widgets:
        export, _, column = widget["properties"]["title"].partition(": ")
        if column in _COLUMNS:
            rows[export][column] = _shown(stage, widget["properties"], since)
    alarms = [arn for widget in widgets for arn in widget["properties"].get("alarms", [])]
    _plot(_states(stage, alarms), rows, path)
    return True


def _states(stage: Stage, arns: Sequence[str]) -> dict[str, str]:
    """Return the state of each alarm, by its name."""
    found: dict[str, str] = {}
    for region in dict.fromkeys(arn.split(":")[3] for arn in arns):
        pages = stage.customer("cloudwatch", region=region).get_paginator("describe_alarms")
        for page in pages.paginate(AlarmTypes=["CompositeAlarm"]):
            found |= {alarm["AlarmArn"]: alarm["StateValue"] for alarm in page["CompositeAlarms"]}
    return {arn.rpartition(":")[2].partition("/")[2]: found[arn] for arn in arns}


def _shown(
    stage: Stage, properties: Mapping[str, Any], since: datetime.datetime
) -> dict[tuple[str, bool], Series] | Counter[str]:
    """Return what a widget shows: series by label and whether it is on the right, or for a query its sums."""
    if "query" in properties:
        return _volumes(stage, properties["query"])
    scaled = {}
    for metric in properties["metrics"]:
        if "expression" in metric[-1]:
            name, divisor = metric[-1]["expression"].split(" / ")
            scaled[name] = (metric[-1]["label"], float(divisor))
    shown = {}
    for metric in properties["metrics"]:
        rendering = metric[-1]
        if "expression" not in rendering:
            label, divisor = scaled.get(rendering.get("id"), (rendering.get("label"), 1.0))
            points = _points(stage, metric, rendering.get("stat", properties["stat"]), since, divisor)
            shown[label, rendering.get("yAxis") == "right"] = points
    return shown


def _points(stage: Stage, metric: Sequence[Any], statistic: str, since: datetime.datetime, divisor: float) -> Series:
    namespace, name, *pairs = metric[:-1]
    answer = stage.customer("cloudwatch", region=metric[-1].get("region")).get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": pairs[at], "Value": pairs[at + 1]} for at in range(0, len(pairs), 2)],
        StartTime=since,
        EndTime=datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1),
        Period=1,
        Statistics=[statistic],
    )
    points = sorted(
        (max(0.0, (each["Timestamp"] - since).total_seconds()), each[statistic] / divisor)
        for each in answer["Datapoints"]
    )
    if statistic != "Sum":
        return points
    total, added = 0.0, []
    for at, value in points:
        total += value
        added.append((at, total))
    return added


def _volumes(stage: Stage, query: str) -> Counter[str]:
    """Add up what the shipper's lines say of an export's log types, as the query does."""
    _, log_group, *_ = query.split("'")
    export = query.partition("export = '")[2].partition("'")[0]
    sums: Counter[str] = Counter()
    pages = stage.customer("logs").get_paginator("filter_log_events").paginate(logGroupName=log_group)
    for event in (event for page in pages for event in page["events"]):
        if '"event":"volume"' in event["message"]:
            line = json.loads(event["message"])
            if line["export"] == export:
                sums[line["log_type"]] += line["bytes_in"]
    return sums


def _plot(states: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    # text as text, and nothing that differs between two drawings of the same figures
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "logdock", "font.size": 8})
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13, 1 + 1.7 * len(rows)), layout="constrained")
    grid = figure.add_gridspec(1 + len(rows), len(_COLUMNS), height_ratios=(0.35, *[1] * len(rows)))
    top = figure.add_subplot(grid[0, :])
    top.set_axis_off()
    for at, (name, state) in enumerate(states.items()):
        box = {"boxstyle": "round,pad=0.4", "facecolor": _STATES[state], "edgecolor": "none"}
        place = ((at + 0.5) / len(states), 0.5)
        top.text(*place, name, color="white", ha="center", va="center", transform=top.transAxes, bbox=box)
    for row, (export, columns) in enumerate(rows.items(), start=1):
        for column, title in enumerate(_COLUMNS):
            if title not in columns:
                continue
            axes = figure.add_subplot(grid[row, column])
            axes.set_title(f"{export}: {title}", loc="left")
            axes.spines[["top", "right"]].set_visible(False)
            _fill(axes, columns[title])
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _fill(axes: Any, shown: Mapping[tuple[str, bool], Series] | Counter[str]) -> None:
    if isinstance(shown, Counter):
        bars = axes.barh([*shown], [*shown.values()], color=_COLOURS[0])
        axes.bar_label(bars, fmt=" {:,.0f}")
        axes.margins(x=0.25)
        return
    right = axes.twinx() if any(series[1] for series in shown) else axes
    lines = []
    for number, ((label, on_right), points) in enumerate(shown.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        seconds, values = [point[0] for point in points], [point[1] for point in points]
        side = right if on_right else axes
        lines += side.step(seconds, values, where="post", marker=".", markersize=3, color=colour, label=label)
    for side in (axes, right):
        side.set_ylim(bottom=0, top=None if any(point[1] for points in shown.values() for point in points) else 1)
        side.locator_params(nbins=4)
        side.spines["top"].set_visible(False)
    axes.set_xlim(left=0)
    axes.legend(handles=lines, fontsize=6, frameon=False, loc="best")
