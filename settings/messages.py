"""What a person is told about a refused file: where, what was given, what is expected, and never a secret."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from settings.deployment import Deployment
from settings.secret_reference import has_key_format, looks_secret

SHOWN_LENGTH = 80
_SHOWN_ITEMS = 6

_MAPPING_EXPECTED = ("model_type", "model_attributes_type", "dict_type")
_KINDS_OF_VALUE = {
    "string_type": "a text",
    "int_type": "a whole number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list, such as [one, two] or lines that begin with a hyphen",
    "recursion_loop": "a value that does not hold itself (a YAML alias points at what it is in)",
    "invalid_key": "keys that are texts: put this one in quotes",
}


def explain(path: Path, error: ValidationError) -> str:
    """List every mistake of a refused file, one a line, in the order of the settings."""
    order = [*Deployment.model_fields]
    found = sorted(
        error.errors(include_url=False),
        key=lambda line: (
            [order.index(str(part)) if part in order else len(order) for part in line["loc"][:1]]
            + [part for part in line["loc"][1:2] if isinstance(part, int)]
        ),
    )
    lines = list(dict.fromkeys(f"  {_line(mistake)}" for mistake in found))
    count = f"{len(lines)} mistakes" if len(lines) > 1 else "1 mistake"
    return "\n".join([f"{path}: {count}", *lines])


def _line(mistake: ErrorDetails) -> str:
    kind, loc, value = mistake["type"], mistake["loc"], mistake["input"]
    if kind == "missing":
        field = _fields(loc[:-1]).get(str(loc[-1]))
        return f"{_where(loc)}: missing: {getattr(field, 'description', None) or 'required'}"
    if kind == "extra_forbidden":
        # The value is not shown: where a setting is misspelt, a secret is likely.
        return f"{_where(loc)}: unknown setting{_settings_there(loc)}"
    if kind.startswith("union_tag"):
        tags = ", ".join(_tags(loc))
        tag = value.get("kind") if isinstance(value, dict) else None
        given = f"got {shown(tag, loc)}; expected" if tag is not None else "missing:"
        return f"{_where(loc)}.kind: {given} one of: {tags}"
    if kind in _MAPPING_EXPECTED and isinstance(value, str) and looks_secret(value):
        return f"{_where(loc)}: (the value is not shown) expected {_expected(mistake)}"
    if value is None or value == ():
        return f"{_where(loc)}: missing: {_expected(mistake)}"
    if kind == "secret_value":
        return f"{_where(loc)}: (the value is not shown) expected {_expected(mistake)}"
    return f"{_where(loc)}: got {shown(value, loc)}; expected {_expected(mistake)}"


def _expected(mistake: ErrorDetails) -> str:
    kind, context, value = mistake["type"], mistake.get("ctx", {}), mistake["input"]
    if kind == "literal_error":
        choices = "one of: " + ", ".join(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return choices + ("; or {hot_days: ..., archive_days: ...}" if mistake["loc"][0] == "retention" else "")
    if kind == "string_type" and isinstance(value, bool):
        return "a text: put it in quotes, or YAML reads yes, no, on and off as true and false"
    if kind == "string_type" and isinstance(value, int | float):
        return "a text: put it in quotes"
    if kind in _MAPPING_EXPECTED:
        if tags := _tags(mistake["loc"]):
            return f"a mapping of settings with a kind, one of: {', '.join(tags)}"
        return f"a mapping of settings: {', '.join(_fields(mistake['loc']))}"
    if kind == "too_long":
        return f"at most {context['max_length']} entries (there are {context['actual_length']})"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters"
    if kind == "string_too_short":
        return f"at least {context['min_length']} character"
    return _KINDS_OF_VALUE.get(kind, mistake["msg"])


def shown(value: object, loc: tuple[int | str, ...]) -> str:
    """Show a value as the file has it, shortened; a mapping, and what may be a secret, is described and not shown."""
    if isinstance(value, dict):
        return "a mapping"
    if any(isinstance(part, str) and (part == "secret" or part.endswith("_secret")) for part in loc):
        return "a value that is not shown"
    if isinstance(value, list | tuple):
        if len(value) > _SHOWN_ITEMS or not all(isinstance(item, str) and not looks_secret(item) for item in value):
            return f"a list of {len(value)}"
        return f"[{', '.join(shown(item, loc) for item in value)}]"
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN_LENGTH:
        return "a very long number"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown_text(text: str) -> str:
    if has_key_format(text):
        return "a value that is not shown, because it looks like a secret"
    # An address may carry a password or a token.
    text = re.sub(r"(?<=://)[^/?#]*@", "***@", text)
    text = re.sub(r"(?<=\?).+", "***", text, flags=re.DOTALL) if "://" in text else text
    text = text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 3]}..."
    return "'" + "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text) + "'"


def _settings_there(loc: tuple[int | str, ...]) -> str:
    fields = _fields(loc[:-1])
    close = difflib.get_close_matches(str(loc[-1]), fields, n=1, cutoff=0.7)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; expected one of: {', '.join(fields)}" if fields else ""


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
    """Tell whether a key can be shown as it is."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key)) and not has_key_format(key)


def _is_tag(part: str, before: int | str | None) -> bool:
    return part.startswith("(") or (isinstance(before, int) and part in _kinds())


def _models(annotation: Any) -> list[type[BaseModel]]:
    """List the models in an annotation, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


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
            models = [inner for field in fields for inner in _models(field.annotation)]
    return models


def _fields(loc: tuple[int | str, ...]) -> dict[str, Any]:
    models = _candidates(loc)
    return dict(models[0].model_fields) if len(models) == 1 else {}


def _tags(loc: tuple[int | str, ...]) -> list[str]:
    return [kind for model in _candidates(loc) if (kind := _kind_of(model))]


@cache
def _kinds() -> frozenset[str]:
    return frozenset(kind for key in ("destinations", "exports") for kind in _tags((key,)))
