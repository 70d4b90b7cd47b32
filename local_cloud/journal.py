"""What a stand-in did, and what it was refused: the proof that the demo prints and the report keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local_cloud.markers import Line

_DENIALS = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")

Attempt = tuple[str, "Callable[[], object]"]
"""Something that must not be possible: what it is, in words, and how it is tried."""


@dataclass(slots=True)
class Journal:
    """The record of one stand-in."""

    allowed: list[str] = field(default_factory=list)
    """What it was to do and did, in words."""
    refused: list[str] = field(default_factory=list)
    """What it tried and was denied, in words."""
    broken: list[str] = field(default_factory=list)
    """Promises that did not hold: what it was to do and could not, what it was to be refused and was not."""
    markers: set[str] = field(default_factory=set)
    """The markers of the records it wrote."""
    private: set[str] = field(default_factory=set)
    """Texts in those records that must never leave the place where they landed."""
    forbidden: set[str] = field(default_factory=set)
    """Markers of records that are not the export's, and must not be archived or shipped."""
    session_seconds: int | None = None
    """How long the session is that it assumed, if it assumed one."""

    def did(self, what: str) -> None:
        """Note something that worked."""
        self.allowed.append(what)

    def wrote(self, lines: Iterable[Line]) -> None:
        """Note records that were accepted."""
        self.markers.update(line.marker for line in lines)

    def check(self, what: str, holds: bool) -> None:
        """Note a condition that must hold."""
        (self.allowed if holds else self.broken).append(what)

    def attempt(self, what: str, call: Callable[[], object], *, denials: tuple[str, ...] = _DENIALS) -> None:
        """Try something that must be refused.

        Only a denial counts. Any other error means that the request got past the permissions and failed for another
        reason, which is no refusal: it breaks the promise as a success would.

        Parameters
        ----------
        denials
            Error codes that are a denial.
        """
        try:
            call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # HEAD requests have no body, so their errors have no name.
            if code in denials or (code == "403" and denials == _DENIALS):
                self.refused.append(what)
            else:
                self.broken.append(f"was not refused but failed otherwise: {what} ({error})")
        else:
            self.broken.append(f"was allowed: {what}")

    def judge(self, what: str, *, is_allowed: bool) -> None:
        """Record what a policy says to a request that must be refused and that no caller here can make."""
        if is_allowed:
            self.broken.append(f"would be allowed: {what}")
        else:
            self.refused.append(what)

    def attempt_all(self, attempts: Iterable[Attempt]) -> None:
        """Try several things that must be refused."""
        for what, call in attempts:
            self.attempt(what, call)
