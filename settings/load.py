"""From a YAML file to a `Deployment`, or to one message that names every mistake in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.constructor import ConstructorError

from settings.deployment import Deployment


class SettingsError(Exception):
    """A settings file that cannot be used. The text lists every mistake: path, value, what is allowed."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, but a key that is given twice is an error instead of a silent overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if key in seen:
                raise ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_settings(path: Path) -> Deployment:
    """Read and check a settings file.

    Parameters
    ----------
    path
        A YAML file with one deployment.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no YAML, or breaks a rule; all broken rules are in the one message.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506  (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(
            f"{path}: holds no settings: a mapping with deployment, account, region and exports is expected"
        )
    try:
        return Deployment.model_validate(document)
    except ValidationError as error:
        raise SettingsError(explain(path, error)) from None


KINDS = {
    *("logzio", "otlp"),
    *("mongodb-atlas", "cockroachdb", "aurora-mysql", "aptible", "s3-logs", "cloudwatch-logs"),
}

_ALLOWED = {
    "extra_forbidden": "not a setting of this kind: check its spelling and place",
    "missing": "required",
    "union_tag_not_found": "a `kind` is required",
}


def explain(path: Path, error: ValidationError) -> str:
    """List every mistake of a refused file, one a line: where, the value given, what is allowed."""
    lines = []
    for found in error.errors():
        where = _where(found["loc"])
        allowed = _ALLOWED.get(found["type"], found["msg"])
        # The value of a refused secret, and that of a missing key (which is its whole parent), are not shown.
        value = (
            "" if found["type"] in ("missing", "secret_value", "union_tag_not_found") else f"{_short(found['input'])}: "
        )
        lines.append(f"  {where}: {value}{allowed}")
    count = f"{len(lines)} mistake" + ("s" if len(lines) > 1 else "")
    return "\n".join([f"{path}: {count}", *dict.fromkeys(lines)])


def _where(loc: tuple[str | int, ...]) -> str:
    """Write a location as a person would look for it; union tags (the kind) are not part of the file's path."""
    path = ""
    for part, before in zip(loc, (None, *loc), strict=False):
        if isinstance(part, int):
            path += f"[{part}]"
        elif not (part.startswith("(") or (isinstance(before, int) and part in KINDS)):
            path += f".{part}" if path else part
    return path or "(the file)"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
