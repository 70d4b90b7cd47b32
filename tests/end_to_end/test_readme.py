"""The commands of the README, the tutorial and the deploy guide, in a copy of the project against the local cloud."""

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
from tests.test_readme import DEPLOY, README, TUTORIAL, commands, fenced, typed_answers

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
INIT = "logdock init --kind mongodb-atlas"
DESTROY = "npx cdk destroy acme-prod-orders --force"
STACK, KEY, BUCKET = "acme-prod-orders", "Key9BCD29C7", "LandingBucket6D60388F"
INSTALLED = (".venv", "node_modules", "build")
KEPT = b"a line that landed before the stack went\n"
ELSEWHERE = ("A repository of your own", "Without AdministratorAccess")
"""Sections for another directory and another person, which tests of `logdock new` and `bootstrap-policy` hold."""


def typed(command: str) -> str:
    """Return a command as the shell gets it: with the tutorial's answers, where it asks."""
    answers = "".join(f"{answer}\n" for answer in typed_answers())
    return f"{command} <<'ANSWERS'\n{answers}ANSWERS" if command == INIT else command


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
        script = "".join(f"echo '$' {json.dumps(command)}\n{typed(command)}\n" for command in commands)
        printed = self.directory.parent / "printed.txt"
        with printed.open("w") as out:
            result = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=400,
                check=False,
            )
        assert result.returncode == 0, printed.read_text()


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


def commands_of_the_pages() -> list[str]:
    """Return what the pages have a user type, in the order of the pages; what was typed already is not repeated."""
    found = [line for page in (README, TUTORIAL) for line in commands(page)]
    for section in DEPLOY.read_text().split("\n## "):
        if not section.startswith(ELSEWHERE):
            found += [line for block in fenced(section, "sh") for line in block.splitlines()]
    return [line for line in dict.fromkeys(found) if line not in ("make demo", "make test")]


def stacks(cloud: Emulator) -> set[str]:
    formation = cloud.client("cloudformation", ACCOUNT, region=REGION)
    return {stack["StackName"] for stack in formation.describe_stacks()["Stacks"]} - {"CDKToolkit"}


def resources(cloud: Emulator) -> dict[str, str]:
    """Return the ids of the export's resources."""
    formation = cloud.client("cloudformation", ACCOUNT, region=REGION)
    found = formation.describe_stack_resources(StackName=STACK)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


@pytest.fixture(scope="module")
def before(project: Project) -> dict[str, str]:
    """Type every command of the pages; return the resources of the export before its stack was destroyed."""
    typed_in = commands_of_the_pages()
    at = typed_in.index(DESTROY)
    project.run(*typed_in[:at])
    found = resources(project.cloud)
    s3 = project.cloud.client("s3", ACCOUNT, region=REGION)
    s3.put_object(Bucket=found[BUCKET], Key="atlas/kept", Body=KEPT)
    project.run(*typed_in[at:])
    return found


def test_every_command_of_the_pages_runs(project: Project, before: dict[str, str]) -> None:
    assert before
    made = {"acme-prod-core", "acme-prod-shipper", "acme-prod-dashboard"}
    assert stacks(project.cloud) == made
    templates = {path.name for path in (project.directory / "cdk.out").glob("*.template.json")}
    assert templates == {f"{stack}.template.json" for stack in {*made, STACK}}


def test_a_destroyed_export_is_taken_over_again(project: Project, before: dict[str, str]) -> None:
    # What a person is asked for; the emulator cannot import the third, the bucket's policy.
    mapping = {KEY: {"KeyId": before[KEY].rpartition("/")[2]}, BUCKET: {"BucketName": before[BUCKET]}}
    (project.directory / "kept.json").write_text(json.dumps(mapping))

    # The templates that `make synth` has left there: synthesizing them twice more would show nothing.
    cdk = "npx cdk --app cdk.out"
    project.run(
        f"{cdk} import {STACK} --resource-mapping kept.json",
        f"{cdk} deploy {STACK} --exclusively",
    )

    assert resources(project.cloud) == before
    s3 = project.cloud.client("s3", ACCOUNT, region=REGION)
    assert s3.get_object(Bucket=before[BUCKET], Key="atlas/kept")["Body"].read() == KEPT
