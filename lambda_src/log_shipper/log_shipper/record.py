"""The one record every parser produces and every destination receives."""

from typing import Any, NamedTuple

MAX_JOINED_CHARS = 1024 * 1024
"""How long a record may grow by lines that go on in it."""


class Record(NamedTuple):
    """One log record."""

    message: str
    """The original line, or the joined lines of a multi-line record."""
    time: str
    """RFC 3339 in UTC: the vendor's own time, or the arrival time when the line has none that is understood."""
    log_type: str
    """The vendor's word for the kind of log: a channel, a log name, a detected format."""
    fields: dict[str, str] | None = None
    """Columns by name, for formats whose lines do not name them."""
    understood: bool = True
    """False for a line its parser did not understand; it is kept as it is, and counted."""
    source: str | None = None
    """Where the record comes from, when that differs from the object it is read from (archive objects)."""


class Origin(NamedTuple):
    """What a parser receives about the source of a line."""

    arrival: str
    """The time to use for a line without one."""
    log_type: str
    """The log type to use when the line does not say; taken from the key path or the log group."""


JsonValue = Any
