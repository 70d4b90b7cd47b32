"""Each setting is set, changed back and the stack destroyed; IAM holds as the templates say at that moment.

What is asked of each transition: every request of the deploy, of its clean-up and of the destroy succeeds; going back
leaves the vendor and AWS as they were before; nothing is remembered, subscribed or switched on after the destroy; no
log group has a key that does not admit it. A change that the settings refuse is counted as refused.
"""

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
import pytest
from pydantic import BaseModel, ValidationError

from local_cloud.vendors.cockroachdb.api import Cluster
from local_cloud.vendors.mongodb_atlas.project import Project
from logdock.settings import Deployment
from logdock.vendors.logzio.settings import LogzioDestination
from tests.costly import sample
from tests.lambda_src.vendor_connector.conftest import refusal
from tests.lambda_src.vendor_connector.formation import Clock, Iam
from tests.lambda_src.vendor_connector.test_aurora_audit import Rds
from tests.lambda_src.vendor_connector.test_rds_logs import Instances
from tests.settings.documents import FETCH, OTLP, destination, document, export
from tests.transitions.account import ACCOUNT, Account
from tests.transitions.fields import EXPORTS, Change, changes

SEEN_TO_FAIL: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
    "cloudwatch-logs": [
        ({"log_groups": None, "log_group_prefixes": ["/apps/", "/more/"]}, {"log_group_prefixes": ["/more/"]}),
        ({"log_groups": ["/apps/a", "/apps/b"], "encrypt": True}, {"log_groups": ["/apps/a"]}),
        ({"log_groups": None, "log_group_prefixes": ["/apps/"], "encrypt": True}, {"encrypt": None}),
    ],
    "aurora-mysql": [
        ({}, {"cluster_id": "second"}),
        ({"log_groups": "adopt"}, {"configure_cluster": False}),
        ({"role": "custom"}, {"role": "service-linked"}),
        ({"log_types": ["audit", "error"]}, {"log_types": ["audit"]}),
        ({"cluster_id": None, "cluster_ids": ["billing"]}, {"cluster_ids": ["second", "billing"]}),
        ({"cluster_id": None, "cluster_ids": ["billing", "second"]}, {"cluster_ids": ["second"]}),
        ({"log_types": ["error"]}, {"cluster_id": None, "cluster_ids": ["billing", "second"]}),
    ],
    "rds": [({"pgaudit": ["ddl"], "log_groups": "adopt"}, {"instance_id": "second", "pgaudit": None})],
    "s3-logs": [({"services": None, "existing_bucket": "acme-legacy"}, {"existing_bucket": "acme-second"})],
}
"""Changes that left something behind, or could not be deployed, when permissions were the new settings'."""

AT_ATLAS: list[dict[str, Any]] = [
    {"alert": True},
    {"auditing": {"filter": "{}"}},
    {"redact_clusters": ["Cluster0"]},
    {"secret": "acme/second"},
]


def settings_of(one: dict[str, Any]) -> Deployment:
    return Deployment.model_validate(document(one, account=ACCOUNT, destinations=[OTLP]))


def with_change(one: dict[str, Any], change: Change) -> dict[str, Any]:
    path, value = change
    changed = copy.deepcopy(one)
    place = changed
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    return changed


Snapshot = Callable[[], Any]


def transition(
    account: Account,
    before: dict[str, Any],
    after: dict[str, Any],
    snapshot: Snapshot,
    *,
    refused: list[str],
    in_effect: Callable[[Any], Any],
) -> Iterator[str]:
    """Go from one to the other, back, and away; yield what is wrong.

    Going back must lead to what was in effect before, and the destroy to what was there before.
    """
    try:
        first, second = settings_of(before), settings_of(after)
    except ValidationError as error:
        refused.append(str(error))
        return
    empty = snapshot()
    account.deploy(first)
    deployed = snapshot()
    for settings in (second, first):
        account.deploy(settings)
        yield from account.unreadable()
    if in_effect(snapshot()) != in_effect(deployed):
        yield f"going back leaves {snapshot()}, it was {deployed}"
    account.destroy()
    if snapshot() != empty:
        yield f"the destroy leaves {snapshot()}, it was {empty}"
    yield from account.violations


def remembered() -> list[str]:
    pages = boto3.client("ssm").get_paginator("describe_parameters").paginate()
    names = [one["Name"] for page in pages for one in page["Parameters"]]
    return sorted(name for name in names if "/connector/" not in name and "/exports/" not in name)


