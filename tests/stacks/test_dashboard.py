"""What holds for every widget of the dashboard of every example; the snapshots hold the widgets themselves."""

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from logdock.dashboard import dashboards
from logdock.settings import Deployment, load_settings
from logdock.settings.names import Names
from tests.conftest import ROOT, Synthesized, synthesize, synthesize_now
from tests.settings.documents import OTLP, document, export

ALERTS = ROOT / "examples" / "alerts.yaml"
# CloudWatch API Reference, "Dashboard body structure and syntax".
PLACE = {"x", "y", "width", "height"}
PROPERTIES = {
    "alarm": {"title", "alarms"},
    "log": {"title", "region", "query", "view"},
    "metric": {
        "title", "region", "view", "stat", "period", "metrics", "annotations", "stacked", "setPeriodToTimeRange",
    },
}  # fmt: skip
RENDERING = {"label", "stat", "region", "id", "visible", "yAxis", "color", "expression"}


def widgets(example: Synthesized) -> list[dict[str, Any]]:
    ((stack, _, dashboard),) = example.resources("AWS::CloudWatch::Dashboard")
    assert stack == "acme-prod-dashboard"
    assert dashboard["Properties"]["DashboardName"] == "acme-prod"
    found: list[dict[str, Any]] = json.loads(dashboard["Properties"]["DashboardBody"])["widgets"]
    return found


def metrics(example: Synthesized) -> Iterator[tuple[str, str, dict[str, str], dict[str, Any]]]:
    """Yield what is shown: namespace, name, dimensions, rendering; expressions are omitted."""
    for widget in widgets(example):
        for metric in widget["properties"].get("metrics", []):
            rendering = metric[-1] if isinstance(metric[-1], dict) else {}
            assert set(rendering) <= RENDERING
            if "expression" not in rendering:
                namespace, name, *pairs = [part for part in metric if isinstance(part, str)]
                yield namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True)), rendering


def test_every_widget_is_one_that_cloudwatch_takes(example: Synthesized) -> None:
    found = widgets(example)
    assert len(found) <= 500
    for widget in found:
        assert set(widget) == {"type", "properties", *PLACE}
        assert set(widget["properties"]) <= PROPERTIES[widget["type"]]
        assert widget["properties"].get("metrics") != []
        assert 1 <= len(widget["properties"].get("alarms", "1")) <= 100
        assert widget["x"] + widget["width"] <= 24


def test_no_widget_lies_on_another(example: Synthesized) -> None:
    for one, other in combinations(widgets(example), 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or above


def test_the_state_of_every_composite_alarm_is_on_top(example: Synthesized) -> None:
    shown = [arn for each in widgets(example) if each["type"] == "alarm" for arn in each["properties"]["alarms"]]
    made = {
        f"arn:aws:cloudwatch:{example.regions[stack]}:111122223333:alarm:{composite['Properties']['AlarmName']}"
        for stack, _, composite in example.resources("AWS::CloudWatch::CompositeAlarm")
    }
    assert set(shown) == made
    assert len(shown) == len(made)
    assert (widgets(example)[0]["type"], widgets(example)[0]["y"]) == ("alarm", 0)


NO_ROW = ("failed_logins", "unclaimed")
"""What is no figure of an export's delivery; an export that is gone has no row. Their alarms' state is on top."""


def test_every_figure_of_the_shipper_that_an_alarm_watches_is_shown(example: Synthesized) -> None:
    shown = {
        (name, *sorted(dimensions.items())) for space, name, dimensions, _ in metrics(example) if space == "Logdock"
    }
    for _, _, alarm in example.resources("AWS::CloudWatch::Alarm"):
        watched = alarm["Properties"]
        if watched.get("Namespace") == "Logdock" and watched["MetricName"] not in NO_ROW:
            dimensions = {each["Name"]: each["Value"] for each in watched["Dimensions"]}
            assert (watched["MetricName"], *sorted(dimensions.items())) in shown, watched["AlarmName"]


def test_every_rule_queue_and_log_group_that_is_shown_exists(example: Synthesized) -> None:
    texts = json.dumps(example.templates)
    for _, _, dimensions, _ in metrics(example):
        for name in ("RuleName", "QueueName", "LogGroupName"):
            if name in dimensions and (name, dimensions[name]) != ("RuleName", ""):
                assert f'"{dimensions[name]}"' in texts


def test_every_export_has_one_row_in_the_order_of_the_file() -> None:
    settings, shown = load_settings(ALERTS), widgets(synthesize(ALERTS))
    rows: dict[str, set[int]] = {}
    for widget in shown:
        rows.setdefault(widget["properties"]["title"].partition(":")[0], set()).add(widget["y"])
    assert [name for name in rows if name in {export.name for export in settings.exports}] == [
        export.name for export in settings.exports
    ]
    assert all(len(rows[export.name]) == 1 for export in settings.exports)


def test_what_lands_in_another_region_is_shown_from_there() -> None:
    found = [
        (dimensions["export"], rendering["region"])
        for _, name, dimensions, rendering in metrics(synthesize(ROOT / "examples" / "cockroachdb.yaml"))
        if name == "sent" and "region" in rendering
    ]
    assert found
    assert {region for _, region in found} == {"us-east-1"}


def test_there_is_no_dashboard_where_the_settings_say_no() -> None:
    settings = Deployment.model_validate(document(export("s3-logs")) | {"dashboard": False})
    assert "acme-prod-dashboard" not in synthesize_now(settings).templates


def many(exports: int) -> Deployment:
    destinations = [OTLP | {"name": f"lake-{number}"} for number in range(3)]
    ship_to = [each["name"] for each in destinations]
    kinds = [
        export("mongodb-atlas", name=f"export-{number}", project_id=f"{number:024}", ship_to=ship_to)
        for number in range(exports)
    ]
    return Deployment.model_validate(document(*kinds, destinations=destinations))


def test_what_one_dashboard_cannot_hold_goes_on_in_another() -> None:
    settings = many(600)
    names = Names.of(settings)
    found = dashboards(settings, names)

    assert len(found) > 4
    assert [names.dashboard(number) for number in (1, 2)] == ["acme-prod", "acme-prod_2"]
    assert [names.dashboard_stack(number) for number in (1, 2)] == ["acme-prod-dashboard", "acme-prod-Dashboard-2"]
    rows = [
        widget["properties"]["title"].partition(":")[0]
        for widgets in found
        for widget in widgets
        if ": landed" in widget["properties"]["title"]
    ]
    assert rows == [each.name for each in settings.exports]
    for widgets in found:
        shown = [len(widget["properties"].get("metrics", ())) for widget in widgets]
        assert (len(widgets) <= 500, sum(shown) <= 2500, max(shown) <= 500) == (True, True, True)
        assert min(widget["y"] for widget in widgets) == 0
