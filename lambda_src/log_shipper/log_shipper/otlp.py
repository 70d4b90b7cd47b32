"""OTLP/HTTP logs, JSON encoding, gzip: any backend that speaks the open standard.

Sources: https://opentelemetry.io/docs/specs/otlp/ (encoding, answers, what may be tried again) and
https://opentelemetry.io/docs/specs/otel/logs/data-model/. A record's message is its body; its log type, source and
fields are attributes; the export and its vendor are the resource's.
"""

import time
from collections.abc import Iterator, Mapping
from itertools import groupby
from urllib.parse import urlsplit, urlunsplit

import orjson

from log_shipper import timestamps
from log_shipper.bulk import Pending, Verdict, refuse_all
from log_shipper.errors import DeliveryError
from log_shipper.http_client import Answer
from log_shipper.jobs import Job
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape

SHAPE = Shape(max_message_chars=1024 * 1024)
_SCOPE = b'"scopeLogs":[{"scope":{"name":"logdock"},"logRecords":['
_LOGS_PATH = "/v1/logs"
_OWN, _COLUMN = ("log_type", "source"), "fields."
_TIME = "logdock.time"
_MAX_TIME_NS = 2**63 - 1
"""11 April 2262: ``timeUnixNano`` is a fixed64, and backends hold it as a signed number."""


def logs_url(endpoint: str) -> str:
    """Return where logs are posted: the endpoint, with ``/v1/logs`` unless it ends so."""
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(_LOGS_PATH) else path + _LOGS_PATH))


class OtlpRenderer(Renderer):
    """Writes a record as a ``LogRecord`` and a comma, a line each."""

    joins_bytes = False

    def __init__(
        self, shape: Shape, *, export: str, vendor: str, source: str, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(shape, export=export, vendor=vendor, source=source, fields=fields)
        self._source_text = source
        attributes = [_attribute("logdock.export", export), _attribute("logdock.vendor", vendor)]
        self.resource = orjson.dumps({"attributes": [_attribute("service.name", export), *attributes]})
        self._observed = f'","observedTimeUnixNano":"{time.time_ns()}","body":{{"stringValue":'.encode()

    def line(self, record: Record) -> bytes:
        """Return the line of a record."""
        texts = {"log_type": record.log_type, "source": record.source or self._source_text}
        # a column may have the name of an attribute, which may be there once
        named = (self._fields | (record.fields or {})).items()
        texts |= {_COLUMN + name if name in _OWN else name: value for name, value in named}
        moment = timestamps.epoch_ns(record.time)
        if not 0 <= moment <= _MAX_TIME_NS:
            # one time that a backend refuses would cost the body: the record says its own in an attribute
            texts[_TIME] = record.time
            moment = min(max(0, moment), _MAX_TIME_NS)
        attributes = [_attribute(name, value) for name, value in texts.items()]
        return b"".join(
            (
                b'{"timeUnixNano":"',
                str(moment).encode(),
                self._observed,
                orjson.dumps(record.message),
                b'},"attributes":',
                orjson.dumps(attributes),
                b"},\n",
            )
        )

    def archive_line(self, line: bytes) -> bytes:
        """Return a line as the archive has it."""
        document = orjson.loads(line.rstrip(b",\n"))
        texts = {item["key"]: item["value"]["stringValue"] for item in document["attributes"]}
        moment = texts.pop(_TIME, "") or timestamps.from_epoch_ns(int(document["timeUnixNano"]))
        log_type, source = (texts.pop(name) for name in _OWN)
        texts |= {name: texts.pop(_COLUMN + name) for name in _OWN if _COLUMN + name in texts}
        record = Record(document["body"]["stringValue"], moment, log_type, texts or None, True, source)
        return self.archived(record)


class OtlpDialect:
    """One ``ExportLogsServiceRequest`` a body.

    Parameters
    ----------
    headers : dict of str to str
        The destination's own headers, credentials among them.
    """

    target_body_bytes = 3 * 1024 * 1024

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = {**headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}

    def query(self, _job: Job) -> str:
        """Return nothing: what lines belong to stands in the body."""
        return ""

    def frame(self, segments: Pending) -> Iterator[bytes]:
        """Yield the request: one resource for each run of segments of one job."""
        opening = b'{"resourceLogs":['
        for _, run in groupby(segments, key=lambda pair: id(pair[0])):
            pairs = [pair for pair in run if pair[1].data]
            if not pairs:
                continue
            renderer = pairs[0][0].renderer
            resource = renderer.resource if isinstance(renderer, OtlpRenderer) else b"{}"
            yield opening + b'{"resource":' + resource + b"," + _SCOPE
            for _, segment in pairs[:-1]:
                yield segment.data
            yield pairs[-1][1].data.removesuffix(b",\n") + b"]}]}"
            opening = b","
        yield b"]}"

    def judge(self, answer: Answer, segments: Pending) -> Verdict:
        """Say what an answer means: 2xx taken, but for rejected records; 400 and 413 nothing; else for later."""
        if 200 <= answer.status < 300:
            rejected = _rejected(answer.body)
            if rejected:
                count = sum(segment.sent for _, segment in segments)
                return Verdict("settled", refuse_all(segments, f"the endpoint rejected {rejected} of {count} records"))
            return Verdict("settled", segments)
        if answer.status in (400, 413):
            return Verdict("halve", segments, f"the endpoint answered {answer.status}")
        raise DeliveryError(f"the endpoint answered {answer.status}")


def _attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def _rejected(body: bytes) -> int:
    try:
        return int(orjson.loads(body)["partialSuccess"]["rejectedLogRecords"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
