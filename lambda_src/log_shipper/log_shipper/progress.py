"""How far an object has got on its way to one destination: what was read of it, what is acknowledged, what is saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from log_shipper.errors import AccountingError, CorruptInputError, ExpansionError
from log_shipper.telemetry import Tally
from log_shipper.transform import Segment, Transform

if TYPE_CHECKING:
    from log_shipper.export_config import ExportConfig
    from log_shipper.fast import RawBlock
    from log_shipper.record import Record

SAVE_EVERY_BYTES = 16 * 1024 * 1024
"""After so much, progress is saved while the next bodies are posted. A function that is killed repeats twice as much,
and the bodies that were on their way, at most."""


@dataclass(slots=True)
class Progress:
    """How far one object has got."""

    export: ExportConfig
    identity: str
    """Stands for the object: bucket, key and version."""
    saves_completion: bool = False
    """True when the end of the object is saved too, because sending it again would put it there twice."""
    claimed: bool = False
    """True when this invocation has claimed the object, so that no other ships it meanwhile."""
    held_seconds: float = 0.0
    """How long another invocation's claim lasts, because of which the object is not shipped now."""
    position: int = 0
    """How many records are acknowledged, from the object's start."""
    skip: int = 0
    """How many records were acknowledged by earlier invocations."""
    seen: int = 0
    """How many records were read, those among them."""
    complete: bool = False
    """True once the object was read to its end."""
    saved: bool = False
    """True once its progress was saved, here or by an earlier invocation."""
    completion_saved: bool = False
    """True once it was saved that the object is settled."""
    unsaved_bytes: int = 0
    """How much was acknowledged since then."""
    max_expansion: int | None = None
    """The limit that the object exceeded, so that its rest was not read; None when it was read to its end."""
    tally: Tally = field(default_factory=Tally)

    def render(self, block: RawBlock | list[Record], transform: Transform) -> list[Segment]:
        """Return the segments of the next block; the records that earlier invocations acknowledged are passed over."""
        if self.seen < self.skip:
            records = block if isinstance(block, list) else block.records()
            passed = min(self.skip - self.seen, len(records))
            self.seen += passed
            self.tally.resumed += passed
            block = records[passed:]
        return self._count(transform.render(block, self.seen))

    def refuse_rest(self, error: CorruptInputError, arrival: str, transform: Transform) -> list[Segment]:
        """Return a note in place of the rest of the object."""
        if isinstance(error, ExpansionError):
            self.max_expansion = self.export.max_expansion
        return self._count([transform.refuse_rest(error, arrival, self.seen)])

    def _count(self, segments: list[Segment]) -> list[Segment]:
        for segment in segments:
            self.seen = segment.end
            self.tally.records_in += segment.records
            self.tally.not_understood += segment.not_understood
        return segments

    def acknowledge(self, segment: Segment) -> None:
        """Count a segment as settled."""
        self.position = segment.end
        self.tally.sent += segment.sent
        self.tally.filtered += segment.filtered
        self.tally.quarantined += segment.quarantined
        self.tally.bytes_out += segment.size
        self.unsaved_bytes += max(1, segment.size)

    def release(self, segment: Segment) -> None:
        """Count a segment as left for the next attempt."""
        self.tally.left += segment.records

    @property
    def settled(self) -> bool:
        """True when the whole object was read and all of it is acknowledged."""
        return self.complete and self.position == self.seen

    def should_save(self, *, at_once: bool = False) -> bool:
        """Say whether there is something to save: the end of the object, or 16 MiB of it (``at_once``: anything)."""
        if self.settled:
            return (self.saves_completion or self.saved) and not self.completion_saved
        return self.unsaved_bytes >= (1 if at_once else SAVE_EVERY_BYTES)


Pending = list[tuple[Progress, Segment]]
"""Segments that are not acknowledged yet, in order."""
Acknowledge = Callable[[Pending, Pending], None]
"""Settles the first pending segments with what became of them."""


def acknowledge(pending: Pending, settled: Pending) -> None:
    """Settle the first pending segments, for a writer that refuses nothing and starts again from the beginning.

    Raises
    ------
    AccountingError
        When a record was refused: a defect.
    """
    for progress, segment in settled:
        if segment.refused:
            raise AccountingError("a record was refused where none may be")
        progress.acknowledge(segment)
        del pending[0]
