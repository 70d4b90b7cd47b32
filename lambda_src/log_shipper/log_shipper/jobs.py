"""One object on its way to one destination: where reading stands, what is acknowledged, what was set aside."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from log_shipper.export_config import ExportConfig
from log_shipper.fast import Wrapped, has_long_line, pass_through, wrap, wrap_at
from log_shipper.lines import is_utf8, text_of
from log_shipper.reading import RawBlock
from log_shipper.record import Record
from log_shipper.rendering import Renderer, fit, hour_of
from log_shipper.telemetry import Tally
from log_shipper.vendors.cockroachdb.parser import unjudged_payload

SAVE_EVERY_BYTES = 16 * 1024 * 1024
"""A function that is killed repeats this much and a body at most; one that fails or runs out of time nothing."""


def identity_of(*parts: str) -> str:
    """Return 16 hex digits that stand for a source: the same parts give the same digits."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Refused(NamedTuple):
    """A record its destination will never take, with the reason, after redaction.

    ``end`` says how many records of the object come before what follows it.
    """

    reason: str
    time: str
    line: bytes
    end: int


class Segment(NamedTuple):
    """Lines of one job that travel together, and the figures that count once they are acknowledged.

    Attributes
    ----------
    data : bytes
        Whole lines, or nothing when every record was filtered or refused.
    sent, filtered : int
        How many records the lines stand for, and how many were not wanted.
    quarantined : int
        How many records ``refused`` stands for.
    refused : tuple of Refused
        What to quarantine before the segment counts as acknowledged.
    end : int
        How many records of the object come before what follows the segment.
    time : str
        The time of the first record that is sent.
    type : str
        The destination's type of the lines, which do not name it; empty where they do, or the destination has none.
    ends : tuple of int or None
        ``end`` after each line, as far as whole records go; None where every line is a record and every record a line.
    """

    data: bytes
    sent: int
    filtered: int
    quarantined: int
    refused: tuple[Refused, ...]
    end: int
    time: str
    type: str = ""
    ends: tuple[int, ...] | None = None

    @property
    def records(self) -> int:
        """How many records the segment accounts for."""
        return self.sent + self.filtered + self.quarantined


def halves(segment: Segment) -> list[Segment]:
    """Cut a segment in two at a line, or return it alone when it is one line; each half counts for itself."""
    lines = segment.data.splitlines(keepends=True)
    if len(lines) < 2:
        return [segment]
    middle = len(lines) // 2
    start = segment.end - segment.records
    ends = segment.ends or range(start + 1, segment.end + 1)
    end = ends[middle - 1]
    # an end that is no further than the one before is that of a part of a record
    sent = len({*ends[:middle]} - {start})
    refused = tuple(item for item in segment.refused if item.end <= end)
    first = segment._replace(
        data=b"".join(lines[:middle]),
        sent=sent,
        filtered=end - start - sent - len(refused),
        quarantined=len(refused),
        refused=refused,
        end=end,
        ends=tuple(ends[:middle]),
    )
    second = segment._replace(
        data=b"".join(lines[middle:]),
        sent=segment.sent - first.sent,
        filtered=segment.filtered - first.filtered,
        quarantined=segment.quarantined - first.quarantined,
        refused=segment.refused[len(refused) :],
        ends=tuple(ends[middle:]),
    )
    return [first, second]


def refuse_lines(job: "Job", segment: Segment, refused: set[bytes] | None, reason: str) -> Segment:
    """Return a segment of which some lines (None: all) were refused by the destination; the others count as sent."""
    lines = segment.data.splitlines(keepends=True)
    taken = lines if refused is None else [line for line in lines if line in refused]
    count = segment.sent if refused is None else min(len(taken), segment.sent)
    added = tuple(Refused(reason, segment.time, job.renderer.archive_line(line), segment.end) for line in taken)
    return segment._replace(
        sent=segment.sent - count, quarantined=segment.quarantined + count, refused=segment.refused + added
    )


