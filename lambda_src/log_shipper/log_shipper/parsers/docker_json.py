"""Docker's json-file lines ``{"log","stream","time"}``, as Aptible archives them.

Sources: https://docs.docker.com/engine/logging/drivers/json-file/ and https://www.aptible.com/docs/s3-log-archives.
Docker cuts a container's line at 16 KiB, and says so by nothing but the line feed that every part lacks except the last
(https://github.com/moby/moby/issues/36777). A text that lacks its line feed and has fewer bytes was the last that its
container wrote: it is whole, and what follows belongs to another run.

Keys are ``<stack>/shareable/<schema>/<sha256 of the key>/<type>-<id>/``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from log_shipper import lenient_json, timestamps
from log_shipper.lines import safe_text_cut
from log_shipper.parsers import plain
from log_shipper.record import MAX_JOINED_CHARS, JsonValue, Origin, Record

_RESOURCE_SEGMENT = 4
_STREAMS = ("stdout", "stderr")
PART_BYTES = 16 * 1024


def log_type_of(key: str) -> str:
    """Return what kind of resource a key belongs to: apps, databases or proxy."""
    segments = key.split("/")
    return segments[_RESOURCE_SEGMENT].rpartition("-")[0] or "docker" if len(segments) > _RESOURCE_SEGMENT else "docker"


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one json-file line; lines that were cut are joined by `Joiner`, not here."""
    return _parse(line, origin)[0]


@dataclass(slots=True)
class _Cut:
    """A line of which parts are still to come: its first part's record and document, and the texts so far."""

    record: Record
    document: JsonValue
    texts: list[str] = field(default_factory=list)
    chars: int = 0


class Joiner:
    """Joins the parts of a line that Docker cut; stdout's and stderr's may alternate. The time is the first part's."""

    def __init__(self) -> None:
        self._cut: dict[str, _Cut] = {}

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        """Take a line; yield the records that are complete because of it."""
        record, document = _parse(line, origin)
        stream, text = (document.get("stream"), document["log"]) if document else (None, None)
        if stream not in _STREAMS or not isinstance(text, str):
            yield record
            return
        cut = self._cut.pop(stream, None) or _Cut(record, document)
        cut.texts.append(text)
        cut.chars += len(line)
        # a byte that is not UTF-8 is three in Docker's JSON, so a part may look longer, but never shorter
        is_part = not text.endswith("\n") and len(text.encode("utf-8", "surrogatepass")) >= PART_BYTES
        if not is_part:
            yield _joined(cut)
            return
        if cut.chars >= MAX_JOINED_CHARS:
            whole = "".join(cut.texts)
            end = safe_text_cut(whole, len(whole))
            yield _joined(_Cut(cut.record, cut.document, [whole[:end]]))
            cut = _Cut(record, document, [whole[end:]] if end < len(whole) else [])
        if cut.texts:
            self._cut[stream] = cut

    def finish(self) -> Iterator[Record]:
        """Yield the lines whose last part has not come."""
        held, self._cut = self._cut, {}
        yield from map(_joined, held.values())


def _joined(cut: _Cut) -> Record:
    text = "".join(cut.texts)
    if text == cut.document["log"]:
        return cut.record
    whole = {**cut.document, "log": text}
    try:
        message = orjson.dumps(whole).decode()
    except orjson.JSONEncodeError:
        # a lone surrogate, which only an escape can hold
        message = json.dumps(whole, separators=(",", ":"))
    return cut.record._replace(message=message)


def _parse(line: str, origin: Origin) -> tuple[Record, JsonValue]:
    """Return the record of a line and, where it is a json-file line, its document."""
    try:
        document = lenient_json.loads(line)
    except ValueError:
        return plain.unknown(line, origin), None
    if not isinstance(document, dict) or "log" not in document:
        return plain.unknown(line, origin), None
    stamp = document.get("time")
    time = timestamps.normalise(stamp) if isinstance(stamp, str) else None
    return (Record(line, time, origin.log_type), document) if time else (plain.unknown(line, origin), None)
