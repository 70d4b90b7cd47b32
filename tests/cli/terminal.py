"""A terminal in the test's own process: what a person sees of a command, after each write.

pyte interprets what is written, as a terminal does: cursor movements, erased lines, wrapped lines.
"""

import io
import re
from dataclasses import dataclass, field

import pyte
import pytest

SPINNER = re.compile(r"[\u2800-\u28ff]")
PROGRESS = re.compile(r"[\u2800-\u28ff] [\w' …]+?(?: +[━╸╺ ]+)?(?: +\d+(?:/ ?\d+)?)? +\d+:\d\d:\d\d")
LINES = 400
"""So many that nothing scrolls away."""


class _Screen(pyte.Screen):
    """Counts the rows that the terminal itself began, because a line was wider than it."""

    wrapped: list[str]

    def draw(self, data: str) -> None:
        if self.cursor.x + len(data) > self.columns:
            for character in data:
                if self.cursor.x >= self.columns:
                    self.wrapped.append(self.row(self.cursor.y))
                super().draw(character)
        else:
            super().draw(data)

    def row(self, number: int) -> str:
        row = self.buffer[number]
        return "".join(row[at].data for at in range(max(row, default=-1) + 1)).rstrip()


@dataclass
class Terminal:
    """A terminal of some width.

    Attributes
    ----------
    faults
        Rows on which the progress stood beside something else, at any moment.
    """

    columns: int
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._screen = _Screen(self.columns, LINES)
        self._screen.wrapped = []
        self._stream = pyte.ByteStream(self._screen)

    def write(self, data: bytes) -> None:
        self._stream.feed(data.replace(b"\n", b"\r\n"))
        for number in self._screen.dirty:
            row = self._screen.row(number)
            if SPINNER.search(row) and not PROGRESS.fullmatch(row):
                self.faults.append(row)
        self._screen.dirty.clear()

    @property
    def rows(self) -> list[str]:
        """What is on the screen, without the blank rows at the end."""
        return "\n".join(map(self._screen.row, range(LINES))).rstrip().split("\n")

    @property
    def wrapped(self) -> list[str]:
        """The rows that were too long: the terminal went on with them on the next one."""
        return self._screen.wrapped

    @property
    def is_tidy(self) -> bool:
        """Whether no progress is left, and the cursor is shown."""
        return not self._screen.cursor.hidden and not any(SPINNER.search(row) for row in self.rows)

    def install(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        """Make it the terminal of some streams of this process."""
        monkeypatch.setenv("COLUMNS", str(self.columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name in names or ("stdout", "stderr"):
            monkeypatch.setattr(f"sys.{name}", _Stream(_Raw(self), encoding="utf-8", write_through=True))


class _Raw(io.RawIOBase):
    name = "terminal"

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        written = bytes(data)  # type: ignore[call-overload]
        self._terminal.write(written)
        return len(written)


class _Stream(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True
