"""What each release deployed: its examples/everything.yaml, the templates of it, and the source that makes them.

For a new release: `python -m tests.upgrades.releases VERSION` on its commit. Nothing here is edited afterwards.
"""

import io
import json
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, synthesize

DIRECTORY = Path(__file__).parent
SOURCES = ("app.py", "cdk.json", "pyproject.toml", "logdock", "stacks", "constructs_lib", "lambda_src")
RELEASES = sorted(path.name.removesuffix(".templates.json.xz") for path in DIRECTORY.glob("*.templates.json.xz"))

Templates = Mapping[str, dict[str, Any]]


def templates_of(release: str) -> Templates:
    """Return the templates of a release, by stack."""
    with lzma.open(DIRECTORY / f"{release}.templates.json.xz", "rt", encoding="utf-8") as file:
        found: Templates = json.load(file)
    return found


def settings_of(release: str) -> Path:
    """Return the settings file that a release deployed: later examples have what it did not know."""
    return DIRECTORY / f"{release}.settings.yaml"


def unpack_source(release: str, directory: Path) -> None:
    """Unpack what a release synthesizes with."""
    packed = lzma.decompress((DIRECTORY / f"{release}.source.tar.xz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")


def record(release: str) -> None:
    """Record a release: the settings and templates of this checkout, and the source of its commit."""
    example = ROOT / "examples" / "everything.yaml"
    settings_of(release).write_bytes(example.read_bytes())
    templates = synthesize(example).templates
    with lzma.open(DIRECTORY / f"{release}.templates.json.xz", "wt", encoding="utf-8", preset=9) as file:
        json.dump(templates, file, sort_keys=True)
    command = ["git", "archive", "HEAD", *SOURCES]
    packed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    (DIRECTORY / f"{release}.source.tar.xz").write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    record(sys.argv[1])
