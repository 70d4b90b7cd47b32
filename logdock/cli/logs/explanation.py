"""Why a search by fields found nothing: which fields and values the lines of the range have instead."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from log_shipper import lenient_json
from log_shipper.patterns import compile_pattern

from logdock.cli.logs.query import OWN_FIELDS, STORED_LOG_TYPES, is_below

_MAX_NAMES, _MAX_VALUES, _MAX_DEPTH, _MAX_CHARS = 2000, 200, 4, 100
_SHOWN = 8
_CLOSENESS = 0.6


class Explanation(NamedTuple):
    """What is known of one NAME=VALUE."""

    name: str
    value: str
    lines: int
    """How many lines of the range were looked at."""
    is_field_seen: bool
    is_value_seen: bool
    """`is_field_seen`, `is_value_seen`: Whether one of them has the field, and this value in it."""
    names: tuple[str, ...]
    """The nearest field that was seen, or some that were; empty when the field itself was seen."""
    values: tuple[str, ...]
    """The nearest value of the field (or of the nearest field) that was seen, or some that were."""

    def document(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return self._asdict() | {"names": [*self.names], "values": [*self.values]}

    def sentence(self) -> str:
        """Return the same for a reader."""
        asked, looked_at = f"--field {self.name}={self.value}", f"the {self.lines} lines looked at"
        if not self.lines:
            return f"{asked}: the range has no lines of these exports."
        if self.is_value_seen:
            return f"{asked}: some of {looked_at} have it, but none that matches everything else."
        values = f" Its values: {', '.join(self.values)}." if self.values else ""
        if self.is_field_seen:
            return f"{asked}: none of {looked_at} has this value.{_meant(self.values, f'{self.name}=')}"
        if len(self.names) == 1:
            return f"{asked}: none of {looked_at} has this field. Did you mean {self.names[0]}?{values}"
        return f"{asked}: none of {looked_at} has this field. Fields: {', '.join(self.names)}."


def explain(fields: Iterable[tuple[str, str]], lines: Iterable[dict[str, Any]]) -> list[Explanation]:
    """Explain why no line has all of some fields.

    Parameters
    ----------
    lines
        Some lines of the range, as the archive has them.
    """
    seen: dict[str, dict[str, None]] = {name: {} for name in OWN_FIELDS}
    count = 0
    for line in lines:
        count += 1
        for name, value in _fields_of(line):
            if name in seen or len(seen) < _MAX_NAMES:
                values = seen.setdefault(name, {})
                if len(values) < _MAX_VALUES:
                    values[value[:_MAX_CHARS]] = None
    return [_explanation(name, value, count, seen) for name, value in fields]


def explain_patterns(patterns: Sequence[str], lines: Iterable[dict[str, Any]]) -> str:
    """Return why no line matches some expressions, if the letters' case is why; an empty string otherwise."""
    either_case = [compile_pattern("--grep", f"(?i:{each})") for each in patterns]
    for line in lines:
        message = line["message"].encode("utf-8", "surrogatepass")
        if all(pattern.search(message) is not None for pattern in either_case):
            return f"--grep {patterns[0]}: some lines match in another case. `(?i)` before the expression takes either."
    return ""


def _explanation(name: str, value: str, count: int, seen: dict[str, dict[str, None]]) -> Explanation:
    is_field_seen = bool(seen.get(name))
    names = () if is_field_seen else _nearest(name, [each for each, values in seen.items() if values])
    values = [*seen[name]] if is_field_seen else [*seen[names[0]]] if len(names) == 1 else []
    stored = STORED_LOG_TYPES.get(value, value) if name == "log_type" else value
    is_value_seen = value[:_MAX_CHARS] in values or stored in values
    is_value_seen |= name == "source" and any(is_below(each, value) for each in values)
    is_value_seen &= is_field_seen
    return Explanation(name, value, count, is_field_seen, is_value_seen, names, _nearest(value, values))


def _nearest(given: str, known: list[str]) -> tuple[str, ...]:
    """Return the one that is spelled most alike, or the first few."""
    by_key: dict[str, str] = {}
    for each in known:
        by_key.setdefault(_key(each), each)
    found = difflib.get_close_matches(_key(given), by_key, n=1, cutoff=_CLOSENESS)
    return (by_key[found[0]],) if found else tuple(known[:_SHOWN])


def _key(text: str) -> str:
    return text.casefold().replace("_", "").replace("-", "")


def _meant(values: tuple[str, ...], prefix: str) -> str:
    if len(values) == 1:
        return f" Did you mean {prefix}{values[0]}?"
    return f" Values: {', '.join(values)}."


def _fields_of(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what `--field` finds in a line."""
    yield from ((name, line[name]) for name in OWN_FIELDS if line.get(name))
    yield from (line.get("fields") or {}).items()
    message = line["message"]
    if message.startswith("{"):
        try:
            document = lenient_json.loads(message)
        except ValueError:
            return
        yield from _paths(document, "", 1)


def _paths(document: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            if depth < _MAX_DEPTH:
                yield from _paths(value, f"{path}.", depth + 1)
        elif not isinstance(value, list):
            yield path, value if isinstance(value, str) else orjson.dumps(value).decode()
