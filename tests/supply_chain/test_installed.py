"""A directory of your own, made by the wheel: no checkout, and what it synthesizes is what a checkout does."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from logdock.settings import load_settings
from logdock.sources import version
from supply_chain.release import build_wheel
from tests.conftest import ROOT, cdk_context

ACCOUNT, REGION = "111122223333", "eu-west-1"
ANSWERS = ["acme", ACCOUNT, REGION, "", "", "orders", "5e2211c17a3e5a48f5497de3", "acme/atlas", "", "none"]
"""A deployment with one export of Atlas that the deploy switches on, so with functions of every kind."""
BY_HAND = [*ANSWERS[:7], "", "arn:aws:iam::772401394250:root", "id-of-atlas", "", "none"]
"""The same, and a user switches the export on: the local Atlas is not asked."""
LAYER = ROOT / "tests" / "stacks" / "layer"
BUILT_FROM = (
    "LICENSE", "README.md", "app.py", "cdk.json", "constructs_lib", "docs/runbook.md", "docs/troubleshooting.md",
    "lambda_src", "logdock", "package-lock.json", "package.json", "pyproject.toml", "stacks",
)  # fmt: skip
NEXT = "99.0.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment whose Python has the wheel's files, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    # The home directory has jsii's cache of the CDK, which takes a minute to make.
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return {**kept, "PYTHONPATH": str(folder), "CDK_VALIDATION": "false", "AWS_EC2_METADATA_DISABLED": "true"}


def run(
    command: list[str], folder: Path, environment: Mapping[str, str], answers: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        input="".join(f"{line}\n" for line in answers or []),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def new(folder: Path, environment: Mapping[str, str], answers: list[str]) -> Path:
    """Make a directory as a user does, and return it."""
    command = [sys.executable, "-P", "-m", "logdock", "new", "logs", "--kind", "mongodb-atlas", "--pipeline", "github"]
    ended = run(command, folder, environment, answers)
    assert (ended.returncode, "logs is written" in ended.stdout) == (0, True), ended.stderr
    return folder / "logs"


def synthesized(directory: Path) -> dict[str, Any]:
    """Return every template and asset manifest; a manifest's hash of a template is a part of it."""
    return {path.name: json.loads(path.read_text()) for path in sorted(directory.glob("*.*.json"))}


