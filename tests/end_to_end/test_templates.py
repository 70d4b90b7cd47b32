"""The plain templates on the local cloud, by the calls that `aws cloudformation deploy` makes, and without the CDK."""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local_cloud.emulator import Emulator
from local_cloud.vendors.logzio.listener import LogzioListener
from policy_proof.synthesis import ROOT
from templates.code import write_code
from tests.end_to_end.waiting import until
from tests.templates.samples import ACCOUNT, FILLED, PIPELINES, PROJECT, REGION, with_own_names

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ATLAS_ACCOUNT = "772401394250"
WAIT = {"Delay": 1, "MaxAttempts": 60}
HOST_LAYER = ROOT / "build" / "layers" / "log_shipper" / "host"
"""The local cloud runs the functions on this machine."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_file=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("templates")
    subprocess.run([sys.executable, "-m", "templates", str(written)], cwd=ROOT, check=True, capture_output=True)
    return written


def deploy(
    cloud: Emulator, template: Path, values: dict[str, Any], stack: str, *, bucket: str | None = None
) -> dict[str, str]:
    """Do what `aws cloudformation deploy` does: a change set is created, waited for and executed.

    With a bucket, as with its option ``--s3-bucket``, the template is uploaded first.
    """
    formation = cloud.client("cloudformation", ACCOUNT, region=REGION)
    exists = stack in {each["StackName"] for each in formation.describe_stacks()["Stacks"]}
    change_set = f"{'update' if exists else 'create'}-{stack}"
    if bucket:
        upload(cloud, template, bucket)
        source = {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{bucket}/{template.name}"}
    else:
        source = {"TemplateBody": template.read_text()}
    formation.create_change_set(
        StackName=stack,
        ChangeSetName=change_set,
        ChangeSetType="UPDATE" if exists else "CREATE",
        **source,
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


def upload(cloud: Emulator, file: Path, bucket: str) -> None:
    cloud.client("s3", ACCOUNT, region=REGION).put_object(Bucket=bucket, Key=file.name, Body=file.read_bytes())


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
    deployed |= {"core.yaml", "shipper.yaml"}  # below
    assert deployed == {path.name for path in directory.glob("*.yaml")}


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


def test_logs_land_are_archived_and_are_shipped_with_plain_templates_alone(
    cloud: Emulator, directory: Path, tmp_path: Path
) -> None:
    """Core, shipper, and a landing of each kind: a bucket and a log group. Nothing of the CDK is in the account."""
    s3, code_bucket = cloud.client("s3", ACCOUNT, region=REGION), "acme-code"
    s3.create_bucket(Bucket=code_bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    code = write_code(tmp_path, layer=HOST_LAYER)
    assert (directory / code.function).read_bytes() == (tmp_path / code.function).read_bytes()
    for file in (code.function, code.layer):
        upload(cloud, tmp_path / file, code_bucket)
    cloud.client("secretsmanager", ACCOUNT, region=REGION).create_secret(Name="acme/plain", SecretString="token")
    with LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener:
        listener.tokens["token"] = "acme"
        values = {
            "Deployment": "plain",
            "LogzioTokenSecret": "acme/plain",
            "BucketExport1": "atlas",
            "LogGroupExport1": "ledger",
        }
        core = deploy(cloud, directory / "core.yaml", values, "plain-core", bucket=code_bucket)
        values |= {"LogzioListener": listener.url, "CodeBucket": code_bucket, "LayerKey": code.layer}
        deploy(cloud, directory / "shipper.yaml", values, "plain-shipper", bucket=code_bucket)
        atlas = {key: each for key, each in FILLED["mongodb-atlas"][1].items() if key != "BucketName"}
        atlas |= {"Deployment": "plain", "ExportName": "atlas", "ShipTo": "archive,logzio"}
        outputs = deploy(cloud, directory / "mongodb-atlas.yaml", atlas, "plain-atlas")
        assert outputs["BucketName"] == f"atlas-{ACCOUNT}-{REGION}"
        ledger = FILLED["cockroachdb"][1] | {"Deployment": "plain", "ExportName": "ledger", "LogGroupName": "/plain/a"}
        deploy(cloud, directory / "cockroachdb.yaml", ledger | {"ShipTo": "logzio"}, "plain-ledger")

        line = json.dumps({"t": {"$date": "2026-11-30T08:00:00.000+00:00"}, "s": "I", "msg": "from Atlas"})
        key = f"{atlas['PrefixPath']}/{PROJECT}/mongod.log.gz"
        vendor = atlas_client(cloud, outputs, atlas["AtlasExternalId"])
        vendor.put_object(Bucket=outputs["BucketName"], Key=key, Body=gzip.compress(line.encode() + b"\n"))
        logs = cloud.client("logs", ACCOUNT, region=REGION)
        logs.create_log_stream(logGroupName="/plain/a", logStreamName="node-1")
        event = {"timestamp": int(time.time() * 1000), "message": json.dumps({"message": "from CockroachDB"})}
        logs.put_log_events(logGroupName="/plain/a", logStreamName="node-1", logEvents=[event])

        def shipped() -> str:
            return b"\n".join(listener.lines["acme"]).decode()

        def archived(export: str) -> str:
            found = s3.list_objects_v2(Bucket=core["ArchiveBucketName"], Prefix=f"logs/{export}/").get("Contents", [])
            bodies = [s3.get_object(Bucket=core["ArchiveBucketName"], Key=each["Key"])["Body"].read() for each in found]
            return b"".join(map(gzip.decompress, bodies)).decode()

        until("it is shipped", lambda: "from Atlas" in shipped() and "from CockroachDB" in shipped())
        until("it is archived", lambda: "from Atlas" in archived("atlas") and "from CockroachDB" in archived("ledger"))
