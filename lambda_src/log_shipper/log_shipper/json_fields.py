"""The fields of a JSON message as members of its line, in a form that Logz.io's index takes whatever other lines hold.

Logz.io maps a name once a day for a whole account, by the first value that comes; a value of another type is a mapping
error (https://docs.logz.io/docs/user-guide/explore/troubleshooting/invalid-log-errors/). So values are strings: text
fits every string, and a number in a string also fits a field that is mapped as a number (OpenSearch documentation,
"coerce"). The same page of Logz.io has the limits: 1,000 fields, 10 levels, 32,700 characters a field, and no names
with a dot or with other signs at their ends.

Fields are made of a message after its redaction, and each value is one of the message's as it is written there: nothing
is in a field that is not in the message.
"""

import json
import re
from functools import lru_cache

import orjson

from log_shipper import lenient_json
from log_shipper.record import JsonValue
from log_shipper.rendering import RESERVED_FIELDS

MAX_FIELDS = 200
MAX_DEPTH = 5
MAX_VALUE_BYTES = 32_700
"""Also below what a keyword may have in OpenSearch's index: 32,766 bytes of UTF-8."""
MAX_NAME_CHARS = 200
RESERVED_NAMES = frozenset((*RESERVED_FIELDS, "@timestamp", "type", "token", "tags"))
"""What a line has already, or what Logz.io reads from one: a field of that name has ``json_`` before it."""
_OTHER_SIGNS = re.compile(r"[^\w-]+")


def members_of(message: str) -> bytes:
    """Return the fields of a message as members, each with a comma before it; none when it is no JSON object."""
    try:
        document = lenient_json.loads_as_written(message)
    except ValueError:
        return b""
    if not isinstance(document, dict):
        return b""
    fields = _Fields().of(document, 1)
    return b"," + orjson.dumps(fields)[1:-1] if fields else b""


class _Fields:
    """Makes fields until there are as many as a line may have."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def of(self, document: dict[str, JsonValue], depth: int) -> dict[str, object]:
        """Return the fields of an object at a depth; of two with one name the first."""
        found: dict[str, object] = {}
        for key, value in document.items():
            if self._left <= 0:
                break
            name = field_name(key)
            if depth == 1 and name in RESERVED_NAMES:
                name = f"json_{name}"
            if not name or len(name) > MAX_NAME_CHARS or name in found:
                continue
            field: object
            if isinstance(value, str) and value.isascii():
                field = value if len(value) <= MAX_VALUE_BYTES else None
                self._left -= bool(field)
            elif isinstance(value, dict) and depth < MAX_DEPTH:
                field = self.of(value, depth + 1)
            else:
                field = _value(value)
                self._left -= bool(field)
            if field:
                found[name] = field
        return found


@lru_cache(maxsize=4096)
def field_name(key: str) -> str:
    """Return a name that Logz.io's mapping takes; empty when nothing of it is left."""
    return _OTHER_SIGNS.sub("_", key).strip("_-")


def _value(value: JsonValue) -> str | list[str] | None:
    """Return a value as a string, a list of values as strings, None for what is empty or too long."""
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return [text for item in value if (text := _text(item))] or None
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else None
    return _text(value)


def _text(value: JsonValue) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else "true" if value else "false"
    data = text.encode("utf-8", "backslashreplace")
    return data.decode() if len(data) <= MAX_VALUE_BYTES else None
