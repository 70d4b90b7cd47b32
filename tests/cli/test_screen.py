"""What a command prints on a terminal: results and progress never share a line, and no line is wider than it."""

import re
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from logdock.cli.screen import Screen
from logdock.cli.terminal import wrap
from tests.cli.terminal import Terminal

WIDTHS = [80, 120]
LONG = (
    "A sentence of the result that goes on and on, so that it does not fit on one row of a terminal of any width. " * 2
)
PRINTED: dict[str, Callable[[Screen], None]] = {
    "say": lambda screen: screen.say(LONG),
    "note": lambda screen: screen.note(LONG),
    "prose": lambda screen: screen.prose(LONG),
    "error": lambda screen: screen.error(f"{LONG}\n  {LONG}"),
    "table": lambda screen: screen.table(["name", "what"], [["orders", LONG], ["ledger", "short"]]),
    "copyable": lambda screen: screen.copyable("npx cdk deploy acme-core"),
}


@pytest.mark.parametrize("total", [None, 8])
@pytest.mark.parametrize("width", WIDTHS)
def test_results_are_printed_above_the_progress(monkeypatch: pytest.MonkeyPatch, width: int, total: int | None) -> None:
    terminal = Terminal(width)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        screen = Screen()
        with screen.progress("sending quarantined records again", total) as done:
            for print_something in PRINTED.values():
                print_something(screen)
                done(1)
            is_shown = [row for row in terminal.rows if "sending quarantined" in row]
        screen.say("The end.")
    assert len(is_shown) == 1
    assert (terminal.faults, terminal.wrapped, terminal.is_tidy) == ([], [], True)
    assert terminal.rows[-1] == "The end."
    begins = [row.lstrip()[:9] for row in terminal.rows]
    assert [begins.count(part) for part in ("A sentenc", "Error: A ", "npx cdk d", "orders A ")] == [4, 1, 1, 1]


@pytest.mark.parametrize(("columns", "is_table"), [(["export", "message"], True), (list("abcdefg"), False)])
def test_table_without_room_for_its_widest_column_is_shown_as_records(
    monkeypatch: pytest.MonkeyPatch, columns: list[str], is_table: bool
) -> None:
    terminal = Terminal(80)
    rows = [["a value of eight"] * (len(columns) - 1) + [LONG]] * 2
    with monkeypatch.context() as patch:
        terminal.install(patch)
        Screen().table(columns, rows, as_records=True)
    assert terminal.wrapped == []
    assert (terminal.rows[0].split() == columns) == is_table
    shown = [row for row in terminal.rows if row.startswith("f")]
    assert shown == ([] if is_table else ["f  a value of eight"] * 2)
    assert terminal.rows.count("") == (0 if is_table else 1)


@pytest.mark.parametrize("width", [8, 40, 80])
@pytest.mark.parametrize(
    "line", [LONG, f"  {LONG}", "a  b   `of three words` c", "短い文 で す " * 20, "x" * 300, "", "   ", f"`{LONG}`"]
)
def test_wrapped_line_loses_no_character_and_fits_unless_a_word_does_not(line: str, width: int) -> None:
    parts = wrap(line, width)
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
    assert [part for part in parts if cell_len(part) > width and not re.fullmatch(r" *(`[^`]*`|\S+)", part)] == []


def test_result_goes_to_standard_output_while_progress_is_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(80)
    with monkeypatch.context() as patch:
        terminal.install(patch, "stderr")
        screen = Screen()
        with screen.progress("archives saved"):
            screen.say("of the result")
            print("and more")
    assert capsys.readouterr().out == "of the result\nand more\n"
    assert (terminal.rows, terminal.faults) == ([""], [])
