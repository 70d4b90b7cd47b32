"""`logdock init` to the end: what is typed becomes a file, which is valid, is deployed, and its logs land.

The command needs no AWS, and is given none. Every kind is deployed by the real CDK, with the file as it was written.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_cloud.cdk import Cdk
from local_cloud.commands import PYTHON_PATH
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.play import Play
from local_cloud.stage import Stage
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
ANSWERS = {
    "mongodb-atlas": ["5e2211c17a3e5a48f5497de3", "", "arn:aws:iam::772401394250:root", "id-of-atlas", ""],
    "cockroachdb": ["f78b7feb-b6cf-4396-9d7f-494982d7d81e", "", "222233334444", "/acme/cockroach/ledger"],
    "aurora-mysql": ["billing", "billing-params"],
    "aptible": [REGION, "acme/aptible-keys"],
    "s3-logs": ["cloudtrail, vpc-flow", ""],
    "cloudwatch-logs": ["/acme/apps/checkout, /acme/apps/basket", ""],
    "cloudflare": ["", "023e105f4ecef8ad9ca31a8372d0c353", "", "EdgeStartTimestamp, RayID", ""],
}
DESTINATIONS = {
    "logzio": ["", "eu", "acme/logzio"],
    "otlp": ["lake", "https://otel.acme.example", ""],
}


@dataclass(frozen=True)
class World:
    """An empty account, and a person in an empty directory."""

    cloud: Emulator
    listener: LogzioListener
    cdk: Cdk
    directory: Path

    def logdock(self, *arguments: str, answers: list[str] | None = None, aws: bool = False) -> tuple[int, str]:
        """Type a command, and then one answer a line."""
        environment = self.cloud.environment(ACCOUNT, REGION) if aws else {"PATH": os.environ["PATH"]}
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "logdock", *arguments],
            input="".join(f"{line}\n" for line in answers or []),
            env={**environment, "PYTHONPATH": PYTHON_PATH},
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout

    def init(self, kinds: Sequence[str], deployment: str, *answers: str) -> tuple[Path, set[str]]:
        """Answer what is asked for some kinds; return the file, and the stacks that the command has named."""
        file = f"{deployment}.yaml"
        head = [deployment, ACCOUNT, REGION, "", "", ", ".join(kinds)]
        exports = [answer for kind in kinds for answer in ("mine" if len(kinds) == 1 else kind, *ANSWERS[kind])]
        code, said = self.logdock("init", "--settings", file, answers=[*head, *exports, *answers])
        assert code == 0, said
        deploys = re.search(rf"`npx cdk deploy --all -c settings={file}` deploys (.*)\.$", said)
        assert deploys, said
        code, said = self.logdock("validate", "--offline", "--settings", file)
        assert (code, "no errors" in said) == (0, True), said
        return self.directory / file, set(deploys[1].split(", "))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("init")
    with (
        Emulator(log_file=directory / "emulator.log") as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()
        yield World(cloud, listener, cdk, directory)


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_was_typed_is_deployed_and_the_logs_of_its_vendor_land(world: World, kind: str, tmp_path: Path) -> None:
    file, stacks = world.init([kind], f"acme-{list(ANSWERS).index(kind)}", "none")
    settings = load_settings(file)
    secrets = make_secrets(settings)
    prepare(world.cloud, settings, secrets)
    world.cdk.synth(file, tmp_path / "cdk.out")
    outputs = world.cdk.deploy(tmp_path / "cdk.out").outputs
    described = world.cloud.client("cloudformation", ACCOUNT, region=REGION).describe_stacks()["Stacks"]
    assert {one["StackName"] for one in described if one["StackName"].startswith(settings.deployment)} == stacks

    with Vendors(world.cloud) as vendors:
        play = Play(Stage(world.cloud, settings, outputs, vendors), secrets, world.listener)
        assert play.perform().broken == []
    assert play.written["mine"]
    code, said = world.logdock("validate", "--settings", file.name, aws=True)
    assert code == 0, said


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_what_was_typed_with_a_destination_is_synthesized(world: World, destination: str, tmp_path: Path) -> None:
    file, stacks = world.init(["aptible"], f"acme-{destination}", destination, *DESTINATIONS[destination])
    world.cdk.synth(file, tmp_path / "cdk.out")
    templates = {path.name.removesuffix(".template.json") for path in (tmp_path / "cdk.out").glob("*.template.json")}
    assert templates == stacks


def test_several_kinds_in_one_go_are_synthesized(world: World, tmp_path: Path) -> None:
    file, stacks = world.init([*ANSWERS], "acme-all", "none")
    assert stacks == {f"acme-all-{name}" for name in ("core", "shipper", "dashboard", *ANSWERS)}
    world.cdk.synth(file, tmp_path / "cdk.out")
    templates = {path.name.removesuffix(".template.json") for path in (tmp_path / "cdk.out").glob("*.template.json")}
    assert templates == stacks
