"""The messages about an invalid file: where, what was given, what is expected, and never a secret."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from logdock.settings.deployment import Deployment
from logdock.settings.document import Part
from logdock.settings.errors import ErrorDetail
from logdock.settings.placeholders import SUSPECT, remedy_for
from logdock.settings.positions import find_place
from logdock.settings.secret_reference import has_key_format, looks_secret
from logdock.settings.text import UNQUOTED
from logdock.settings.unknown_kinds import kind_meant

SHOWN_LENGTH = 80
_SHOWN_ITEMS = 6
_SHOWN_SOURCE = 40
NOT_SHOWN = "a value that is not shown"
VERY_LONG = "a very long number"

_MAPPING_EXPECTED = ("model_type", "model_attributes_type", "dict_type")
_KINDS_OF_VALUE = {
    "string_type": "a string",
    "int_type": "a whole number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list, such as [one, two] or lines that begin with a hyphen",
    "recursion_loop": "a value that does not hold itself (a YAML alias points at what it is in)",
    "invalid_key": "keys that are strings: put this one in quotes",
}


def explain(document: object, error: ValidationError, root: yaml.Node | None = None) -> list[ErrorDetail]:
    """List every error of a refused document, in the order of the settings; `SettingsError` sorts them by line.

    Parameters
    ----------
    document
        The document.
    error
        What the models and cross-checks refused.
    root
        The node that the document was made of; None if it is not from a file.
    """
    order = [*Deployment.model_fields]
    found = sorted(
        error.errors(include_url=False),
        key=lambda line: (
            [order.index(str(part)) if part in order else len(order) for part in line["loc"][:1]]
            + [part for part in line["loc"][1:2] if isinstance(part, int)]
        ),
    )
    details = [(each["type"], _detail(each, document, root)) for each in found]
    refused = {detail.path for kind, detail in details if kind != SUSPECT}
    return list(dict.fromkeys(detail for kind, detail in details if kind != SUSPECT or detail.path not in refused))


class _Said(NamedTuple):
    """What a message is made of: the value as it may be shown, what is allowed, and the whole message."""

    message: str
    allowed: str | None = None
    value: str | None = None
    below: str | None = None


def _detail(error: ErrorDetails, document: object, root: yaml.Node | None) -> ErrorDetail:
    loc = error["loc"]
    path = [
        part
        for part, before in zip(loc, (None, *loc), strict=False)
        if isinstance(part, int) or not _is_tag(part, before)
    ]
    at_key = error["type"] == "extra_forbidden"
    place = find_place(root, path, at_key=at_key) if root is not None else None
    said = _say(error, place.source if place else None)
    if root is not None and said.below and said.value is None and (advice := _extended_names(document, root, path)):
        said = said._replace(message=f"{said.message}. {advice}")
    if said.below and root is not None:
        place = find_place(root, [*path, said.below])
    where = _where(loc) + (f".{said.below}" if said.below else "")
    entry = _entry_name(document, path)
    named = where
    if entry and not where.endswith("].name"):
        named = re.sub(r"^(\w+\[\d+\])", rf"\1 ({entry})", where)
    return ErrorDetail(
        place=named,
        message=said.message,
        path=where,
        file=Path(place.file) if place else None,
        line=place.line if place else None,
        column=place.column if place else None,
        export=entry if path[0] == "exports" else None,
        value=said.value,
        allowed=said.allowed,
    )


def _extended_names(document: object, root: yaml.Node, path: list[int | str]) -> str:
    """Return what an entry without a kind was perhaps meant to extend; nothing if its file extends none.

    Entries merge by name, so a mistyped name makes an entry of its own, which has what differs alone. An entry that
    did merge has its kind from another file.
    """
    name = _entry_name(document, path)
    if name is None or not isinstance(document, dict):
        return ""
    key, file = path[0], find_place(root, path[:2]).file
    extended = [
        other
        for at in range(len(document[key]))
        if (other := _entry_name(document, [key, at])) and find_place(root, [key, at, "kind"]).file != file
    ]
    if not extended:
        return ""
    close = difflib.get_close_matches(name, extended, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there are: {', '.join(extended)}"
    return f"No {str(key).removesuffix('s')} of the extended file is named {name}; {meant}"


def _entry_name(document: object, path: list[int | str]) -> str | None:
    """Return the name of the export or destination that a path leads into, if it has a well-formed one."""
    if len(path) < 2 or path[0] not in ("exports", "destinations") or not isinstance(document, dict):
        return None
    entries, at = document.get(path[0]), path[1]
    if not isinstance(entries, list) or not isinstance(at, int) or at >= len(entries):
        return None
    name = Part((str(path[0]), at), entries[at]).name if isinstance(entries[at], dict) else None
    return name if name and not looks_secret(name) else None


def _say(error: ErrorDetails, source: str | None) -> _Said:
    """Say what is wrong; `source` is the value as the file has it, if it is there without quotes."""
    kind, loc, value = error["type"], error["loc"], error["input"]
    if kind == "missing":
        field = _fields(loc[:-1]).get(str(loc[-1]))
        description = getattr(field, "description", None) or "required"
        return _Said(f"missing: {description}", description)
    if kind == "extra_forbidden":
        # The value is not shown: where a setting is misspelt, a secret is likely.
        suggestion, known = _settings_there(loc)
        return _Said(f"unknown setting{suggestion}", known)
    if kind.startswith("union_tag"):
        kinds = f"one of: {', '.join(_tags(loc))}"
        tag = value.get("kind") if isinstance(value, dict) else None
        if tag is None:
            return _Said(f"missing: {kinds}", kinds, below="kind")
        if meant := kind_meant(tag, _tags(loc)):
            kinds += f"; did you mean {meant}?"
        return _Said(f"got {shown(tag, loc)}; expected {kinds}", kinds, shown(tag, loc), below="kind")
    allowed = expected(error)
    if value is None or value == ():
        return _Said(f"missing: {allowed}", allowed)
    if kind == "secret_value" or (kind in _MAPPING_EXPECTED and isinstance(value, str) and looks_secret(value)):
        return _Said(f"(the value is not shown) expected {allowed}", allowed)
    given = shown(value, loc)
    is_number = isinstance(value, int | float) and given not in (NOT_SHOWN, VERY_LONG)
    if is_number and source and len(source) <= _SHOWN_SOURCE:
        given = source
        if kind in ("string_type", UNQUOTED):
            allowed += f'; type "{source}"'
    if isinstance(value, str) and value != value.strip():
        allowed += "; remove the whitespace around the value"
    remedy = remedy_for(value)
    if remedy and remedy != allowed:
        allowed += f"; type {remedy}"
    return _Said(f"got {given}; expected {allowed}", allowed, None if given.startswith(NOT_SHOWN) else given)


def expected(error: ErrorDetails) -> str:
    """Say what is allowed in place of a value that was refused."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "literal_error":
        choices = "one of: " + ", ".join(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return choices + ("; or {hot_days: ..., archive_days: ...}" if error["loc"][0] == "retention" else "")
    if kind == "string_type" and isinstance(value, bool):
        return "a string: put it in quotes, or YAML reads yes, no, on and off as true and false"
    if kind == "string_type" and isinstance(value, int | float):
        return "a string: put it in quotes"
    if kind in _MAPPING_EXPECTED:
        if tags := _tags(error["loc"]):
            return f"a mapping of settings with a kind, one of: {', '.join(tags)}"
        return f"a mapping of settings: {', '.join(_fields(error['loc']))}"
    if kind == "too_long":
        return f"at most {context['max_length']} entries (there are {context['actual_length']})"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters"
    if kind == "string_too_short":
        return f"at least {context['min_length']} character"
    return _KINDS_OF_VALUE.get(kind, error["msg"])


def shown(value: object, loc: tuple[int | str, ...]) -> str:
    """Show a value as the file has it, shortened; a mapping, and what may be a secret, is described and not shown."""
    if isinstance(value, dict):
        return "a mapping"
    if any(isinstance(part, str) and (part == "secret" or part.endswith("_secret")) for part in loc):
        return NOT_SHOWN
    if isinstance(value, list | tuple):
        if len(value) > _SHOWN_ITEMS or not all(isinstance(item, str) and not looks_secret(item) for item in value):
            return f"a list of {len(value)}"
        return f"[{', '.join(shown(item, loc) for item in value)}]"
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN_LENGTH:
        return VERY_LONG
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown_text(text: str) -> str:
    if has_key_format(text):
        return f"{NOT_SHOWN}, because it looks like a secret"
    # An address may carry a password or a token.
    text = re.sub(r"(?<=://)[^/?#]*@", "***@", text)
    text = re.sub(r"(?<=\?).+", "***", text, flags=re.DOTALL) if "://" in text else text
    text = text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 3]}..."
    return "'" + "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text) + "'"


