"""The CDK app: reads the settings file and the context, and builds every stack of a deployment.

Context (``-c key=value``): ``settings``, the settings file (default ``logdock.yaml``), or several with commas between
them, which make one app; ``shipper_layer``, the folder with the shipper's wheels (default: the one that the environment
variable LOGDOCK_SHIPPER_LAYER names, or what ``make setup`` put into ``build``, for AWS; an installed Logdock installs
them there from their lock, once for each version). Works without an
AWS account and, but for that, without a network. An error in the settings ends with exit code 2 and a message that
lists every error; so does a deployment that is larger than AWS allows.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logdock.node import choose_node
from logdock.sources import IS_INSTALLED, ROOT, add_to_path, build_folder

# jsii runs the Node that the lock brings, not whatever the system has; it must be known before aws_cdk is imported.
choose_node()
# The stacks read what a vendor is to have from the connector's own modules of it.
add_to_path()

# Nothing here imports the CDK: that starts Node, and an error in the settings needs neither.
from logdock.assembly import read_stacks  # noqa: E402
from logdock.inventory import stacks_of  # noqa: E402
from logdock.layer import LayerError, installed_layer  # noqa: E402
from logdock.limits import Measure, limit_violations, limit_warnings, measures  # noqa: E402
from logdock.settings import Deployment, SettingsError, load_settings  # noqa: E402
from logdock.settings.remarks import remarks  # noqa: E402

if TYPE_CHECKING:
    from aws_cdk import App

SHIPPER_LAYER = build_folder() / "layers" / "log_shipper" / "arm64"
SOURCES = ROOT / "lambda_src"
STAGED_SOURCES = build_folder() / "sources"
NOT_SHIPPED = ("__pycache__", "*.pyc", "*.txt", "*.in")


@cache
def stage_source(source: Path) -> Path:
    """Copy a function's source into ``build`` with modes and times of its own, once, and return where it is.

    The CDK zips files with the mode that they have, and its asset hash ignores modes (aws-cdk#8233): a
    clone made under umask 077 would upload code that Lambda cannot read, under the hash of code that it can. The
    folder is named after what is in it, so that it is never changed while another process reads it.
    """
    ignored = shutil.ignore_patterns(*NOT_SHIPPED)
    STAGED_SOURCES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=STAGED_SOURCES) as folder:
        copy = Path(folder) / source.name
        shutil.copytree(source, copy, ignore=ignored, copy_function=shutil.copyfile)
        digest = hashlib.sha256()
        for path in sorted((copy, *copy.rglob("*")), reverse=True):
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (0, 0))
            if path.is_file():
                digest.update(f"{path.relative_to(copy)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
        staged = STAGED_SOURCES / f"{source.name}-{digest.hexdigest()[:16]}"
        if not staged.exists():
            try:
                copy.rename(staged)
            except OSError:
                # Another process may have been faster, with the same files.
                if not staged.exists():
                    raise
    return staged


def build_app(
    *deployments: Deployment,
    shipper_layer: Path = SHIPPER_LAYER,
    sources: Path = SOURCES,
    context: Mapping[str, object] | None = None,
) -> App:
    """Build every stack of one deployment or several.

    Parameters
    ----------
    deployments
        The deployments, with different names.
    shipper_layer
        The folder that holds ``python/`` with the shipper's wheels.
    sources
        The folder that holds each function's source.
    context
        Context for the App. The CDK command line passes that of ``cdk.json`` by itself; a test passes it here.
    """
    from constructs_lib.shipper import ShipperCode
    from stacks.deployment import StagedSources, make_app

    staged = StagedSources(
        connector=stage_source(sources / "vendor_connector"),
        tags=stage_source(sources / "resource_tags"),
        shipper=ShipperCode(source=stage_source(sources / "log_shipper"), layer=shipper_layer),
    )
    return make_app(deployments, staged, dict(context or {}))


def read_context() -> dict[str, Any]:
    """Return the context as `aws_cdk.App` reads it: the CDK command line writes to a file what is too long to pass."""
    overflow = os.environ.get("CONTEXT_OVERFLOW_LOCATION_ENV")
    context: dict[str, Any] = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    return context | (json.loads(Path(overflow).read_text(encoding="utf-8")) if overflow else {})


def repeated_stacks(deployments: Sequence[Deployment]) -> list[str]:
    """List the names that stacks of two deployments would share; an app has each once, whatever the account."""
    counts = Counter(stack.name for settings in deployments for stack in stacks_of(settings))
    return sorted(name for name, count in counts.items() if count > 1)


def settings_files(given: object) -> list[Path]:
    """Return the settings files that the context names: one, several with commas between them, or a list of them.

    Raises
    ------
    ValueError
        When one does not exist, or the context names none.
    """
    names = given.split(",") if isinstance(given, str) else ["logdock.yaml"] if given is None else given
    if not isinstance(names, list) or not names or not all(isinstance(each, str) and each.strip() for each in names):
        raise ValueError(f"settings: got {given!r}; expected -c settings=FILE, or several with commas between them")
    paths = [Path(name.strip()) for name in names]
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a path that is too long
            advice = "name yours with -c settings=FILE, or write one with `logdock init`"
            raise ValueError(f"{path}: no such file; {advice}")
    return paths


def main() -> int:
    """Synthesize the deployments that the context names."""
    # Almost nothing becomes garbage before the process ends; the collector would visit the CDK's modules in vain.
    gc.disable()
    context = read_context()
    given = context.get("shipper_layer") or os.environ.get("LOGDOCK_SHIPPER_LAYER")
    try:
        layer = Path(given) if given else installed_layer() if IS_INSTALLED else SHIPPER_LAYER
    except LayerError as error:
        print(error, file=sys.stderr)
        return 2
    if not (layer / "python").is_dir():
        print(f"{layer}: the shipper's wheels are not there; run `make setup`", file=sys.stderr)
        return 2
    # The CDK's feature flags belong to the version, so a project of its own has none in its cdk.json.
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    try:
        paths = settings_files(context.get("settings"))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    deployments, errors = [], []
    for path in paths:
        try:
            deployments.append(load_settings(path))
        except SettingsError as error:
            errors.append(str(error))
    if errors:
        print(*errors, sep="\n", file=sys.stderr)
        return 2
    if repeated := repeated_stacks(deployments):
        advice = "give the deployments different names, or deploy each file by itself"
        print(f"{', '.join(map(str, paths))}: both have a stack {repeated[0]}; {advice}", file=sys.stderr)
        return 2
    app = build_app(*deployments, shipper_layer=layer, context=flags)
    stacks = read_stacks(Path(app.synth().directory))
    found: list[Measure] = []
    for settings in deployments:
        own = {stack.name for stack in stacks_of(settings)}
        templates = {name: stack.template for name, stack in stacks.items() if name in own}
        found += measures(settings, templates, {name: stacks[name].template_bytes for name in templates})
    for line in (*(each for settings in deployments for each in remarks(settings)), *limit_warnings(found)):
        print(f"Warning: {line}", file=sys.stderr)
    for line in (violations := limit_violations(found)):
        print(line, file=sys.stderr)
    return 2 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