def subscribed() -> dict[str, list[str]]:
    logs = boto3.client("logs")
    return {
        group["logGroupName"]: [
            one["filterName"]
            for one in logs.describe_subscription_filters(logGroupName=group["logGroupName"])["subscriptionFilters"]
        ]
        for group in logs.describe_log_groups()["logGroups"]
    }


def notified() -> dict[str, bool]:
    s3 = boto3.client("s3")
    return {
        bucket["Name"]: "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket["Name"])
        for bucket in s3.list_buckets()["Buckets"]
    }


class Clusters(Rds):
    """RDS with two clusters that are alike."""

    def __init__(self, wire: Any) -> None:
        super().__init__(wire, refusal)
        assert self.cluster is not None
        self.clusters = {
            name: {**copy.deepcopy(self.cluster), "DBClusterIdentifier": name} for name in ("billing", "second")
        }

    def _found(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return self.clusters[arguments["DBClusterIdentifier"]]

    def DeleteDBClusterParameterGroup(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        name = arguments["DBClusterParameterGroupName"]
        if any(one["DBClusterParameterGroup"] == name for one in self.clusters.values()):
            raise refusal("InvalidDBParameterGroupState", "DeleteDBClusterParameterGroup")
        del self.groups[name]
        return {}


class TwoInstances(Instances):
    """RDS with two instances that are alike."""

    def __init__(self, wire: Any) -> None:
        super().__init__(wire, refusal)
        assert self.cluster is not None
        self.clusters = {name: copy.deepcopy(self.cluster) for name in ("shop", "second")}

    _found = Clusters._found
    DeleteDBClusterParameterGroup = Clusters.DeleteDBClusterParameterGroup


class Services:
    """What moto refuses, or does not keep: subscriptions of functions, keys of log groups, EventBridge of a bucket."""

    def __init__(self, wire: Any) -> None:
        self.filters: dict[str, dict[str, dict[str, Any]]] = {}
        self.notifications: dict[str, dict[str, Any]] = {}
        for operation in [name for name in dir(self) if name[0].isupper()]:
            wire.answers[operation] = getattr(self, operation)

    def PutSubscriptionFilter(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self.filters.setdefault(arguments["logGroupName"], {})[arguments["filterName"]] = arguments
        return {}

    def DescribeSubscriptionFilters(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        return {"subscriptionFilters": [*self.filters.get(arguments["logGroupName"], {}).values()]}

    def DeleteSubscriptionFilter(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        del self.filters[arguments["logGroupName"]][arguments["filterName"]]
        return {}

    def AssociateKmsKey(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002, N802
        return {}

    def PutLogGroupDeletionProtection(self, arguments: dict[str, Any]) -> Any:  # noqa: ARG002, N802
        return {}

    def GetBucketNotificationConfiguration(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        return self.notifications.get(arguments["Bucket"], {})

    def PutBucketNotificationConfiguration(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self.notifications[arguments["Bucket"]] = arguments["NotificationConfiguration"]
        return {}


def prepared(kind: str, wire: Any) -> Snapshot:
    """Make what exists before; return what takes its picture."""
    Services(wire)
    logs, s3 = boto3.client("logs"), boto3.client("s3")
    groups = ("/apps/a", "/apps/b", "/more/c")
    for group in groups:
        logs.create_log_group(logGroupName=group)
    for bucket in ("acme-legacy", "acme-second"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    if kind in ("aurora-mysql", "rds"):
        rds = Clusters(wire) if kind == "aurora-mysql" else TwoInstances(wire)
        return lambda: (remembered(), copy.deepcopy(rds.clusters), copy.deepcopy(rds.groups))
    return lambda: (
        remembered(),
        {name: filters for name, filters in subscribed().items() if name in groups},
        notified(),
    )


def without_empty_groups(found: Any) -> Any:
    """Count a parameter group of ours that has no parameter as the default: to detach it would take a restart."""
    state, databases, groups = found
    empty = {name for name, values in groups.items() if name.startswith("logdock-") and not values}
    without = empty | {name for name in groups if name.startswith("default.")}
    in_use = {
        name: {**one, "DBClusterParameterGroup": None} if one["DBClusterParameterGroup"] in without else one
        for name, one in databases.items()
    }
    return state, in_use, {name: values for name, values in groups.items() if name not in empty}


World = tuple[Any, Clock, Iam, pytest.MonkeyPatch]
Pairs = Iterable[tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def world(wire: Any, clock: Clock, iam: Iam, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return what a transition needs."""
    return wire, clock, iam, monkeypatch


def violations(
    pairs: Pairs, snapshot: Snapshot, world: World, refused: list[str], in_effect: Callable[[Any], Any] = copy.copy
) -> list[str]:
    """Return what is wrong with some transitions."""
    _, clock, iam, monkeypatch = world
    wrong: list[str] = []
    for before, after in pairs:
        with monkeypatch.context() as patch:
            account = Account(clock, iam, patch, f"acme-prod-{before['name']}")
            lines = list(transition(account, before, after, snapshot, refused=refused, in_effect=in_effect))
        wrong += [f"{before} -> {after}: {line}" for line in lines]
    return wrong


def found(kind: str, pairs: Pairs, world: World) -> list[str]:
    """Return what is wrong with some transitions of a kind that needs no vendor."""
    in_effect = without_empty_groups if kind in ("aurora-mysql", "rds") else copy.copy
    return violations(pairs, prepared(kind, world[0]), world, [], in_effect)


@pytest.mark.parametrize("kind", sample(SEEN_TO_FAIL, 4))
def test_changes_that_once_left_something_behind_are_undone(kind: str, world: World) -> None:
    pairs = []
    for given, changed in SEEN_TO_FAIL[kind]:
        before = export(kind, **given)
        after = {key: value for key, value in {**before, **changed}.items() if value is not None}
        pairs.append((before, after))
    assert found(kind, pairs, world) == []


def at_atlas(atlas: Any, **connect: Any) -> dict[str, Any]:
    return export(
        "mongodb-atlas",
        atlas_principal_arn=None,
        external_id=None,
        connect={"secret": "acme/atlas", "api_base_url": atlas.url, **connect},
    )


def at_cockroachdb(cockroach: Any, **connect: Any) -> dict[str, Any]:
    return export(
        "cockroachdb",
        cluster_account_id=None,
        external_id=None,
        connect={"secret": "acme/cockroach", "api_base_url": cockroach.url, **connect},
    )


def prepared_atlas(atlas: Any) -> Snapshot:
    second_secret("acme/atlas")
    for project_id in ("5e2211c17a3e5a48f5497de3", "6f3322d28b4f6b59a6508ef4"):
        atlas.projects[project_id] = Project(clusters={"Cluster0": {"name": "Cluster0", "stateName": "IDLE"}})

    def snapshot() -> Any:
        return remembered(), {
            name: (
                len(one.roles),
                [each["prefixPath"] for each in one.integrations.values()],
                len(one.alerts),
                one.auditing["enabled"],
                [bool(each.get("redactClientLogData")) for each in one.clusters.values()],
            )
            for name, one in atlas.projects.items()
        }

    return snapshot


def found_at_atlas(atlas: Any, pairs: Pairs, world: World) -> list[str]:
    return violations(pairs, prepared_atlas(atlas), world, [])


def second_secret(name: str) -> None:
    """Store the credential of the vendor's API under a second name, which a setting may change to."""
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="acme/second", SecretString=secrets.get_secret_value(SecretId=name)["SecretString"])


def specs_of(cockroach: Any) -> Snapshot:
    return lambda: (remembered(), {name: one.spec for name, one in cockroach.clusters.items()})


@pytest.mark.proof
def test_what_leaves_the_settings_is_undone_at_atlas(atlas: Any, world: World) -> None:
    plain = at_atlas(atlas)
    pairs = [(at_atlas(atlas, **connect), plain) for connect in AT_ATLAS]
    pairs.append((plain, export("mongodb-atlas")))
    assert found_at_atlas(atlas, pairs, world) == []


def members_pairs(base: dict[str, Any], setting: str, ids: tuple[str, str]) -> list[tuple[Any, Any]]:
    """Return the ways between an export of one object, of another one, and of both."""
    first, second = ids
    forms: list[dict[str, Any]] = [
        {setting: first},
        {f"{setting}s": [first]},
        {f"{setting}s": [first, second]},
        {f"{setting}s": [second]},
    ]
    bare = {key: value for key, value in base.items() if key != setting}
    return list(itertools.pairwise([{**bare, **form} for form in (*forms, forms[0], forms[2])]))


@pytest.mark.proof
def test_one_atlas_project_becomes_several_and_each_is_undone_alone(atlas: Any, world: World) -> None:
    base = at_atlas(atlas, alert=True, auditing={"filter": "{}"})
    pairs = members_pairs(base, "project_id", ("5e2211c17a3e5a48f5497de3", "6f3322d28b4f6b59a6508ef4"))
    assert found_at_atlas(atlas, pairs, world) == []


@pytest.mark.proof
def test_one_cockroachdb_cluster_becomes_several_and_each_is_undone_alone(cockroach: Any, world: World) -> None:
    Services(world[0])
    ids = ("f78b7feb-b6cf-4396-9d7f-494982d7d81e", "f78b7feb-b6cf-4396-9d7f-494982d7d82f")
    cockroach.clusters[ids[1]] = Cluster()
    refused: list[str] = []
    pairs = members_pairs(at_cockroachdb(cockroach), "cluster_id", ids)
    assert (violations(pairs, specs_of(cockroach), world, refused), refused) == ([], [])


@pytest.mark.proof
@pytest.mark.parametrize("kind", EXPORTS)
def test_every_field_of_a_kind_can_be_changed_back_and_destroyed(kind: str, world: World) -> None:
    base = export(kind)
    pairs = [(base, with_change(base, change)) for change in own_changes(kind)]
    assert pairs
    assert found(kind, pairs, world) == []


@pytest.mark.proof
def test_every_field_can_be_changed_back_and_destroyed_with_atlas_connected(atlas: Any, world: World) -> None:
    base = at_atlas(atlas)
    pairs = [(base, with_change(base, change)) for change in changes("mongodb-atlas", EXPORTS["mongodb-atlas"])]
    assert found_at_atlas(atlas, pairs, world) == []


@pytest.mark.proof
def test_every_field_can_be_changed_back_and_destroyed_with_cockroachdb_connected(cockroach: Any, world: World) -> None:
    Services(world[0])
    base = at_cockroachdb(cockroach)
    second_secret("acme/cockroach")
    cockroach.clusters["f78b7feb-b6cf-4396-9d7f-494982d7d82f"] = Cluster()
    other = [change for change in changes("cockroachdb", EXPORTS["cockroachdb"]) if change != (("plan",), "standard")]
    pairs = [(base, with_change(base, change)) for change in other]
    assert pairs
    assert violations(pairs, specs_of(cockroach), world, []) == []


def test_every_field_of_every_kind_has_another_value() -> None:
    """A new field fails here until the matrix knows a value for it."""
    models: dict[str, type[BaseModel]] = {**EXPORTS, "logzio": LogzioDestination}
    for kind, model in models.items():
        assert list(changes(kind, model))


def own_changes(kind: str) -> Iterator[Change]:
    """Yield the changes of a kind that needs no vendor."""
    return (change for change in changes(kind, EXPORTS[kind]) if change[0][0] != "connect")


RENAMED: dict[str, dict[str, Any]] = {
    "mongodb-atlas": {},
    "cockroachdb": {},
    "aurora-mysql": {},
    "rds": {},
    "aptible": {},
    "s3-logs": {"services": None, "existing_bucket": "acme-legacy"},
    "cloudwatch-logs": {"log_groups": None, "log_group_prefixes": ["/apps/"], "encrypt": True},
}


def renamed(base: dict[str, Any], snapshot: Snapshot, world: World, *, is_refused: bool = False) -> Iterator[str]:
    """Rename an export: by its plan (destroy, then deploy), and by a deploy beside it that is undone."""
    _, clock, iam, monkeypatch = world
    after = {**base, "name": f"{base['name']}-2"}
    empty = snapshot()
    with monkeypatch.context() as patch:
        old = Account(clock, iam, patch, f"acme-prod-{base['name']}")
        new = Account(clock, iam, patch, f"acme-prod-{after['name']}")
        old.deploy(settings_of(base))
        deployed = snapshot()
        yield from old.violations
        # Beside the old one it may be refused, such as for what "this stack did not make"; then all of it goes again.
        new.deploy(settings_of(after), until_a_failure=True)
        if is_refused and not any("Destroy that stack first" in line for line in new.violations):
            yield f"a renamed export beside the old one is not refused: {new.violations}"
        new.destroy()
        if snapshot() != deployed:
            yield f"a renamed export that was deployed beside the old one and destroyed leaves {snapshot()}"
        new.violations.clear()
        old.destroy()
        yield from old.violations
        if snapshot() != empty:
            yield f"the destroy of the old name leaves {snapshot()}, it was {empty}"
        new.deploy(settings_of(after))
        yield from new.unreadable()
        new.destroy()
        yield from new.violations
        if snapshot() != empty:
            yield f"the destroy of the new name leaves {snapshot()}, it was {empty}"


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind == "cloudwatch-logs" else pytest.mark.proof) for kind in RENAMED]
)
def test_an_export_can_be_renamed(kind: str, world: World) -> None:
    base = export(kind, **RENAMED[kind])
    is_refused = kind == "aurora-mysql"
    assert [*renamed(base, prepared(kind, world[0]), world, is_refused=is_refused)] == []


@pytest.mark.proof
def test_bucket_goes_on_for_an_export_beside_its_former_name(world: Any) -> None:
    wire, clock, iam, monkeypatch = world
    before = export("s3-logs", services=None, existing_bucket="acme-legacy")
    after = {**before, "name": "trail-2"}
    prepared("s3-logs", wire)
    with monkeypatch.context() as patch:
        old, new = (Account(clock, iam, patch, f"acme-prod-{each['name']}") for each in (before, after))
        old.deploy(settings_of(before))
        new.deploy(settings_of(after))
        old.destroy()
        assert notified()["acme-legacy"]
        new.destroy()
        assert not notified()["acme-legacy"]
        assert old.violations + new.violations + remembered() == []


@pytest.mark.proof
def test_aurora_beside_its_former_name_is_refused_though_nothing_is_to_change(world: Any) -> None:
    wire, *_ = world
    base = export("aurora-mysql", log_groups="adopt", parameter_group="own")
    Services(wire)
    rds = Clusters(wire)
    rds.groups["own"] = copy.deepcopy(rds.groups.get("own", {}))
    rds.clusters["billing"]["DBClusterParameterGroup"] = "own"

    def snapshot() -> Any:
        return remembered(), copy.deepcopy(rds.clusters), copy.deepcopy(rds.groups)

    assert [*renamed(base, snapshot, world, is_refused=True)] == []


@pytest.mark.proof
def test_an_export_can_be_renamed_with_atlas_connected(atlas: Any, world: World) -> None:
    assert [*renamed(at_atlas(atlas, alert=True), prepared_atlas(atlas), world)] == []


@pytest.mark.proof
def test_an_export_can_be_renamed_with_cockroachdb_connected(cockroach: Any, world: World) -> None:
    for connect in ({}, {"adopt": True}):
        assert [*renamed(at_cockroachdb(cockroach, **connect), specs_of(cockroach), world, is_refused=True)] == []


def with_reader(reader: dict[str, Any], *names: str) -> Deployment:
    """Return settings with a destination of Logz.io that reads what two exports archive."""
    exports = [{**export("s3-logs", ship_to=["reader"]), "name": name} for name in names or ("trail", "front")]
    return Deployment.model_validate(document(*exports, account=ACCOUNT, destinations=[reader, OTLP]))


@pytest.mark.proof
def test_every_field_can_be_changed_back_and_destroyed_with_logzio_connected(logzio: Any, world: World) -> None:
    _, clock, iam, monkeypatch = world
    connect = {"secret": "acme/logzio-api", "api_base_url": logzio.url}
    base = destination(FETCH, account_id=None, external_id=None, connect=connect)
    second_secret("acme/logzio-api")

    def snapshot() -> Any:
        return remembered(), sorted(
            (one.document["prefix"], one.document["bucket"], one.document["logsType"], one.document["active"])
            for account in logzio.accounts.values()
            for one in account.fetchers.values()
        )

    empty, wrong, done = snapshot(), list[str](), 0
    for change in changes("logzio", LogzioDestination):
        try:
            before, after = with_reader(base), with_reader(with_change(base, change))
        except ValidationError:
            continue
        done += 1
        with monkeypatch.context() as patch:
            account = Account(clock, iam, patch, "acme-prod-shipper")
            account.deploy(before)
            deployed = snapshot()
            assert len(deployed[1]) == 2
            for settings in (after, with_reader(base, "trail"), before):
                account.deploy(settings)
            wrong += [f"{change}: going back leaves {snapshot()}"] if snapshot() != deployed else []
            account.destroy()
            wrong += [f"{change}: the destroy leaves {snapshot()}"] if snapshot() != empty else []
            wrong += [f"{change}: {line}" for line in account.violations]
    assert wrong == []
    assert done > 2
