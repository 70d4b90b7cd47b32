"""The events of one log stream, read as lines in as many payloads as they come: a record may go on in the next one."""

from collections.abc import Iterable, Iterator

from log_shipper import fast, timestamps
from log_shipper.events import LogEvents
from log_shipper.export_config import ExportConfig
from log_shipper.fast import RawBlock
from log_shipper.line_readers import VENDOR_FORMATS, line_reader
from log_shipper.progress import Progress
from log_shipper.reading import Accounted
from log_shipper.record import Origin, Record
from log_shipper.rendering import Renderer, Shape
from log_shipper.transform import Segment, Transform
from log_shipper.vendors.aurora_mysql import parser as aurora_mysql
from log_shipper.vendors.cockroachdb import parser as cockroachdb

BLOCK_EVENTS = 500
"""Events that are taken as one block: memory and page faults grow with a block, not with a payload."""


class LogStream:
    """Turns a log stream's payloads into records; where the payloads were cut makes no difference.

    Parameters
    ----------
    log_group, log_stream : str
        Which one it is.
    config : ExportConfig
        The export that it belongs to.
    """

    def __init__(self, log_group: str, log_stream: str, config: ExportConfig) -> None:
        name = config.format_name if config.format_name != "auto" else VENDOR_FORMATS[config.vendor]
        self._format = "json-lines" if name == "json" else name
        self._config = config
        self._log_type = aurora_mysql.log_type_of(log_group)
        self._reader = Accounted(line_reader(self._format, config.record_start))
        source = f"cloudwatch:{log_group}:{log_stream}"
        fields = cockroachdb.stream_fields(log_stream) if config.vendor == "cockroachdb" else None
        renderer = Renderer(Shape(), export=config.name, vendor=config.vendor, source=source, fields=fields)
        self.transform = Transform(config, renderer, by_hour=True)

    def take(self, payload: LogEvents) -> Iterator[RawBlock | list[Record]]:
        """Yield what the next payload completes: its messages as blocks where each is a line, records where not.

        What is yielded must be read before the next is asked for: a block that is read line by line may hold a record
        back.
        """
        for part in self._parts(payload):
            raw = self._block(part)
            if raw is None:
                yield self.records(part)
                continue
            # its first line begins a record, so nothing held back goes on in it
            yield from self.finish()
            yield raw

    def _parts(self, payload: LogEvents) -> Iterator[LogEvents]:
        """Yield a payload in parts of bounded size; Aurora's whole, because its events are put in order."""
        size = len(payload.events) if self._config.vendor == "aurora-mysql" else BLOCK_EVENTS
        for start in range(0, len(payload.events), max(1, size)):
            yield payload._replace(events=payload.events[start : start + size])

    def finish(self) -> list[list[Record]]:
        """Return the record that was waiting for more lines, if any."""
        held = self._reader.finish()
        return [held] if held else []

    def check(self) -> None:
        """Raise when records do not hold all of the events' messages; only after `finish`.

        Raises
        ------
        AccountingError
            A defect of the format's reader.
        """
        self._reader.check()

    def records(self, payload: LogEvents) -> list[Record]:
        """Return the records that a payload completes: each event's message is one line."""
        lines: list[tuple[str, Origin]] = []
        for event in payload.events:
            message = event["message"].rstrip("\r\n")
            if message and not message.isspace():
                arrival = timestamps.from_epoch(event["timestamp"]) or "1970-01-01T00:00:00Z"
                lines.append((message, Origin(arrival, self._log_type)))
        records = self._reader.feed(lines)
        if self._config.vendor == "aurora-mysql":
            records.sort(key=lambda record: record.time)
        return records

    def _block(self, payload: LogEvents) -> RawBlock | None:
        messages = payload.column("message")
        text = "\n".join(messages)
        if self._config.record_start or "\r" in text or "\n" in "".join(messages):
            return None
        timestamp_source = fast.source_of_events(text, self._format)
        if not timestamp_source:
            return None
        times = timestamps.from_epoch_ms(payload.column("timestamp")) if timestamp_source == "arrival" else []
        return RawBlock(text, timestamp_source, self._log_type, times, lambda: self.records(payload))


class LogStreams:
    """The log streams of one export in an invocation: payloads in, segments of archive lines out. Pure.

    Parameters
    ----------
    config : ExportConfig
        The export.
    identity : str
        Stands for the invocation's input.
    """

    def __init__(self, config: ExportConfig, identity: str) -> None:
        self._config = config
        self._streams: dict[tuple[str, str], LogStream] = {}
        self.progress = Progress(config, identity)

    def take(self, payload: LogEvents) -> Iterator[Segment]:
        """Yield what a payload completes."""
        self.progress.tally.bytes_in += payload.size
        which = (payload.log_group, payload.log_stream)
        if which not in self._streams:
            self._streams[which] = LogStream(*which, self._config)
        yield from self._segments(self._streams[which], self._streams[which].take(payload))

    def finish(self) -> Iterator[Segment]:
        """Yield what the streams still held."""
        for stream in self._streams.values():
            yield from self._segments(stream, stream.finish())
        self.progress.complete = True

    def check(self) -> None:
        """Raise when records do not hold all of the messages; only after `finish`.

        Raises
        ------
        AccountingError
            A defect of the format's reader.
        """
        for stream in self._streams.values():
            stream.check()

    def _segments(self, stream: LogStream, blocks: Iterable[RawBlock | list[Record]]) -> Iterator[Segment]:
        for block in blocks:
            yield from self.progress.render(block, stream.transform)
