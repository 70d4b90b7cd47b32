"""The deployed dashboard as a picture: its alarms and its rows of exports, from what the local cloud has measured.

The demo lasts a minute or two, so what is counted is drawn as it adds up, by the second. The picture is as wide as a
phone and has one panel for each thing that is measured; a panel without values is omitted.
"""

from __future__ import annotations

import datetime
import itertools
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local_cloud.stage import Stage

WIDTH_POINTS = 360
FONT_POINTS = 11
"""Of all text: 10 pixels where the picture is 328 pixels wide, as on a phone of 360."""
_COLOURS = ("#1f6feb", "#1a7f37", "#9a6700", "#8250df", "#57606a")
_STATES = {"OK": "#1a7f37", "ALARM": "#d1242f", "INSUFFICIENT_DATA": "#57606a"}
_LANDED, _LAG, _FAILURES, _VOLUME = "landed and shipped", "lag in seconds", "failures", "bytes by log type"
_COLUMNS = (_LANDED, _LAG, _FAILURES, _VOLUME)
_IN_A_ROW = 2
_STEP = WIDTH_POINTS / _IN_A_ROW
_CHARACTERS = 25
"""That fit the width of a panel."""
_LINE, _PLOT, _GAP, _LEFT, _RIGHT = 15, 62, 8, 36, 10
"""Points: the height of a line of text, of a plot and of a gap; the margins of a plot."""

T = TypeVar("T")
Series = list[tuple[float, float]]
"""Seconds since the play began, and values."""
Shown: TypeAlias = "dict[tuple[str, bool], Series] | Counter[str]"
"""What a widget shows: series by label and whether it is on the right, or for a query its sums."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves by their labels, or with `bars` one value for each label."""

    title: str
    curves: dict[str, Series]
    bars: dict[str, float]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see: no value, or zeros alone."""
        return not any(self.bars.values()) and not any(value for points in self.curves.values() for _, value in points)

    @property
    def key(self) -> list[list[str]]:
        """The labels of the curves, in lines that fit the panel."""
        lines: list[list[str]] = []
        for label in self.curves:
            if lines and len(" ".join([*lines[-1], label])) <= _CHARACTERS:
                lines[-1].append(label)
            else:
                lines.append([label])
        return lines

    @property
    def height(self) -> int:
        """In points."""
        if self.bars:
            return _LINE * (1 + 2 * len(self.bars)) + _GAP
        return _LINE * (2 + len(self.key)) + _PLOT + _GAP


def draw(stage: Stage, since: datetime.datetime, path: Path) -> bool:
    """Draw the deployment's dashboard into an SVG file; return whether it has one."""
    if not stage.settings.dashboard:
        return False
    answer = stage.customer("cloudwatch").get_dashboard(DashboardName=stage.settings.deployment)
    widgets = json.loads(answer["DashboardBody"])["widgets"]
    rows: dict[str, dict[str, Shown]] = defaultdict(dict)
    for widget in widgets:
        export, _, column = widget["properties"]["title"].partition(": ")
        if column in _COLUMNS:
            rows[export][column] = _shown(stage, widget["properties"], since)
    alarms = [arn for widget in widgets for arn in widget["properties"].get("alarms", [])]
    plot(_states(stage, alarms), {export: panels(widgets) for export, widgets in rows.items()}, path)
    return True


def _states(stage: Stage, arns: Sequence[str]) -> dict[str, str]:
    """Return the state of each alarm, by its name."""
    found: dict[str, str] = {}
    for region in dict.fromkeys(arn.split(":")[3] for arn in arns):
        pages = stage.customer("cloudwatch", region=region).get_paginator("describe_alarms")
        for page in pages.paginate(AlarmTypes=["CompositeAlarm"]):
            found |= {alarm["AlarmArn"]: alarm["StateValue"] for alarm in page["CompositeAlarms"]}
    return {arn.rpartition(":")[2].partition("/")[2]: found[arn] for arn in arns}


def _shown(stage: Stage, properties: Mapping[str, Any], since: datetime.datetime) -> Shown:
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


def panels(widgets: Mapping[str, Shown]) -> list[Panel]:
    """Return the panels of an export, by the titles of its widgets; those without values are omitted."""
    found = []
    for name in _COLUMNS:
        shown = widgets.get(name, {})
        if isinstance(shown, Counter):
            found.append(Panel(name, {}, {label: float(value) for label, value in shown.items() if value}))
        elif name == _VOLUME:
            found.append(Panel(name, {}, {label: points[-1][1] for (label, _), points in shown.items() if points}))
        else:
            # what is on the right has another unit
            found += [Panel(title, curves, {}) for title, curves in _by_unit(name, shown) if curves]
    return [panel for panel in found if not panel.is_empty]


