"""The CDK app: reads the settings file and the context, and builds every stack of a deployment.

Context (``-c key=value``): ``settings``, the settings file (default ``logdock.yaml``); ``shipper_layer``, the folder
with the shipper's wheels (default: what ``make setup`` put into ``build``, for AWS). Works without an AWS account and
without a network. An error in the settings ends with exit code 2 and a message that lists every error; so does a
deployment that is larger than AWS allows.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NODE = Path(sysconfig.get_path("scripts")) / "node"
if NODE.exists():
    # jsii runs the Node that the lock brings, not whatever the system has; it must be known before aws_cdk is imported.
    os.environ.setdefault("JSII_NODE", str(NODE))

from aws_cdk import App, Environment, Stack, Tags  # noqa: E402

from constructs_lib.shipper import ShipperCode  # noqa: E402
from logdock.settings import Deployment, SettingsError, load_settings  # noqa: E402
from logdock.settings.names import Names  # noqa: E402
from logdock.vendors.registry import load_part  # noqa: E402
from stacks.core import CoreStack  # noqa: E402
from stacks.dashboard import DashboardStack  # noqa: E402
from stacks.export_stack import ExportStack  # noqa: E402
from stacks.limits import limit_violations  # noqa: E402
from stacks.replica import ReplicaStack  # noqa: E402
from stacks.shipper import ShipperStack  # noqa: E402

SHIPPER_LAYER = ROOT / "build" / "layers" / "log_shipper" / "arm64"
SOURCES = ROOT / "lambda_src"
STAGED_SOURCES = ROOT / "build" / "sources"
NOT_SHIPPED = ("__pycache__", "*.pyc", "*.txt", "*.in")


def stage_source(source: Path) -> Path:
    """Copy a function's source into ``build`` with modes and times of its own, and return where it is.

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
    settings: Deployment,
    *,
    shipper_layer: Path = SHIPPER_LAYER,
    sources: Path = SOURCES,
    context: Mapping[str, object] | None = None,
) -> App:
    """Build every stack of a deployment.

    Parameters
    ----------
    settings
        The deployment.
    shipper_layer
        The folder that holds ``python/`` with the shipper's wheels.
    sources
        The folder that holds each function's source.
    context
        Context for the App. The CDK command line passes that of ``cdk.json`` by itself; a test passes it here.
    """
    app = App(context=dict(context or {}))
    names = Names.of(settings)
    connector_source = stage_source(sources / "vendor_connector")
    tags_source = stage_source(sources / "resource_tags")
    code = ShipperCode(source=stage_source(sources / "log_shipper"), layer=shipper_layer)

    def where(region: str) -> Environment:
        return Environment(account=settings.account, region=region)

    core = CoreStack(
        app, names.core_stack, settings=settings, names=names, regions=settings.regions, env=where(settings.region)
    )
    if settings.replica:
        region = settings.replica.region
        replica = ReplicaStack(
            app, names.replica(region), settings=settings, replica=settings.replica, names=names, env=where(region)
        )
        # S3 copies to a bucket that is there, and the archive's key admits a role that is there.
        core.add_stack_dependency(replica)
    shippers = {
        region: ShipperStack(
            app,
            names.in_region("shipper", region),
            settings=settings,
            names=names,
            code=code,
            connector_source=connector_source,
            tags_source=tags_source,
            env=where(region),
        )
        for region in settings.regions
    }
    for shipper in shippers.values():
        shipper.add_stack_dependency(core)
    for export in settings.exports:
        stacks: list[ExportStack] = []
        make_stack: Callable[..., ExportStack] = load_part(export.kind, "stack").STACK
        for region in settings.regions_of(export):
            stack = make_stack(
                app,
                names.in_region(export.name, region),
                settings=settings,
                names=names,
                export=export,
                connector_source=connector_source,
                env=where(region),
            )
            stack.add_stack_dependency(shippers[region])
            stacks.append(stack)
        home, *others = stacks
        if getattr(export, "connect", None):
            # The vendor's export is created last: it then writes in every Region.
            for other in others:
                home.add_stack_dependency(other)
    if settings.dashboard:
        DashboardStack(
            app, f"{settings.deployment}-dashboard", settings=settings, names=names, env=where(settings.region)
        )
    Tags.of(app).add("logdock:deployment", settings.deployment)
    # With the flag explicitStackTags the line above tags resources alone. A stack is found by its own tag.
    for each in app.node.children:
        if isinstance(each, Stack):
            each.tags.set_tag("logdock:deployment", settings.deployment)
    return app


def main() -> int:
    """Synthesize the deployment that the context names."""
    context = App().node
    path = Path(context.try_get_context("settings") or "logdock.yaml")
    layer = Path(context.try_get_context("shipper_layer") or SHIPPER_LAYER)
    if not (layer / "python").is_dir():
        print(f"{layer}: the shipper's wheels are not there; run `make setup`", file=sys.stderr)
        return 2
    if not path.exists():
        print(
            f"{path}: no such file; copy one of examples/*.yaml to it, or name yours: -c settings=FILE", file=sys.stderr
        )
        return 2
    try:
        app = build_app(load_settings(path), shipper_layer=layer)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    templates = {stack.stack_name: stack.template for stack in app.synth().stacks}
    for line in (errors := limit_violations(templates)):
        print(line, file=sys.stderr)
    return 2 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
