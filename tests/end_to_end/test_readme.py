"""The README's deployment, command by command as it stands, in a copy of the project against the local cloud."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_cloud.emulator import Emulator
from tests.conftest import ROOT
from tests.test_readme import DEPLOY, README, fenced, section

pytestmark = pytest.mark.end_to_end

ACCOUNT, REGION = "111122223333", "eu-west-1"
INSTALLED = (".venv", "node_modules", "build")
KEPT = b"a line that landed before the stack went\n"


@dataclass(frozen=True)
class Project:
    """A copy of the project, as a clone has it, with this one's installation, and a cloud to deploy to."""

    directory: Path
    cloud: Emulator

    def run(self, *commands: str) -> None:
        """Type commands into one shell; fail at the first that fails, with what it printed."""
        # An answer to the CDK's question needs a terminal. The strict validation is another test's.
        answers = {"CDK_REQUIRE_APPROVAL": "never", "CDK_VALIDATION": "false"}
        environment = {**self.cloud.environment(ACCOUNT, REGION), **answers}
        environment["PATH"] = f"{self.directory / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
        script = "".join(f"echo '$' {json.dumps(command)}\n{command}\n" for command in commands)
        result = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
        assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    directory = tmp_path_factory.mktemp("clone") / "logdock"
    # What is new is not tracked yet, and what is ignored is no part of the project.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, directory / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for name in INSTALLED:
        (directory / name).symlink_to(ROOT / name)
    # Otherwise `make setup` in the copy would install anew, through the links, into the original.
    question = ["make", "--question", "setup"]
    current = subprocess.run(question, cwd=directory, check=False, capture_output=True)
    assert current.returncode == 0, "the installation is older than the locks: run `make setup` first"
    with Emulator(log_file=directory.parent / "emulator.log") as cloud:
        yield Project(directory, cloud)


def commands_of_the_readme() -> list[str]:
    return [line for block in fenced(section(README.read_text(), *DEPLOY), "sh") for line in block.splitlines()]


def stacks(cloud: Emulator) -> set[str]:
    formation = cloud.client("cloudformation", ACCOUNT, region=REGION)
    return {stack["StackName"] for stack in formation.describe_stacks()["Stacks"]} - {"CDKToolkit"}


@pytest.fixture(scope="module")
def deployed(project: Project) -> Project:
    """The project after every command of the README."""
    project.run(*commands_of_the_readme())
    return project


def test_every_command_of_the_deployment_runs(deployed: Project) -> None:
    made = {"acme-prod-core", "acme-prod-shipper", "acme-prod-orders", "acme-prod-dashboard"}
    assert stacks(deployed.cloud) == made
    templates = {path.name for path in (deployed.directory / "cdk.out").glob("*.template.json")}
    assert templates >= {f"{stack}.template.json" for stack in stacks(deployed.cloud)}


def test_a_destroyed_export_is_taken_over_again(deployed: Project) -> None:
    stack, cloud = "acme-prod-orders", deployed.cloud
    formation, s3 = (cloud.client(name, ACCOUNT, region=REGION) for name in ("cloudformation", "s3"))

    def resources() -> dict[str, str]:
        found = formation.describe_stack_resources(StackName=stack)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}

    before = resources()
    key, bucket = "Key9BCD29C7", "LandingBucket6D60388F"
    s3.put_object(Bucket=before[bucket], Key="atlas/orders/kept", Body=KEPT)
    # What a person is asked for; the emulator cannot import the third, the bucket's policy.
    mapping = {key: {"KeyId": before[key].rpartition("/")[2]}, bucket: {"BucketName": before[bucket]}}
    (deployed.directory / "kept.json").write_text(json.dumps(mapping))

    # The templates that `make synth` has left there: synthesizing them three times more would show nothing.
    cdk = "npx cdk --app cdk.out"
    deployed.run(
        f"{cdk} destroy {stack} --force",
        f"{cdk} import {stack} --resource-mapping kept.json",
        f"{cdk} deploy {stack} --exclusively",
    )

    assert resources() == before
    assert s3.get_object(Bucket=before[bucket], Key="atlas/orders/kept")["Body"].read() == KEPT