@pytest.mark.proof
def test_new_directory_synthesizes_what_a_checkout_does(installed: dict[str, str], tmp_path: Path) -> None:
    project = new(tmp_path, installed, ANSWERS)
    assert json.loads((project / "cdk.json").read_text()) == {"app": ".venv/bin/python -O -P -m logdock.app"}
    outputs = {name: tmp_path / name for name in ("installed", "checkout")}
    # As the CDK command line runs an app: in the project the feature flags come with Logdock, not from its cdk.json.
    contexts = {"installed": {}, "checkout": cdk_context()}
    commands = {"installed": ["-O", "-P", "-m", "logdock.app"], "checkout": ["-O", str(ROOT / "app.py")]}
    for name, output in outputs.items():
        context = json.dumps({**contexts[name], "shipper_layer": str(LAYER)})
        environment = {**installed, "CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(output)}
        if name == "checkout":
            del environment["PYTHONPATH"]
        ended = run([sys.executable, *commands[name]], project, environment)
        assert (ended.returncode, ended.stderr) == (0, "")
    found = synthesized(outputs["installed"])
    assert {f"acme-{each}.template.json" for each in ("core", "shipper", "orders", "dashboard")} <= found.keys()
    assert found == synthesized(outputs["checkout"])
    # What is uploaded is named by its content, and nothing is written to where Logdock is installed.
    assert [path.name for path in (project / "build").iterdir()] == ["sources"]


@pytest.mark.proof
def test_constructs_are_importable_from_the_wheel(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text((ROOT / "examples" / "constructs" / "app.py").read_text())
    (tmp_path / "stacks.py").write_text("OWN = 1\n")
    check = "import app, logdock.constructs, stacks; assert stacks.OWN and app.__file__ == 'app.py'.join([FOLDER, ''])"
    environment = {**installed, "CDK_OUTDIR": str(tmp_path / "cdk.out")}
    ended = run([sys.executable, "-c", check.replace("FOLDER", repr(f"{tmp_path}/"))], tmp_path, environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "cdk.out" / "VendorLogs.template.json").is_file()


def next_wheel(folder: Path) -> Path:
    """Build the wheel of a later version of the same sources."""
    source = folder / "source"
    for name in BUILT_FROM:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace(f'version = "{version()}"', f'version = "{NEXT}"'))
    return build_wheel(folder / "dist", source)


@contextmanager
def environment_of(project: Path, wheels: Path) -> Iterator[dict[str, str]]:
    """Set a directory up as its README says; Logdock's wheel comes from a folder instead of a registry."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment["PATH"] = f"{project}/.venv/bin:{environment['PATH']}"
    environment["CDK_VALIDATION"] = "false"
    uv = [sys.executable, "-m", "uv", "--quiet"]
    if not (project / ".venv").exists():
        assert run([*uv, "venv", "--python", sys.executable, ".venv"], project, environment).returncode == 0
    constraint = project.parent / "constraint.txt"
    pins = [line.split(" ")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    constraint.write_text("\n".join(pins))
    command = [*uv, "pip", "install", "--python", ".venv/bin/python", "--find-links", str(wheels)]
    ended = run([*command, "--constraint", str(constraint), "-r", "requirements.txt"], project, environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    ended = run(["npm", "ci", "--prefer-offline", "--silent"], project, environment)
    assert ended.returncode == 0, ended.stderr
    yield environment


@pytest.mark.proof
@pytest.mark.end_to_end
def test_new_directory_deploys_and_upgrades(wheel: Path, installed: dict[str, str], tmp_path: Path) -> None:
    project = new(tmp_path, installed, BY_HAND)
    with environment_of(project, wheel.parent) as environment:
        assert not (project / ".venv" / "bin" / "hatchling").exists(), "the environment of the checkout is not the one"
        ours = run(["npx", "--no-install", "cdk", "synth", "--quiet", "--output", "ours"], project, environment)
        assert ours.returncode == 0, ours.stderr
        flags = [f"--app={ROOT}/.venv/bin/python {ROOT}/app.py", "--output", "theirs"]
        context = json.dumps(cdk_context())
        theirs = run(
            ["npx", "--no-install", "cdk", "synth", "--quiet", *flags],
            project,
            {**environment, "CDK_CONTEXT_JSON": context},
        )
        assert theirs.returncode == 0, theirs.stderr
        # The layer too: the wheels that uv installed here have the hash of those that `make setup` installed.
        assert synthesized(project / "ours") == synthesized(project / "theirs")

        with Emulator(log_file=tmp_path / "emulator.log") as cloud:
            settings = load_settings(project / "logdock.yaml")
            prepare(cloud, settings, make_secrets(settings))
            cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=tmp_path / "cdk.log")
            cdk.bootstrap()
            cdk.synth(project / "logdock.yaml", project / "cdk.out", source=project)
            cdk.deploy(project / "cdk.out")
            assert versions(cloud) == {version()}

            wheels = next_wheel(tmp_path).parent
            requirements = project / "requirements.txt"
            requirements.write_text(requirements.read_text().replace(version(), NEXT))
            with environment_of(project, wheels):
                cdk.synth(project / "logdock.yaml", project / "cdk.out", source=project)
            cdk.deploy(project / "cdk.out")
            assert versions(cloud) == {NEXT}


def versions(cloud: Emulator) -> set[str | None]:
    """Return what the functions' tags say of the version."""
    client = cloud.client("lambda", ACCOUNT, region=REGION)
    arns = [each["FunctionArn"] for each in client.list_functions()["Functions"]]
    assert arns
    return {client.list_tags(Resource=arn)["Tags"].get("logdock:version") for arn in arns}