@dataclass(slots=True)
class Job:
    """One object on its way.

    Attributes
    ----------
    export : ExportConfig
        Whose logs it holds.
    identity : str
        Stands for the object: bucket, key and version.
    renderer : Renderer
        Writes its lines for the destination.
    quarantine : callable
        Stores the refused records of a segment; raises when it cannot.
    save : callable
        Keeps the positions of jobs for a later invocation; never raises.
    marked : bool
        True when the end of the object is kept too, because sending it again would put it there twice.
    claimed : bool
        True when this invocation has claimed the object, so that no other ships it meanwhile.
    held_seconds : float
        How long another invocation's claim lasts, because of which the object is not shipped now.
    redacted : bool
        True when the object was written under the policy in force, so that filters and redaction have been applied.
    position : int
        How many records are acknowledged, from the object's start.
    skip : int
        How many records were acknowledged by earlier invocations.
    complete : bool
        True once the object was read to its end.
    saved : bool
        True once its progress was kept, here or by an earlier invocation.
    done : bool
        True once it was kept that the object is settled.
    unsaved_bytes : int
        How much was acknowledged since then.
    max_expansion : int or None
        The limit that the object exceeded, so that its rest was not read; None when it was read to its end.
    """

    export: ExportConfig
    identity: str
    renderer: Renderer
    quarantine: "Callable[[Job, Segment], None]"
    save: "Callable[[list[Job]], None]"
    marked: bool = False
    claimed: bool = False
    held_seconds: float = 0.0
    redacted: bool = False
    position: int = 0
    skip: int = 0
    seen: int = 0
    complete: bool = False
    saved: bool = False
    done: bool = False
    unsaved_bytes: int = 0
    max_expansion: int | None = None
    tally: Tally = field(default_factory=Tally)

    def take(self, raw: RawBlock | list[Record], *, by_hour: bool = False) -> list[Segment]:
        """Take records; a raw block whole where that gives the same lines as one by one, and one by one where not."""
        if not isinstance(raw, RawBlock):
            return self.segments(raw, by_hour=by_hour)
        wrapped = self._wrapped(raw, by_hour=by_hour)
        if wrapped is None:
            return self.segments(raw.records(), by_hour=by_hour)
        self.seen += wrapped.records
        self.tally.records_in += wrapped.records
        return [Segment(wrapped.data, wrapped.records, 0, 0, (), self.seen, wrapped.time, wrapped.type)]

    def _wrapped(self, raw: RawBlock, *, by_hour: bool) -> Wrapped | None:
        renderer, config = self.renderer, self.export
        if self.seen < self.skip or (config.filter.active and not self.redacted):
            return None
        limit = renderer.shape.max_message_chars
        block = raw.block
        if isinstance(block, str) and (limit is not None or config.redactor.active):
            block = block.encode()
        if isinstance(block, bytes):
            if not is_utf8(block):
                # what is not UTF-8 is redacted, measured and shipped as it is then shown
                block = text_of(block).encode()
            if config.redactor.active and not self.redacted:
                redacted_block = config.redactor.redact_lines(block)
                if redacted_block is None:
                    return None
                block = redacted_block
            if has_long_line(block, limit):
                return None
            if raw.way == "archive":
                return pass_through(block, renderer, by_hour=by_hour) if self.redacted else None
        if raw.way == "arrival":
            return wrap_at(block, raw.times, renderer, raw.log_type, by_hour=by_hour)
        return wrap(block, renderer, raw.log_type, by_hour=by_hour)

    def segments(self, records: list[Record], *, by_hour: bool = False) -> list[Segment]:
        """Filter, redact and render records; the ones that earlier invocations acknowledged are passed over.

        Parameters
        ----------
        by_hour : bool
            Start a new segment wherever the hour changes, for destinations that partition by it.
        """
        if self.seen < self.skip:
            passed = min(self.skip - self.seen, len(records))
            self.seen += passed
            self.tally.resumed += passed
            records = records[passed:]
        if not records:
            return []
        self.tally.records_in += len(records)
        self.tally.not_understood += sum(not record.understood for record in records)
        segments = []
        start = 0
        for stop in range(1, len(records) + 1):
            if stop == len(records) or (by_hour and hour_of(records[stop].time) != hour_of(records[start].time)):
                segments.append(self._segment(records[start:stop]))
                start = stop
        return segments

    def _segment(self, records: list[Record]) -> Segment:
        shape, config, renderer = self.renderer.shape, self.export, self.renderer
        lines: list[bytes] = []
        log_types: list[str] = []
        refused: list[Refused] = []
        ends = [self.seen]
        filtered = sent = 0
        first = ""
        wanted = list(enumerate(records, self.seen + 1))
        if not self.redacted:
            if config.filter.active:
                wanted = [(end, record) for end, record in wanted if config.filter.wants(record.message)]
                filtered = len(records) - len(wanted)
            if config.redactor.active:
                shown = redacted([record for _, record in wanted], config)
                wanted = [(end, record) for (end, _), record in zip(wanted, shown, strict=True)]
        for end, record in wanted:
            parts = fit(record, shape.max_message_chars, config.oversize)
            rendered = [renderer.line(part) for part in parts]
            limit = shape.max_line_bytes
            if not parts or (limit is not None and max(map(len, rendered)) > limit):
                line = renderer.archived(record)
                refused.append(Refused("the record is longer than the destination takes", record.time, line, end))
                continue
            sent += 1
            first = first or record.time
            lines += rendered
            log_types += [record.log_type] * len(rendered)
            ends += [ends[-1]] * (len(rendered) - 1) + [end]
        self.seen += len(records)
        data, named = renderer.joined(lines, log_types)
        time = first or records[0].time
        mixed = tuple(ends[1:]) if not len(lines) == sent == len(records) else None
        return Segment(data, sent, filtered, len(refused), tuple(refused), self.seen, time, named, mixed)

    def acknowledge(self, segment: Segment) -> None:
        """Count a segment as settled, after storing what it refuses."""
        if segment.refused:
            self.quarantine(self, segment)
        self.position = segment.end
        self.tally.sent += segment.sent
        self.tally.filtered += segment.filtered
        self.tally.quarantined += segment.quarantined
        self.tally.bytes_out += len(segment.data)
        self.unsaved_bytes += max(1, len(segment.data))

    def leave(self, segment: Segment) -> None:
        """Count a segment as left for the next attempt."""
        self.tally.left += segment.records

    @property
    def settled(self) -> bool:
        """True when the whole object was read and all of it is acknowledged."""
        return self.complete and self.position == self.seen

    def is_to_be_kept(self, *, at_once: bool = False) -> bool:
        """Say whether there is something to keep: the end of the object, or 16 MiB of it (``at_once``: anything)."""
        if self.settled:
            return (self.marked or self.saved) and not self.done
        return self.unsaved_bytes >= (1 if at_once else SAVE_EVERY_BYTES)


