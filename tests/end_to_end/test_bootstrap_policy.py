"""`logdock bootstrap-policy` in place of AdministratorAccess: deployments are made, changed and destroyed with it."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.cdk import Cdk, CdkError
from local_cloud.commands import PYTHON_PATH
from local_cloud.emulator import Emulator
from local_cloud.vendor_accounts import Vendors
from logdock.settings import Deployment, load_settings
from tests.conftest import ROOT
from tests.end_to_end.test_examples import prepare, stacks_of

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]


OTHER_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True)
class Bootstrapped:
    """An account whose bootstrap has the policies of the command.

    Attributes
    ----------
    policies
        Their ARNs, by file.
    """

    cloud: Emulator
    cdk: Cdk
    settings: Deployment
    file: Path
    policies: dict[Path, str]

    def client(self, service: str, account: str | None = None) -> Any:
        return self.cloud.client(service, account or self.settings.account, region=self.settings.region)

    def deploy(self, *stacks: str, **changed: Any) -> Path:
        """Deploy, with other settings; return the assembly."""
        self.file.write_text(yaml.safe_dump(yaml.safe_load(self.file.read_text()) | changed))
        assembly = self.file.parent / "cdk.out"
        if changed or not assembly.exists():
            self.cdk.synth(self.file, assembly)
        self.cdk.deploy(assembly, stacks=stacks)
        return assembly

    @contextmanager
    def lacking(self, action: str) -> Iterator[None]:
        """Take an action away and expect a command to be refused for it."""
        (file,) = (each for each in self.policies if f'"{action}"' in each.read_text())
        without = json.loads(file.read_text())
        for statement in without["Statement"]:
            statement["Action"] = [each for each in statement["Action"] if each != action]
        without["Statement"] = [each for each in without["Statement"] if each["Action"]]
        self._put(file, json.dumps(without))
        with pytest.raises(CdkError) as error:
            yield
        assert f"AWSCloudFormation is not authorized to perform: {action} on resource: " in str(error.value)
        self._put(file, file.read_text())

    def _put(self, file: Path, document: str) -> None:
        iam, policy = self.client("iam"), self.policies[file]
        versions = iam.list_policy_versions(PolicyArn=policy)["Versions"]
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=document, SetAsDefault=True)
        for each in versions:
            iam.delete_policy_version(PolicyArn=policy, VersionId=each["VersionId"])


@contextmanager
def bootstrapped(example: str, directory: Path) -> Iterator[Bootstrapped]:
    """Do what the command prints."""
    file = directory / "logdock.yaml"
    with Emulator(log_file=directory / "emulator.log") as cloud, Vendors(cloud) as vendors:
        document = yaml.safe_load((ROOT / "examples" / f"{example}.yaml").read_text())
        vendors.localise(document)
        file.write_text(yaml.safe_dump(document))
        settings = load_settings(file)
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=directory / "cdk.log")
        made = Bootstrapped(cloud, cdk, settings, file, {})
        prepare(cloud, settings)
        for name, text in vendors.know(settings).items():
            made.client("secretsmanager").create_secret(Name=name, SecretString=text)
        printed = subprocess.run(
            [sys.executable, "-m", "logdock", "bootstrap-policy", "--settings", str(file), "--output", str(directory)],
            env={**os.environ, "PYTHONPATH": PYTHON_PATH},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for tool, *command in map(shlex.split, printed.splitlines()):
            if tool == "aws":
                policy_file = Path(command[-1].removeprefix("file://"))
                iam = made.client("iam", OTHER_ACCOUNT.fullmatch(policy_file.parent.name) and policy_file.parent.name)
                policy = iam.create_policy(PolicyName=command[3], PolicyDocument=policy_file.read_text())
                made.policies[policy_file] = policy["Policy"]["Arn"]
            else:
                options = dict(zip(command[2::2], command[3::2], strict=False))
                policies = options["--cloudformation-execution-policies"].split(",")
                environments = [each.split("/")[2:] for each in command if each.startswith("aws://")]
                account, regions = environments[0][0], [region for _, region in environments]
                replace(cdk, account=account).bootstrap(*regions, trust=options.get("--trust"), policies=policies)
                role = f"cdk-hnb659fds-cfn-exec-role-{account}-{regions[0]}"
                attached = made.client("iam", account).list_attached_role_policies(RoleName=role)["AttachedPolicies"]
                assert {each["PolicyArn"] for each in attached} == set(policies) <= set(made.policies.values())
        yield made


def test_everything_is_deployed_changed_and_destroyed(tmp_path: Path) -> None:
    with bootstrapped("everything", tmp_path) as made:
        made.deploy()
        deployed = stacks_of(made.cloud, made.settings)
        with made.lacking("s3:PutLifecycleConfiguration"):
            made.deploy(retention="pci")
        made.deploy()
        core = f"{made.settings.deployment}-core"
        with made.lacking("sqs:DeleteQueue"):
            made.cdk.destroy(tmp_path / "cdk.out", *sorted(deployed - {core}))
        made.cdk.destroy(tmp_path / "cdk.out", *sorted(deployed - {core}))
        assert stacks_of(made.cloud, made.settings) == {core}


def test_landings_in_other_accounts_are_deployed_and_destroyed(tmp_path: Path) -> None:
    with bootstrapped("log-archive-account", tmp_path) as made:
        made.deploy()
        deployed = stacks_of(made.cloud, made.settings)
        assert len(made.policies) > len({file.name for file in made.policies})
        core = f"{made.settings.deployment}-core"
        made.cdk.destroy(tmp_path / "cdk.out", *sorted(deployed - {core}))
        assert stacks_of(made.cloud, made.settings) == {core}


def test_deploy_that_lacks_an_action_is_refused_with_its_name(tmp_path: Path) -> None:
    with bootstrapped("alerts", tmp_path) as made:
        formation = made.client("cloudformation")
        core = f"{made.settings.deployment}-core"
        with made.lacking("ssm:GetParameters"):
            made.deploy(core)
        for action in ("secretsmanager:GetSecretValue", "iam:PassRole"):
            with made.lacking(action):
                made.deploy(core)
            # a stack that was rolled back is deleted before the next deploy, and the core is protected
            formation.update_termination_protection(StackName=core, EnableTerminationProtection=False)
        made.deploy(core)
        assert stacks_of(made.cloud, made.settings) == {core}
