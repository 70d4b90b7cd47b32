"""From a file, and what it extends, to a `Deployment`, or to one message that names every error in it."""

import io
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.composer import Composer
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner, ScannerError

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML without libyaml
    CParser = None  # type: ignore[assignment, misc]

from logdock.settings.deployment import Deployment
from logdock.settings.errors import ErrorDetail, SettingsError
from logdock.settings.layers import EXTENDS, MAX_FILES, Layer, base_path, merge, repository, without_own_keys
from logdock.settings.messages import explain, shown
from logdock.settings.positions import find_place
from logdock.settings.yaml_errors import explain_syntax

__all__ = ["SettingsError", "load_settings", "read_document"]

MAX_BYTES = 1_000_000
"""A thousand exports with everything that can be said of each take a quarter of it."""
WITHOUT_DATES = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
"""What a loader of PyYAML's takes a plain value for, but for dates: the attribute `yaml_implicit_resolvers`."""
MAX_BASE_60 = 4300
"""Characters of a number such as 1:30, which YAML takes to the base of 60: the time grows with their square."""
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
MAX_DEPTH = 32
"""Settings are nested eight deep."""
MAX_NODES = 200_000
"""Of a file and what it extends, as their aliases and merges make them: 28 lines of merges can become billions."""


class _Safe(Composer, SafeConstructor, Resolver):
    """YAML's safe loader without dates; keys that are given twice are noted: they are errors.

    Depth and size are bounded while the file is read, before any value is made of it. The parser is that of a subclass.
    """

    def __init__(self) -> None:
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._depth = 0
        self._sizes: dict[int, int] = {}
        self.repeated: list[tuple[str, yaml.Mark, yaml.Mark]] = []
        """Keys that are given again in the same mapping: the key, where it is first, and where it is again."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[attr-defined]
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

    def size_of(self, node: yaml.Node) -> int:
        """Return how many values a node becomes."""
        return self._sizes.get(id(node), 0)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            if node.tag in _NUMBERS and len(node.value) > MAX_BASE_60 and ":" in node.value:
                raise ValueError
            return super().construct_object(node, deep=deep)
        except (ValueError, KeyError, AttributeError, TypeError):
            # PyYAML lets these through from explicit tags (!!int x) and from numbers of thousands of digits.
            raise ConstructorError(None, None, "a value does not fit its type", node.start_mark) from None

    # A date has no place in the settings, and one that does not exist (2024-02-31) is an exception of another type.
    yaml_implicit_resolvers = WITHOUT_DATES

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Hashable, yaml.Mark] = {}
        # A tag may call any node a mapping: PyYAML says what it is instead.
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConstructorError(None, None, "a key that is a list or a mapping", key_node.start_mark)
            if key in seen:
                self.repeated.append((str(key)[:40], seen[key], key_node.start_mark))
            seen.setdefault(key, key_node.start_mark)
        return super().construct_mapping(node, deep=deep)


class _Loader(Reader, Scanner, Parser, _Safe):
    """With PyYAML's own parser: its messages are the ones that `explain_syntax` knows."""

    def __init__(self, text: str, name: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        _Safe.__init__(self)
        self.name = name  # every mark has it: which file a value is in

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: yaml.Mark) -> list[str]:
        """Refuse what is no character, as libyaml does: PyYAML takes half a pair and raises other errors of its own."""
        mark = self.get_mark()
        try:
            chunks: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
            "".join(chunks).encode()
        except (ValueError, OverflowError):
            raise ScannerError(None, None, "found an escape of no character", mark) from None
        return chunks


def compose(text: str, name: str) -> tuple[yaml.Node | None, _Safe]:
    """Return a document's node and its loader; libyaml's parser is four times as fast, and reports errors less well."""
    if CParser is not None:
        try:
            return (fast := _FastLoader(text, name)).get_single_node(), fast
        except yaml.YAMLError:
            pass
    return (loader := _Loader(text, name)).get_single_node(), loader


if CParser is not None:

    class _FastLoader(_Safe, CParser):
        """With libyaml's parser."""

        def __init__(self, text: str, name: str) -> None:
            stream = io.BytesIO(text.encode())
            stream.name = name  # every mark has it
            CParser.__init__(self, stream)
            _Safe.__init__(self)


