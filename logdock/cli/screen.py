"""Where a command writes: its result on standard output; progress, notes and errors on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import IO, TYPE_CHECKING, TextIO

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.terminal import one_line, printable, printable_json, wrap

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

LOG_WIDTH = 132
PROSE_WIDTH = 116
FALLBACK_WIDTH = 80
_LEAST_WIDTH = 40
"""Of the widest column of a table: a narrower one is many lines high."""


class Screen:
    """What a person sees, or with ``as_json`` what a script reads.

    Every text may hold what others wrote: it is escaped here, and Rich's markup is never read in it. On a terminal
    lines are wrapped at its width, between words; a result is printed above the progress, never beside it.

    Parameters
    ----------
    as_json
        Print one JSON document instead of tables.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._progress: Progress | None = None

    # rich is imported for what is drawn, and a search draws nothing without a terminal
    @cached_property
    def _out(self) -> Console:
        return _console(stderr=False)

    @property
    def width(self) -> int | None:
        """Columns of the terminal on which notes are shown; None if no person reads along."""
        return _width_of(sys.stderr)

    def say(self, text: str = "") -> None:
        """Print a line of the result; nothing where a document is printed."""
        if not self.as_json:
            self._result("\n".join(_fitted(one_line(text), sys.stdout)))

    def copyable(self, text: str) -> None:
        """Print a line of the result that is never wrapped, because it is to be copied: a command or a value."""
        if not self.as_json:
            self._result(one_line(text))

    def markdown(self, text: str) -> None:
        """Print a page of our own as a terminal can show it; elsewhere as it is written."""
        if self.as_json:
            return
        if self._out.is_terminal:
            from rich.markdown import Markdown

            self._out.print(Markdown(text, hyperlinks=False))  # the addresses are relative
        else:
            self._result(text)

    def clear(self) -> None:
        """Begin anew at the top of a terminal."""
        if not self.as_json:
            self._out.clear()

    def _result(self, text: str) -> None:
        with self._above_progress():
            self._out.print(text, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def raw(self) -> Iterator[IO[bytes]]:
        """Yield standard output for bytes that are written as they are; meanwhile no progress is on the terminal."""
        with self._above_progress():
            yield sys.stdout.buffer
            sys.stdout.flush()

    def ask(self, question: str, proposed: str = "") -> str:
        """Ask for one line; an empty one is what is proposed."""
        asked = one_line(f"  {question}{f' [{proposed}]' if proposed else ''}:")
        sys.stderr.write("\n".join(_fitted(asked, sys.stderr)) + " ")
        sys.stderr.flush()
        try:
            return input().strip() or proposed
        except EOFError:
            sys.stderr.write("\n")
            raise CommandError(f"the answers ended before {question}", ExitCode.USAGE) from None

    def note(self, text: str) -> None:
        """Print a line that is not part of the result."""
        self._aside(one_line(text))

    def prose(self, text: str) -> None:
        """Print a paragraph that is not part of the result, at most `PROSE_WIDTH` wide."""
        for line in wrap(one_line(text), min(_width_of(sys.stderr) or PROSE_WIDTH, PROSE_WIDTH)):
            self._aside(line)

    def error(self, text: str) -> None:
        """Print what went wrong, which may take several lines."""
        self._aside(printable(f"Error: {text}"))

    def _aside(self, text: str) -> None:
        with self._above_progress():
            for line in text.split("\n"):
                sys.stderr.write("\n".join(_fitted(line, sys.stderr)) + "\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        can_go: Collection[str] = (),
        as_records: bool = False,
    ) -> None:
        """Print a table; columns of numbers are aligned to the right.

        If it is wider than the terminal, its columns come closer, and then optional columns are omitted.

        Parameters
        ----------
        can_go
            Columns that are optional.
        as_records
            If the terminal has no room for a wide column, print the rows one below the other, with a line for each
            column, as psql does in its expanded mode.
        """
        if self.as_json:
            return
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        columns = [*columns]
        rows = [[one_line(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        gap = 2 if _width(columns, rows, 2, cell_len) <= self._out.width else 1
        for name in can_go:
            if _width(columns, rows, gap, cell_len) > self._out.width:
                at = columns.index(name)
                columns = columns[:at] + columns[at + 1 :]
                rows = [[*row[:at], *row[at + 1 :]] for row in rows]
        widths = [max(cell_len(str(cell)) for cell in column) for column in zip(columns, *rows, strict=True)]
        if as_records and self._out.is_terminal and _widest_has(self._out.width, widths, gap) < _LEAST_WIDTH:
            self._records(columns, rows)
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
        for at, column in enumerate(columns):
            numbers = bool(rows) and all(isinstance(row[at], int) or row[at] == "" for row in rows)
            table.add_column(column, justify="right" if numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        with self._above_progress():
            self._out.print(table)

    def _records(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        from rich.table import Table
        from rich.text import Text

        for number, row in enumerate(rows):
            record = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
            record.add_column(style="bold", no_wrap=True)
            record.add_column(overflow="fold")
            for column, cell in zip(columns, row, strict=True):
                record.add_row(Text(column), Text(str(cell)))
            with self._above_progress():
                self._out.print(*([""] if number else []), record, sep="\n")

    def document(self, document: object) -> None:
        """Print the JSON document, where one is asked for."""
        if self.as_json:
            text = json.dumps(document, indent=2, ensure_ascii=False)
            self._out.print(printable_json(text), markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show how far something is, on a terminal; what is yielded takes how many more are done."""
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        description = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
        counted = (BarColumn(None), MofNCompleteColumn()) if total else (TextColumn("{task.fields[counted]}"),)
        columns = (SpinnerColumn(), description, *counted, TimeElapsedColumn())
        # Rich's own redirection would print results to standard error.
        with Progress(
            *columns, console=_console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
        ) as progress:
            self._progress = progress
            task = progress.add_task(what, total=total, counted="")
            try:
                # Where nothing is counted there is no 0 either.
                yield lambda done: progress.update(
                    task, advance=done, counted=f"{progress.tasks[0].completed + done:.0f}"
                )
            finally:
                self._progress = None

    @contextlib.contextmanager
    def _above_progress(self) -> Iterator[None]:
        """Take the progress off the terminal while something is printed, and draw it again below."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        yield
        self._progress.start()


def _width(columns: Sequence[str], rows: Sequence[Sequence[object]], gap: int, length: Callable[[str], int]) -> int:
    cells = zip(columns, *rows, strict=True)
    return sum(max(length(str(cell)) for cell in column) for column in cells) + gap * (len(columns) - 1)


def _widest_has(available: int, widths: Sequence[int], gap: int) -> int:
    """Return the room that is left for the widest column, or its width if that is less."""
    left = available - (sum(widths) - max(widths)) - gap * (len(widths) - 1)
    return _LEAST_WIDTH if left >= max(widths) else left


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(highlight=False, emoji=False, stderr=stderr)
    return console if console.is_terminal else Console(highlight=False, emoji=False, stderr=stderr, width=LOG_WIDTH)


def _width_of(stream: TextIO) -> int | None:
    """Return the width of a terminal; None for what is none."""
    if not stream.isatty():
        return None
    with contextlib.suppress(ValueError):
        return int(os.environ["COLUMNS"]) if "COLUMNS" in os.environ else os.get_terminal_size(stream.fileno()).columns
    return FALLBACK_WIDTH


def _fitted(line: str, stream: TextIO) -> list[str]:
    """Return a line as a terminal can show it; elsewhere it stays whole."""
    width = _width_of(stream)
    return wrap(line, width) if width else [line]
