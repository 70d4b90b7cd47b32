"""Docker's json-file lines ``{"log","stream","time"}``, as Aptible archives them.

Sources: https://docs.docker.com/engine/logging/drivers/json-file/ and https://www.aptible.com/docs/s3-log-archives.
Docker cuts a container's line at 16 KiB, and says so by nothing but the line feed that every part lacks except the last
(https://github.com/moby/moby/issues/36777). A text that lacks its line feed and has fewer bytes was the last that its
container wrote: it is whole, and what follows belongs to another run.

A record's message is what the container wrote; ``stream``, and what else Docker is configured to add (``attrs``), are
its fields.

Keys are ``<stack>/shareable/<schema>/<sha256 of the key>/<type>-<id>/[service-<id>/]<container>-json.log...``
(aptible-cli, ``s3_log_helpers.rb``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from log_shipper import lenient_json, timestamps
from log_shipper.lines import safe_text_cut
from log_shipper.parsers import plain
from log_shipper.record import MAX_JOINED_CHARS, JsonValue, Origin, Record

_RESOURCE_SEGMENT = 4
_RESOURCES = {"apps": "app", "databases": "database", "proxy": "endpoint"}
_CONTAINER = re.compile(r"([0-9A-Za-z]+)-json\.")
_STREAMS = ("stdout", "stderr")
_OWN = ("log", "time")
PART_BYTES = 16 * 1024


def log_type_of_key(key: str) -> str:
    """Return what kind of resource a key belongs to: apps, databases or proxy."""
    segments = key.split("/")
    return segments[_RESOURCE_SEGMENT].rpartition("-")[0] or "docker" if len(segments) > _RESOURCE_SEGMENT else "docker"


def key_fields(key: str) -> dict[str, str]:
    """Return what a key says of its lines: the app, database or endpoint, the service of an app, the container."""
    resource, *rest = key.split("/")[_RESOURCE_SEGMENT:] or [""]
    kind, _, number = resource.rpartition("-")
    found = {_RESOURCES[kind]: number} if kind in _RESOURCES and rest else {}
    if len(rest) > 1 and rest[0].startswith("service-"):
        found["service"] = rest[0].removeprefix("service-")
    container = _CONTAINER.match(rest[-1]) if rest else None
    return {**found, "container": container[1]} if container else found


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one json-file line; lines that were cut are joined by `Joiner`, not here."""
    return _parse(line, origin)[0]


@dataclass(slots=True)
class _Cut:
    """A line of which parts are still to come: its first part's record, and the texts so far."""

    record: Record
    texts: list[str] = field(default_factory=list)
    chars: int = 0


class Joiner:
    """Joins the parts of a line that Docker cut; stdout's and stderr's may alternate. The time is the first part's."""

    def __init__(self) -> None:
        self.passed_over: int | None = None
        self._cut: dict[str, _Cut] = {}

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        """Take a line; yield the records that are complete because of it."""
        record, text = _parse(line, origin)
        stream = record.fields.get("stream") if record.fields else None
        if text is None or stream not in _STREAMS:
            yield record
            return
        cut = self._cut.pop(stream, None) or _Cut(record)
        cut.texts.append(text)
        cut.chars += len(line)
        # a byte that is not UTF-8 is three in Docker's JSON, so a part may look longer, but never shorter
        is_part = not text.endswith("\n") and len(text.encode()) >= PART_BYTES
        if not is_part:
            yield _joined(cut)
            return
        if cut.chars >= MAX_JOINED_CHARS:
            whole = "".join(cut.texts)
            end = safe_text_cut(whole, len(whole))
            yield cut.record._replace(message=whole[:end])
            cut = _Cut(record, [whole[end:]] if end < len(whole) else [])
        if cut.texts:
            self._cut[stream] = cut

    def finish(self) -> Iterator[Record]:
        """Yield the lines whose last part has not come."""
        held, self._cut = self._cut, {}
        yield from map(_joined, held.values())


def _joined(cut: _Cut) -> Record:
    return cut.record._replace(message="".join(cut.texts).removesuffix("\n"))


def _parse(line: str, origin: Origin) -> tuple[Record, str | None]:
    """Return the record of a line and, where it is a json-file line, what the container wrote, line feed included."""
    try:
        document = lenient_json.loads(line)
    except ValueError:
        return plain.unknown(line, origin), None
    if not isinstance(document, dict) or not isinstance(document.get("log"), str):
        return plain.unknown(line, origin), None
    stamp = document.get("time")
    time = timestamps.normalise(stamp) if isinstance(stamp, str) else None
    if time is None:
        return plain.unknown(line, origin), None
    try:
        fields = _fields(document)
    except orjson.JSONEncodeError:
        # nested deeper than what reads it again would take
        return plain.unknown(line, origin), None
    text = _encodable(document["log"])
    return Record(text.removesuffix("\n"), time, origin.log_type, fields or None), text


def _fields(document: Mapping[str, JsonValue]) -> dict[str, str]:
    """Return the fields of a line other than its message and its time; ``attrs`` is a map of labels and variables."""
    found: dict[str, str] = {}
    for name, value in document.items():
        if name in _OWN:
            continue
        for label, one in value.items() if isinstance(value, dict) else (("", value),):
            text = one if isinstance(one, str) else orjson.dumps(one).decode()
            found[_encodable(f"{name}.{label}" if label else name)] = _encodable(text)
    return found


def _encodable(text: str) -> str:
    r"""Return a text that UTF-8 can hold: a lone surrogate, which only an escape can bring, becomes ``\uNNNN``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
