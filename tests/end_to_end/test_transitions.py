"""Settings that are changed after a deploy, by the real CDK on the local cloud, where IAM holds as the stacks say.

Each export is deployed, changed, deployed and destroyed: what left the settings is undone at AWS and at the vendor, no
log group keeps a key that does not admit it, and after the destroy nothing of it is left. All kinds share one
deployment, because the CDK and the core's stack take most of the time; ``tests/transitions`` has every field.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.vendor_accounts import Vendors
from logdock.cli.plan.command import DANGEROUS
from logdock.settings import Deployment
from logdock.settings.names import Names
from tests.end_to_end.person import Needs, Person, the_page_says
from tests.end_to_end.test_connect import Customer
from tests.settings.documents import OTLP, Document, document, export

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT = "500000000000"
PROJECT = "5e2211c17a3e5a48f5497de3"


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of one export.

    Attributes
    ----------
    before, after
        The export's settings.
    state
        Returns what AWS or the vendor has because of them.
    deployed, changed
        What that is after the first deploy and after the second.
    """

    before: Document
    after: Document
    state: Callable[[Customer], Any]
    deployed: Any
    changed: Any


def subscriptions(customer: Customer) -> dict[str, list[str]]:
    """Return the subscriptions of the log groups under /apps/."""
    logs = customer.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix="/apps/")["logGroups"]]
    return {
        group: [
            each["filterName"] for each in logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        ]
        for group in groups
    }


def audit(customer: Customer) -> dict[str, Any]:
    """Return the audit parameters that a user has set in each parameter group, and what the cluster exports."""
    rds = customer.client("rds")
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="billing")["DBClusters"]
    return {
        "exports": cluster.get("EnabledCloudwatchLogsExports", []),  # optional (RDS API, DBCluster)
        **{
            group: any(
                each["ParameterName"] == "server_audit_logging" and each.get("ParameterValue") == "1"
                for page in rds.get_paginator("describe_db_cluster_parameters").paginate(
                    DBClusterParameterGroupName=group
                )
                for each in page["Parameters"]
            )
            for group in ("params-1", "params-2")
        },
    }


def atlas(customer: Customer) -> dict[str, int]:
    project = customer.vendors.atlas.projects[PROJECT]
    return {"roles": len(project.roles), "integrations": len(project.integrations), "alerts": len(project.alerts)}


