"""The recording of the demo that README.md shows: a terminal as an SVG file, and the table of docs/demo.md.

``python -m local_cloud.recording`` makes both from ``build/demo-report.json``, which ``make demo`` has written. Nothing
in them comes from elsewhere. The terminal is narrow, so that it can be read at the width of a phone.
"""

from __future__ import annotations

import io
import json
import re
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_cloud.cdk import ROOT

COLUMNS = 52
REPORT, PICTURE, PAGE = ROOT / "build" / "demo-report.json", ROOT / "docs" / "demo.svg", ROOT / "docs" / "demo.md"
# Rich's picture loads a font from the network. Each text has its length in the file, so any monospaced font will do.
_LOADED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_TABLE = re.compile(r"(?<=<!-- demo-table -->\n).*?(?=\n<!-- /demo-table -->)", re.DOTALL)


def draw(report: dict[str, Any]) -> str:
    """Return the recording as SVG.

    Parameters
    ----------
    report
        The demo's report: `local_cloud.report.Report` as JSON.
    """
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
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
    picture = console.export_svg(title="make demo", unique_id="demo")
    return _LOADED_FONT.sub("", picture).replace("Fira Code, monospace", _FONTS)


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
    """Write the picture and the table.

    Returns
    -------
    int
        0, or 2 if there is no report or a promise of it did not hold.
    """
    if not REPORT.exists():
        print(f"{REPORT}: no such file. Run `make demo` first", file=sys.stderr)
        return 2
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    if report["broken"]:
        print(f"{REPORT}: promises did not hold, so it is not shown: {'; '.join(report['broken'])}", file=sys.stderr)
        return 2
    PICTURE.write_text(draw(report), encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: table(report), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for written in (PICTURE, PAGE):
        print(f"{written.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
