"""What ships in a function: the wheels of the shipper's layer, as the lock names them and as they are installed.

A wheel may bring bills of materials of its own (PEP 770): what was compiled into it, such as OpenSSL.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "lambda_src" / "log_shipper" / "requirements.txt"
LAYER = ROOT / "build" / "layers" / "log_shipper" / "arm64" / "python"

_PINNED = re.compile(r"^([\w.-]+)==(\S+).*?\\\n((?:\s+--hash=sha256:[0-9a-f]{64}.*\n?)+)", re.MULTILINE)

UNDECLARED = {"google-re2": "BSD-3-Clause", "openssl": "Apache-2.0"}
"""Licences of parts that declare none by its SPDX name: as google-re2's LICENSE and OpenSSL's (since 3.0) read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """One line of a lock."""

    version: str
    hashes: tuple[str, ...]
    """SHA-256 of every file that may be installed for it: the lock does not say which of them a platform takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """One wheel of the layer."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """As the lock has them."""
    licence: str
    """An SPDX expression."""
    summary: str
    """What it says it is."""
    tags: tuple[str, ...]
    """The platforms that this wheel is for, as its file's name has them."""
    needs: tuple[str, ...]
    """Names of the other wheels of the layer that it needs."""
    inside: tuple[dict[str, Any], ...]
    """Bills of materials that it brings, as CycloneDX documents."""


def pinned(lock: Path) -> Mapping[str, Pinned]:
    """Read a lock with hashes."""
    return {
        name: Pinned(version=version, hashes=tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for name, version, hashes in _PINNED.findall(lock.read_text(encoding="utf-8"))
    }


def wheels(lock: Path = LOCK, layer: Path = LAYER) -> list[Wheel]:
    """List the wheels of the layer.

    Raises
    ------
    ValueError
        When what is installed is not what the lock says, or has no licence that can be named.
    """
    locked = pinned(lock)
    installed = {_name(found.metadata["Name"]): (found, folder) for found, folder in _distributions(layer)}
    versions = {name: found.version for name, (found, _) in installed.items()}
    if versions != {name: pin.version for name, pin in locked.items()}:
        raise ValueError(f"{layer} holds {versions}, which is not what {lock} says; run `make setup`")
    return [_wheel(name, locked[name], *installed[name], others=set(locked)) for name in sorted(locked)]


def _distributions(layer: Path) -> Iterator[tuple[Distribution, Path]]:
    for folder in layer.glob("*.dist-info"):
        yield Distribution.at(folder), folder


def _wheel(name: str, pin: Pinned, found: Distribution, folder: Path, *, others: set[str]) -> Wheel:
    licence = _field(found, "License-Expression") or UNDECLARED.get(name)
    if not licence:
        raise ValueError(
            f"{name} {pin.version} declares no licence; read its text in {folder} and add it to UNDECLARED"
        )
    needed = {_name(re.split(r"[^\w.-]", requirement)[0]) for requirement in found.requires or []}
    return Wheel(
        name=name,
        version=pin.version,
        hashes=pin.hashes,
        licence=licence,
        summary=_field(found, "Summary"),
        tags=tuple(re.findall(r"^Tag: (\S+)$", found.read_text("WHEEL") or "", re.MULTILINE)),
        needs=tuple(sorted(needed & others)),
        inside=tuple(json.loads(path.read_text()) for path in sorted(folder.glob("sboms/*.json"))),
    )


def _field(found: Distribution, field: str) -> str:
    # The type has no `get` before Python 3.12.
    return found.metadata[field] if field in found.metadata else ""  # noqa: SIM401


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
