"""What is searched for: a range of time, patterns that the message must match, fields that must have a value.

A text that every wanted record must hold is found in whole blocks first, many times faster than reading line by line;
where an expression asks for none, it is asked of all messages of a block at once. What passes is then read and asked in
full.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from log_shipper import lenient_json
from log_shipper.errors import ConfigurationError
from log_shipper.patterns import Compiled, compile_pattern
from log_shipper.record import Record

from logdock.cli.errors import CommandError, ExitCode

OWN_FIELDS = ("export", "vendor", "log_type", "source")
STORED_LOG_TYPES = {
    "MONGOD": "mongodb", "MONGOS": "mongos", "MONGOD_AUDIT": "mongodb-audit-log", "MONGOS_AUDIT": "mongos-audit-log",
}  # fmt: skip
"""The words of `log_types` in the settings of Atlas exports, and the folder names that records have instead."""
_CLASS = re.compile(r"(\\.)|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]")
_ALONE = re.compile(r"\\[AzQ]|\(\?\w*-")
"""What an expression cannot be asked of many messages with: absolute ends, quotes, flags that are taken back."""
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z_][A-Za-z0-9_.-]*")
"""Values that every JSON text writes as they are; a number has several notations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is searched for."""

    since: str
    until: str
    """`since`, `until`: The range, as texts that compare with the times of records without their final Z; `until` is
    not in it."""
    patterns: tuple[Compiled, ...] = ()
    """RE2 expressions; the message must match each."""
    needles: tuple[str, ...] = ()
    """Texts that every wanted message holds."""
    across: tuple[Compiled, ...] = ()
    """Expressions that match in messages with line ends between them, if one of these matches by itself."""
    fields: tuple[tuple[str, str], ...] = ()
    """Names and values: a field of the record, of the columns that its format names, or of the message's JSON. A
    `source` may also be what the record's source is in: a log group, a bucket or a directory."""
    context: int = 0
    """How many lines before and after each wanted one are printed too."""
    _escaped: tuple[bytes, ...] = field(init=False)
    _raw: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        longest = sorted({*self.needles}, key=len, reverse=True)
        plain = [
            value for name, value in self.fields
            if _PLAIN_VALUE.fullmatch(value) and not _is_of_settings(name, value)
        ]  # fmt: skip
        object.__setattr__(self, "_escaped", _needles(*(orjson.dumps(each)[1:-1] for each in longest), *_bytes(plain)))
        # bytes that are no UTF-8 are read as \xNN; and a field may stand in the object's key
        object.__setattr__(self, "_raw", _needles(*_bytes([each for each in longest if "\\" not in each])))

    @property
    def takes_all(self) -> bool:
        """True when nothing but the time is asked for."""
        return not (self.patterns or self.fields)

    def in_range(self, time: str) -> bool:
        """Say whether a record's time, as the archive writes it, is in the range."""
        return self.since <= time[:-1] < self.until

    def candidates(self, block: bytes, *, escaped: bool) -> list[bytes]:
        """Return the lines of a block that may be wanted.

        Parameters
        ----------
        escaped
            The block holds archive lines, in which messages are JSON strings.
        """
        if self.context:
            return block.split(b"\n")
        needles = self._escaped if escaped else self._raw
        if not needles:
            lines = block.split(b"\n")
            return lines if not escaped or self._may_match(lines) else []
        if any(needle not in block for needle in needles):
            return []
        lines, position, first = [], 0, needles[0]
        while (found := block.find(first, position)) >= 0:
            start, end = block.rfind(b"\n", 0, found) + 1, block.find(b"\n", found)
            end = len(block) if end < 0 else end
            line = block[start:end]
            if all(needle in line for needle in needles[1:]):
                lines.append(line)
            position = end
        return lines

    def _may_match(self, lines: list[bytes]) -> bool:
        """Say whether an archive line's message may match; asking RE2 once costs a tenth of asking for each line."""
        if not self.across:
            return True
        messages = b"\n".join(map(_message_of, lines))
        return all(pattern.search(messages) is not None for pattern in self.across)

    def wants(self, record: Record, *, export: str, vendor: str) -> bool:
        """Say whether a record matches every pattern and has every field."""
        message = record.message.encode("utf-8", "surrogatepass")
        if any(pattern.search(message) is None for pattern in self.patterns):
            return False
        if not self.fields:
            return True
        own = {"export": export, "vendor": vendor, "log_type": record.log_type, "source": record.source or ""}
        known = own | (record.fields or {})
        unread = [
            (name, value)
            for name, value in self.fields
            if known.get(name) != value
            and not (_is_of_settings(name, value) and record.log_type == STORED_LOG_TYPES[value])
            and not (name == "source" and is_below(own["source"], value))
        ]
        if not unread:
            return True
        if not record.message.startswith("{"):
            return False
        try:
            document = lenient_json.loads(record.message)
        except ValueError:
            return False
        return all(_has(document, name, value) for name, value in unread)