def _by_unit(name: str, shown: Mapping[tuple[str, bool], Series]) -> Iterator[tuple[str, dict[str, Series]]]:
    left = {label: points for (label, is_right), points in shown.items() if points and not is_right}
    right = {label: points for (label, is_right), points in shown.items() if points and is_right}
    if name == _LANDED:
        yield "objects landed", {label.removesuffix(" (objects)"): points for label, points in right.items()}
        title = "records landed, shipped" if "landed" in left else "records shipped"
        yield title, {label.removeprefix("shipped to "): points for label, points in left.items()}
    elif name == _FAILURES:
        yield name, {label: points for label, points in left.items() if any(value for _, value in points)}
    else:
        yield name, left


class _Sheet:
    """A figure that is drawn on from its top to its bottom, in points."""

    def __init__(self, figure: Any, height: float) -> None:
        self._figure, self._height = figure, height
        self.top = 0.0

    def write(self, x: float, text: str, **style: Any) -> None:
        """Write a text whose line begins at the top."""
        y = 1 - (self.top + _LINE / 2) / self._height
        self._figure.text(x / WIDTH_POINTS, y, text, va="center", **style)

    def axes(self, x: float, below: float, width: float, height: float) -> Any:
        """Return axes that begin so far below the top."""
        bottom = 1 - (self.top + below + height) / self._height
        place = (x / WIDTH_POINTS, bottom, width / WIDTH_POINTS, height / self._height)
        axes = self._figure.add_axes(place)
        axes.spines[["top", "right"]].set_visible(False)
        return axes


def plot(states: Mapping[str, str], exports: Mapping[str, Sequence[Panel]], path: Path) -> None:
    """Draw the states of alarms by name, and the panels of exports by name, into an SVG file."""
    import matplotlib as mpl

    mpl.use("svg")
    # text as text, and nothing that differs between two drawings of the same figures
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "logdock", "font.size": FONT_POINTS})
    from matplotlib import pyplot as plt

    blocks = {export: _in_rows(found) for export, found in exports.items() if found}
    alarms = _in_rows([*states.items()])
    height = _LINE * (1 + len(alarms))
    height += sum(2 * _LINE + sum(max(each.height for each in row) for row in rows) for rows in blocks.values())
    figure = plt.figure(figsize=(WIDTH_POINTS / 72, height / 72))
    sheet = _Sheet(figure, height)
    # no alarm is evaluated here, and the commands set each
    sheet.write(_GAP, "Alarms (set by SetAlarmState alone)", weight="bold")
    for pair in alarms:
        sheet.top += _LINE
        for at, (name, state) in enumerate(pair):
            sheet.write(_GAP + at * _STEP, f"{name}: {state}", color=_STATES[state])
    sheet.top += _LINE
    for export, rows in blocks.items():
        sheet.top += _LINE / 2
        sheet.write(_GAP, export, weight="bold")
        sheet.top += 1.5 * _LINE
        for row in rows:
            for at, panel in enumerate(row):
                sheet.write(_GAP + at * _STEP, panel.title)
                if panel.bars:
                    _draw_bars(sheet, at * _STEP, panel)
                else:
                    _draw_curves(sheet, at * _STEP, panel, export)
            sheet.top += max(each.height for each in row)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _in_rows(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[at : at + _IN_A_ROW] for at in range(0, len(items), _IN_A_ROW)]


def _draw_bars(sheet: _Sheet, x: float, panel: Panel) -> None:
    """Draw each bar below its label and value."""
    axes = sheet.axes(x + _GAP, _LINE, _STEP - 2 * _GAP, 2 * _LINE * len(panel.bars))
    axes.set_axis_off()
    axes.set(xlim=(0, max(panel.bars.values())), ylim=(len(panel.bars), 0))
    for at, (label, value) in enumerate(panel.bars.items()):
        number = f"{value:,.0f}"
        room = _CHARACTERS - len(number)
        axes.text(0, at + 0.3, f"{label if len(label) <= room else f'…{label[-room:]}'}  {number}", va="center")
        axes.barh(at + 0.72, value, height=0.28, color=_COLOURS[0])


def _draw_curves(sheet: _Sheet, x: float, panel: Panel, export: str) -> None:
    """Draw curves below a key in their colours; each has the id `<export>.<title>.<label>` in the file."""
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker

    key = _LINE * len(panel.key)
    axes = sheet.axes(x + _LEFT, _LINE + key, _STEP - _LEFT - _RIGHT, _PLOT)
    colours = dict(zip(panel.curves, itertools.cycle(_COLOURS), strict=False))
    for label, points in panel.curves.items():
        seconds, values = zip(*points, strict=True)
        name = f"{export}.{panel.title}.{label}".replace(",", "").replace(" ", "-")
        axes.step(seconds, values, where="post", marker=".", markersize=4, color=colours[label], gid=name)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.locator_params(nbins=3, integer=True)
    axes.xaxis.set_major_formatter("{x:.0f} s")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    words: list[Any] = [
        HPacker(children=[TextArea(label, textprops={"color": colours[label]}) for label in line], pad=0, sep=_GAP)
        for line in panel.key
    ]
    axes.add_artist(
        AnchoredOffsetbox(
            "lower left",
            child=VPacker(children=words, pad=0, sep=1),
            pad=0,
            borderpad=0,
            frameon=False,
            bbox_to_anchor=(0, 1),
            bbox_transform=axes.transAxes,
        )
    )
