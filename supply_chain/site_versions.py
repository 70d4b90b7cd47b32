"""The documentation of every release in one folder, which a web server such as GitHub Pages can publish as it is.

Run as ``python -m supply_chain.site_versions FOLDER``; ``make docs-release`` does it. Each release is a subfolder that
stays as it was built. This adds ``versions.json``, which the theme's version selector reads, and an ``index.html`` that
redirects to the newest release.

Source of the format: Material for MkDocs, "Setting up versioning".
"""

import json
import re
import sys
import tomllib
from pathlib import Path

from supply_chain.shipped import ROOT

LATEST = "latest"
"""The alias of the newest release."""


def project_version() -> str:
    """Return the version of this checkout."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def write_versions(folder: Path) -> list[str]:
    """Write the list of the releases in a folder, and the redirect; return the releases, newest first."""
    names = [path.parent.name for path in folder.glob("*/index.html")]
    versions = sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)], reverse=True)
    entries = [
        {"version": name, "title": name, "aliases": [LATEST] if at == 0 else []} for at, name in enumerate(versions)
    ]
    (folder / "versions.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    redirect = f'<!doctype html><meta http-equiv="refresh" content="0; url={versions[0]}/index.html">\n'
    (folder / "index.html").write_text(redirect, encoding="utf-8")
    return versions


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(project_version())
    else:
        print(f"{sys.argv[1]} has the documentation of {', '.join(write_versions(Path(sys.argv[1])))}")