class Grep(NamedTuple):
    """An expression."""

    pattern: Compiled
    """The expression itself."""
    needle: str
    """A text that whatever matches it holds, perhaps an empty one."""
    across: Compiled | None
    """The expression for many messages with line ends between them; None for one that might miss some then."""


def grep(text: str) -> Grep:
    """Return a compiled expression.

    Raises
    ------
    CommandError
        When RE2 does not take it.
    """
    try:
        text.encode()
        across = None if _ALONE.search(text) else compile_pattern("--grep", f"(?m:{text})")
        return Grep(compile_pattern("--grep", text), required_text(text), across)
    except (ConfigurationError, UnicodeEncodeError):
        raise CommandError(
            f"--grep {text!r} is not a regular expression that RE2 accepts (no look-around, no back-references); "
            r"a \ before a character takes it as it is",
            ExitCode.USAGE,
        ) from None


def field_of(text: str) -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``.

    Raises
    ------
    CommandError
        When it is not of that form.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise CommandError(f"--field {text!r} is not of the form NAME=VALUE, as in log_type=mongodb", ExitCode.USAGE)
    return name, value


def is_below(source: str, value: str) -> bool:
    """Return whether a source is in a log group, a bucket or a directory, as `source` names them."""
    return source.startswith(value) and (value.endswith((":", "/")) or source[len(value) :].startswith((":", "/")))


def _is_of_settings(name: str, value: str) -> bool:
    return name == "log_type" and value in STORED_LOG_TYPES


def required_text(pattern: str) -> str:
    """Return the longest text that an expression plainly asks for; nothing for one with choices or groups."""
    # a class asks for one of many characters, as the dot does
    pattern = _CLASS.sub(lambda found: found[1] or ".", pattern)
    if re.search(r"[|()\[\]]|\\[QEpPx0-9]", pattern):
        return ""
    runs, run, position = [""], "", 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "\\" and position < len(pattern):
            character = pattern[position]
            position += 1
            if character.isalnum():
                runs, run = [*runs, run], ""
                continue
        elif character in "*?{":
            # lines before it may be missing
            runs, run = [*runs, run[:-1]], ""
            position = pattern.find("}", position) + 1 if character == "{" and "}" in pattern[position:] else position
            continue
        elif character in ".+^$":
            runs, run = [*runs, run], ""
            continue
        run += character
    return max(*runs, run, key=len)


def _message_of(line: bytes) -> bytes:
    """Return the message of an archive line; what is none is a message as it is."""
    try:
        message = orjson.loads(line)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return line
    return message.encode("utf-8", "surrogatepass") if isinstance(message, str) else line


def _has(document: Any, name: str, value: str) -> bool:
    """Say whether a JSON document has a value at a name, which may be a path with dots between its names."""
    if not isinstance(document, dict):
        return False
    if name in document:
        return _text(document[name]) == value
    parts = name.split(".")
    return any(
        _has(document.get(".".join(parts[:size])), ".".join(parts[size:]), value) for size in range(1, len(parts))
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


def _needles(*needles: bytes) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(needle for needle in needles if needle))
