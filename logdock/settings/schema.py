"""What is generated from the models: the JSON Schemas that editors use, and the page of all settings.

Run as ``python -m logdock.settings.schema``; a test holds the files current.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from logdock.settings.alerts import Alerts, ExportAlerts, Webhook
from logdock.settings.archive import Archive
from logdock.settings.connect import Vpc
from logdock.settings.deployment import Deployment
from logdock.settings.export_base import ExportBase
from logdock.settings.layers import EXTENDS
from logdock.settings.redaction import Pattern, Redaction
from logdock.settings.replica import Replica
from logdock.settings.retention import PROFILES, Retention
from logdock.settings.sql import Sql
from logdock.settings.text import LOG_GROUP_DAYS
from logdock.vendors.registry import DESTINATIONS, EXPORTS, load_part, package

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = ROOT / "logdock" / "settings" / "logdock.schema.json"
PART_FILE = SCHEMA_FILE.with_name("logdock.part.schema.json")
PAGE_FILE = ROOT / "docs" / "settings.md"

_BEFORE: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", Deployment),
    ("`retention`, when it is not a profile", Retention),
    ("`replica`", Replica),
    ("`archive`", Archive),
    ("`sql`", Sql),
    ("`alerts`", Alerts),
    ("`alerts.webhook`", Webhook),
)
_EVERY_EXPORT: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Every export", ExportBase),
    ("`alerts` of an export", ExportAlerts),
)
_AFTER: tuple[tuple[str, type[BaseModel]], ...] = (
    ("`connect.vpc`", Vpc),
    ("`redaction`", Redaction),
    ("An entry of `redaction.patterns`", Pattern),
)


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the models of the page, each with its title; those of a kind are found in its package."""
    yield from _BEFORE
    for kind in DESTINATIONS:
        yield from _of_kind(kind, "A destination", load_part(kind, "settings").DESTINATION)
    yield from _EVERY_EXPORT
    for kind in EXPORTS:
        yield from _of_kind(kind, "An export", load_part(kind, "settings").EXPORT)
    yield from _AFTER


