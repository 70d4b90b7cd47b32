"""A settings file over the file that it extends: how two documents become one, and which file may be extended.

The merge is that of JSON Merge Patch (RFC 7396), so mappings merge, `null` removes, and everything else replaces. The
one addition: entries of `exports` and of `destinations` merge by their `name`. Values and nodes are merged together, so
each value keeps its place in its own file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXTENDS = "extends"
MAX_FILES = 8
"""Of one deployment: the settings file and what it extends, one after the other."""
_NAMED_LISTS = ("exports", "destinations")
_MAX_DEPTH = 64
"""Files are nested at most 32 deep, but a value that YAML put into itself has no end."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A document or a part of it, and the node that it was made of, with its merges (`<<`) written out."""

    value: Any
    node: yaml.Node


def base_path(file: Path, value: object, root: Path) -> Path | str:
    """Return the file that `extends` names, or what it should name instead.

    Parameters
    ----------
    file
        The file that has `extends`.
    value
        What it says.
    root
        The folder that no extended file may be outside of.
    """
    if not isinstance(value, str) or not value or Path(value).is_absolute():
        return "the relative path of a settings file, such as shared.yaml"
    folder = file.resolve().parent if file.is_symlink() else file.parent
    base = folder / value
    try:
        if not base.resolve().is_relative_to(root):
            return f"a file in {root}: settings do not extend files outside of their repository"
        if base.is_file():
            return base
    except (OSError, ValueError, RuntimeError):
        # too long, not to be looked at, with a NUL, or a link to itself
        pass
    # without the value, which may be a secret or control a terminal
    return f"a file that exists, relative to {folder}"


def repository(file: Path) -> Path:
    """Return the folder of the git repository that a file is in; without one, the file's own folder."""
    folder = file.resolve().parent
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def without_own_keys(document: Mapping[object, Any]) -> dict[object, Any]:
    """Return a document without what is for the file alone: `extends`, and `x-` keys, which hold YAML anchors."""
    return {
        key: value
        for key, value in document.items()
        if not (isinstance(key, str) and (key == EXTENDS or key.startswith("x-")))
    }


def merge(base: Layer | None, own: Layer, path: tuple[str, ...] = ()) -> Layer:
    """Return `own` over `base`.

    Raises
    ------
    RecursionError
        When both hold themselves.
    """
    if len(path) > _MAX_DEPTH:
        raise RecursionError
    if isinstance(own.value, dict):
        return _merge_mappings(base if base and isinstance(base.value, dict) else None, own, path)
    if path in {(name,) for name in _NAMED_LISTS} and isinstance(own.value, list):
        return _merge_entries(base if base and isinstance(base.value, list) else None, own, path)
    return own


def _merge_mappings(base: Layer | None, own: Layer, path: tuple[str, ...]) -> Layer:
    merged = _children(base) if base else {}
    for key, (key_node, child) in _children(own).items():
        if child.value is None:
            merged.pop(key, None)
        else:
            below = merged[key][1] if key in merged else None
            merged[key] = (key_node, merge(below, child, (*path, str(key))))
    pairs = [(key_node, child.node) for key_node, child in merged.values()]
    node = yaml.MappingNode(own.node.tag, pairs, own.node.start_mark, own.node.end_mark)
    return Layer({key: child.value for key, (_, child) in merged.items()}, node)


def _children(layer: Layer) -> dict[object, tuple[yaml.Node, Layer]]:
    # of a merge (<<) the mapping's own keys come last, and they are the ones that hold
    nodes = (
        {key.value: (key, value) for key, value in layer.node.value} if isinstance(layer.node, yaml.MappingNode) else {}
    )
    children = {}
    for key, value in layer.value.items():
        key_node, node = nodes.get(str(key), (layer.node, layer.node))
        children[key] = (key_node, Layer(value, node))
    return children


def _merge_entries(base: Layer | None, own: Layer, path: tuple[str, ...]) -> Layer:
    entries = list(_entries(own))
    merged = []
    for below in _entries(base) if base else ():
        name = _name(below.value)
        above = next((entry for entry in entries if name is not None and _name(entry.value) == name), None)
        if above:
            # a second entry of that name stays, and is refused
            entries = [entry for entry in entries if entry is not above]
        merged.append(merge(below, above, (*path, "")) if above else below)
    merged += [merge(None, entry, (*path, "")) for entry in entries]
    node = yaml.SequenceNode(own.node.tag, [entry.node for entry in merged], own.node.start_mark, own.node.end_mark)
    return Layer([entry.value for entry in merged], node)


def _entries(layer: Layer) -> Iterator[Layer]:
    nodes = layer.node.value if isinstance(layer.node, yaml.SequenceNode) else [layer.node] * len(layer.value)
    return (Layer(value, node) for value, node in zip(layer.value, nodes, strict=True))


def _name(entry: object) -> str | None:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None
