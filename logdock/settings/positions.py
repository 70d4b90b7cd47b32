"""Where a setting is in its file: PyYAML's own marks, kept from the nodes that the values were made of."""

from collections.abc import Sequence
from typing import NamedTuple

import yaml


class Place(NamedTuple):
    """Where a setting is."""

    line: int
    column: int
    """`line`, `column`: Counted from 1."""
    source: str | None
    """The value as the file has it, if it is a single one without quotes; else None."""
    file: str
    """The file that it is in: the settings file, or one that it extends."""


def find_place(root: yaml.Node, path: Sequence[int | str], *, at_key: bool = False) -> Place:
    """Return where a setting is, or what should hold it if it is missing.

    Parameters
    ----------
    root
        The document's node.
    path
        Keys and indexes, from the document down.
    at_key
        Return the place of the last key instead of that of its value.
    """
    node, mark = root, root.start_mark
    for number, part in enumerate(path, start=1):
        if isinstance(node, yaml.MappingNode):
            # of a merge (<<) the mapping's own keys come last, and they are the ones that hold
            pair = next((pair for pair in reversed(node.value) if pair[0].value == str(part)), None)
            if pair is None:
                return _place(mark)
            key, node = pair
            is_wanted = at_key and number == len(path)
            # a list or a mapping begins below its key, an empty value after it
            has_text = isinstance(node, yaml.ScalarNode) and node.start_mark.index < node.end_mark.index
            mark = node.start_mark if has_text and not is_wanted else key.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            return _place(mark)
    source = node.value if isinstance(node, yaml.ScalarNode) and not node.style else None
    return _place(mark, source)


def _place(mark: yaml.Mark, source: str | None = None) -> Place:
    return Place(mark.line + 1, mark.column + 1, source, mark.name)
