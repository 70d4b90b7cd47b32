"""What the demo prints: a spinner and colours on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

_LOG_WIDTH = 132


class Terminal:
    """Standard output, as a person at a terminal or a log reads it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._is_live = self._console.is_terminal and "NO_COLOR" not in os.environ
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_LOG_WIDTH)
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show that something is going on; what is yielded takes a word about how far it is."""
        started = time.monotonic()
        if self._is_live:
            with self._console.status(what) as status:
                yield lambda detail: status.update(_on_one_line(what, detail))
        else:
            self._console.print(f"==> {what}", markup=False)
            yield lambda _: None
        self.seconds[what] = round(time.monotonic() - started, 1)
        if self._is_live:
            self._console.print(f"[green]✓[/green] {what} [dim]{self.seconds[what]:.1f} s[/dim]")

    def show(self, what: RenderableType = "") -> None:
        """Print a table or a text as it is."""
        if isinstance(what, str):
            self._console.print(what, markup=False, soft_wrap=True)
        else:
            self._console.print(what)

    def good(self, text: str) -> None:
        """Print that something holds."""
        self._console.print(text, style="bold green", markup=False, soft_wrap=True)

    def bad(self, text: str) -> None:
        """Print that something does not hold."""
        self._console.print(text, style="bold red", markup=False, soft_wrap=True)


def _on_one_line(what: str, detail: str) -> Text:
    return Text.assemble(f"{what} ", (detail, "dim"), no_wrap=True, overflow="ellipsis")
