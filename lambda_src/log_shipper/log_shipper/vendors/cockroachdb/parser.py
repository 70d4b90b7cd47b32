"""CockroachDB: ``json``, ``json-compact`` and ``crdb-v2`` lines, of which one export may mix all.

Sources: https://www.cockroachlabs.com/docs/stable/log-formats and pkg/util/log/format_crdb_v2.go, format_json.go in
cockroachdb/cockroach. A ``crdb-v2`` entry may go on over lines that repeat its prefix and carry ``+`` (new line), ``|``
(long line) or ``!`` (stack) where the entry's first line has a space or ``=``.
"""

import re
from collections.abc import Iterator

from log_shipper import lenient_json, timestamps
from log_shipper.lines import safe_text_cut
from log_shipper.parsers import plain
from log_shipper.record import MAX_JOINED_CHARS, JsonValue, Origin, Record

CHANNELS = (
    "DEV", "OPS", "HEALTH", "STORAGE", "SESSIONS", "SQL_SCHEMA", "USER_ADMIN", "PRIVILEGES", "SENSITIVE_ACCESS",
    "SQL_EXEC", "SQL_PERF", "SQL_INTERNAL_PERF", "TELEMETRY", "KV_DISTRIBUTION", "CHANGEFEED",
)  # fmt: skip
# a log type is not redacted: what is no channel's name stays in the message
_CHANNEL_NAME = re.compile(r"[A-Z][A-Z_]{1,39}")

# {log name}.{Region}.cockroachdbcloud.{channel}.n{node}: a log stream of CockroachDB Cloud ("Export Logs")
_STREAM_NAME = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.cockroachdbcloud\.[^.]+(?:\.n(\d{0,9}))?$", re.ASCII)

_EARLIEST, _LATEST = "2000", "2100"
"""The years of which a number may be a time, as `timestamps.from_plausible_epoch` has them."""

# prefix: severity to counter; cont: what follows the counter; payload: the rest
_CRDB_V2 = re.compile(
    r"(?P<prefix>[IWEF](?P<date>\d{6}) (?P<clock>\d\d:\d\d:\d\d\.\d{6})(?P<offset>[+-]\d{6})? \d+ (?:\(gostd\) )?"
    r"(?:(?P<channel>\d{1,2})@)?[^ ]+:\d+ (?:⋮ | )\[(?P<tags>.*?)\] (?:\d+ | ))(?P<cont>[ =!+|])(?P<payload>.*)$",
    re.DOTALL,
)


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one line; continuations are joined by `Joiner`, not here."""
    if line.startswith("{"):
        return _parse_json(line, origin)
    match = _CRDB_V2.match(line)
    return _crdb_v2_record(line, match, origin) if match else plain.unknown(line, origin)


def stream_fields(log_stream: str) -> dict[str, str] | None:
    """Return the Region and the node that a log stream's name says; a node that has not started has no number."""
    match = _STREAM_NAME.search(log_stream)
    if match is None:
        return None
    return {"region": match[1], **({"node": match[2]} if match[2] else {})}


class Joiner:
    """Joins the continuation lines of a ``crdb-v2`` entry to it, whatever blocks or events the lines came in."""

    def __init__(self) -> None:
        self.passed_over: int | None = 0
        """Characters that are in no record: prefixes of lines that go on in the record of another."""
        self._prefix = ""
        self._held: Record | None = None
        self._parts: list[str] = []
        self._chars = 0

    def feed(self, line: str, origin: Origin) -> Iterator[Record]:
        """Take a line; yield the records that are complete because of it."""
        match = None if line.startswith("{") else _CRDB_V2.match(line)
        if match is None:
            yield from self.finish()
            yield _parse_json(line, origin) if line.startswith("{") else plain.unknown(line, origin)
            return
        continues = match["cont"] in "+|!" and match["prefix"] == self._prefix
        if continues and self._held is not None:
            part = match["payload"] if match["cont"] == "|" else "\n" + match["payload"]
            if self._chars < MAX_JOINED_CHARS:
                self._parts.append(part)
                self._chars += len(line)
                self.passed_over = (self.passed_over or 0) + len(line) + 1 - len(part)
                return
            if match["cont"] == "|":
                # the line goes on: its end is the beginning of the next record
                whole = "".join(self._parts)
                end = safe_text_cut(whole, len(whole))
                self._parts = [whole[:end]]
                line = f"{match['prefix']}|{whole[end:]}{part}"
        yield from self.finish()
        self._held, self._prefix = _crdb_v2_record(line, match, origin), match["prefix"]
        self._parts, self._chars = [line], len(line)

    def finish(self) -> Iterator[Record]:
        """Yield the entry that waits for more lines, if any."""
        if self._held is not None:
            yield self._held._replace(message="".join(self._parts))
            self._held = None


def continuation_payload(message: str) -> int:
    """Return where the text of a ``+`` or ``|`` line without its entry's first line begins, -1 for other messages.

    A batch may begin in the middle of an entry, and of a marked value: whether the text is marked cannot be known.
    """
    match = None if message.startswith("{") else _CRDB_V2.match(message)
    return match.start("payload") if match and match["cont"] in "+|" else -1


def _crdb_v2_record(line: str, match: re.Match[str], origin: Origin) -> Record:
    date, channel = match["date"], int(match["channel"] or 0)
    # hours, minutes and seconds from UTC, where the format names a time zone; no zone of today has seconds
    offset = match["offset"] or "+000000"
    if not offset.endswith("00"):
        return plain.unknown(line, origin)
    time = timestamps.normalise(f"20{date[:2]}-{date[2:4]}-{date[4:]}T{match['clock']}{offset[:5]}")
    if time is None:
        return plain.unknown(line, origin)
    if match["tags"] == "config":
        return Record(line, time, "header")
    return Record(line, time, CHANNELS[channel] if channel < len(CHANNELS) else str(channel))


def _parse_json(line: str, origin: Origin) -> Record:
    try:
        document = lenient_json.loads(line)
    except ValueError:
        return plain.unknown(line, origin)
    time = _json_time(document)
    if time is None:
        return plain.unknown(line, origin)
    if document.get("header") == 1:
        return Record(line, time, "header")
    channel = document.get("channel")
    if not (isinstance(channel, str) and _CHANNEL_NAME.fullmatch(channel)):
        number = document.get("c", document.get("channel_numeric"))
        known = type(number) is int and 0 <= number < len(CHANNELS)
        channel = CHANNELS[number] if known else origin.log_type
    return Record(line, time, channel)


def _json_time(document: JsonValue) -> str | None:
    for name in ("timestamp", "t", "datetime", "d"):
        value = document.get(name)
        if isinstance(value, str):
            time = timestamps.from_epoch_text(value)
            time = time if time and _EARLIEST <= time < _LATEST else timestamps.normalise(value)
        else:
            time = timestamps.from_plausible_epoch(value)
        if time:
            return time
    return None