def keep(jobs: "Iterable[Job]", *, at_once: bool = False) -> None:
    """Keep what is acknowledged of jobs: what is finished of them takes one write together."""
    wanted = [job for job in jobs if job.is_to_be_kept(at_once=at_once)]
    if wanted:
        wanted[0].save(wanted)


def acknowledge(pending: list[tuple[Job, Segment]], settled: list[tuple[Job, Segment]]) -> None:
    """Settle the first pending segments, and keep what should be kept of their jobs before anything else is done.

    ``settled`` are those segments, perhaps with refused lines marked.
    """
    for job, segment in settled:
        job.acknowledge(segment)
        del pending[0]
    keep({id(job): job for job, _ in settled}.values())


def redacted(records: list[Record], config: ExportConfig) -> list[Record]:
    """Return records with messages and fields redacted, and names of fields too: a header may hold a secret."""
    redactor = config.redactor
    messages = redactor.redact_all([record.message for record in records])
    if config.vendor == "cockroachdb":
        for i, record in enumerate(records):
            if (start := unjudged_payload(record.message)) >= 0:
                messages[i] = redactor.redact_unjudged(record.message, start) or messages[i]
    values = iter(redactor.redact_all([value for record in records for value in (record.fields or {}).values()]))
    return [
        record._replace(
            message=message,
            fields={redactor.redact_name(name): next(values) for name in record.fields} if record.fields else None,
        )
        for record, message in zip(records, messages, strict=True)
    ]
