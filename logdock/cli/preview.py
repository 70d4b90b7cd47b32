"""`logdock preview`: what the archive would hold of some lines, by the shipper's own code, without AWS.

A file goes the way of the export: an object through `log_shipper.reading`, log events through `log_shipper.log_stream`.
"""

import base64
import dataclasses
import gzip
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import orjson
import typer
from log_shipper.decode import decoded, decoded_within
from log_shipper.errors import CorruptInputError, ShipperError
from log_shipper.events import FILTER_PREFIX, MAX_PAYLOAD_BYTES, LogEvents, subscriptions_in
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.lines import line_blocks, text_of, utf8, with_head
from log_shipper.log_stream import LogStreams
from log_shipper.progress import Progress
from log_shipper.reading import key_fields, read_landed
from log_shipper.redaction import Redactor
from log_shipper.rendering import Renderer, Shape
from log_shipper.telemetry import Tally
from log_shipper.transform import Segment, Transform

from logdock.cli.account import read_settings
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.logs.times import moment
from logdock.cli.options import DEFAULT_SETTINGS, SettingsFile
from logdock.cli.screen import Screen
from logdock.cli.terminal import printable, printable_json_lines
from logdock.settings.landing import LogGroupLanding
from logdock.settings.shipper_document import shipper_document

EXAMPLES = """
Examples:

`logdock preview --export ledger cockroach.log` shows the records of a file, redacted

`logdock preview --export atlas --key prod/host-1/mongodb-audit-log/a.gz a.gz --json | tail -1` prints the figures

`kubectl logs api | logdock preview --export app -` reads standard input
"""
CHUNK_BYTES = 128 * 1024
"""How much is read at once; the shipper reads an object in the same pieces."""
_BATCH_EVENTS, _BATCH_BYTES = 10_000, 1024 * 1024
"""The largest batch that CloudWatch Logs takes (API Reference, "PutLogEvents"); a subscription delivers no larger."""
_EVENT = re.compile(rb'"(?:awslogs|kinesis|logEvents)"')
_HIGHLIGHT, _PLAIN = "\x1b[1;33m", "\x1b[0m"


def preview(
    export: Annotated[str, typer.Option(metavar="NAME", help="Export whose settings apply.")],
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Files; - is standard input. Default: -.")
    ] = None,
    settings: SettingsFile = DEFAULT_SETTINGS,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Object key in the landing bucket. Default: the file's name.")
    ] = None,
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Log group of the lines. Default: the export's first.")
    ] = None,
    stream_name: Annotated[str, typer.Option(metavar="NAME", help="Log stream of the lines.")] = "preview",
    arrival: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the lines arrived. Default: the file's modification time, or now."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, as the archive has them, then a summary.")
    ] = False,
) -> None:
    """Show how files would be parsed, filtered and redacted.

    Runs the shipper's own code on your machine, with the settings of one export. It needs no AWS credentials and sends
    nothing. On a terminal, replacements made by redaction are highlighted. The exit code is 1 when a file, or a part of
    it, would be quarantined.
    """
    screen = Screen(as_json=as_json)
    deployment = read_settings(settings)
    exports = {each.name: each for each in deployment.exports}
    require_known(export, exports, f"{export}: the settings have no such export")
    chosen = exports[export]
    try:
        config = parse_export_config(chosen.name, orjson.dumps(shipper_document(chosen)))
    except ShipperError as error:
        raise CommandError(str(error), ExitCode.USAGE) from None
    arrived = moment("--arrival", arrival, datetime.now(UTC)) if arrival else None
    preview: _LandedPreview | _LoggedPreview
    printer = _JsonPrinter() if as_json else _TextPrinter(config)
    landing = chosen.landing(deployment)
    if isinstance(landing, LogGroupLanding):
        _refuse_option("--key", key, "lands in log groups: use --log-group and --stream-name")
        log_group = log_group or next(iter((*landing.names, *landing.prefixes)), "preview")
        preview = _LoggedPreview(config, printer, log_group, stream_name)
        preview.joins_files = deployment.subscriptions == "kinesis"
    else:
        _refuse_option("--log-group", log_group, "lands in a bucket: use --key")
        preview = _LandedPreview(config, printer, landing.bucket, key)
    for name in files or ["-"]:
        with _opened(name) as (file, modified):
            preview.take(name, file, arrived or modified)
    preview.finish()
    for name, reason in preview.quarantined:
        screen.note(f"Quarantined: {name}: {reason}")
    for name, key in preview.not_wanted:
        screen.note(
            f"Not read: {name}: by include_keys or exclude_keys of {chosen.name} an object with the key {key} is not "
            "wanted; --key says another"
        )
    summary = preview.summary()
    if as_json:
        _write(orjson.dumps({"summary": summary}) + b"\n")
    sys.stdout.flush()
    if not as_json:
        screen.note(", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in summary.items()))
    if preview.quarantined:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _refuse_option(option: str, value: str | None, reason: str) -> None:
    if value is not None:
        raise CommandError(f"{option} {value}: the export {reason}", ExitCode.USAGE)


@contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, datetime]]:
    """Open a file, or standard input; yields it and when it was modified."""
    if name == "-":
        yield sys.stdin.buffer, datetime.now(UTC)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below; a failed write is not this file's error
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", ExitCode.USAGE) from None
    with file:
        yield file, datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)


