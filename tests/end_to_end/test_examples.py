"""Every example through the real CDK command line on the local cloud: deployed, proved, deployed again, destroyed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from local_cloud.cdk import Cdk, bootstrap
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.rds import databases
from logdock.settings import Deployment, load_settings
from logdock.settings.names import Names
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.rds.settings import DatabaseExport
from logdock.vendors.s3_logs.settings import S3LogsExport
from policy_proof.account import other_accounts
from policy_proof.live import evaluate_live
from policy_proof.results import claim_rows, record
from tests.conftest import EXAMPLES

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

EXAMPLE_ACCOUNT = "111122223333"
LANDED = b"a line that landed before the stack went\n"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_file=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator


@pytest.fixture
def vendors(cloud: Emulator) -> Iterator[Vendors]:
    with Vendors(cloud) as running:
        yield running


def in_an_account_of_its_own(example: Path, directory: Path, vendors: Vendors) -> Path:
    """Copy an example into another account, because all of them use the same names, and point it at these vendors."""
    account = f"{2000_0000_0000 + EXAMPLES.index(example):012d}"
    copy = directory / example.name
    document = yaml.safe_load(example.read_text().replace(EXAMPLE_ACCOUNT, account))
    vendors.localise(document)
    copy.write_text(yaml.safe_dump(document))
    return copy


def prepare(cloud: Emulator, settings: Deployment) -> None:
    """Make what an example expects to exist: databases, log groups, a bucket, a trail, a webhook's secrets."""
    if settings.alerts.trail_log_group:
        logs = cloud.client("logs", settings.account, region=settings.region)
        logs.create_log_group(logGroupName=settings.alerts.trail_log_group)
    if webhook := settings.alerts.webhook:
        secrets = cloud.client("secretsmanager", settings.account, region=settings.region)
        for name in filter(None, (webhook.url_secret, webhook.header_secret)):
            secrets.create_secret(Name=name, SecretString="https://chat.acme.example/hook")
    for export in settings.exports:
        account = export.other_account or settings.account
        logs, s3 = (cloud.client(name, account, region=settings.region) for name in ("logs", "s3"))
        if isinstance(export, DatabaseExport):
            databases.prepare(cloud, settings, export)
        elif isinstance(export, CockroachdbExport) and export.adopt_log_groups:
            logs.create_log_group(logGroupName=export.log_group)
        elif isinstance(export, CloudwatchLogsExport):
            for name in [*export.log_groups, *(f"{prefix}one" for prefix in export.log_group_prefixes)]:
                logs.create_log_group(logGroupName=name)
        elif isinstance(export, S3LogsExport) and export.existing_bucket:
            s3.create_bucket(
                Bucket=export.existing_bucket, CreateBucketConfiguration={"LocationConstraint": settings.region}
            )


def all_regions_of(settings: Deployment) -> list[str]:
    return [*settings.regions, *([settings.replica.region] if settings.replica else [])]


def stacks_of(cloud: Emulator, settings: Deployment) -> set[str]:
    accounts = {settings.account, *other_accounts(settings).values()}
    return {
        stack["StackName"]
        for account in accounts
        for region in all_regions_of(settings)
        for stack in cloud.client("cloudformation", account, region=region).describe_stacks()["Stacks"]
        if stack["StackName"].startswith(settings.deployment)
    }


def claims_that_do_not_hold(stage: Stage, assembly: Path, example: str) -> list[str]:
    """Evaluate the claims of policy_proof/claims by the deployed policies, and by their templates."""
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in assembly.glob("*.template.json")
    }
    # aws://account/region
    regions = {
        name: artifact["environment"].rpartition("/")[2]
        for name, artifact in json.loads((assembly / "manifest.json").read_text())["artifacts"].items()
        if name in templates
    }
    outcomes = evaluate_live(stage, templates, regions, whole=example == "everything")
    rows = json.dumps(claim_rows(outcomes)).replace(stage.settings.account, EXAMPLE_ACCOUNT)
    record(example, "claims", json.loads(rows))
    return [error for each in outcomes if (error := each.error())]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_holds_its_claims_deploys_again_without_a_change_and_destroys_one_export_alone(
    example: Path, cloud: Emulator, vendors: Vendors, tmp_path: Path
) -> None:
    file = in_an_account_of_its_own(example, tmp_path, vendors)
    settings = load_settings(file)
    prepare(cloud, settings)
    manager = cloud.client("secretsmanager", settings.account, region=settings.region)
    for name, text in vendors.know(settings).items():
        manager.create_secret(Name=name, SecretString=text)
    log, assembly = tmp_path / "cdk.log", tmp_path / "cdk.out"
    cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=log)
    bootstrap(cdk, settings, *all_regions_of(settings))
    cdk.synth(file, assembly)
    outputs = cdk.deploy(assembly).outputs
    deployed = stacks_of(cloud, settings)

    assert claims_that_do_not_hold(Stage(cloud, settings, outputs, vendors), assembly, example.stem) == []

    assert set(cdk.deploy(assembly).unchanged) == deployed

    archive, export = settings.archive_bucket, settings.exports[0]
    s3 = cloud.client("s3", export.other_account or settings.account, region=settings.region)
    home = cloud.client("s3", settings.account, region=settings.region)
    buckets = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    kept = [(s3, name) for name in sorted(buckets) if f"-{export.name}-" in name] + [(home, archive)]
    for owner, bucket in kept:
        owner.put_object(Bucket=bucket, Key="logs/kept", Body=LANDED)
    names = Names.of(settings)
    gone = names.landing_stack(export.name) if export.other_account else names.export(export.name)
    cdk.destroy(assembly, gone)

    formation = cloud.client("cloudformation", settings.account, region=settings.region)
    with pytest.raises(formation.exceptions.ClientError, match="TerminationProtection"):
        formation.delete_stack(StackName=f"{settings.deployment}-core")
    assert stacks_of(cloud, settings) == deployed - {gone}
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == buckets
    for owner, bucket in kept:
        assert owner.get_object(Bucket=bucket, Key="logs/kept")["Body"].read() == LANDED
