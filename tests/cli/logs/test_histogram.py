from datetime import UTC, datetime, timedelta

import pytest

from logdock.cli.logs.histogram import Histogram
from logdock.cli.logs.times import bound
from tests.cli.logs.conftest import Landed
from tests.cli.terminal import Terminal

START = datetime(2026, 11, 17, 3, tzinfo=UTC)


def test_bars_show_when_the_lines_are() -> None:
    histogram = Histogram(START, START + timedelta(minutes=8), 50)
    histogram.add(bound(START + timedelta(minutes=minute)) for minute in (0, 0, 0, 0, 1, 4, 4, 7.9))
    assert histogram.line() == "█▂··▄··▂ each 1 min, 4 lines at most"


@pytest.mark.parametrize("width", [20, 80, 120, 400])
@pytest.mark.parametrize("days", [0.00001, 0.001, 0.04, 1, 7, 400, 40_000])
def test_line_fits_the_terminal_whatever_the_range(days: float, width: int) -> None:
    histogram = Histogram(START - timedelta(days=days), START, width)
    histogram.add(bound(START - timedelta(days=days * part / 100)) for part in range(1, 100))
    line = histogram.line()
    bars = line.partition(" ")[0]
    assert len(bars) <= max(8, min(60, width - 42))
    assert len(line) <= max(50, width)


@pytest.mark.parametrize("lines", [0, 1])
def test_nothing_to_compare_has_no_line(lines: int) -> None:
    histogram = Histogram(START, START + timedelta(hours=1), 80)
    histogram.add([bound(START)] * lines)
    assert histogram.line() == ""


def test_histogram_is_drawn_on_a_terminal_alone(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    landed.archived(*((f"2026-11-17T03:1{number}:00Z", "a") for number in range(3)))
    assert "each" not in landed.logs().err
    terminal = Terminal(80)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        landed.logs()
    assert terminal.rows[-2].endswith(" each 1 h, 3 lines at most")
    assert (terminal.wrapped, terminal.faults) == ([], [])