def _of_kind(kind: str, what: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield f"{what} of kind `{kind}`", model
    seen = {model}
    for path, inner, is_entry in _models_in(model, package(kind), ""):
        if inner not in seen:
            seen.add(inner)
            yield f"{'An entry of ' if is_entry else ''}`{path}` (`{kind}`)", inner


def _models_in(model: type[BaseModel], within: str, path: str) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """Yield the models that a model's settings consist of and that a package defines, each with its path."""
    for name, field in model.model_fields.items():
        for inner, is_entry in _inner_models(field.annotation):
            if inner.__module__.startswith(f"{within}."):
                yield f"{path}{name}", inner, is_entry
                yield from _models_in(inner, within, f"{path}{name}.")


def _inner_models(annotation: Any, *, is_entry: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """Yield the models in an annotation, and whether each is an entry of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, is_entry
    for inner in get_args(annotation):
        yield from _inner_models(inner, is_entry=is_entry or get_origin(annotation) is tuple)


RULE = "| --- | --- | --- |"
HEAD = """\
# Settings

One YAML file describes one deployment: `logdock.yaml`, or the file that `-c settings=<file>` names. Every error in it
is reported at once, with its line, the value and what is expected; unknown settings are errors. Secrets are never in
the file: it names them by their name or ARN in AWS Secrets Manager.

For completion and checks in an editor, begin the file with this line (the path of
`logdock/settings/logdock.schema.json`):

```yaml
# yaml-language-server: $schema=logdock/settings/logdock.schema.json
```

A file that has `extends`, or is extended, holds a part of a deployment: `logdock.part.schema.json` is for those
([environments](configure.md#environments)). Two keys are of the file alone: `extends` names the file that this one
changes, and keys that begin with `x-` hold what YAML anchors are for.

The folder `examples/` has a file for each kind of export. This page is generated from the models by `make schema`.
"""


_OWN_KEYS = {
    EXTENDS: {
        "description": "A settings file that this one changes: a relative path in the same repository. Default: none.",
        "minLength": 1,
        "type": "string",
    }
}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a settings file."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Logdock settings"}
    return head | dict(_without_field_titles(Deployment.model_json_schema())) | {"patternProperties": {"^x-": {}}}


def part_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file that extends another or is extended: nothing is required, null removes."""
    whole = json_schema()
    part: dict[str, Any] = _optional(whole) | {"title": "A part of Logdock settings"}
    part["properties"] = _OWN_KEYS | part["properties"]
    return part


def _optional(node: Any) -> Any:
    """Make every setting optional and nullable; an entry of a list is any of its kinds, as `kind` may be missing."""
    if isinstance(node, list):
        return [_optional(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {}
    for key, value in node.items():
        if key == "properties":
            made[key] = {name: {"anyOf": [_optional(field), {"type": "null"}]} for name, field in value.items()}
        elif key not in ("required", "minItems", "discriminator"):
            made["anyOf" if key == "oneOf" else key] = _optional(value)
    return made


def _without_field_titles(node: Any) -> Any:
    """Drop the titles that pydantic makes of field names: an editor shows them in place of the description."""
    if isinstance(node, list):
        return [_without_field_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _without_field_titles(field) for name, field in value.items()}
        if key in ("properties", "$defs")
        else _without_field_titles(value)
        for key, value in node.items()
        if key != "title"
    }


def page() -> str:
    """Return the page of all settings: a table for each model, with links to the pages that it names."""
    text = "\n".join([HEAD, *(_section(title, model) for title, model in sections())])
    return re.sub(r"docs/([a-z-]+\.md)", r"[\1](\1)", text)


def _section(title: str, model: type[BaseModel]) -> str:
    inherited = ExportBase.model_fields if issubclass(model, ExportBase) and model is not ExportBase else {}
    about = re.sub(r"\s+", " ", (model.__doc__ or "").strip())
    rows = [
        f"| `{name}` | {_default(field)} | {_what(field)} |"
        for name, field in sorted(model.model_fields.items(), key=lambda item: item[0] != "kind")
        if name not in inherited
    ]
    extra = ""
    if model is Retention:
        profiles = [f"| `{name}` | {kept.hot_days} | {kept.archive_days} |" for name, kept in PROFILES.items()]
        days = f"Retentions that CloudWatch Logs allows, in days: {', '.join(map(str, LOG_GROUP_DAYS))}."
        extra = "\n".join(["", "| profile | `hot_days` | `archive_days` |", RULE, *profiles, "", days, ""])
    return "\n".join([f"## {title}", about, "", "| setting | default | what it is |", RULE, *rows, extra])


def _default(field: FieldInfo) -> str:
    if (choices := list(_choices(field.annotation))) and len(choices) == 1 and field.is_required():
        return f"always `{choices[0]}`"
    default = field.default
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "—"
    if isinstance(default, BaseModel):
        return "as below"
    if isinstance(default, dict):
        return f"`{{{', '.join(f'{name}: {list(each)}' for name, each in default.items())}}}`"
    if isinstance(default, tuple):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _what(field: FieldInfo) -> str:
    choices = list(_choices(field.annotation))
    text = (field.description or "").replace("|", "\\|")
    # Outside of code, <name> would be read as HTML.
    text = re.sub(r"`[^`]*`|<", lambda found: "\\<" if found[0] == "<" else found[0], text)
    several = "Any of" if get_origin(field.annotation) is tuple else "One of"
    listed = f" {several}: {', '.join(f'`{choice}`' for choice in choices)}." if len(choices) > 1 else ""
    return text if all(choice in text for choice in choices) else text + listed


def _choices(annotation: Any) -> Iterator[str]:
    """Yield the values of the Literals in an annotation, but not those of models in it."""
    for inner in get_args(annotation):
        if isinstance(inner, str):
            yield inner
        elif not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            yield from _choices(inner)


def write() -> None:
    """Write the schemas and the page."""
    for file, schema in ((SCHEMA_FILE, json_schema()), (PART_FILE, part_schema())):
        file.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE_FILE.parent.mkdir(exist_ok=True)
    PAGE_FILE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
