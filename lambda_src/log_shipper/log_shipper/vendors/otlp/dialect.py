"""OTLP/HTTP logs, JSON encoding, gzip: any backend that speaks the open standard.

Sources: https://opentelemetry.io/docs/specs/otlp/ (encoding, answers, what may be tried again) and
https://opentelemetry.io/docs/specs/otel/logs/data-model/. A record's message is its body; its log type, source and
fields are attributes; the export and its vendor are the resource's.
"""

import re
import time
from collections.abc import Iterator, Mapping
from itertools import groupby, repeat
from urllib.parse import urlsplit, urlunsplit

import orjson

from log_shipper import timestamps
from log_shipper.bulk import Verdict, refuse_all
from log_shipper.errors import DeliveryError
from log_shipper.http_client import Answer
from log_shipper.progress import Pending
from log_shipper.record import Record
from log_shipper.rendering import HEAD, TIMESTAMP, Renderer, Shape, joined_lines
from log_shipper.transform import Segment

SHAPE = Shape(max_message_chars=1024 * 1024)
_SCOPE = b'"scopeLogs":[{"scope":{"name":"logdock"},"logRecords":['
_BETWEEN, _RUN_END = b",\n", b"]}]}"
_HEAD = b'{"timeUnixNano":"'
_ARCHIVED = re.compile(
    rb'\{"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)Z","@timestamp":"\1Z"(?=,"export":"[^"\\]*+","vendor":)'
)
_MESSAGE, _FIELDS = b',"message":"', b'","fields":{'
_BETWEEN_TIMES = b"Z" + TIMESTAMP
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_TIME_SHAPE = re.compile(rb"0000-00-00T00:00:00(?:\.0{1,9})?")
_LOGS_PATH = "/v1/logs"
_OWN, _COLUMN = ("log_type", "source"), "fields."
_TIME = "logdock.time"
_MOST_SECONDS = 8192
_MAX_TIME_NS = 2**63 - 1
"""11 April 2262: ``timeUnixNano`` is a fixed64, and backends hold it as a signed number."""


def logs_url(endpoint: str) -> str:
    """Return where logs are posted: the endpoint, with ``/v1/logs`` unless it ends so."""
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(_LOGS_PATH) else path + _LOGS_PATH))


