"""What tests share: the templates of every example, synthesized once per process."""

import fcntl
import gc
import importlib.util
import itertools
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis.internal.conjecture import providers

from logdock.node import choose_node
from policy_proof.synthesis import ROOT, Synthesized, cdk_context, share_between_processes, synthesize, synthesize_now
from tests import fast_aws
from tests.costly import covering_cases

__all__ = ["EXAMPLES", "ROOT", "VARIANTS", "Synthesized", "cdk_context", "covering", "synthesize", "synthesize_now"]

# `import jsonschema` would compile a grammar of IRIs, 3 seconds long, a format that no schema here has.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
choose_node()
# How long an example takes says how busy the machine is; benchmarks measure time.
EXAMPLES_EACH = int(os.environ.get("LOGDOCK_TEST_EXAMPLES", "10"))  # `make proof` sets it
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=EXAMPLES_EACH)
hypothesis.settings.load_profile("untimed")
if EXAMPLES_EACH == 10:
    # Hypothesis reads every module for constants to try: seconds in each process, for a twentieth of ten examples.
    constants: Any = providers
    constants.is_local_module_file = lambda _: False
# The strict validator runs in one policy test and in every real synth; here it would cost seconds per App.
os.environ.setdefault("CDK_VALIDATION", "false")
fast_aws.install()
# What tests read of settings and templates, and write; the settings themselves are read by a loader of their own.
yaml.safe_load = lambda stream: yaml.load(stream, yaml.CSafeLoader)
setattr(yaml, "safe_dump", partial(yaml.dump, Dumper=yaml.CSafeDumper))  # noqa: B010 - mypy knows it as a function
# The CDK, moto and AWS's service models stay; by default the collector walks them all again every few tests.
gc.set_threshold(2_000, 10, 100)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the workers of pytest-xdist a folder in common: each settings file is synthesized by one of them."""
    if not hasattr(node.config, "shared_templates"):
        node.config.shared_templates = TemporaryDirectory()
    node.workerinput["templates"] = node.config.shared_templates.name


def pytest_configure(config: pytest.Config) -> None:
    # Ctrl-C and a closed terminal are tested also where a shell's background or `nohup` has them ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if folder := getattr(config, "workerinput", {}).get("templates"):
        share_between_processes(Path(folder))


def pytest_unconfigure(config: pytest.Config) -> None:
    gc.unfreeze()  # DuckDB reports its own types as leaked where the interpreter cannot collect them at its end
    if folder := getattr(config, "shared_templates", None):
        folder.cleanup()


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later collection: it stays until the end."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """In a new clone, have one worker after the other import, so that only the first compiles the CDK and the tests."""
    with ExitStack() as stack:
        folder = getattr(session.config, "workerinput", {}).get("templates")
        cdk = importlib.util.find_spec("aws_cdk")
        if folder and cdk and cdk.cached and not Path(cdk.cached).exists():
            fcntl.flock(stack.enter_context((Path(folder) / "collection.lock").open("w")), fcntl.LOCK_EX)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to `make proof` what adds no value of a parameter to a test that is marked `covering`."""
    cases: dict[str, list[pytest.Function]] = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if isinstance(item, pytest.Function) and "covering" in marks and "proof" not in marks:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for of_test in cases.values():
        for case in set(of_test) - set(covering_cases(of_test, [case.callspec.indices for case in of_test])):
            case.add_marker(pytest.mark.proof)


EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# Every kind of log group export, two Regions, a prefix and every destination; the others have no subscriptions.
_THROUGH_KINESIS = [ROOT / "examples" / f"{name}.yaml" for name in ("cloudwatch-logs", "cockroachdb", "everything")]
VARIANTS = [(path, None) for path in EXAMPLES] + [(path, "kinesis") for path in _THROUGH_KINESIS]


def covering(*axes: dict[str, Any]) -> list[Any]:
    """Return the product of some axes as parameters: each value at least once now, all else with `make proof`."""
    longest = max(map(len, axes))
    now = {tuple(turn % len(axis) for axis in axes) for turn in range(longest)}
    return [
        pytest.param(
            *(list(axis.values())[index] for axis, index in zip(axes, place, strict=True)),
            id="-".join(list(axis)[index] for axis, index in zip(axes, place, strict=True)),
            marks=() if place in now else pytest.mark.proof,
        )
        for place in itertools.product(*(range(len(axis)) for axis in axes))
    ]


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join(filter(None, (variant[0].stem, variant[1]))))
def example(request: pytest.FixtureRequest) -> Synthesized:
    """Each example in turn, and those with log groups once more with their subscriptions through Kinesis."""
    return synthesize(*request.param)


@pytest.fixture
def everything() -> Synthesized:
    """The example with every kind in it."""
    return synthesize(ROOT / "examples" / "everything.yaml")
