"""Where the stacks, the constructs, the functions' sources and their locks are: in a checkout, or in the wheel.

In a checkout they are at its top level. The wheel has them in ``logdock/deployment``, so that it installs one top-level
name: packages called ``stacks`` or ``constructs_lib`` in site-packages would collide with those of other projects.
"""

import importlib.metadata
import sys
import tomllib
from functools import cache
from pathlib import Path

INSTALLED = Path(__file__).resolve().parent / "deployment"
IS_INSTALLED = INSTALLED.is_dir()
ROOT = INSTALLED if IS_INSTALLED else INSTALLED.parents[1]
FUNCTIONS = ("log_shipper", "vendor_connector", "resource_tags")
LAYER_LOCK = ROOT / "lambda_src" / "log_shipper" / "requirements.txt"
"""The wheels of the shipper's layer, with their hashes."""


def add_to_path() -> None:
    """Make the app, the stacks, the constructs and the functions' packages importable, before all others."""
    folders = [str(ROOT), *(str(ROOT / "lambda_src" / name) for name in FUNCTIONS)]
    sys.path[:0] = [each for each in folders if each not in sys.path]


def build_folder() -> Path:
    """Return where what is made for a synthesis is kept: in the checkout, or below the current directory."""
    return (Path.cwd() if IS_INSTALLED else ROOT) / "build"


@cache
def version() -> str:
    """Return Logdock's version, which every stack has; to read it takes ten milliseconds."""
    if IS_INSTALLED:
        return importlib.metadata.version("logdock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