def _settings_there(loc: tuple[int | str, ...]) -> tuple[str, str | None]:
    """Return the end of a message about an unknown setting, and the settings that are allowed in its place."""
    models = _candidates(loc[:-1])
    fields = _fields(loc[:-1])
    close = difflib.get_close_matches(str(loc[-1]), fields, n=1, cutoff=0.7)
    inside = [f"{name}.{loc[-1]}" for name, field in fields.items() if str(loc[-1]) in _settings_of(field.annotation)]
    if meant := close or inside:
        return f"; did you mean {meant[0]}?", meant[0]
    # without a kind there are the settings of every kind
    known = f"one of: {', '.join(fields)}" if len(models) == 1 else None
    return f"; expected {known}" if known else "", known


def _where(loc: tuple[int | str, ...]) -> str:
    """Write a location as a person would look for it; union tags (the kind) are not part of the file's path."""
    path = ""
    for part, before in zip(loc, (None, *loc), strict=False):
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _is_tag(part, before):
            name = part if has_plain_spelling(part) else _shown_text(part)
            path += f".{name}" if path else name
    return path or "(the file)"


def has_plain_spelling(key: str) -> bool:
    """Return whether a key can be shown as it is."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key)) and not has_key_format(key)


def _is_tag(part: str, before: int | str | None) -> bool:
    return part.startswith("(") or (isinstance(before, int) and part in _kinds())


def _models(annotation: Any) -> list[type[BaseModel]]:
    """List the models in an annotation, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _settings_of(annotation: Any) -> set[str]:
    """Return the settings of a value that is one mapping; those of a list's entries have no single path."""
    return {name for model in _models(annotation) if not _kind_of(model) for name in model.model_fields}


def _kind_of(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else None


def _candidates(loc: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """List the models that may stand at a location."""
    models: list[type[BaseModel]] = [Deployment]
    for part, before in zip(loc, (None, *loc), strict=False):
        if isinstance(part, int) or part.startswith("("):
            continue
        if _is_tag(part, before):
            models = [model for model in models if _kind_of(model) == part]
        else:
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            models = list(dict.fromkeys(inner for field in fields for inner in _models(field.annotation)))
    return models


def _fields(loc: tuple[int | str, ...]) -> dict[str, Any]:
    return {name: field for model in _candidates(loc) for name, field in model.model_fields.items()}


def _tags(loc: tuple[int | str, ...]) -> list[str]:
    return [kind for model in _candidates(loc) if (kind := _kind_of(model))]


@cache
def _kinds() -> frozenset[str]:
    return frozenset(kind for key in ("destinations", "exports") for kind in _tags((key,)))