def _is_terminal() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)


class _JsonPrinter:
    """Prints archive lines as they are."""

    compares = False

    def print(self, lines: bytes, _unredacted: bytes) -> None:
        _write(printable_json_lines(lines))


class _TextPrinter:
    """Prints records for a person; on a terminal, highlights the replacements in those that redaction changed."""

    def __init__(self, config: ExportConfig) -> None:
        self.compares = config.redactor.active and _is_terminal()
        tokens = sorted(filter(None, config.redactor.replacements), key=len, reverse=True)
        self._tokens = re.compile("|".join(re.escape(printable(token)) for token in tokens))

    def print(self, lines: bytes, unredacted: bytes) -> None:
        before = unredacted.split(b"\n") if self.compares else []
        for i, line in enumerate(lines.split(b"\n")[:-1]):
            record = orjson.loads(line)
            head = printable("{time} {export} {log_type}".format_map(record))
            message = printable(str(record["message"]))
            if self.compares and line != before[i]:
                message = self._tokens.sub(lambda token: f"{_HIGHLIGHT}{token[0]}{_PLAIN}", message)
            _write(f"{head} {message}\n".encode())


class _Preview:
    """Counts what is printed and what is not; subclasses read their kind of export."""

    def __init__(self, config: ExportConfig, printer: _JsonPrinter | _TextPrinter) -> None:
        self.config, self.printer = config, printer
        self.unredacted = dataclasses.replace(config, redactor=Redactor())
        self.quarantined: list[tuple[str, str]] = []
        self.not_wanted: list[tuple[str, str]] = []
        self._total = Tally()
        self._bytes = 0

    def summary(self) -> dict[str, int]:
        """Return the figures of everything that was read; records are those printed."""
        total = self._total
        return {
            "bytes_in": self._bytes,
            "records": total.sent,
            "filtered": total.filtered,
            "quarantined": total.quarantined,
            "not_understood": total.not_understood,
            "failed_logins": total.failed_logins,
        }

    def chunks_of(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield a file in pieces, and count its bytes."""
        while chunk := file.read(CHUNK_BYTES):
            self._bytes += len(chunk)
            yield chunk

    def show(self, progress: Progress, segments: Iterable[Segment], before: Iterable[Segment], name: str = "") -> None:
        """Print segments; ``before`` are the same without redaction, where the printer compares."""
        data = []
        for segment in segments:
            progress.acknowledge(segment)
            self.quarantined += [(name, refused.reason) for refused in segment.refused]
            data.append(segment.data)
        unredacted = b"".join(segment.data for segment in before)
        self.printer.print(b"".join(data), unredacted)

    def count(self, progress: Progress) -> None:
        """Add the figures of what is read to its end."""
        progress.tally.check()
        self._total.add(progress.tally)


class _LandedPreview(_Preview):
    """Previews objects of a landing bucket: each file is one."""

    def __init__(
        self, config: ExportConfig, printer: _JsonPrinter | _TextPrinter, bucket: str, key: str | None
    ) -> None:
        super().__init__(config, printer)
        self._bucket, self._key = bucket, key

    def take(self, name: str, file: BinaryIO, arrived: datetime) -> None:
        """Print the records of an object."""
        key = self._key or ("stdin" if name == "-" else Path(name).name)
        if not self.config.keys.wants(key):
            self.not_wanted.append((name, key))
            return
        source, fields = f"s3://{self._bucket}/{key}", key_fields(key, self.config.vendor, self.config.path_fields)
        renderer = Renderer(Shape(), export=self.config.name, vendor=self.config.vendor, source=source, fields=fields)

        progress, transform = Progress(self.config, name), Transform(self.config, renderer)
        unredacted = Transform(self.unredacted, renderer)
        arrival = f"{arrived:%Y-%m-%dT%H:%M:%SZ}"
        try:
            pieces = decoded_within(self.chunks_of(file), self.config.max_expansion)
            for block in read_landed(pieces, self.config, key, arrival, progress.tally):
                before: list[Segment] = []
                if self.printer.compares:
                    # a block is read once: its reader may hold a record back
                    block = block if isinstance(block, list) else block.records()
                    before = unredacted.render(block, progress.seen)
                self.show(progress, progress.render(block, transform), before, name)
        except CorruptInputError as error:
            self.show(progress, progress.refuse_rest(error, arrival, transform), (), name)
        self.count(progress)

    def finish(self) -> None:
        """Print what is left: nothing, an object ends with its file."""


class _LoggedPreview(_Preview):
    """Previews events of a log stream: each line of a file is one, or a file is a recorded subscription event.

    With ``joins_files`` the files are batches of one invocation, as with `subscriptions: kinesis`: a record may
    continue in the next file.
    """

    joins_files = False

    def __init__(
        self, config: ExportConfig, printer: _JsonPrinter | _TextPrinter, log_group: str, log_stream: str
    ) -> None:
        super().__init__(config, printer)
        self._place = log_group, log_stream
        self._begin()

    def take(self, name: str, file: BinaryIO, arrived: datetime) -> None:
        """Print the records of a file as far as they are complete."""
        try:
            head, pieces = with_head(decoded(self.chunks_of(file)))
            event, pieces = _event_in(head, pieces, self.config.name)
            payloads = subscriptions_in(event) if event else self._batches(pieces, arrived)
            for payload in payloads:
                payload = payload._replace(size=0)  # the bytes of the file are counted
                before = self._others.take(payload) if self.printer.compares else ()
                self.show(self._streams.progress, self._streams.take(payload), before)
        except ShipperError as error:
            raise CommandError(f"{name}: {error}", ExitCode.USAGE) from None
        if not self.joins_files:
            self.finish()
            self._begin()

    def finish(self) -> None:
        """Print the records that were waiting for more lines."""
        before = self._others.finish() if self.printer.compares else ()
        self.show(self._streams.progress, self._streams.finish(), before)
        self.count(self._streams.progress)

    def _begin(self) -> None:
        self._streams = LogStreams(self.config, "preview")
        self._others = LogStreams(self.unredacted, "preview")

    def _batches(self, pieces: Iterable[bytes], arrived: datetime) -> Iterator[LogEvents]:
        """Yield the lines of a stream as events, in batches as large as CloudWatch Logs takes them."""
        timestamp = round(arrived.timestamp() * 1000)
        events: list[dict[str, Any]] = []
        size = 0
        for line in (line for block in line_blocks(utf8(pieces)) for line in block.split(b"\n")):
            if events and (len(events) == _BATCH_EVENTS or size + len(line) > _BATCH_BYTES):
                yield LogEvents(self.config.name, *self._place, events)
                events, size = [], 0
            events.append({"id": "", "timestamp": timestamp, "message": text_of(line)})
            size += len(line)
        if events:
            yield LogEvents(self.config.name, *self._place, events)


def _event_in(head: bytes, pieces: Iterator[bytes], export: str) -> tuple[dict[str, Any] | None, Iterator[bytes]]:
    """Return the subscription event that a stream holds, or None and the stream."""
    if not (head.lstrip().startswith(b"{") and _EVENT.search(head)):
        return None, pieces
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > MAX_PAYLOAD_BYTES:
            return None, chain(held, pieces)
    text = b"".join(held)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = {}
    records = document.get("Records")
    is_stream = isinstance(records, list) and any(isinstance(each, dict) and "kinesis" in each for each in records)
    if "awslogs" in document or is_stream:
        return document, iter(())
    if "logEvents" not in document:
        return None, iter(held)
    # a payload as a subscription carries it; which filter it came through makes no difference here
    document["subscriptionFilters"] = [FILTER_PREFIX + export]
    data = base64.b64encode(gzip.compress(orjson.dumps(document), 1)).decode()
    return {"awslogs": {"data": data}}, iter(())
