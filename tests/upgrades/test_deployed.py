"""An upgrade on the local cloud: what a release deployed, then this commit over it.

All data, all names and identities, and what the vendors have of it are as before.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.vendor_accounts import Vendors
from logdock.cli.main import main
from logdock.settings import Deployment, load_settings
from tests.conftest import ROOT
from tests.upgrades.releases import RELEASES, settings_of, unpack_source

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

LANDED = b"a line that landed before the upgrade\n"


def identities(cloud: Emulator, settings: Deployment) -> dict[str, object]:
    """Return what CloudFormation made and others know: by type and name, with the identity that AWS chose."""

    def client(service: str) -> Any:
        return cloud.client(service, settings.account, region=settings.region)

    roles = {
        role["RoleName"]: role["RoleId"]
        for page in client("iam").get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if role["RoleName"].startswith(f"{settings.deployment}-")
        # the connector's own roles have names that CloudFormation chose
        and "Connector" not in role["RoleName"]
    }
    aliases = {
        alias["AliasName"]: alias.get("TargetKeyId")
        for page in client("kms").get_paginator("list_aliases").paginate()
        for alias in page["Aliases"]
        if alias["AliasName"].startswith(f"alias/{settings.deployment}-")
    }
    groups = {
        group["logGroupName"]: (group["creationTime"], group.get("kmsKeyId"), group.get("retentionInDays"))
        for page in client("logs").get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
        if not group["logGroupName"].startswith("/aws/lambda/")
    }
    buckets = sorted(bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"])
    queues = sorted(client("sqs").list_queues(QueueNamePrefix=settings.deployment).get("QueueUrls", []))
    return {"roles": roles, "keys": aliases, "log groups": groups, "buckets": buckets, "queues": queues}


def vendors_have(vendors: Vendors) -> dict[str, object]:
    """Return a copy of what the vendors have of the deployment."""
    projects = {
        name: (project.roles, project.integrations, project.alerts, project.auditing, project.clusters)
        for name, project in vendors.atlas.projects.items()
    }
    clusters = {name: cluster.info for name, cluster in vendors.cockroachdb.clusters.items()}
    fetchers = {account.id: sorted(account.fetchers) for account in vendors.logzio.accounts.values()}
    return copy.deepcopy({"atlas": projects, "cockroachdb": clusters, "logzio": fetchers})


def order_buckets(assembly: Path) -> None:
    """Let each bucket wait for the one that takes its access log, in templates of a release that did not say so.

    A deploy of such a release failed or not, by the order that CloudFormation happened to take. What is upgraded is a
    deployment, so it did not; the emulator takes the worst order.
    """
    for path in assembly.glob("*.template.json"):
        template = json.loads(path.read_text())
        buckets = {
            name: found["Properties"]
            for name, found in template["Resources"].items()
            if found["Type"] == "AWS::S3::Bucket"
        }
        ids = {properties.get("BucketName"): name for name, properties in buckets.items()}
        for name, properties in buckets.items():
            if target := ids.get(properties.get("LoggingConfiguration", {}).get("DestinationBucketName")):
                template["Resources"][name].setdefault("DependsOn", []).append(target)
        path.write_text(json.dumps(template))


@pytest.mark.parametrize("release", RELEASES)
def test_upgrade_keeps_data_names_and_vendors(release: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    unpack_source(release, source)
    (source / ".venv").symlink_to(ROOT / ".venv")
    with Emulator(log_file=tmp_path / "emulator.log") as cloud, Vendors(cloud) as vendors:
        document = yaml.safe_load(settings_of(release).read_text())
        vendors.localise(document)
        file = tmp_path / "logdock.yaml"
        file.write_text(yaml.safe_dump(document))
        settings = load_settings(file)
        secrets = make_secrets(settings)
        secrets.credentials.update(vendors.know(settings))
        prepare(cloud, settings, secrets)
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=tmp_path / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, tmp_path / "old.out", source=source)
        order_buckets(tmp_path / "old.out")
        cdk.deploy(tmp_path / "old.out")
        s3 = cloud.client("s3", settings.account, region=settings.region)
        known, at_vendors = identities(cloud, settings), vendors_have(vendors)
        landings = [name for name in known["buckets"] if name.startswith(f"{settings.deployment}-")]  # type: ignore[attr-defined]
        for bucket in landings:
            s3.put_object(Bucket=bucket, Key="logs/kept", Body=LANDED)

        cdk.synth(file, tmp_path / "new.out")
        plan = ["plan", str(file), "--from", str(file), "--from-templates", str(tmp_path / "old.out")]
        assert main([*plan, "--templates", str(tmp_path / "new.out"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["dangers"] == 0
        cdk.deploy(tmp_path / "new.out")

        now = identities(cloud, settings)
        for what, before in known.items():
            if isinstance(before, dict):
                after = now[what]
                assert isinstance(after, dict)
                assert {name: after.get(name) for name in before} == before, what
            else:
                assert set(before) <= set(now[what]), what  # type: ignore[call-overload]
        assert vendors_have(vendors) == at_vendors
        for bucket in landings:
            assert s3.get_object(Bucket=bucket, Key="logs/kept")["Body"].read() == LANDED
        assert sorted(cdk.deploy(tmp_path / "new.out").unchanged) == sorted(
            path.name.removesuffix(".template.json") for path in (tmp_path / "new.out").glob("*.template.json")
        )
