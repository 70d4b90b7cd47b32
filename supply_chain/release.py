"""The files of a release: the wheel, the templates, the bill of materials, the notes and a checksum of each.

Run as ``python -m supply_chain.release FOLDER``, after ``make templates sbom``; ``make release`` does all of it. The
folder is emptied first.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from supply_chain.shipped import ROOT

CHECKSUMS = "SHA256SUMS"


class ReleaseError(Exception):
    """A release that cannot be made."""


def release_notes(changelog: str, version: str) -> str:
    """Return the section of a version.

    Raises
    ------
    ReleaseError
        If the change log has no section of that version, or an empty one.
    """
    parts = re.split(r"^## \[", changelog, flags=re.MULTILINE)[1:]
    sections: dict[str, str] = {part.partition("]")[0]: part.partition("\n")[2].strip() for part in parts}
    if not sections.get(version):
        known = ", ".join(sections)
        raise ReleaseError(f"CHANGELOG.md: no section [{version}], the version in pyproject.toml; it has: {known}")
    return sections[version] + "\n"


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS, in the form that ``sha256sum --check`` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}" for path in files
    ]
    (folder / CHECKSUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def build_wheel(folder: Path, source: Path = ROOT) -> Path:
    """Build the wheel of a source tree; the build backend is the one of this environment, as locked."""
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--offline", "--no-build-isolation"]
    command += ["--python", sys.executable, "--out-dir", str(folder), str(source)]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments
    (folder / ".gitignore").unlink(missing_ok=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def release(folder: Path) -> None:
    """Write the release of this checkout into a folder."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    notes = release_notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "NOTES.md").write_text(notes, encoding="utf-8")
    for made in ("templates", "sbom"):
        shutil.copytree(ROOT / "build" / made, folder / made)
    build_wheel(folder)
    write_checksums(folder)


if __name__ == "__main__":
    try:
        release(Path(sys.argv[1]))
    except ReleaseError as error:
        sys.exit(f"Error: {error}")
