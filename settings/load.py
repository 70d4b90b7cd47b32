"""From a file to a `Deployment`, or to one message that names every mistake in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.constructor import ConstructorError

from settings.deployment import Deployment
from settings.messages import explain


class SettingsError(Exception):
    """A settings file that cannot be used. The text lists every mistake: path, value, what is allowed."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader without dates; a key that is given twice is an error instead of a silent overwrite."""

    # A date has no place in the settings, and one that does not exist (2024-02-31) is an exception of another type.
    yaml_implicit_resolvers = {  # noqa: RUF012  (the name and type are PyYAML's)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConstructorError(None, None, "a key that is a list or a mapping", key_node.start_mark)
            if key in seen:
                raise ConstructorError(None, None, f"the key {str(key)[:40]!r} is given twice", key_node.start_mark)
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
    document = _read(path)
    if not isinstance(document, dict):
        given = "is empty" if document is None else f"holds {_kind(document)}"
        raise SettingsError(f"{path}: {given}; expected a mapping with deployment, account, region and exports")
    try:
        return Deployment.model_validate(document)
    except ValidationError as error:
        raise SettingsError(explain(path, error)) from None


def _read(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text: byte {error.start} ({error.reason})") from error
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        # Without the excerpt that PyYAML prints: the line may hold a secret.
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SettingsError(f"{path}{where}: is not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        raise SettingsError(f"{path}: is not valid YAML: {error.reason} (character {error.position})") from None
    except RecursionError:
        raise SettingsError(f"{path}: is nested too deep") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        # PyYAML lets these through from explicit tags (!!int x) and from numbers of thousands of digits.
        raise SettingsError(f"{path}: is not valid YAML: a value does not fit its type") from None


def _kind(document: object) -> str:
    return "a list" if isinstance(document, list) else "a single value"