def announced(customer: Customer) -> list[str]:
    """Return which of the customer's own buckets notify EventBridge."""
    s3 = customer.client("s3")
    return [
        bucket
        for bucket in customer.buckets()
        if bucket.startswith("legacy-")
        and "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    ]


def exported(customer: Customer) -> list[str] | None:
    """Return the log groups that the cluster at CockroachDB Cloud writes to."""
    (cluster,) = customer.vendors.cockroachdb.clusters.values()
    return (
        None if cluster.spec is None else [cluster.spec["log_name"], *(g["log_name"] for g in cluster.spec["groups"])]
    )


def ledger(*groups: Document) -> Document:
    connect = {"secret": "acme/cockroach"}
    return export("cockroachdb", cluster_account_id=None, external_id=None, connect=connect, groups=list(groups))


def orders(**connect: object) -> Document:
    connect = {"secret": "acme/atlas", **connect}
    return export("mongodb-atlas", atlas_principal_arn=None, external_id=None, connect=connect)


def apps(*prefixes: str) -> Document:
    return export("cloudwatch-logs", log_groups=None, log_group_prefixes=list(prefixes), encrypt=True)


SQL_GROUP = {"log_name": "/acme/cockroach/ledger-sql", "channels": ["SQL_SCHEMA", "SQL_EXEC"]}
CHANGES = (
    "log_group_prefixes: [/apps/a/, /apps/b/] → [/apps/b/]",
    "parameter_group: params-1 → params-2",
    "connect.alert: true → false",
    "existing_bucket: legacy-1 → legacy-2",
    "no longer subscribed",
    "Now 0 wait and 0 are dead.",
)
"""What the plan of these transitions says, and of the removal of the destination."""
FILTER = "logdock.apps"
TRANSITIONS = [
    Transition(
        before=apps("/apps/a/", "/apps/b/"),
        after=apps("/apps/b/"),
        state=subscriptions,
        deployed={"/apps/a/one": [FILTER], "/apps/b/one": [FILTER]},
        changed={"/apps/a/one": [], "/apps/b/one": [FILTER]},
    ),
    Transition(
        before=export("aurora-mysql", parameter_group="params-1"),
        after=export("aurora-mysql", parameter_group="params-2"),
        state=audit,
        deployed={"exports": ["audit"], "params-1": True, "params-2": False},
        changed={"exports": ["audit"], "params-1": False, "params-2": True},
    ),
    Transition(
        before=orders(alert=True),
        after=orders(),
        state=atlas,
        deployed={"roles": 1, "integrations": 1, "alerts": 1},
        changed={"roles": 1, "integrations": 1, "alerts": 0},
    ),
    Transition(
        before=export("s3-logs", services=None, existing_bucket="legacy-1", ship_to=["lake"]),
        after=export("s3-logs", services=None, existing_bucket="legacy-2"),
        state=announced,
        deployed=["legacy-1"],
        changed=["legacy-2"],
    ),
    Transition(
        before=ledger(SQL_GROUP),
        after=ledger(),
        state=exported,
        deployed=["/acme/cockroach/ledger", "/acme/cockroach/ledger-sql"],
        changed=["/acme/cockroach/ledger"],
    ),
]


@pytest.fixture
def customer(tmp_path: Path) -> Iterator[Customer]:
    with Emulator(log_file=tmp_path / "emulator.log") as cloud, Vendors(cloud) as vendors:
        yield Customer(cloud, vendors, tmp_path, ACCOUNT)


def prepare(customer: Customer) -> None:
    """Make what the customer has before: log groups, two buckets, a cluster that gets another parameter group."""
    logs, s3, rds = customer.client("logs"), customer.client("s3"), customer.client("rds")
    for group in ("/apps/a/one", "/apps/b/one"):
        logs.create_log_group(logGroupName=group)
    for bucket in ("legacy-1", "legacy-2"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name in ("params-1", "params-2"):
        rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName=name, DBParameterGroupFamily="aurora-mysql8.0", Description="own"
        )
    rds.create_db_cluster(
        DBClusterIdentifier="billing",
        Engine="aurora-mysql",
        DBClusterParameterGroupName="params-1",
        MasterUsername="admin",
        ManageMasterUserPassword=True,
    )


def unreadable(customer: Customer) -> list[str]:
    """Return the log groups whose key does not admit them, or is not there."""
    logs, kms = customer.client("logs"), customer.client("kms")
    found = []
    for group in [each for page in logs.get_paginator("describe_log_groups").paginate() for each in page["logGroups"]]:
        if key := group.get("kmsKeyId"):
            # Whether the key admits a log group is asked when it is put on one, so it is put on again.
            try:
                logs.associate_kms_key(logGroupName=group["logGroupName"], kmsKeyId=key)
            except logs.exceptions.InvalidParameterException:
                found.append(group["logGroupName"])
                continue
            if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "Enabled":
                found.append(group["logGroupName"])
    return found


def needs(settings: Deployment) -> Needs:
    """Return what docs/logdock.md says that `plan` needs, on what it says."""
    where = f"{settings.region}:{settings.account}"
    return [
        (["cloudformation:DescribeStacks"], ["*"]),
        (["cloudformation:GetTemplate"], [f"arn:aws:cloudformation:{where}:stack/{settings.deployment}-*"]),
        (["iam:GetRolePolicy"], [f"arn:aws:iam::{settings.account}:role/{settings.deployment}-archiver"]),
        (["iam:GetRole"], [f"arn:aws:iam::{settings.account}:role/{settings.deployment}-*"]),
        (["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], [f"arn:aws:sqs:{where}:{Names.of(settings).queue('lake')}*"]),
        (["cloudwatch:GetMetricData"], ["*"]),
        (["logs:DescribeLogGroups", "s3:ListAllMyBuckets"], ["*"]),
    ]


def plan_of_the_changes(customer: Customer, settings: Deployment) -> None:
    """Have a person who may do what the page says, and no more, plan the changes and a destination's removal."""
    file = customer.directory / "logdock.yaml"
    person = Person(Stage(customer.cloud, settings, {}, customer.vendors), file, lambda _: needs(settings))
    assert person.may("plan") == the_page_says("plan")

    code, shown = person.logdock("plan")

    assert code == DANGEROUS, shown
    assert "Not checked" not in shown
    for change in CHANGES:
        assert change in shown, shown
    assert re.search(r"Monthly estimate on AWS, at 1 GB a day of each export: \d+ USD → \d+ USD\.\n", shown), shown


def test_what_leaves_the_settings_is_undone_and_destroy_is_clean(customer: Customer) -> None:
    prepare(customer)
    settings = customer.settings(document(*(each.before for each in TRANSITIONS), destinations=[OTLP]))
    customer.store(customer.vendors.know(settings))
    empty = [each.state(customer) for each in TRANSITIONS]
    customer.deploy()
    assert [each.state(customer) for each in TRANSITIONS] == [each.deployed for each in TRANSITIONS]

    settings = customer.settings(document(*(each.after for each in TRANSITIONS)))
    plan_of_the_changes(customer, settings)
    customer.client("rds").modify_db_cluster(DBClusterIdentifier="billing", DBClusterParameterGroupName="params-2")
    customer.deploy()
    assert [each.state(customer) for each in TRANSITIONS] == [each.changed for each in TRANSITIONS]
    assert unreadable(customer) == []
    # the destination's role, which read an existing bucket of an export whose stack is deployed after the core
    assert not {"acme-prod-ship-lake"} & {each["RoleName"] for each in customer.client("iam").list_roles()["Roles"]}

    customer.destroy(*(f"acme-prod-{each.after['name']}" for each in TRANSITIONS))
    assert [each.state(customer) for each in TRANSITIONS] == empty
    assert unreadable(customer) == []
    assert customer.remembered() == []
    left = {stack["StackName"] for stack in customer.client("cloudformation").describe_stacks()["Stacks"]}
    assert not left & {f"acme-prod-{each.after['name']}" for each in TRANSITIONS}
