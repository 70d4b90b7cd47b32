"""How far the code is from what it costs to change it: ``python -m supply_chain.measure [FOLDER]`` prints a table.

Each figure is counted in the files that git lists, by the rule that its row's docstring states. They are approximations
that count alike before and after a change; give the folder of another checkout to compare.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from logdock.vendors.registry import DESTINATIONS, EXPORTS

ROOT = Path(__file__).resolve().parents[1]

_OF_NO_VENDOR = {"aurora-mysql", "rds", "s3-logs", "cloudwatch-logs", "otlp"}
"""Kinds of AWS services, whose names are also those of their clients, and of a protocol."""
_ALSO = {"mongodb-atlas": r"|Atlas[A-Z]|atlas_"}


def _spelling(kind: str) -> str:
    words = kind.split("-")
    return "|".join((kind, "_".join(words), "".join(map(str.title, words)))) + _ALSO.get(kind, "")


VENDORS: Mapping[str, str] = {kind: _spelling(kind) for kind in (*EXPORTS, *DESTINATIONS) if kind not in _OF_NO_VENDOR}
"""How code names a vendor: its kind, its models, its modules. A sentence that mentions the vendor is not counted."""
_OWN = re.compile(r"(^|/)vendors/(\w+)/")
_OUTSIDE_THE_PRODUCT = ("tests/", "docs/", "examples/", "benchmarks/", "policy_proof/")

DOCUMENTS: Mapping[str, str] = {
    "Atlas's log integration": "bucketName",
    "CockroachDB's log export": "auth_principal",
    "Logz.io's fetcher": "logsType",
}
"""A key of each document that a vendor receives, as the vendor spells it."""

AWS_SERVICES = ("s3", "sqs", "ssm", "logs", "secretsmanager", "lambda", "cloudformation", "cloudtrail", "dynamodb")
"""The services whose operations a double of AWS has as methods."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout."""

    root: Path

    @cache  # noqa: B019  (a tree lives as long as the process)
    def files(self, ending: str = ".py") -> tuple[str, ...]:
        """Return the files that git lists, by their path."""
        command = ["git", "ls-files", f"*{ending}"]  # whichever git the person uses
        listed = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True)  # noqa: S603
        return tuple(name for name in listed.stdout.splitlines() if (self.root / name).is_file())

    def text(self, name: str) -> str:
        """Read a file."""
        return (self.root / name).read_text(encoding="utf-8")

    def product(self) -> Iterator[str]:
        """Yield the files that ship, deploy or play: no tests, pages or examples."""
        yield from (name for name in self.files() if not name.startswith(_OUTSIDE_THE_PRODUCT))


def vendor_files(tree: Tree, vendor: str) -> list[str]:
    """List the files outside of a vendor's own packages whose code names it."""
    named = re.compile(VENDORS[vendor])
    found = []
    for name in tree.product():
        if not _OWN.search(name) and named.search(_code(tree.text(name))):
            found.append(name)
    return found


def landing_places(tree: Tree) -> list[str]:
    """List the files that work out a landing by themselves: outside of the models, they make one or name its bucket.

    A file that defines a class of the same name parses what a model worked out: the document that the shipper reads.
    """
    made = re.compile(r"\b(BucketLanding|LogGroupLanding|own_bucket)\(")
    return [
        name
        for name in tree.product()
        if not name.endswith(("/settings.py", "settings/landing.py"))
        and made.search(text := tree.text(name))
        and not re.search(r"(?m)^class (BucketLanding|LogGroupLanding)\b", text)
    ]


def document_builders(tree: Tree, key: str) -> list[str]:
    """List the files that write a key of a vendor's document into a dictionary."""
    return [
        name
        for name in tree.product()
        if name.split("/")[0] != "local_cloud" and key in (text := tree.text(name)) and key in _keys(text)
    ]


def python_lines(tree: Tree) -> int:
    """Count the lines of all Python files, tests included."""
    return sum(tree.text(name).count("\n") for name in tree.files())