def load_settings(path: Path) -> Deployment:
    """Read and check a settings file.

    Parameters
    ----------
    path
        A YAML file with one deployment, or with what differs from the file that it `extends`.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no YAML, or breaks a rule; all broken rules are in the one message.
    """
    document, root = read_document(path)
    if not isinstance(document, dict) or root is None:
        given = "is empty" if document is None else f"holds {_kind(document)}"
        message = f"{given}; expected a mapping with deployment, account, region and exports, as `logdock init` writes"
        raise _of_the_file(path, message)
    try:
        return Deployment.model_validate(document)
    except ValidationError as error:
        raise SettingsError(path, explain(document, error, root)) from None


def _of_the_file(path: Path, message: str, line: int | None = None) -> SettingsError:
    return SettingsError(path, [ErrorDetail(place="", message=message, line=line)])


def read_document(path: Path) -> tuple[object, yaml.Node | None]:
    """Return a file's document over what it extends, unchecked, and the node that it was made of.

    Raises
    ------
    SettingsError
        If a file cannot be read, is no YAML, or extends what it must not.
    """
    layers: list[Layer] = []
    file, read, size = path, [path.resolve()], 0
    while True:
        layer, nodes = _read_file(file)
        if layer is None or not isinstance(layer.value, dict):
            if file == path:
                return (layer.value, layer.node) if layer else (None, None)
            given = f"holds {_kind(layer.value)}" if layer else "is empty"
            raise _of_the_file(file, f"{given}; expected a mapping of settings")
        size += nodes
        if size > MAX_NODES:
            raise _of_the_file(path, f"with what it extends it has more than {MAX_NODES:,} values")
        layers.append(Layer(without_own_keys(layer.value), layer.node))
        if EXTENDS not in layer.value:
            break
        file = _base_of(file, layer, read)
        read.append(file.resolve())
    try:
        merged = layers.pop()
        while layers:
            merged = merge(merged, layers.pop())
    except RecursionError:
        raise _of_the_file(path, "is nested too deep") from None
    return merged.value, merged.node


def _base_of(file: Path, layer: Layer, read: list[Path]) -> Path:
    """Return the file that a file extends; `read` are those before it, the settings file first."""
    value = layer.value[EXTENDS]
    base = base_path(file, value, repository(read[0]))
    if isinstance(base, Path):
        if base.resolve() in read:
            base = f"a file that does not extend {file.name} in turn"
        elif len(read) >= MAX_FILES:
            base = f"at most {MAX_FILES} files, one extending the other"
        else:
            return base
    place = find_place(layer.node, [EXTENDS])
    detail = ErrorDetail(
        place=EXTENDS,
        path=EXTENDS,
        message=f"got {shown(value, (EXTENDS,))}; expected {base}",
        file=file,
        line=place.line,
        column=place.column,
        allowed=base,
    )
    raise SettingsError(file, [detail])


def _read_file(path: Path) -> tuple[Layer | None, int]:
    """Return a file's document and node, if it has one, and how many values they are."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _of_the_file(path, f"cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise _of_the_file(path, f"is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte {error.start} ({error.reason}); save the file as UTF-8"
        raise _of_the_file(path, message, line) from error
    try:
        root, loader = compose(text, str(path))
        if root is None:
            return None, 0
        layer = Layer(loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        raise SettingsError(path, [explain_syntax(text, error)]) from None
    except yaml.reader.ReaderError as error:
        message = f"is not valid YAML: {error.reason} (character {error.position})"
        raise _of_the_file(path, message, text.count("\n", 0, error.position) + 1) from None
    except RecursionError:
        raise _of_the_file(path, "is nested too deep") from None
    if loader.repeated:
        # A merged mapping is constructed again at each place that merges it.
        raise SettingsError(path, [_repetition(*each) for each in dict.fromkeys(loader.repeated)])
    return layer, loader.size_of(root)


def _repetition(key: str, first: yaml.Mark, again: yaml.Mark) -> ErrorDetail:
    message = f"the key {key!r} is given twice, first in line {first.line + 1}; remove one"
    return ErrorDetail(place=repr(key)[1:-1], message=message, line=again.line + 1, column=again.column + 1)


def _kind(document: object) -> str:
    return "a list" if isinstance(document, list) else "a single value"
