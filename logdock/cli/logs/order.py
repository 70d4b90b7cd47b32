"""Lines in the order of their times: held until nothing earlier can come, in memory or, when they are many, on disk."""

import sqlite3
from collections.abc import Iterator, Sequence

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.scan import Hit

IN_MEMORY_BYTES = 64 * 1024 * 1024
_LINE_BYTES = 100
"""Memory of a line in addition to its string, in bytes."""


class TimeOrderedBuffer:
    """Holds lines; those of the same time keep the order that they came in."""

    def __init__(self, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._limit, self._size, self._count = in_memory_bytes, 0, 0
        self._held: list[tuple[str, int, bytes]] = []
        self._disk: sqlite3.Connection | None = None

    def add(self, hits: Sequence[Hit]) -> None:
        """Take lines.

        Raises
        ------
        CommandError
            When the disk is full.
        """
        for time, line, _ in hits:
            self._held.append((time, self._count, line))
            self._count += 1
            self._size += len(line) + _LINE_BYTES
        if self._size > self._limit:
            self._spill()

    def release(self, before: str | None = None) -> Iterator[bytes]:
        """Yield the lines before a time, or all, and forget them."""
        if self._disk:
            self._spill()
            # every time is before a text that no digit begins
            bounds = [before or "~"]
            for (line,) in self._disk.execute("select line from held where time < ? order by time, number", bounds):
                yield line
            self._disk.execute("delete from held where time < ?", bounds)
            return
        self._held.sort()
        taken = 0
        while taken < len(self._held) and (before is None or self._held[taken][0] < before):
            self._size -= len(self._held[taken][2]) + _LINE_BYTES
            taken += 1
        for _, _, line in self._held[:taken]:
            yield line
        del self._held[:taken]

    def _spill(self) -> None:
        if self._disk is None:
            # a database without a name is a temporary file that SQLite removes
            self._disk = sqlite3.connect("", isolation_level=None)
            self._disk.execute("create table held (time text, number integer, line blob, primary key (time, number))")
            self._disk.execute("pragma journal_mode = off")
        try:
            self._disk.execute("begin")
            self._disk.executemany("insert into held values (?, ?, ?)", self._held)
            self._disk.execute("commit")
        except sqlite3.OperationalError as error:
            raise CommandError(
                f"the temporary file of the lines that wait for their order: {error}. TMPDIR names another directory; "
                "a shorter range has fewer",
                ExitCode.USAGE,
            ) from None
        self._held, self._size = [], 0
