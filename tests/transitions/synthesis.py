"""The app in a process of its own that goes on: the CDK starts once, and not for each settings file.

`cdk synth` takes eleven seconds of processor time, of which the app takes one and a half. What CloudFormation's
validator refuses is an error here too.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from policy_proof.synthesis import ROOT, cdk_context

LAYER = ROOT / "build" / "layers" / "log_shipper" / "host"


@contextmanager
def synthesizer() -> Iterator[Callable[[Path, Path], None]]:
    """Yield a function that writes the cloud assembly of a settings file to a directory, which it replaces."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_with_validation) as process:
        yield lambda settings, output: process.submit(_synthesize, settings, output).result()


def _with_validation() -> None:
    os.environ.pop("CDK_VALIDATION", None)


def _synthesize(settings: Path, output: Path) -> None:
    from app import build_app
    from logdock.limits import limit_violations, measures
    from logdock.settings import load_settings

    deployment = load_settings(settings)
    assembly = build_app(deployment, shipper_layer=LAYER, context=cdk_context()).synth()
    templates = {stack.stack_name: stack.template for stack in assembly.stacks}
    assert limit_violations(measures(deployment, templates)) == []
    shutil.rmtree(output, ignore_errors=True)
    shutil.move(assembly.directory, output)