class OtlpRenderer(Renderer):
    """Writes a record as a ``LogRecord`` and a comma, a line each."""

    def __init__(
        self, shape: Shape, *, export: str, vendor: str, source: str, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(shape, export=export, vendor=vendor, source=source, fields=fields)
        self._source_text = source
        self._seconds = _Seconds()
        self._known: dict[tuple[str, str | None], bytes] = {}
        attributes = [_attribute("logdock.export", export), _attribute("logdock.vendor", vendor)]
        self.resource = orjson.dumps({"attributes": [_attribute("service.name", export), *attributes]})
        self._observed = f'","observedTimeUnixNano":"{time.time_ns()}","body":{{"stringValue":'.encode()

    def line(self, record: Record) -> bytes:
        """Return the line of a record."""
        try:
            moment = self._seconds.moment(record.time[:-1].encode())
        except ValueError:
            # one time that a backend refuses would cost the body: the record says its own in an attribute
            exact = timestamps.epoch_ns(record.time)
            moment = b"%d" % min(max(0, exact), _MAX_TIME_NS)
            texts = self._texts(record.log_type, record.source, record.fields)
            attributes = _attributes_part(texts if exact == int(moment) else texts | {_TIME: record.time})
        else:
            attributes = self._attributes(record)
        return b"".join((_HEAD, moment, self._observed, orjson.dumps(record.message), attributes))

    def _attributes(self, record: Record) -> bytes:
        if record.fields:
            return _attributes_part(self._texts(record.log_type, record.source, record.fields))
        key = record.log_type, record.source
        if key not in self._known:
            if len(self._known) >= 256:
                self._known.clear()
            self._known[key] = _attributes_part(self._texts(*key, None))
        return self._known[key]

    def _texts(self, log_type: str, source: str | None, fields: dict[str, str] | None) -> dict[str, str]:
        """Return the attributes of a record. A column may have the name of one, which may be there once."""
        named = (self._fields | (fields or {})).items()
        texts = {"log_type": log_type, "source": source or self._source_text}
        return texts | {_COLUMN + name if name in _OWN else name: value for name, value in named}

    def lines(
        self,
        times: list[bytes],
        segments: list[bytes],
        log_type: str,
        added: bytes = b"",  # noqa: ARG002
    ) -> bytes | None:
        """Return the lines of records that differ in time and message alone; None when a time is out of range."""
        return self._lines(times, segments, self._texts(log_type, None, None))

    def _lines(self, times: list[bytes], segments: list[bytes], texts: dict[str, str]) -> bytes | None:
        try:
            moments = self._seconds.moments(times)
        except ValueError:
            return None
        return joined_lines(_HEAD, moments, None, self._observed + b'"', segments, b'"' + _attributes_part(texts))

    def archived_lines(self, block: bytes, lines: list[bytes]) -> tuple[bytes, str] | None:  # noqa: ARG002
        """Return archive lines as records when they differ in time and message alone."""
        first = lines[0].removesuffix(b"\n")
        opening = _ARCHIVED.match(first)
        cut = first.find(_MESSAGE)
        if opening is None or cut < 0:
            return None
        middle = first[opening.end() : cut + len(_MESSAGE)]
        # an unescaped quote ends the message
        tail = first[first.rfind(_FIELDS) :] if _FIELDS in first else b'"}'
        try:
            document = orjson.loads(b"{" + middle[1:] + tail)
            texts = self._texts(document["log_type"], document["source"], document.get("fields"))
        except (orjson.JSONDecodeError, KeyError):
            return None
        end, start = tail + b"\n", len(HEAD)
        times = [line[start : line.find(b'"', start) - 1] for line in lines]
        heads = [b"".join((HEAD, time, _BETWEEN_TIMES, time, b'Z"', middle)) for time in times]
        shapes = {*b"\n".join(times).translate(_DIGITS).split(b"\n")}
        if (
            not all(map(_TIME_SHAPE.fullmatch, shapes))
            or not all(map(bytes.startswith, lines, heads))
            or not all(map(bytes.endswith, lines, repeat(end)))
        ):
            return None
        segments = [line[len(head) : -len(end)] for line, head in zip(lines, heads, strict=True)]
        data = self._lines(times, segments, texts)
        return None if data is None else (data, "")

    def archive_line(self, line: bytes) -> bytes:
        """Return a line as the archive has it."""
        document = orjson.loads(line.rstrip(b",\n"))
        texts = {item["key"]: item["value"]["stringValue"] for item in document["attributes"]}
        moment = texts.pop(_TIME, "") or timestamps.from_epoch_ns(int(document["timeUnixNano"]))
        log_type, source = (texts.pop(name) for name in _OWN)
        texts |= {name: texts.pop(_COLUMN + name) for name in _OWN if _COLUMN + name in texts}
        record = Record(document["body"]["stringValue"], moment, log_type, texts or None, True, source)
        return self.archived(record)


class _Seconds(dict[bytes, bytes]):
    """The seconds since 1970 of times, each computed once; ValueError for what `timeUnixNano` cannot say."""

    def __missing__(self, second: bytes) -> bytes:
        time = second.decode() + "Z"
        value = timestamps.epoch_ns(time) // 10**9
        if timestamps.normalise(time) != time or not 0 < value < _MAX_TIME_NS // 10**9:
            raise ValueError(time)
        if len(self) >= _MOST_SECONDS:
            self.clear()
        return self.setdefault(second, b"%d" % value)

    def moments(self, times: list[bytes]) -> list[bytes]:
        """Return `moment` of each time."""
        return [self[time[:19]] + time[20:].ljust(9, b"0") for time in times]

    def moment(self, time: bytes) -> bytes:
        """Return the nanoseconds since 1970 of a time without its Z."""
        return self[time[:19]] + time[20:].ljust(9, b"0")


class OtlpDialect:
    """One ``ExportLogsServiceRequest`` a body.

    Parameters
    ----------
    headers : dict of str to str
        The destination's own headers, credentials among them.
    """

    target_body_bytes = 4 * 1024 * 1024

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = {**headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}

    def query(self, _log_type: str) -> str:
        """Return nothing: the lines have no type."""
        return ""

    def name_type(self, segment: Segment) -> Segment:
        """Return the segment as it is."""
        return segment

    def frame(self, segments: Pending) -> Iterator[bytes]:
        """Yield the request: one resource for each run of segments of one object."""
        for opening, run in _runs(segments):
            yield opening
            for segment in run[:-1]:
                yield segment.data
            yield run[-1].data.removesuffix(_BETWEEN) + _RUN_END
        yield b"]}"

    def unframe(self, body: bytes, segments: Pending) -> Pending:
        """Return the packed segments that a body was framed of with their data."""
        found, position = list[bytes](), 0
        for opening, run in _runs(segments):
            position += len(opening)
            for segment in run:
                found.append(body[position : position + segment.size])
                position += segment.size
            found[-1] = found[-1][: -len(_BETWEEN)] + _BETWEEN
            position += len(_RUN_END) - len(_BETWEEN)
        data = iter(found)
        return [(progress, segment.unpacked(next(data) if segment.size else b"")) for progress, segment in segments]

    def is_taken(self, answer: Answer) -> bool:
        """Say whether the endpoint has taken every record of a body."""
        return 200 <= answer.status < 300 and not _rejected(answer.body)

    def evaluate(self, answer: Answer, segments: Pending) -> Verdict:
        """Say what another answer means: 2xx rejected records; 400 and 413 nothing taken; else for later."""
        if 200 <= answer.status < 300:
            count = sum(segment.sent for _, segment in segments)
            reason = f"the endpoint rejected {_rejected(answer.body)} of {count} records"
            return Verdict("settled", refuse_all(segments, reason))
        if answer.status in (400, 413):
            return Verdict("halve", segments, f"the endpoint answered {answer.status}")
        raise DeliveryError(f"the endpoint answered {answer.status}")


def _runs(segments: Pending) -> Iterator[tuple[bytes, list[Segment]]]:
    """Yield the segments that have lines, by objects, and what precedes each object's."""
    opening = b'{"resourceLogs":['
    for _, pairs in groupby(segments, key=lambda pair: id(pair[1].renderer)):
        run = [segment for _, segment in pairs if segment.size]
        if not run:
            continue
        renderer = run[0].renderer
        resource = renderer.resource if isinstance(renderer, OtlpRenderer) else b"{}"
        yield opening + b'{"resource":' + resource + b"," + _SCOPE, run
        opening = b","


def _attributes_part(texts: Mapping[str, str]) -> bytes:
    return b'},"attributes":' + orjson.dumps([_attribute(name, value) for name, value in texts.items()]) + b"},\n"


def _attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def _rejected(body: bytes) -> int:
    try:
        return int(orjson.loads(body)["partialSuccess"]["rejectedLogRecords"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
