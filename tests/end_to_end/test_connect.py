"""`connect` by the real CDK on the local cloud: failures, changes and destroys, and what they leave at a vendor."""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.cdk import Cdk, CdkError
from local_cloud.commands import PYTHON_PATH
from local_cloud.emulator import Emulator
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.rds import databases as rds_databases
from local_cloud.vendors.server import Reply
from logdock.settings import Deployment, load_settings
from logdock.vendors.rds.settings import DatabaseExport
from tests.settings.documents import document, export
from tests.settings.test_several import CLUSTERS, PROJECTS, clusters, databases, projects

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

_accounts = (f"{3000_0000_0000 + number:012d}" for number in itertools.count())


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_file=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator


@dataclass
class Customer:
    """An account with a settings file, which is deployed, changed and destroyed."""

    cloud: Emulator
    vendors: Vendors
    directory: Path
    account: str
    regions: list[str] = field(default_factory=lambda: ["eu-west-1"])

    def __post_init__(self) -> None:
        self.cdk = Cdk(cloud=self.cloud, account=self.account, region="eu-west-1", log_file=self.directory / "cdk.log")
        self.cdk.bootstrap(*self.regions)

    def client(self, service: str) -> Any:
        return self.cloud.client(service, self.account, region="eu-west-1")

    def settings(self, whole: dict[str, Any]) -> Deployment:
        """Write the settings, pointed at the vendors here."""
        self.vendors.localise(whole)
        file = self.directory / "logdock.yaml"
        file.write_text(yaml.safe_dump({**whole, "account": self.account}), encoding="utf-8")
        return load_settings(file)

    def store(self, credentials: dict[str, str]) -> None:
        """Store credentials, in place of what is stored."""
        manager = self.client("secretsmanager")
        for name, text in credentials.items():
            try:
                manager.create_secret(Name=name, SecretString=text)
            except manager.exceptions.ResourceExistsException:
                manager.put_secret_value(SecretId=name, SecretString=text)

    def deploy(self) -> list[str]:
        """Synthesize and deploy; return the stacks in which nothing was to be done."""
        self.cdk.synth(self.directory / "logdock.yaml", self.directory / "cdk.out")
        return self.cdk.deploy(self.directory / "cdk.out").unchanged

    def destroy(self, *stacks: str) -> None:
        self.cdk.destroy(self.directory / "cdk.out", *stacks)

    def remembered(self) -> list[str]:
        """Return the parameters in which the connector remembers anything."""
        found = self.client("ssm").describe_parameters()["Parameters"]
        configured = ("/exports/", "/connector/")
        names = [one["Name"] for one in found if one["Name"].startswith("/logdock")]
        return [name for name in names if not any(part in name for part in configured)]

    def events(self, stack: str) -> str:
        """Return the reasons in a stack's events."""
        events = self.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def status(self, stack: str) -> str:
        """Return a stack's status."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return str(found["StackStatus"])

    def validated(self, export: str) -> dict[str, str]:
        """Return what `logdock validate` says of an export: its verdict, by what it looked at."""
        environment = {**self.cloud.environment(self.account, "eu-west-1"), "PYTHONPATH": PYTHON_PATH}
        command = [sys.executable, "-P", "-m", "logdock", "validate", export, "--json"]
        ran = subprocess.run(command, env=environment, cwd=self.directory, capture_output=True, text=True, check=False)
        assert ran.stdout, ran.stderr
        return {check["what"]: check["verdict"] for check in json.loads(ran.stdout)["checks"] if check["of"] == export}

    def buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]


@pytest.fixture
def customer(cloud: Emulator, tmp_path: Path) -> Iterator[Customer]:
    with Vendors(cloud) as vendors:
        yield Customer(cloud, vendors, tmp_path, next(_accounts))


def orders(**changes: Any) -> dict[str, Any]:
    connect = {"secret": "acme/atlas", "alert": True}
    whole = export("mongodb-atlas", atlas_principal_arn=None, external_id=None, connect=connect, **changes)
    return document(whole)


def test_atlas_refuses_then_agrees_then_is_changed_and_left(customer: Customer) -> None:
    settings = customer.settings(orders())
    atlas, right = customer.vendors.atlas, customer.vendors.know(settings)
    project = atlas.projects["5e2211c17a3e5a48f5497de3"]

    # A credential that Atlas does not know: nothing is made that is kept, at Atlas or here.
    customer.store({"acme/atlas": json.dumps({"client_id": "mdb_sa_id_x", "client_secret": "mdb_sa_sk_wrong"})})
    with pytest.raises(CdkError):
        customer.deploy()
    assert "Atlas does not accept the credential" in customer.events("acme-prod-orders")
    assert "mdb_sa_sk_wrong" not in customer.events("acme-prod-orders")
    assert atlas.writes() == []
    assert not [bucket for bucket in customer.buckets() if "-orders-" in bucket]

    # The right one, and nothing else changed.
    customer.store(right)
    customer.deploy()
    (role,), (integration,), (alert,) = project.roles.values(), project.integrations.values(), project.alerts.values()
    assert role["iamAssumedRoleArn"] == f"arn:aws:iam::{customer.account}:role/acme-prod-orders"

    # A second deploy asks nothing.
    asked = len(atlas.recorded)
    assert "acme-prod-orders" in customer.deploy()
    assert len(atlas.recorded) == asked

    # What was just deployed is fine, and what is changed by hand is not.
    verdicts = customer.validated("orders")
    assert set(verdicts.values()) == {"fine"}
    alert["enabled"] = False
    assert customer.validated("orders") == {**verdicts, "the alert for failed exports": "wrong"}
    alert["enabled"] = True

    # A change is one write; one that Atlas refuses is taken back.
    customer.settings(orders(log_types=["MONGOD"]))
    customer.deploy()
    assert project.integrations[integration["id"]]["logTypes"] == ["MONGOD"]
    assert [one.method for one in atlas.writes()].count("PUT") == 1
    atlas.fail("PUT", "/logIntegrations", Reply(400, {"error": 400, "errorCode": "NOT_TODAY"}))
    customer.settings(orders(log_types=["MONGOS"]))
    with pytest.raises(CdkError):
        customer.deploy()
    assert "NOT_TODAY" in customer.events("acme-prod-orders")
    assert project.integrations[integration["id"]]["logTypes"] == ["MONGOD"]

    # A user deletes half of it by hand; the destroy takes the rest.
    del project.integrations[integration["id"]]
    customer.destroy("acme-prod-orders")
    assert (project.roles, project.integrations, project.alerts) == ({}, {}, {})
    assert alert["id"]
    assert customer.remembered() == []


def test_what_atlas_had_agreed_to_is_taken_back_when_the_deploy_fails_later(customer: Customer) -> None:
    settings = customer.settings(orders())
    customer.store(customer.vendors.know(settings))
    atlas = customer.vendors.atlas
    atlas.fail("POST", "/alertConfigs", Reply(400, {"error": 400, "errorCode": "NOT_TODAY"}), times=9)

    with pytest.raises(CdkError):
        customer.deploy()

    assert [one.method for one in atlas.writes() if "logIntegrations" in one.path] == ["POST", "DELETE"]
    project = atlas.projects["5e2211c17a3e5a48f5497de3"]
    assert (project.roles, project.integrations, project.alerts) == ({}, {}, {})
    assert customer.remembered() == []


def ledger(**changes: Any) -> dict[str, Any]:
    given = {"cluster_account_id": None, "external_id": None, "connect": {"secret": "acme/cockroach"}, **changes}
    return document(export("cockroachdb", **given))


def test_a_cluster_does_not_fit_then_exports_then_is_changed_and_left(customer: Customer) -> None:
    settings = customer.settings(ledger())
    customer.store(customer.vendors.know(settings))
    cockroach, (cluster,) = customer.vendors.cockroachdb, customer.vendors.cockroachdb.clusters.values()

    # A cluster of another plan: nothing is made that is kept, there or here.
    cluster.plan = "STANDARD"
    with pytest.raises(CdkError):
        customer.deploy()
    assert "set `plan: standard`" in customer.events("acme-prod-ledger")
    assert cockroach.writes() == []
    assert customer.client("logs").describe_log_groups(logGroupNamePrefix="/acme")["logGroups"] == []

    # It fits; the role is not seen at once, and then the cluster reaches its log group.
    cluster.plan = "ADVANCED"
    customer.deploy()
    assert cluster.spec is not None
    assert cluster.spec["auth_principal"] == f"arn:aws:iam::{customer.account}:role/acme-prod-ledger"
    assert cluster.info is not None
    assert cluster.info["status"] == "ENABLED"

    # A second deploy asks nothing.
    asked = len(cockroach.recorded)
    assert "acme-prod-ledger" in customer.deploy()
    assert len(cockroach.recorded) == asked

    # What was just deployed is fine, and what is changed by hand is not.
    verdicts = customer.validated("ledger")
    assert set(verdicts.values()) == {"fine"}
    made = cluster.spec["aws_external_id"]
    cluster.spec["aws_external_id"] = "x" * 24
    assert customer.validated("ledger") == {**verdicts, "the external id that the cluster uses": "wrong"}
    cluster.spec["aws_external_id"] = made

    # A change is one write; one that fails in the nodes is taken back.
    writes = len(cockroach.writes())
    customer.settings(ledger(redact=False))
    customer.deploy()
    assert (cluster.spec["redact"], len(cockroach.writes()) - writes) == (False, 1)
    cockroach.failures = ["node 3 does not answer"]
    customer.settings(ledger(redact=False, omitted_channels=["SQL_PERF"]))
    with pytest.raises(CdkError):
        customer.deploy()
    assert "ENABLE_FAILED: node 3 does not answer" in customer.events("acme-prod-ledger")
    assert (cluster.spec["omitted_channels"], cluster.info["status"]) == ([], "ENABLED")

    # The destroy waits until it is disabled.
    customer.destroy("acme-prod-ledger")
    assert cluster.info["status"] == "DISABLED"
    assert customer.remembered() == []


def test_an_export_that_was_enabled_is_disabled_when_the_nodes_fail(customer: Customer) -> None:
    settings = customer.settings(ledger())
    customer.store(customer.vendors.know(settings))
    cockroach, (cluster,) = customer.vendors.cockroachdb, customer.vendors.cockroachdb.clusters.values()
    cockroach.failures = ["node 3 does not answer"]

    with pytest.raises(CdkError):
        customer.deploy()

    assert "ENABLE_FAILED: node 3 does not answer" in customer.events("acme-prod-ledger")
    assert cluster.spec is None
    assert customer.remembered() == []


def test_a_standard_cluster_is_configured_after_all_log_groups(cloud: Emulator, tmp_path: Path) -> None:
    regions = ["eu-west-1", "us-east-1"]
    with Vendors(cloud) as vendors:
        customer = Customer(cloud, vendors, tmp_path, next(_accounts), regions)
        settings = customer.settings(ledger(plan="standard", regions=regions))
        customer.store(vendors.know(settings))
        (cluster,) = vendors.cockroachdb.clusters.values()

        customer.deploy()
        assert cluster.info is not None
        assert cluster.info["status"] == "ENABLED"
        for region in regions:
            logs = cloud.client("logs", customer.account, region=region)
            (stream,) = logs.describe_log_streams(logGroupName="/acme/cockroach/ledger")["logStreams"]
            assert stream["logStreamName"] == f"/acme/cockroach/ledger.{region}.cockroachdbcloud.ops.n"

        # A Region that the cluster gains is named by the next look, and what is exported stays on.
        cluster.regions += ("ap-south-1",)
        connect = {"secret": "acme/cockroach", "revision": "2"}
        customer.settings(ledger(plan="standard", regions=regions, connect=connect))
        with pytest.raises(CdkError):
            customer.deploy()
        assert "has nodes in ap-south-1, which `regions` does not name" in customer.events("acme-prod-ledger")
        assert customer.status("acme-prod-ledger") == "UPDATE_ROLLBACK_COMPLETE"
        assert cluster.info["status"] == "ENABLED"

        customer.destroy("acme-prod-ledger", "acme-prod-ledger-us-east-1")
        assert cluster.info["status"] == "DISABLED"
        assert customer.remembered() == []


GROUPS = {"billing": "billing-params"}
LINE = "a line that the vendor wrote before the export had several"


def of_one() -> dict[str, Any]:
    """Return an export of each kind that may have several projects or clusters, of one."""
    atlas = export("mongodb-atlas", atlas_principal_arn=None, external_id=None, connect={"secret": "acme/atlas"})
    cockroach = {"cluster_account_id": None, "external_id": None, "connect": {"secret": "acme/cockroach"}}
    return document(
        atlas, export("cockroachdb", **cockroach), export("aurora-mysql", parameter_group=GROUPS["billing"])
    )


def of_several(place: slice = slice(None)) -> dict[str, Any]:
    """Return the same exports of two, or of some of these."""
    clusters_of_aurora = ["billing", "stock"][place]
    groups = {name: group for name, group in GROUPS.items() if name in clusters_of_aurora}
    return document(
        projects(project_ids=PROJECTS[place]),
        clusters(cluster_ids=CLUSTERS[place]),
        databases(cluster_ids=clusters_of_aurora, parameter_groups=groups or None),
    )


def exported(customer: Customer) -> dict[str, bool]:
    """Return whether each project and cluster exports its logs, by what the vendor has of it."""
    rds = customer.client("rds").describe_db_clusters()["DBClusters"]
    return {
        **{id_: bool(each.integrations) for id_, each in customer.vendors.atlas.projects.items()},
        **{id_: each.spec is not None for id_, each in customer.vendors.cockroachdb.clusters.items()},
        **{each["DBClusterIdentifier"]: "audit" in each.get("EnabledCloudwatchLogsExports", []) for each in rds},
    }


@contextmanager
def watched(customer: Customer) -> Iterator[list[dict[str, bool]]]:
    """Look again and again what is exported, until the block ends."""
    seen: list[dict[str, bool]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            seen.append(exported(customer))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield seen
        finally:
            ended.set()
            watching.result()


def test_an_export_of_one_becomes_one_of_two_and_loses_one_without_a_gap(customer: Customer) -> None:
    both = customer.settings(of_several())
    customer.store(customer.vendors.know(both))
    atlas, cockroach = customer.vendors.atlas, customer.vendors.cockroachdb
    (aurora,) = (each for each in both.exports if isinstance(each, DatabaseExport))
    rds_databases.prepare(customer.cloud, both, aurora)
    first, second = [PROJECTS[0], CLUSTERS[0], "billing"], [PROJECTS[1], CLUSTERS[1], "stock"]
    customer.settings(of_one())
    customer.deploy()
    assert exported(customer) == {**dict.fromkeys(first, True), **dict.fromkeys(second, False)}
    (bucket,) = [name for name in customer.buckets() if "-orders-" in name]
    customer.client("s3").put_object(Bucket=bucket, Key="atlas/Cluster0/x.log", Body=LINE.encode())
    logs, groups = customer.client("logs"), ("/acme/cockroach/ledger", "/aws/rds/cluster/billing/audit")
    for group in groups:
        logs.create_log_stream(logGroupName=group, logStreamName="before")
        event = {"timestamp": int(time.time() * 1000), "message": LINE}
        logs.put_log_events(logGroupName=group, logStreamName="before", logEvents=[event])
    role = cockroach.clusters[CLUSTERS[0]].spec["auth_principal"]  # type: ignore[index]
    asked = len(atlas.writes()), len(cockroach.writes())

    # One becomes two under the same name: what is exported stays so all the time.
    customer.settings(of_several())
    with watched(customer) as seen:
        customer.deploy()
    assert len(seen) > 10
    assert [each for each in seen if not all(each[one] for one in first)] == []
    assert exported(customer) == dict.fromkeys([*first, *second], True)
    # A role that was made a moment ago is refused at first, so a POST is sent again.
    sent = [f"{one.method} {one.path.partition('/groups/')[2]}" for one in atlas.writes()[asked[0] :]
            if "/logIntegrations" in one.path]  # fmt: skip
    deleted = [each for each in sent if not each.startswith("POST ")]
    assert {each.split("/")[0] for each in deleted} == {f"DELETE {PROJECTS[0]}"}, sent
    assert sent[-len(deleted) :] == deleted, sent
    assert {one.method for one in cockroach.writes()[asked[1] :]} == {"POST"}
    for id_, cluster in cockroach.clusters.items():
        assert cluster.spec is not None
        assert cluster.spec["auth_principal"] != role
        assert cluster.spec["log_name"] == f"/acme/cockroach/ledger/{id_}"
    assert [len(project.integrations) for project in atlas.projects.values()] == [1, 1]
    assert [len(project.roles) for project in atlas.projects.values()] == [1, 1]

    # What was written before is where it was.
    assert customer.client("s3").get_object(Bucket=bucket, Key="atlas/Cluster0/x.log")["Body"].read() == LINE.encode()
    for group in groups:
        events = logs.get_log_events(logGroupName=group, logStreamName="before")["events"]
        assert [event["message"] for event in events] == [LINE]

    # The first is removed: its export alone is undone.
    customer.settings(of_several(slice(1, None)))
    with watched(customer) as seen:
        customer.deploy()
    assert [each for each in seen if not all(each[one] for one in second)] == []
    assert exported(customer) == {**dict.fromkeys(first, False), **dict.fromkeys(second, True)}
    assert not atlas.projects[PROJECTS[0]].roles
    (billing,) = customer.client("rds").describe_db_clusters(DBClusterIdentifier="billing")["DBClusters"]
    assert billing["DBClusterParameterGroup"] == GROUPS["billing"]

    customer.destroy("acme-prod-orders", "acme-prod-ledger", "acme-prod-billing")
    assert exported(customer) == dict.fromkeys([*first, *second], False)
    assert customer.remembered() == []
