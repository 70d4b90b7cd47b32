"""What the demo found, as it is printed and as it is written to a file."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

MINIMUM_REFUSALS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportReport:
    """One export, or one reader."""

    name: str
    kind: str
    stack: str
    """`name`, `kind`, `stack`: Which one it is, and the stack that it lives in."""
    session_seconds: int | None
    """How long the vendor's session is; None where no role is assumed."""
    allowed: list[str]
    refused: list[str]
    """`allowed`, `refused`: What its stand-in did, and what it tried and was denied."""
    written_records: int
    landed_records: int
    """How many of them are where the vendor leaves them."""
    shipped_records: int | None
    """How many of them every destination has; None if there is none."""
    archived_records: int | None
    """How many of them the archive has; None if they do not go there."""
    found_records: int
    """How many of them a search finds."""
    lost_records: int
    """How many of them are missing anywhere that they should be."""
    duplicate_records: int
    """How often one of them came again, at any destination or in the archive."""
    connected: bool = False
    """Whether the deploy switched the export on by itself."""
    vendor_clean_after_destroy: bool | None = None
    """Whether the vendor has nothing left of it once its stack is destroyed; None if it was not connected."""
    found_by_logdock: bool | None = None
    """Whether `logdock logs` finds a line that was chosen beforehand, once; None for a reader."""
    redriven: bool | None = None
    """Whether `logdock redrive` brought a record of it that a destination had refused; None if none was."""
    broken: list[str] = field(default_factory=list)

    def after_destroy(self, *, is_clean: bool) -> ExportReport:
        """Return the report with what a destroy has left at the vendor."""
        broken = [] if is_clean else ["a destroy left something of it at the vendor"]
        return dataclasses.replace(self, vendor_clean_after_destroy=is_clean, broken=[*self.broken, *broken])

    def after_commands(self, *, found: bool | None, redriven: bool | None) -> ExportReport:
        """Return the report with what `logdock` did."""
        broken = ["`logdock logs` did not find a known line of it, once"] if found is False else []
        if redriven is False:
            broken.append("`logdock redrive` did not bring, once, the record that a destination had refused")
        return dataclasses.replace(self, found_by_logdock=found, redriven=redriven, broken=[*self.broken, *broken])


@dataclass(frozen=True, slots=True)
class Report:
    """All exports and readers of a deployment, the exit codes of `logdock`, and how long each step took."""

    exports: list[ExportReport]
    exit_codes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """Every promise that did not hold, with the export or the command that it was made for."""
        failed = [f"`{command}` ended with {code}, not 0" for command, code in self.exit_codes.items() if code]
        return [*(f"{entry.name}: {promise}" for entry in self.exports for promise in entry.broken), *failed]

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        document: dict[str, Any] = {**dataclasses.asdict(self), "broken": self.broken}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def table(self) -> Table:
        """Return the report as a table."""
        title = "What was let in, what was kept out, and where the logs are"
        # 80 columns wide, as long as no export's name is longer than that of the examples.
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("export", no_wrap=True)
        for column in _HEADERS:
            table.add_column(_HEADERS[column], justify="right")
        for entry in self.exports:
            table.add_row(
                f"{entry.name} ({entry.kind})",
                "-" if entry.session_seconds is None else f"{entry.session_seconds / 3600:.0f} h",
                str(len(entry.refused)),
                *(_count(value) for value in (entry.landed_records, entry.shipped_records)),
                *(_count(value) for value in (entry.archived_records, entry.found_records)),
                {None: "-", True: "yes", False: "no"}[entry.vendor_clean_after_destroy],
                style="red" if entry.broken else "",
            )
        return table


_HEADERS = {
    "assumed": "assumed\n(12 h)",
    "refused": "attempts\nrefused",
    "landed": "landed",
    "shipped": "shipped",
    "archived": "archived",
    "found": "found",
    "connected": "off by\ndestroy",
}


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)
