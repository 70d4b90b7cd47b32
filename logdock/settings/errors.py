"""The error of a settings file that cannot be used, and what it says of each broken rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetail:
    """One broken rule."""

    place: str
    """The setting as messages have it: `exports[17] (orders-eu).log_types[0]`. Empty for the file as a whole."""
    message: str
    """What is wrong, on one line."""
    path: str = ""
    """The setting without names: `exports[17].log_types[0]`."""
    file: Path | None = None
    """The file that the value is in, if it is in one."""
    line: int | None = None
    column: int | None = None
    export: str | None = None
    value: str | None = None
    """The value as far as it may be shown: never what may be a secret."""
    allowed: str | None = None
    """What would have been accepted."""


class SettingsError(Exception):
    """A settings file that cannot be used. The text lists every error: line, setting, value, what is allowed.

    Attributes
    ----------
    file
        The settings file.
    details
        The errors in the order of the lines: those of the settings file first, then those of each file that it extends.
    """

    def __init__(self, file: Path, details: Sequence[ErrorDetail]) -> None:
        files = list(dict.fromkeys([file, *(each.file or file for each in details)]))
        by_line = sorted(details, key=lambda each: (files.index(each.file or file), each.line or 0, each.column or 0))
        self.file, self.details = file, tuple(by_line)
        super().__init__(self._text())

    def _text(self) -> str:
        first = self.details[0]
        if not first.place:
            # the file as a whole: there is nothing else to list
            position = "".join(f":{number}" for number in (first.line, first.column) if number is not None)
            return f"{self.file}{position}: {first.message}"
        lines = list(dict.fromkeys(f"  {self._position(each)}{each.place}: {each.message}" for each in self.details))
        count = f"{len(lines)} errors" if len(lines) > 1 else "1 error"
        return "\n".join([f"{self.file}: {count}", *lines])

    def _position(self, detail: ErrorDetail) -> str:
        return f"{detail.file or self.file}:{detail.line}: " if detail.line is not None else ""

    def as_documents(self) -> list[dict[str, object]]:
        """List the errors for a script: file, line, column, path, export, value, message and allowed."""
        return [
            {
                "file": str(each.file or self.file),
                "line": each.line,
                "column": each.column,
                "path": each.path,
                "export": each.export,
                "value": each.value,
                "message": each.message,
                "allowed": each.allowed,
            }
            for each in self.details
        ]
