"""The kinds of exports, and where the parts of a kind are. Imports nothing of a kind before it is asked for."""

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

EXPORTS: tuple[str, ...] = (
    "mongodb-atlas",
    "cockroachdb",
    "aurora-mysql",
    "rds",
    "aptible",
    "s3-logs",
    "cloudwatch-logs",
    "cloudflare",
)
"""Every kind of export, in the order in which they are offered."""
DESTINATIONS: tuple[str, ...] = ("logzio", "otlp")
"""Every kind of destination. Their union, `settings.destinations.Destination`, names each model too."""


class UnknownKindError(LookupError):
    """A kind of export or destination that does not exist, or a part that the kind does not have."""


def package(kind: str) -> str:
    """Return the name of a kind's package."""
    return f"{__package__}.{kind.replace('-', '_')}"


def has_part(kind: str, part: str) -> bool:
    """Say whether a kind has a module of this name."""
    return bool(kind) and _exists(package(kind)) and _exists(f"{package(kind)}.{part}")


def load_part(kind: str, part: str) -> Any:
    """Import a module of a kind.

    Raises
    ------
    UnknownKindError
        When there is no such kind, or it has no such module.
    """
    if kind not in (*EXPORTS, *DESTINATIONS):
        raise UnknownKindError(
            f"{kind!r} is not a kind of export or destination; known: {', '.join((*EXPORTS, *DESTINATIONS))}"
        )
    if not has_part(kind, part):
        raise UnknownKindError(f"{kind}: {package(kind)} has no module {part}")
    return importlib.import_module(f"{package(kind)}.{part}")


def export_models() -> Iterator[Any]:
    """Import the model of every kind of export, in order."""
    for kind in EXPORTS:
        yield load_part(kind, "settings").EXPORT


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
