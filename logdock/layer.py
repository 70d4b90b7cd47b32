"""The wheels of the shipper's layer, installed from their lock.

``python -m logdock.layer FOLDER`` installs them for AWS Lambda; ``--host`` for this machine's Python, which the local
cloud runs the functions with. The same lock gives the same files, wherever it is installed: every wheel is checked
against its hash, and what an installer writes about its own run is removed.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from logdock.sources import LAYER_LOCK, build_folder

LAMBDA = ("--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.13")
"""Amazon Linux 2023 on Graviton (AWS Lambda Developer Guide, "Lambda runtimes")."""
OF_THE_INSTALLER = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")


class LayerError(Exception):
    """The wheels could not be installed."""


def install(folder: Path, *, is_for_host: bool = False) -> None:
    """Install the wheels into ``FOLDER/python``, which is replaced.

    Raises
    ------
    LayerError
        If uv fails; the message has what it printed.
    """
    target = folder / "python"
    shutil.rmtree(folder, ignore_errors=True)
    target.mkdir(parents=True)
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(target), "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--requirements", str(LAYER_LOCK)]
    command += ("--python", sys.executable) if is_for_host else LAMBDA
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise LayerError(f"the shipper's wheels cannot be installed from {LAYER_LOCK}:\n{done.stderr.strip()}")
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)
    for info in target.glob("*.dist-info"):
        for name in OF_THE_INSTALLER:
            (info / name).unlink(missing_ok=True)
    # Lambda must be able to read them, whatever the umask here.
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def installed_layer() -> Path:
    """Return the folder with the wheels of this version's lock for AWS Lambda; install them if it is not there.

    Raises
    ------
    LayerError
        As `install`.
    """
    digest = hashlib.sha256(LAYER_LOCK.read_bytes()).hexdigest()[:16]
    layer = build_folder() / "layers" / f"log_shipper-{digest}"
    if not layer.is_dir():
        print("==> the shipper's wheels for AWS Lambda", file=sys.stderr)
        layer.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=layer.parent) as folder:
            made = Path(folder) / "made"
            install(made)
            try:
                made.rename(layer)
            except OSError:
                # Another process may have been faster, with the same files.
                if not layer.is_dir():
                    raise
    return layer


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]), is_for_host="--host" in sys.argv)
    except LayerError as error:
        sys.exit(f"Error: {error}")
