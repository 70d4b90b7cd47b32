"""The user's own patterns, of redaction and of filters: they run in RE2, in time linear in the text."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from log_shipper.errors import ConfigurationError


class Pattern(NamedTuple):
    """A user's own pattern: a name for messages, an RE2 expression and what replaces a match."""

    name: str
    regex: str
    replacement: str | None = None


class _Match(Protocol):
    def span(self, group: int = 0) -> tuple[int, int]: ...


class Compiled(Protocol):
    """A pattern compiled by RE2."""

    @property
    def groups(self) -> int:
        """How many capturing groups it has."""

    def search(self, text: bytes, pos: int = 0) -> _Match | None:
        """Return the first match at or after ``pos``."""

    def finditer(self, text: bytes) -> Iterator[_Match]:
        """Return the matches, one behind the other."""


def compile_pattern(name: str, regex: str) -> Compiled:
    """Return a pattern compiled by RE2.

    Raises
    ------
    ConfigurationError
        When RE2 does not take the pattern; names the pattern, not its text.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Compiled = re2.compile(regex, options)
    except re2.error:
        raise ConfigurationError(f"pattern {name!r} is not a regular expression that RE2 accepts") from None
    return compiled


class Filter:
    """Says which texts are wanted: those that match some ``include`` (if there is any) and no ``exclude``.

    ``of`` ends the names of the two settings in messages.
    """

    def __init__(self, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), *, of: str = "") -> None:
        self._include = [compile_pattern(f"include{of}[{i}]", regex) for i, regex in enumerate(include)]
        self._exclude = [compile_pattern(f"exclude{of}[{i}]", regex) for i, regex in enumerate(exclude)]
        self.active = bool(self._include or self._exclude)

    def wants(self, text: str) -> bool:
        """Say whether what this is the original text of, or the key of, is to be shipped."""
        data = text.encode("utf-8", "surrogatepass")
        if self._include and not any(pattern.search(data) for pattern in self._include):
            return False
        return not any(pattern.search(data) for pattern in self._exclude)


def matches(pattern: Compiled, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where a pattern matches, one behind the other; an empty match is none."""
    for match in pattern.finditer(data):
        start, end = match.span(0)
        if end > start:
            yield start, end
