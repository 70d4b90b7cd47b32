"""The picture of the dashboard: one thing in a panel, nothing empty, and text that a phone can show."""

import re
from collections import Counter
from pathlib import Path

import pytest

from local_cloud.dashboard import FONT_POINTS, WIDTH_POINTS, Panel, Shown, panels, plot

PHONE = 360 - 2 * 16
"""Pixels of a picture on a page with margins of 16."""
WIDGETS: dict[str, Shown] = {
    "landed and shipped": {
        ("landed (objects)", True): [(1, 3), (9, 13)],
        ("shipped to archive", False): [(7, 40), (18, 480)],
        ("shipped to logz", False): [],
    },
    "lag in seconds": {("archive", False): [(1, 4), (18, 11)]},
    "failures": {("refused by logz", False): [(1, 0), (20, 0)]},
    "bytes by log type": Counter({"mongodb": 7535, "orders": 0}),
}


def test_panel_has_one_unit_and_values() -> None:
    assert panels(WIDGETS) == [
        Panel("objects landed", {"landed": [(1, 3), (9, 13)]}, {}),
        Panel("records shipped", {"archive": [(7, 40), (18, 480)]}, {}),
        Panel("lag in seconds", {"archive": [(1, 4), (18, 11)]}, {}),
        Panel("bytes by log type", {}, {"mongodb": 7535.0}),
    ]


def test_log_groups_of_a_volume_are_bars() -> None:
    volume: dict[str, Shown] = {"bytes by log type": {("/acme/one", False): [(1, 5), (2, 9)], ("/acme/two", False): []}}
    assert panels(volume) == [Panel("bytes by log type", {}, {"/acme/one": 9})]


def test_only_failures_that_happened_are_shown() -> None:
    failures: dict[str, Shown] = {
        "failures": {("refused by logz", False): [(1, 0), (20, 2)], ("not announced", False): [(1, 0)]}
    }
    assert panels(failures) == [Panel("failures", {"refused by logz": [(1, 0), (20, 2)]}, {})]


def test_long_keys_are_in_lines() -> None:
    panel = Panel("failures", {"refused by logz": [], "refused by archive": [], "lost": []}, {})
    assert panel.key == [["refused by logz"], ["refused by archive", "lost"]]


@pytest.mark.proof
def test_text_is_readable_on_a_phone_and_has_units(tmp_path: Path) -> None:
    picture = tmp_path / "dashboard.svg"
    plot({"orders": "OK", "alerts": "ALARM"}, {"orders": panels(WIDGETS), "apps": []}, picture)
    drawn = picture.read_text()
    assert f'viewBox="0 0 {WIDTH_POINTS} ' in drawn
    assert FONT_POINTS * PHONE / WIDTH_POINTS >= 10
    assert {float(size) for size in re.findall(r"font(?:-size)?: [\w ]*?([\d.]+)px", drawn)} == {FONT_POINTS}
    shown = re.findall(r"<text [^>]*>([^<]*)</text>", drawn)
    assert {"alerts: ALARM", "orders", "objects landed", "lag in seconds", "mongodb  7,535", "10 s"} <= {*shown}
    assert not {"apps", "failures"} & {*shown}