def doubles(tree: Tree) -> list[str]:
    """List the doubles of AWS: moto and MiniStack if they are used, and files with a class of AWS's operations."""
    sources = {name: tree.text(name) for name in tree.files() if name != "supply_chain/measure.py"}
    found = [each for each in ("moto", "ministack") if any(f"from {each}" in text for text in sources.values())]
    for name, text in sources.items():
        if name.startswith(("tests/", "benchmarks/")):
            classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
            methods = {each.name for node in classes for each in node.body if isinstance(each, ast.FunctionDef)}
            found += [name] if methods & _operations() else []
    return found


def patched_names(tree: Tree) -> set[str]:
    """List the private names of MiniStack's modules that the local cloud uses or replaces."""
    found = set()
    for name in tree.files():
        if name.startswith("local_cloud/") and "ministack" in tree.text(name):
            nodes = list(ast.walk(ast.parse(tree.text(name))))
            modules = {
                alias.asname or alias.name
                for node in nodes
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack")
                for alias in node.names
            }
            found |= {
                f"{node.value.id}.{node.attr}"
                for node in nodes
                if isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in modules
                and node.attr.startswith("_")
            }
    return found


def banned_words(tree: Tree) -> int:
    """Count the words that `tests/test_words.py` replaces, where it looks for them."""
    lists = _constants(tree.text("tests/test_words.py"))
    words = re.compile(rf"(?<![a-z])(?:{'|'.join(lists['INSTEAD'])})(?![a-z])", re.IGNORECASE)
    frozen = re.compile(lists["FROZEN"])
    found = 0
    for ending in lists["ENDINGS"]:
        for name in tree.files(ending):
            if name.startswith(lists["FOLDERS"]) and not name.startswith(lists["NOT_OURS"]):
                found += len(words.findall(frozen.sub("", tree.text(name))))
    return found


def table(tree: Tree) -> list[tuple[str, str, str]]:
    """Return the rows: what is measured, the figure, the goal."""
    rows = [(f"files outside its packages that name {vendor}", str(len(vendor_files(tree, vendor))), "-")
            for vendor in VENDORS]  # fmt: skip
    rows.append(("places that work out where an export lands", str(len(landing_places(tree)) + 1), "1"))
    rows += [
        (f"places that build {what}", str(len(document_builders(tree, key))), "1") for what, key in DOCUMENTS.items()
    ]
    return [
        *rows,
        ("Python lines", f"{python_lines(tree):,}", "15 % fewer than before"),
        ("doubles of AWS", str(len(doubles(tree))), "3"),
        ("private names of MiniStack that are used", str(len(patched_names(tree))), "40"),
        ("words that have a standard term", str(banned_words(tree)), "0"),
    ]


@cache
def _code(text: str) -> str:
    """Return the names and strings of a module's code, one a line, without its docstrings and comments."""
    nodes = list(ast.walk(ast.parse(text)))
    documentation = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in nodes:
        if isinstance(node, ast.Name):
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found.append(node.value)
    return "\n".join(found)


def _keys(text: str) -> set[Any]:
    nodes = ast.walk(ast.parse(text))
    return {
        key.value for node in nodes if isinstance(node, ast.Dict) for key in node.keys if isinstance(key, ast.Constant)
    }


def _constants(text: str) -> dict[str, Any]:
    """Return the constants of a module; of a compiled expression its pattern."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            found[node.targets[0].id] = ast.literal_eval(value)
    return found


@cache
def _operations() -> frozenset[str]:
    from botocore import xform_name
    from botocore.session import Session

    session: Any = Session()
    models = [session.get_service_model(service) for service in AWS_SERVICES]
    return frozenset(xform_name(operation) for model in models for operation in model.operation_names)


def main(arguments: list[str], write: Callable[[str], object] = print) -> None:
    """Print the table of a checkout, or of this one."""
    tree = Tree(Path(arguments[0]) if arguments else ROOT)
    write("| measure | now | goal |\n| --- | --- | --- |")
    for what, figure, goal in table(tree):
        write(f"| {what} | {figure} | {goal} |")


if __name__ == "__main__":
    main(sys.argv[1:])
