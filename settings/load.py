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


MAX_BYTES = 1_000_000
"""A thousand exports with everything that can be said of each take a quarter of it."""
MAX_DEPTH = 32
"""Settings are nested eight deep."""
MAX_NODES = 200_000
"""Of a file as it is written, and as its aliases and merges make it: 28 lines of merges can become billions."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader without dates; a key that is given twice is an error instead of a silent overwrite.

    Depth and size are bounded while the file is read, before any value is made of it.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConstructorError(None, None, f"it is nested deeper than {MAX_DEPTH} levels", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None:
            self._measure(node, mark)
        return node

    def _measure(self, node: yaml.Node, mark: yaml.Mark) -> None:
        """Count what a node becomes with its aliases written out; each node is composed once, its children before."""
        if id(node) in self._sizes:
            return
        children = (
            [child for pair in node.value for child in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
            if isinstance(node, yaml.SequenceNode)
            else []
        )
        # a node that is in itself is not measured yet: pydantic refuses it by name
        size = 1 + sum(self._sizes.get(id(child), 0) for child in children)
        if size > MAX_NODES:
            raise ConstructorError(
                None, None, f"with its aliases written out it has more than {MAX_NODES:,} values", mark
            )
        self._sizes[id(node)] = size

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
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SettingsError(f"{path}: is larger than {MAX_BYTES:,} bytes")
        text = data.decode("utf-8")
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
