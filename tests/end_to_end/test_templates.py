"""The plain templates on the local cloud, by the calls that `aws cloudformation deploy` makes, and without the CDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local_cloud.emulator import Emulator
from policy_proof.synthesis import ROOT
from tests.templates.samples import ACCOUNT, FILLED, PIPELINES, REGION, with_own_names

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ATLAS_ACCOUNT = "772401394250"
WAIT = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_file=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("templates")
    subprocess.run([sys.executable, "-m", "templates", str(written)], cwd=ROOT, check=True, capture_output=True)
    return written


def deploy(cloud: Emulator, template: Path, values: dict[str, Any], stack: str) -> dict[str, str]:
    """Do what `aws cloudformation deploy` does: a change set is created, waited for and executed."""
    formation = cloud.client("cloudformation", ACCOUNT, region=REGION)
    exists = stack in {each["StackName"] for each in formation.describe_stacks()["Stacks"]}
    change_set = f"{'update' if exists else 'create'}-{stack}"
    formation.create_change_set(
        StackName=stack,
        ChangeSetName=change_set,
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateBody=template.read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": str(value)} for name, value in values.items()],
    )
    try:
        formation.get_waiter("change_set_create_complete").wait(
            StackName=stack, ChangeSetName=change_set, WaiterConfig=WAIT
        )
    except WaiterError as error:
        described = formation.describe_change_set(StackName=stack, ChangeSetName=change_set)
        raise AssertionError(f"{template.stem}: {described.get('StatusReason')}") from error
    formation.execute_change_set(StackName=stack, ChangeSetName=change_set)
    waiter = "stack_update_complete" if exists else "stack_create_complete"
    formation.get_waiter(waiter).wait(StackName=stack, WaiterConfig=WAIT)
    described = formation.describe_stacks(StackName=stack)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def atlas_client(cloud: Emulator, outputs: dict[str, str], external_id: str) -> Any:
    session = cloud.client("sts", ATLAS_ACCOUNT, region="us-east-1").assume_role(
        RoleArn=outputs["RoleArn"], RoleSessionName="atlas", ExternalId=external_id
    )
    return cloud.client("s3", session["Credentials"], region=REGION)


def test_every_template_deploys_in_each_of_its_forms(cloud: Emulator, directory: Path) -> None:
    deployed = set()
    for case in FILLED:
        template, values, _ = with_own_names(case)
        outputs = deploy(cloud, directory / f"{template}.yaml", values, f"plain-{case}")
        assert outputs["NextSteps"], case
        deployed.add(f"{template}.yaml")
    for template, values in PIPELINES.items():
        # The local cloud has no AWS::IAM::OIDCProvider.
        outputs = deploy(
            cloud,
            directory / f"{template}.yaml",
            values | {"IdentityProvider": "existing", "Deployment": template},
            template,
        )
        assert outputs["DeployRoleArn"], template
        deployed.add(f"{template}.yaml")
    assert deployed == {path.name for path in directory.iterdir()}


def test_atlas_writes_under_its_prefix_and_nowhere_else(cloud: Emulator, directory: Path) -> None:
    _, values, _ = FILLED["mongodb-atlas"]
    bucket, key = "acme-atlas-refusals", f"{values['PrefixPath']}/mongod.log.gz"
    values = values | {"BucketName": bucket, "ExportName": "refusals"}
    outputs = deploy(cloud, directory / "mongodb-atlas.yaml", values, "plain-refusals")
    s3 = atlas_client(cloud, outputs, values["AtlasExternalId"])
    s3.put_object(Bucket=outputs["BucketName"], Key=key, Body=b"a line")
    stored = cloud.client("s3", ACCOUNT, region=REGION).head_object(Bucket=bucket, Key=key)
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", outputs["KmsKeyArn"])
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="elsewhere", Body=b"a line")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        atlas_client(cloud, outputs, "another-external-id")
