"""Operation ``rds-logs``: what differs from Aurora MySQL, whose tests the two share the code with."""

from typing import Any

import boto3
import pytest
from vendor_connector.request import ConnectorError
from vendor_connector.vendors.rds.operations.database_logs import LOG_TYPES

from logdock.vendors.rds.settings import CLUSTER_LOGS, INSTANCE_LOGS
from tests.lambda_src.vendor_connector.test_aurora_audit import Rds

STATE = "/logdock/acme/orders/rds-logs"
OURS = "logdock-acme-orders"
PROPERTIES = {
    "Operation": "rds-logs",
    "Engine": "postgres",
    "InstanceId": "orders",
    "LogTypes": ["postgresql", "upgrade"],
    "Parameters": {"log_statement": "ddl", "pgaudit.log": "ddl,role"},
    "Libraries": ["pgaudit"],
    "ParameterGroupName": OURS,
    "ParameterGroup": "own",
    "StateParameter": STATE,
}
CLUSTER = {
    **{name: value for name, value in PROPERTIES.items() if name != "InstanceId"},
    "Engine": "aurora-postgresql",
    "ClusterId": "billing",
    "LogTypes": ["postgresql"],
}


class Instances(Rds):
    """An instance in RDS: the calls of its parameter groups are those of a cluster's under other names."""

    def __init__(self, wire: Any, refusal: Any) -> None:
        super().__init__(wire, refusal)
        self.groups["default.postgres16"] = {}
        self.cluster |= {"Engine": "postgres", "DBClusterParameterGroup": "default.postgres16"}
        self.families |= {"own": "postgres16", "default.postgres16": "postgres16"}
        for name in ("DescribeDBParameters", "CreateDBParameterGroup", "ModifyDBParameterGroup"):
            wire.answers[name] = self._as_cluster(name)
        for name in ("ResetDBParameterGroup", "DeleteDBParameterGroup", "DescribeDBParameterGroups"):
            wire.answers[name] = self._as_cluster(name)
        for name in [name for name in wire.answers if "DBCluster" in name]:
            wire.refuse(name, "AccessDenied")

    def _as_cluster(self, name: str) -> Any:
        answer = getattr(self, name.replace("DB", "DBCluster", 1))

        def renamed(arguments: dict[str, Any]) -> Any:
            assert "DBParameterGroupName" in arguments
            found = answer({**arguments, "DBClusterParameterGroupName": arguments["DBParameterGroupName"]})
            listed = found.pop("DBClusterParameterGroups", None)
            return {**found, "DBParameterGroups": listed} if listed else found

        return renamed

    def _found(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.is_gone or arguments["DBClusterIdentifier"] != "orders":
            raise self.refusal("DBInstanceNotFound", "DescribeDBInstances")
        return self.cluster

    def DescribeDBInstances(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        name = arguments["DBInstanceIdentifier"]
        found = self._found({"DBClusterIdentifier": name})
        group = {"DBParameterGroupName": found["DBClusterParameterGroup"], "ParameterApplyStatus": self.status}
        return {"DBInstances": [{**found, "DBInstanceIdentifier": name, "DBParameterGroups": [group]}]}

    status = "in-sync"

    def ModifyDBInstance(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        assert "ApplyImmediately" not in arguments, "it would apply what waits for the maintenance window"
        renamed = {
            "DBClusterIdentifier": arguments["DBInstanceIdentifier"],
            "ApplyImmediately": True,
            **{name.replace("DBParameterGroup", "DBClusterParameterGroup"): each for name, each in arguments.items()},
        }
        return self.ModifyDBCluster(renamed)


@pytest.fixture
def rds(wire: Any, connector: Any) -> Instances:
    return Instances(wire, connector.refusal)


def test_an_instance_with_a_default_group_gets_one_of_ours_of_its_family(rds: Instances, connector: Any) -> None:
    data = connector.create(PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == OURS
    assert rds.families[OURS] == "postgres16"
    assert rds.groups[OURS] == {
        "log_statement": "ddl",
        "pgaudit.log": "ddl,role",
        "shared_preload_libraries": "pg_stat_statements,pgaudit",
    }
    assert rds.has("EnabledCloudwatchLogsExports") == ["postgresql", "upgrade"]
    assert data["LogGroups"] == "/aws/rds/instance/orders/postgresql,/aws/rds/instance/orders/upgrade"
    assert data["Restart"].startswith("Restart instance orders when it suits you: parameter group")


def test_delete_puts_an_instance_back_and_removes_the_group(rds: Instances, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.delete(PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == "default.postgres16"
    assert rds.has("EnabledCloudwatchLogsExports") == []
    assert OURS not in rds.groups
    assert connector.remembered(STATE) is None


def test_libraries_that_the_group_names_stay_and_come_back(rds: Instances, connector: Any) -> None:
    rds.cluster["DBClusterParameterGroup"] = "own"
    rds.groups["own"] = {"shared_preload_libraries": "pg_cron, pg_stat_statements"}
    assert connector.create(PROPERTIES)["RestartNeeded"] == "true"
    assert rds.groups["own"]["shared_preload_libraries"] == "pg_cron,pg_stat_statements,pgaudit"

    without = {**PROPERTIES, "Parameters": {}, "Libraries": []}
    connector.update(without, PROPERTIES)
    assert rds.groups["own"] == {"shared_preload_libraries": "pg_cron, pg_stat_statements"}


def test_a_library_that_is_loaded_already_is_no_change(rds: Instances, connector: Any) -> None:
    rds.cluster["DBClusterParameterGroup"] = "own"
    theirs = {"shared_preload_libraries": "pgaudit,pg_cron", **PROPERTIES["Parameters"]}  # type: ignore[dict-item]
    rds.groups["own"] = dict(theirs)
    assert connector.create(PROPERTIES)["RestartNeeded"] == "false"
    connector.delete(PROPERTIES)
    assert rds.groups["own"] == theirs


def test_a_restart_that_is_due_is_reported_again(rds: Instances, connector: Any) -> None:
    connector.create(PROPERTIES)
    rds.status = "pending-reboot"
    data = connector.update({**PROPERTIES, "Revision": "2"}, PROPERTIES)
    assert data["RestartNeeded"] == "true"


def test_logs_without_parameters_leave_the_default_group(rds: Instances, wire: Any, connector: Any) -> None:
    connector.create({**PROPERTIES, "Parameters": {}, "Libraries": []})
    assert rds.has("DBClusterParameterGroup") == "default.postgres16"
    assert [name for name, _ in wire.writes() if "DB" in name] == ["ModifyDBInstance"]


def test_a_busy_instance_is_waited_for(rds: Instances, wire: Any, connector: Any) -> None:
    wire.refuse("ModifyDBInstance", "InvalidDBInstanceState", times=2)
    connector.create(PROPERTIES)
    assert wire.slept == [2.0, 4.0]


def test_aurora_postgresql_is_configured_by_its_cluster(wire: Any, connector: Any) -> None:
    cluster = Rds(wire, connector.refusal)
    cluster.cluster["Engine"] = "aurora-postgresql"
    data = connector.create(CLUSTER)
    assert cluster.has("EnabledCloudwatchLogsExports") == ["postgresql"]
    assert data["LogGroups"] == "/aws/rds/cluster/billing/postgresql"
    assert "the instances of cluster billing (billing-1)" in data["Restart"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"InstanceId": "other"}, "instance other does not exist .* DB instance identifier, not a cluster's"),
        ({"Engine": "mariadb", "LogTypes": ["error"]}, "instance orders runs postgres; the settings say mariadb"),
        ({"Engine": "aurora-postgresql"}, "property Engine is 'aurora-postgresql'; there is no such instance orders"),
        ({"LogTypes": ["audit"]}, "choose from .'iam-db-auth-error', 'postgresql', 'upgrade'."),
    ],
)
def test_rejects_what_the_instance_is_not(rds: Instances, connector: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorError, match=message):
        connector.create({**PROPERTIES, **change})
    assert rds.has("EnabledCloudwatchLogsExports") == []


def test_settings_and_connector_know_the_same_log_types() -> None:
    known = {(engine, True): {*logs} for engine, logs in CLUSTER_LOGS.items()}
    known |= {(engine, False): {*logs} for engine, logs in INSTANCE_LOGS.items()}
    assert {key: {*logs} for key, logs in LOG_TYPES.items() if key != ("aurora-mysql", True)} == known


def test_instance_of_another_export_is_refused_until_that_one_is_destroyed(rds: Instances, connector: Any) -> None:
    renamed = {**PROPERTIES, "StateParameter": "/logdock/acme/invoices/rds-logs"}
    for name in ("orders", "invoices"):
        boto3.client("ssm").put_parameter(
            Name=f"/logdock/acme/exports/{name}", Value='{"vendor": "rds"}', Type="String"
        )
    connector.create(PROPERTIES)

    with pytest.raises(ConnectorError, match=r"instance orders is configured by the stack of the export orders"):
        connector.create(renamed)

    connector.delete(PROPERTIES)
    connector.create(renamed)
    assert rds.has("EnabledCloudwatchLogsExports") == ["postgresql", "upgrade"]
