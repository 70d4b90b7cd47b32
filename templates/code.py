"""The code of the shipper as zip files, beside the templates: the same sources and wheels give the same bytes."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import SHIPPER_LAYER, SOURCES, stage_source

NOT_IN_THE_LAYER = ".installed"
"""What `make setup` notes for itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The names of the zip files, which the shipper's template has where ``CodeKey`` and ``LayerKey`` are empty.

    Each has a digest of its content: a new release has other keys, so an update of the stack replaces the code. They
    are no defaults of the parameters, because an update by ``aws cloudformation deploy`` keeps a parameter's value.
    """

    function: str
    layer: str


def write_code(directory: Path, *, layer: Path = SHIPPER_LAYER) -> Code:
    """Write both zip files into a directory, in the place of earlier ones.

    Raises
    ------
    FileNotFoundError
        The wheels of the layer are not installed.
    """
    if not (layer / "python").is_dir():
        raise FileNotFoundError(f"{layer}: the shipper's wheels are not there; run `make setup`")
    for earlier in directory.glob("log-shipper-*.zip"):
        earlier.unlink()
    return Code(
        function=_write_zip(stage_source(SOURCES / "log_shipper"), directory, "log-shipper"),
        layer=_write_zip(layer, directory, "log-shipper-layer"),
    )


def _write_zip(folder: Path, directory: Path, name: str) -> str:
    """Zip a folder, and return the name of the file.

    Nothing is compressed: two releases of zlib compress the same file to different bytes.
    """
    made = directory / f"{name}.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    with made.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return made.rename(directory / f"{name}-{digest}.zip").name


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.name != NOT_IN_THE_LAYER:
            yield path
