"""The pictures of real runs: terminals as SVG files, the table of docs/demo.md, and the dashboard.

``python -m local_cloud.recording`` draws the demo from ``build/demo-report.json``, which ``make demo`` has written, and
takes its dashboard. While ``make demo KEEP=1`` is up, it runs `COMMANDS` there and draws those instead. Nothing in the
pictures comes from elsewhere. The terminals are narrow, so that they can be read at the width of a phone.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from typing import TYPE_CHECKING, Any

import pyte
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from local_cloud.cdk import ROOT
from local_cloud.kept import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLUMNS = 52
REPORT, DASHBOARD = (ROOT / "build" / name for name in ("demo-report.json", "dashboard.svg"))
PICTURE, DASHBOARD_PICTURE, COMMANDS_PICTURE, PAGE = (
    ROOT / "docs" / name for name in ("demo.svg", "dashboard.svg", "commands.svg", "demo.md")
)
COMMANDS = (
    "logdock validate orders",
    "logdock logs --export trail --grep '20077 .* REJECT'",
    "logdock status",
)
"""What is typed for the recording of docs/logdock.md."""
# Rich's picture loads a font from the network. Each text has its length in the file, so any monospaced font will do.
_LOADED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_ROWS = 400
"""So many that nothing scrolls away."""
_COLOURS = {"default": "default", "brown": "yellow"}
"""Of pyte, as rich names them."""
_TABLE = re.compile(r"(?<=<!-- demo-table -->\n).*?(?=\n<!-- /demo-table -->)", re.DOTALL)


def draw(report: dict[str, Any]) -> str:
    """Return the recording as SVG.

    Parameters
    ----------
    report
        The demo's report: `local_cloud.report.Report` as JSON.
    """
    console = _console()
    console.print("[bold]$ make demo[/bold]")
    for step, seconds in report["seconds"].items():
        line = Table.grid(expand=True)
        line.add_column(width=2)
        line.add_column(ratio=1)
        line.add_column(justify="right", style="dim", min_width=7)
        line.add_row("[green]✓[/green]", Text(step.replace("`", "")), f"{seconds:.1f} s")
        console.print(line)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("export", ratio=1)
    for heading in ("landed", "shipped", "found", "refused"):
        table.add_column(heading, justify="right")
    for each in report["exports"]:
        counts = (each[f"{name}_records"] for name in ("landed", "shipped", "found"))
        table.add_row(each["kind"], *("-" if count is None else str(count) for count in counts), _refused(each))
    console.print(table)
    console.print()
    if report["broken"]:
        console.print(f"[bold red]{len(report['broken'])} promises did not hold[/bold red]")
    else:
        console.print("[bold green]Every promise held.[/bold green]")
    return _svg(console, "make demo", "demo")


def _console() -> Console:
    return Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)


def _svg(console: Console, title: str, unique_id: str) -> str:
    picture = console.export_svg(title=title, unique_id=unique_id)
    return _LOADED_FONT.sub("", picture).replace("Fira Code, monospace", _FONTS)


def draw_commands(screens: Mapping[str, Sequence[Text]]) -> str:
    """Return the recording of commands as SVG, by what the terminal shows at the end of each."""
    console = _console()
    for number, (command, rows) in enumerate(screens.items()):
        console.print(f"{'' if number == 0 else chr(10)}[bold]$ {command}[/bold]")
        for row in rows:
            console.print(row)
    return _svg(console, "logdock", "commands")


def run_in_terminal(command: str, script: Path, directory: Path) -> list[Text]:
    """Run a command in a pseudo-terminal, and return what the terminal shows when it ends."""
    screen = pyte.Screen(COLUMNS, _ROWS)
    stream = pyte.ByteStream(screen)
    primary, secondary = os.openpty()
    ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    shell = ["/bin/sh", "-c", f". {shlex.quote(str(script))} && exec {command}"]
    with subprocess.Popen(  # noqa: S603 - the commands are those above
        shell, stdin=subprocess.DEVNULL, stdout=secondary, stderr=secondary, cwd=directory,
        env={**environment, "TERM": "xterm-256color"},
    ):  # fmt: skip
        os.close(secondary)
        with contextlib.suppress(OSError):  # Linux reports the end of a pseudo-terminal as an error
            while data := os.read(primary, 65_536):
                stream.feed(data)
    os.close(primary)
    rows = [_row(screen, number) for number in range(_ROWS)]
    while rows and not rows[-1].plain:
        rows.pop()
    return rows


def _row(screen: pyte.Screen, number: int) -> Text:
    """Return a row of a screen with its colours."""
    row = Text(no_wrap=True)
    for at in range(COLUMNS):
        character = screen.buffer[number][at]
        colour = _COLOURS.get(character.fg, character.fg)
        row.append(character.data, Style(color=colour, bold=character.bold))
    row.rstrip()
    return row


def table(report: dict[str, Any]) -> str:
    """Return the table of docs/demo.md."""
    headings = (
        "export", "stack", "assumed (12 h)", "refused attempts", "landed", "shipped", "archived", "found by a search",
        "on by deploy, off by destroy",
    )  # fmt: skip
    lines = [f"| {' | '.join(headings)} |", f"| {' | '.join('---' for _ in headings)} |"]
    for each in report["exports"]:
        seconds, is_clean = each["session_seconds"], each["vendor_clean_after_destroy"]
        counts = (each[f"{name}_records"] for name in ("landed", "shipped", "archived", "found"))
        cells = [
            f"{each['name']} ({each['kind']})",
            each["stack"],
            f"{seconds / 3600:.0f} h" if seconds else "–",
            _refused(each),
            *("–" if count is None else str(count) for count in counts),
            {None: "–", True: "yes", False: "no"}[is_clean],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _refused(export: dict[str, Any]) -> str:
    return str(len(export["refused"]))


def main() -> int:
    """Write the pictures.

    Returns
    -------
    int
        0, or 2 if there is no report or a promise of it did not hold.
    """
    if ENVIRONMENT.exists():
        screens = {command: run_in_terminal(command, ENVIRONMENT, ENVIRONMENT.parent) for command in COMMANDS}
        _write(COMMANDS_PICTURE, draw_commands(screens))
        return 0
    if not REPORT.exists():
        print(f"{REPORT}: no such file. Run `make demo` first", file=sys.stderr)
        return 2
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    if report["broken"]:
        print(f"{REPORT}: promises did not hold, so it is not shown: {'; '.join(report['broken'])}", file=sys.stderr)
        return 2
    _write(PICTURE, draw(report))
    _write(PAGE, _TABLE.sub(lambda _: table(report), PAGE.read_text(encoding="utf-8")))
    _write(DASHBOARD_PICTURE, DASHBOARD.read_text(encoding="utf-8"))
    return 0


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(ROOT)} is written")


if __name__ == "__main__":
    sys.exit(main())
