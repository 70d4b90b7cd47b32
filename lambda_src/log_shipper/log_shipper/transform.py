"""From records to the lines of a destination: filtered, redacted, rendered. Pure, and without a count of its own."""

from typing import NamedTuple

from log_shipper.errors import CorruptInputError
from log_shipper.export_config import ExportConfig
from log_shipper.fast import RawBlock, render_whole
from log_shipper.record import Record
from log_shipper.rendering import Renderer, fit, hour_of
from log_shipper.vendors.cockroachdb.parser import continuation_payload


class Refused(NamedTuple):
    """A record its destination will never take, with the reason, after redaction.

    ``end`` says how many records of the object come before what follows it.
    """

    reason: str
    time: str
    line: bytes
    end: int


class Segment(NamedTuple):
    """Lines of one object that travel together, and the figures that count once they are acknowledged."""

    renderer: Renderer
    data: bytes
    """Whole lines, or nothing when every record was filtered or refused."""
    sent: int
    filtered: int
    """`sent`, `filtered`: How many records the lines stand for, and how many were not wanted."""
    quarantined: int
    """How many records ``refused`` stands for."""
    refused: tuple[Refused, ...]
    """What to quarantine before the segment counts as acknowledged."""
    end: int
    """How many records of the object come before what follows the segment."""
    time: str
    """The time of the first record that is sent."""
    type: str = ""
    """The destination's type of the lines, which do not name it; empty where they do, or the destination has none."""
    record_boundaries: tuple[int, ...] | None = None
    """``end`` after each line, as far as whole records go; None where every line is a record and every record a
    line."""
    not_understood: int = 0
    """How many of the records their parser did not understand."""
    packed_bytes: int = 0
    """How much data the segment has that only the body holds in which it travels; ``data`` is empty meanwhile."""

    @property
    def records(self) -> int:
        """How many records the segment accounts for."""
        return self.sent + self.filtered + self.quarantined

    @property
    def size(self) -> int:
        """How many bytes the lines have."""
        return len(self.data) + self.packed_bytes

    def packed(self) -> "Segment":
        """Return the segment without its data."""
        return self._replace(data=b"", packed_bytes=self.size)

    def unpacked(self, data: bytes) -> "Segment":
        """Return the segment with its data."""
        return self._replace(data=data, packed_bytes=0)


def split_segment(segment: Segment) -> list[Segment]:
    """Cut a segment in two at a line, or return it alone when it is one line; each half counts for itself."""
    lines = segment.data.splitlines(keepends=True)
    if len(lines) < 2:
        return [segment]
    middle = len(lines) // 2
    start = segment.end - segment.records
    boundaries = segment.record_boundaries or range(start + 1, segment.end + 1)
    end = boundaries[middle - 1]
    # an end that is no further than the one before is that of a part of a record
    sent = len({*boundaries[:middle]} - {start})
    refused = tuple(item for item in segment.refused if item.end <= end)
    first = segment._replace(
        data=b"".join(lines[:middle]),
        sent=sent,
        filtered=end - start - sent - len(refused),
        quarantined=len(refused),
        refused=refused,
        end=end,
        record_boundaries=tuple(boundaries[:middle]),
    )
    second = segment._replace(
        data=b"".join(lines[middle:]),
        sent=segment.sent - first.sent,
        filtered=segment.filtered - first.filtered,
        quarantined=segment.quarantined - first.quarantined,
        refused=segment.refused[len(refused) :],
        record_boundaries=tuple(boundaries[middle:]),
    )
    return [first, second]


def refuse_lines(segment: Segment, refused: set[bytes] | None, reason: str) -> Segment:
    """Return a segment of which some lines (None: all) were refused by the destination; the others count as sent."""
    lines = segment.data.splitlines(keepends=True)
    taken = lines if refused is None else [line for line in lines if line in refused]
    count = segment.sent if refused is None else min(len(taken), segment.sent)
    added = tuple(Refused(reason, segment.time, segment.renderer.archive_line(line), segment.end) for line in taken)
    return segment._replace(
        sent=segment.sent - count, quarantined=segment.quarantined + count, refused=segment.refused + added
    )


class Transform(NamedTuple):
    """Filters, redacts and renders what was read of an object."""

    export: ExportConfig
    renderer: Renderer
    by_hour: bool = False
    """Start a new segment wherever the hour changes, for destinations that partition by it."""
    is_redacted: bool = False
    """True when the object was written under the policy in force, so that filters and redaction have been applied."""

    def render(self, block: RawBlock | list[Record], start: int) -> list[Segment]:
        """Return the segments of a block, whole where that gives the same lines as one by one.

        Parameters
        ----------
        start : int
            How many records of the object come before the block.
        """
        if isinstance(block, RawBlock):
            whole = render_whole(block, self.export, self.renderer, by_hour=self.by_hour, is_redacted=self.is_redacted)
            if whole is not None:
                end = start + whole.records
                return [Segment(self.renderer, whole.data, whole.records, 0, 0, (), end, whole.time, whole.type)]
            block = block.records()
        return self.render_records(block, start)

    def render_records(self, records: list[Record], start: int) -> list[Segment]:
        """Return the segments of records, one by one."""
        segments = []
        first = 0
        for stop in range(1, len(records) + 1):
            if stop == len(records) or (self.by_hour and hour_of(records[stop].time) != hour_of(records[first].time)):
                segments.append(self._segment(records[first:stop], start + first))
                first = stop
        return segments

    def _segment(self, records: list[Record], start: int) -> Segment:
        shape, config, renderer = self.renderer.shape, self.export, self.renderer
        lines: list[bytes] = []
        log_types: list[str] = []
        refused: list[Refused] = []
        boundaries = [start]
        filtered = sent = 0
        first = ""
        wanted = list(enumerate(records, start + 1))
        if not self.is_redacted:
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
            boundaries += [boundaries[-1]] * (len(rendered) - 1) + [end]
        data, named = renderer.joined(lines, log_types)
        time = first or records[0].time
        mixed = tuple(boundaries[1:]) if not len(lines) == sent == len(records) else None
        return Segment(
            renderer, data, sent, filtered, len(refused), tuple(refused), start + len(records), time, named, mixed,
            sum(not record.understood for record in records),
        )  # fmt: skip

    def refuse_rest(self, error: CorruptInputError, arrival: str, start: int) -> Segment:
        """Return a note in place of the rest of an object, which no retry makes readable; the object stays there."""
        note = Record(f"the rest of the object cannot be read: {error}", arrival, "unreadable")
        refused = Refused(str(error), arrival, self.renderer.archived(note), start + 1)
        return Segment(self.renderer, b"", 0, 0, 1, (refused,), start + 1, arrival)


def redacted(records: list[Record], config: ExportConfig) -> list[Record]:
    """Return records with messages and fields redacted, and names of fields too: a header may hold a secret."""
    redactor = config.redactor
    messages = redactor.redact_all([record.message for record in records])
    if config.vendor == "cockroachdb":
        for i, record in enumerate(records):
            if (start := continuation_payload(record.message)) >= 0:
                messages[i] = redactor.redact_continuation(record.message, start) or messages[i]
    values = iter(redactor.redact_all([value for record in records for value in (record.fields or {}).values()]))
    return [
        record._replace(
            message=message,
            fields={redactor.redact_name(name): next(values) for name in record.fields} if record.fields else None,
        )
        for record, message in zip(records, messages, strict=True)
    ]
