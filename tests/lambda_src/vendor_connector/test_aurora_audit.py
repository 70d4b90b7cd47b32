import copy
from typing import Any

import boto3
import pytest
from vendor_connector.request import ConnectorError

STATE = "/logdock/acme/billing/aurora-audit"
ROLE = "arn:aws:iam::123456789012:role/aurora-logs"
DEFAULT = "default.aurora-mysql8.0"
OURS = "acme-billing-audit"
NOTHING_LEFT = "Nothing to do in RDS for cluster billing."
PROPERTIES = {
    "Operation": "aurora-audit",
    "ClusterId": "billing",
    "LogTypes": ["audit"],
    "Parameters": {"server_audit_logging": "1", "server_audit_events": "CONNECT,QUERY_DDL"},
    "ParameterGroupName": OURS,
    "ParameterGroup": "own",
    "StateParameter": STATE,
}
# DescribeDBClusterParameters of the engines' defaults: name, default value, ApplyType.
CATALOG = {
    "server_audit_logging": ("0", "dynamic"),
    "server_audit_events": ("", "dynamic"),
    "server_audit_excl_users": ("", "dynamic"),
    "server_audit_incl_users": ("", "dynamic"),
    "server_audit_logs_upload": ("0", "dynamic"),
    "general_log": ("0", "dynamic"),
    "aws_default_logs_role": ("", "dynamic"),
    "binlog_format": ("OFF", "static"),
    "log_connections": ("0", "dynamic"),
    "log_disconnections": ("0", "dynamic"),
    "log_min_duration_statement": ("-1", "dynamic"),
    "log_statement": ("", "dynamic"),
    "pgaudit.log": ("", "dynamic"),
    "shared_preload_libraries": ("pg_stat_statements", "static"),
}
CODES = {"cluster": "DBClusterNotFoundFault", "group": "DBParameterGroupNotFound"}


class Rds:
    """Clusters and parameter groups as RDS keeps them; moto neither resets parameters nor keeps export types."""

    def __init__(self, wire: Any, refusal: Any) -> None:
        self.wire, self.refusal = wire, refusal
        self.groups: dict[str, dict[str, str]] = {DEFAULT: {}, "own": {}}
        self.descriptions = {DEFAULT: "Default", "own": "the team's"}
        self.families: dict[str, str] = {}
        self.used_elsewhere: set[str] = set()
        self.is_gone = False
        self.cluster: dict[str, Any] = {
            "DBClusterIdentifier": "billing",
            "Engine": "aurora-mysql",
            "DBClusterParameterGroup": DEFAULT,
            "EnabledCloudwatchLogsExports": [],
            "AssociatedRoles": [],
            "DBClusterMembers": [{"DBInstanceIdentifier": "billing-1", "DBClusterParameterGroupStatus": "in-sync"}],
        }
        for operation in [name for name in dir(self) if name[0].isupper()]:
            wire.answers[operation] = getattr(self, operation)

    def _found(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.is_gone or arguments["DBClusterIdentifier"] != "billing":
            raise self.refusal(CODES["cluster"], "DescribeDBClusters")
        return self.cluster

    def _group(self, arguments: dict[str, Any], *, change: bool = False) -> dict[str, str]:
        name = arguments["DBClusterParameterGroupName"]
        if name not in self.groups:
            raise self.refusal(CODES["group"], "DescribeDBClusterParameters")
        assert not (change and name.startswith("default.")), "AWS does not allow changes of a default group"
        return self.groups[name]

    def DescribeDBClusters(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        return {"DBClusters": [self._found(arguments)]}

    def DescribeDBClusterParameters(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        """Answer in pages of two, and leave empty values out, as RDS does."""
        values, start = self._group(arguments), int(arguments.get("Marker", 0))
        items = []
        for name, (default, apply_type) in list(CATALOG.items())[start : start + 2]:
            item = {"ParameterName": name, "ApplyType": apply_type}
            item["Source"] = "user" if name in values else "engine-default"
            value = values.get(name, default)
            items.append({**item, "ParameterValue": value} if value else item)
        more = {"Marker": str(start + 2)} if start + 2 < len(CATALOG) else {}
        return {"Parameters": items, **more}

    def DescribeDBClusterParameterGroups(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self._group(arguments)
        name = arguments["DBClusterParameterGroupName"]
        found = {
            "DBClusterParameterGroupName": name,
            "Description": self.descriptions[name],
            "DBParameterGroupFamily": self.families.get(name, "aurora-mysql8.0"),
        }
        return {"DBClusterParameterGroups": [found]}

    def CreateDBClusterParameterGroup(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        name = arguments["DBClusterParameterGroupName"]
        assert name not in self.groups
        self.groups[name], self.descriptions[name] = {}, arguments["Description"]
        self.families[name] = arguments["DBParameterGroupFamily"]
        return {}

    def ModifyDBClusterParameterGroup(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        assert len(arguments["Parameters"]) <= 20
        for item in arguments["Parameters"]:
            static = CATALOG.get(item["ParameterName"], ("", "dynamic"))[1] == "static"
            assert item["ApplyMethod"] == ("pending-reboot" if static else "immediate")
            self._group(arguments, change=True)[item["ParameterName"]] = item["ParameterValue"]
        return {}

    def ResetDBClusterParameterGroup(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        for item in arguments["Parameters"]:
            self._group(arguments, change=True).pop(item["ParameterName"], None)
        return {}

    def DeleteDBClusterParameterGroup(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self._group(arguments, change=True)
        name = arguments["DBClusterParameterGroupName"]
        if name in self.used_elsewhere or (not self.is_gone and self.cluster["DBClusterParameterGroup"] == name):
            raise self.refusal("InvalidDBParameterGroupState", "DeleteDBClusterParameterGroup")
        del self.groups[name]
        return {}

    def ModifyDBCluster(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        cluster = self._found(arguments)
        assert arguments["ApplyImmediately"] is True
        if group := arguments.get("DBClusterParameterGroupName"):
            assert group in self.groups
            family = self.families.get(group, "aurora-mysql8.0")
            if family != self.families.get(cluster["DBClusterParameterGroup"], family) and not group.startswith("def"):
                raise self.refusal("InvalidParameterCombination", "ModifyDBCluster")
            cluster["DBClusterParameterGroup"] = group
        types = arguments.get("CloudwatchLogsExportConfiguration", {})
        enabled = {*cluster["EnabledCloudwatchLogsExports"], *types.get("EnableLogTypes", [])}
        cluster["EnabledCloudwatchLogsExports"] = sorted(enabled - set(types.get("DisableLogTypes", [])))
        return {}

    def AddRoleToDBCluster(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        self._found(arguments)["AssociatedRoles"].append({"RoleArn": arguments["RoleArn"], "Status": "ACTIVE"})
        return {}

    def RemoveRoleFromDBCluster(self, arguments: dict[str, Any]) -> Any:  # noqa: N802
        cluster = self._found(arguments)
        if not any(role["RoleArn"] == arguments["RoleArn"] for role in cluster["AssociatedRoles"]):
            raise self.refusal("DBClusterRoleNotFound", "RemoveRoleFromDBCluster")
        cluster["AssociatedRoles"] = [
            role for role in cluster["AssociatedRoles"] if role["RoleArn"] != arguments["RoleArn"]
        ]
        return {}

    def has(self, key: str) -> Any:
        return self.cluster[key]


@pytest.fixture
def rds(wire: Any, connector: Any) -> Rds:
    return Rds(wire, connector.refusal)


@pytest.fixture
def own(rds: Rds) -> Rds:
    """Return a cluster that has its own parameter group, with one parameter that the team set."""
    rds.cluster["DBClusterParameterGroup"] = "own"
    rds.groups["own"] = {"server_audit_events": "CONNECT", "binlog_format": "ROW"}
    return rds


def rds_writes(wire: Any) -> list[str]:
    return [name for name, _ in wire.writes() if "DB" in name]


# --- a cluster with the default group ---------------------------------------------------------------------------------


def test_a_default_group_is_followed_by_one_of_ours(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == OURS
    assert rds.families[OURS] == "aurora-mysql8.0"
    assert rds.groups[OURS] == PROPERTIES["Parameters"]
    assert rds.has("EnabledCloudwatchLogsExports") == ["audit"]


def test_a_new_group_asks_for_a_restart_and_names_the_instances(rds: Rds, connector: Any) -> None:
    data = connector.create(PROPERTIES)
    assert data.pop("Restart").startswith("Restart the instances of cluster billing (billing-1) when it suits you")
    assert data == {
        "ParameterGroup": OURS,
        "RestartNeeded": "true",
        "LogTypes": "audit",
        "LogGroups": "/aws/rds/cluster/billing/audit",
    }


def test_nothing_is_ever_restarted(rds: Rds, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.delete(PROPERTIES)
    assert [name for name, _ in wire.calls if "Reboot" in name or "Failover" in name] == []


def test_a_restart_still_due_is_said_again(own: Rds, connector: Any) -> None:
    own.has("DBClusterMembers")[0]["DBClusterParameterGroupStatus"] = "pending-reboot"
    assert connector.create(PROPERTIES)["RestartNeeded"] == "true"


def test_group_and_exports_change_in_one_request(rds: Rds, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    assert wire.requests("ModifyDBCluster") == [
        {
            "DBClusterIdentifier": "billing",
            "ApplyImmediately": True,
            "DBClusterParameterGroupName": OURS,
            "CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["audit"]},
        }
    ]


def test_delete_gives_the_default_group_back_and_removes_ours(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.delete(PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == DEFAULT
    assert OURS not in rds.groups
    assert rds.has("EnabledCloudwatchLogsExports") == []
    assert connector.remembered(STATE) is None


def test_delete_leaves_a_group_that_the_owner_attached_since(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    rds.cluster["DBClusterParameterGroup"] = "own"
    connector.delete(PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == "own"
    assert OURS not in rds.groups


def test_delete_leaves_our_group_when_a_cluster_still_uses_it(rds: Rds, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.refuse("DeleteDBClusterParameterGroup", "InvalidDBParameterGroupState")
    connector.delete(PROPERTIES)
    assert OURS in rds.groups
    assert wire.slept == [5.0, 10.0, 15.0, 20.0]


def test_rejects_a_group_name_in_use_and_leaves_that_group(rds: Rds, connector: Any) -> None:
    rds.groups[OURS], rds.descriptions[OURS] = {"binlog_format": "ROW"}, "theirs"
    with pytest.raises(ConnectorError, match=f"parameter group {OURS} exists and Logdock did not make it"):
        connector.create(PROPERTIES)
    assert rds.groups[OURS] == {"binlog_format": "ROW"}
    assert rds.has("DBClusterParameterGroup") == DEFAULT
    assert connector.remembered(STATE) is None


def test_rejects_a_new_name_for_the_group_that_was_made(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    with pytest.raises(ConnectorError, match=f"{OURS} was made for cluster billing and cannot be renamed to other"):
        connector.update({**PROPERTIES, "ParameterGroupName": "other"}, PROPERTIES)


# --- a cluster with its own group -------------------------------------------------------------------------------------


def test_only_differing_parameters_of_an_own_group_change(own: Rds, wire: Any, connector: Any) -> None:
    own.groups["own"]["server_audit_logging"] = "1"
    data = connector.create(PROPERTIES)
    changed = [item["ParameterName"] for item in wire.requests("ModifyDBClusterParameterGroup")[0]["Parameters"]]
    assert changed == ["server_audit_events"]
    assert (data["ParameterGroup"], data["RestartNeeded"], data["Restart"]) == ("own", "false", NOTHING_LEFT)
    assert OURS not in own.groups


def test_delete_puts_an_own_groups_parameters_back(own: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.delete(PROPERTIES)
    assert own.groups["own"] == {"server_audit_events": "CONNECT", "binlog_format": "ROW"}
    assert connector.remembered(STATE) is None


def test_delete_leaves_a_parameter_that_the_owner_changed_since(own: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    own.groups["own"]["server_audit_events"] = "TABLE"
    connector.delete(PROPERTIES)
    assert own.groups["own"] == {"server_audit_events": "TABLE", "binlog_format": "ROW"}


def test_a_static_parameter_waits_for_the_restart_that_it_asks_for(own: Rds, connector: Any) -> None:
    data = connector.create({**PROPERTIES, "Parameters": {"binlog_format": "MIXED"}})
    assert (own.groups["own"]["binlog_format"], data["RestartNeeded"]) == ("MIXED", "true")


def test_an_empty_value_resets_a_parameter(own: Rds, connector: Any) -> None:
    own.groups["own"]["server_audit_excl_users"] = "rdsadmin"
    properties = {**PROPERTIES, "Parameters": {"server_audit_excl_users": ""}}
    connector.create(properties)
    assert "server_audit_excl_users" not in own.groups["own"]
    connector.delete(properties)
    assert own.groups["own"]["server_audit_excl_users"] == "rdsadmin"


def test_more_than_twenty_parameters_go_in_several_requests(own: Rds, wire: Any, connector: Any) -> None:
    connector.create({**PROPERTIES, "Parameters": {f"parameter_{number}": "1" for number in range(21)}})
    assert [len(call["Parameters"]) for call in wire.requests("ModifyDBClusterParameterGroup")] == [20, 1]


@pytest.mark.parametrize("named", [None, "another"])
def test_an_own_group_that_the_settings_do_not_name_is_refused(
    own: Rds, wire: Any, connector: Any, named: str | None
) -> None:
    with pytest.raises(ConnectorError, match=r"its own parameter group own.*parameter_group: own"):
        connector.create({**PROPERTIES, "ParameterGroup": named})
    assert rds_writes(wire) == []


def test_an_update_to_another_own_group_puts_the_former_one_back(own: Rds, connector: Any) -> None:
    before = dict(own.groups["own"])
    connector.create(PROPERTIES)
    own.groups["second"], own.descriptions["second"] = {}, "the team's"
    own.cluster["DBClusterParameterGroup"] = "second"
    connector.update({**PROPERTIES, "ParameterGroup": "second"}, PROPERTIES)
    assert own.groups["own"] == before
    assert own.groups["second"]["server_audit_logging"] == "1"
    connector.delete({**PROPERTIES, "ParameterGroup": "second"})
    assert (own.groups["own"], own.groups["second"], connector.remembered(STATE)) == (before, {}, None)


def test_update_to_own_group_resets_ours_once_the_cluster_has_left_it(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    rds.groups["own"], rds.descriptions["own"] = {}, "the team's"
    own = {**PROPERTIES, "ParameterGroup": "own"}
    # The settings are ahead of the cluster: its audit log goes on.
    connector.update(own, PROPERTIES)
    assert rds.groups[OURS] == PROPERTIES["Parameters"]
    rds.cluster["DBClusterParameterGroup"] = "own"
    connector.update({**own, "Revision": "2"}, own)
    assert (rds.groups[OURS], rds.groups["own"]) == ({}, PROPERTIES["Parameters"])
    connector.delete({**own, "Revision": "2"})
    assert (OURS in rds.groups, rds.groups["own"], connector.remembered(STATE)) == (False, {}, None)


# --- logs that need no parameter --------------------------------------------------------------------------------------

ERRORS = {**PROPERTIES, "Parameters": {}, "LogTypes": ["error"]}


@pytest.mark.parametrize("cluster", ["rds", "own"])
@pytest.mark.parametrize("named", ["own", None])
def test_a_log_that_needs_no_parameter_changes_no_group_and_asks_for_no_restart(
    cluster: str, named: str | None, request: pytest.FixtureRequest, wire: Any, connector: Any
) -> None:
    fake = request.getfixturevalue(cluster)
    fake.has("DBClusterMembers")[0]["DBClusterParameterGroupStatus"] = "pending-reboot"
    before = copy.deepcopy((fake.groups, fake.has("DBClusterParameterGroup")))
    data = connector.create({**ERRORS, "ParameterGroup": named})
    assert (data["RestartNeeded"], data["Restart"]) == ("false", NOTHING_LEFT)
    assert fake.has("EnabledCloudwatchLogsExports") == ["error"]
    assert (fake.groups, fake.has("DBClusterParameterGroup")) == before
    connector.delete({**ERRORS, "ParameterGroup": named})
    assert (fake.groups, fake.has("DBClusterParameterGroup")) == before
    assert fake.has("EnabledCloudwatchLogsExports") == []


@pytest.mark.parametrize("cluster", ["rds", "own"])
def test_parameters_that_are_no_longer_needed_are_put_back_and_no_group_is_detached(
    cluster: str, request: pytest.FixtureRequest, wire: Any, connector: Any
) -> None:
    """Release 0.1.0 switched auditing on for any log: an upgrade takes that back without a restart."""
    fake = request.getfixturevalue(cluster)
    before = copy.deepcopy((fake.groups, fake.cluster))
    connector.create({**PROPERTIES, "LogTypes": ["error"]})
    group = fake.has("DBClusterParameterGroup")
    data = connector.update(ERRORS, PROPERTIES)
    assert (data["RestartNeeded"], fake.has("DBClusterParameterGroup")) == ("false", group)
    assert fake.groups[group] == before[0].get(group, {})
    connector.delete(ERRORS)
    assert (fake.groups, fake.cluster) == before


# --- export types, roles, state ---------------------------------------------------------------------------------------


def test_a_type_that_was_exported_before_stays_so_after_delete(own: Rds, wire: Any, connector: Any) -> None:
    own.cluster["EnabledCloudwatchLogsExports"] = ["error"]
    properties = {**PROPERTIES, "LogTypes": ["audit", "error"]}
    connector.create(properties)
    enabled = wire.requests("ModifyDBCluster")[0]["CloudwatchLogsExportConfiguration"]
    assert enabled == {"EnableLogTypes": ["audit"]}
    connector.delete(properties)
    assert own.has("EnabledCloudwatchLogsExports") == ["error"]


def test_a_type_that_is_being_switched_on_is_not_switched_again(own: Rds, wire: Any, connector: Any) -> None:
    own.cluster["PendingModifiedValues"] = {"PendingCloudwatchLogsExports": {"LogTypesToEnable": ["audit"]}}
    connector.create(PROPERTIES)
    assert wire.requests("ModifyDBCluster") == []


def test_the_role_way_sets_its_parameters_and_associates_the_role(own: Rds, connector: Any) -> None:
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    assert own.groups["own"]["server_audit_logs_upload"] == "1"
    assert own.groups["own"]["aws_default_logs_role"] == ROLE
    assert own.has("AssociatedRoles") == [{"RoleArn": ROLE, "Status": "ACTIVE"}]


def test_delete_releases_the_role(own: Rds, connector: Any) -> None:
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    connector.delete({**PROPERTIES, "RoleArn": ROLE})
    assert own.has("AssociatedRoles") == []
    assert "aws_default_logs_role" not in own.groups["own"]


def test_delete_leaves_a_role_that_was_associated_before(own: Rds, connector: Any) -> None:
    own.has("AssociatedRoles").append({"RoleArn": ROLE, "Status": "ACTIVE"})
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    connector.delete({**PROPERTIES, "RoleArn": ROLE})
    assert own.has("AssociatedRoles") == [{"RoleArn": ROLE, "Status": "ACTIVE"}]


def test_delete_succeeds_when_the_role_was_released_by_hand(own: Rds, connector: Any) -> None:
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    own.has("AssociatedRoles").clear()
    connector.delete({**PROPERTIES, "RoleArn": ROLE})
    assert connector.remembered(STATE) is None


@pytest.mark.parametrize("cluster", ["rds", "own"])
def test_create_twice_sends_no_write_the_second_time(
    cluster: str, request: pytest.FixtureRequest, wire: Any, connector: Any
) -> None:
    request.getfixturevalue(cluster)
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    wire.calls.clear()
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    assert rds_writes(wire) == []


@pytest.mark.parametrize(
    ("cluster", "cut"),
    [
        ("rds", "CreateDBClusterParameterGroup"),
        *[
            (cluster, cut)
            for cluster in ("rds", "own")
            for cut in ("ModifyDBClusterParameterGroup", "AddRoleToDBCluster", "ModifyDBCluster")
        ],
    ],
)
def test_a_create_that_fails_half_way_is_undone(
    cluster: str, cut: str, request: pytest.FixtureRequest, wire: Any, connector: Any
) -> None:
    fake = request.getfixturevalue(cluster)
    before = copy.deepcopy((fake.groups, fake.cluster))
    wire.refuse(cut, "InternalFailure", times=1)
    with pytest.raises(ConnectorError, match=cut):
        connector.create({**PROPERTIES, "RoleArn": ROLE})
    assert (fake.groups, fake.cluster) == before
    assert connector.remembered(STATE) is None


@pytest.mark.parametrize("cut", ["ModifyDBClusterParameterGroup", "AddRoleToDBCluster", "ModifyDBCluster"])
def test_a_create_cut_off_half_way_and_repeated_remembers_what_was_first(
    own: Rds, cut: str, wire: Any, connector: Any
) -> None:
    """Lambda ended the function right after AWS accepted a call: nothing could be undone."""
    accepted = wire.answers[cut]

    class CutOffError(BaseException):
        pass

    def cut_off(arguments: dict[str, Any]) -> Any:
        accepted(arguments)
        wire.answers[cut] = accepted
        raise CutOffError

    wire.answers[cut] = cut_off
    with pytest.raises(CutOffError):
        connector.create({**PROPERTIES, "RoleArn": ROLE})
    connector.create({**PROPERTIES, "RoleArn": ROLE})
    connector.delete({**PROPERTIES, "RoleArn": ROLE})
    assert own.groups["own"] == {"server_audit_events": "CONNECT", "binlog_format": "ROW"}
    assert (own.has("EnabledCloudwatchLogsExports"), own.has("AssociatedRoles")) == ([], [])


def test_update_changes_only_what_changed(own: Rds, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.calls.clear()
    parameters = {"server_audit_logging": "1", "server_audit_events": "TABLE"}
    connector.update({**PROPERTIES, "Parameters": parameters}, PROPERTIES)
    assert rds_writes(wire) == ["ModifyDBClusterParameterGroup"]
    assert own.groups["own"]["server_audit_events"] == "TABLE"


def test_update_puts_back_what_is_no_longer_asked_for(own: Rds, connector: Any) -> None:
    old = {**PROPERTIES, "LogTypes": ["audit", "error"], "RoleArn": ROLE}
    connector.create(old)
    connector.update({**PROPERTIES, "Parameters": {"server_audit_logging": "1"}}, old)
    assert own.groups["own"] == {
        "server_audit_events": "CONNECT",
        "binlog_format": "ROW",
        "server_audit_logging": "1",
    }
    assert (own.has("EnabledCloudwatchLogsExports"), own.has("AssociatedRoles")) == (["audit"], [])


def test_delete_after_an_update_still_knows_what_was_first(own: Rds, connector: Any) -> None:
    new = {**PROPERTIES, "Parameters": {"server_audit_events": "TABLE"}, "LogTypes": ["audit", "error"]}
    connector.create(PROPERTIES)
    connector.update(new, PROPERTIES)
    connector.delete(new)
    assert own.groups["own"] == {"server_audit_events": "CONNECT", "binlog_format": "ROW"}
    assert own.has("EnabledCloudwatchLogsExports") == []


def test_delete_succeeds_when_the_cluster_is_gone(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    rds.is_gone = True
    connector.delete(PROPERTIES)
    assert OURS not in rds.groups
    assert connector.remembered(STATE) is None


def test_delete_succeeds_when_the_own_group_is_gone(own: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    own.cluster["DBClusterParameterGroup"] = DEFAULT
    del own.groups["own"]
    connector.delete(PROPERTIES)
    assert connector.remembered(STATE) is None


def test_delete_of_what_was_never_created_writes_nothing(rds: Rds, wire: Any, connector: Any) -> None:
    connector.delete(PROPERTIES)
    assert wire.writes() == []


def test_waits_for_a_cluster_that_is_being_modified(own: Rds, wire: Any, connector: Any) -> None:
    wire.refuse("ModifyDBCluster", "InvalidDBClusterStateFault", times=3)
    connector.create(PROPERTIES)
    assert wire.slept == [2.0, 4.0, 8.0]
    assert own.has("EnabledCloudwatchLogsExports") == ["audit"]


def test_ends_honestly_before_the_function_does(own: Rds, wire: Any, connector: Any) -> None:
    wire.refuse("ModifyDBCluster", "InvalidDBClusterStateFault")
    with pytest.raises(ConnectorError, match=r"modifying cluster billing: AWS was not ready in time.*Deploy again"):
        connector.create(PROPERTIES, seconds=20)


def test_rejects_a_cluster_that_does_not_exist(rds: Rds, connector: Any) -> None:
    with pytest.raises(ConnectorError, match="cluster ledger does not exist in this account and Region"):
        connector.create({**PROPERTIES, "ClusterId": "ledger"})


def test_rejects_another_engine(rds: Rds, wire: Any, connector: Any) -> None:
    rds.cluster["Engine"] = "aurora-postgresql"
    with pytest.raises(ConnectorError, match="cluster billing runs aurora-postgresql"):
        connector.create(PROPERTIES)
    assert wire.writes() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"LogTypes": []}, r"property LogTypes is \[\]; choose from"),
        ({"LogTypes": ["postgresql"]}, r"property LogTypes is \['postgresql'\]; choose from"),
    ],
)
def test_rejects_a_wrong_property(wire: Any, connector: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorError, match=message):
        connector.create({**PROPERTIES, **change})
    assert wire.calls == []


NEXT_DEFAULT = "default.aurora-mysql8.4"


def upgrade(rds: Rds) -> None:
    """Upgrade the cluster's major version: RDS gives it the default group of the new one."""
    rds.groups[NEXT_DEFAULT], rds.families[NEXT_DEFAULT] = {}, "aurora-mysql8.4"
    rds.cluster["DBClusterParameterGroup"] = NEXT_DEFAULT


def test_after_a_major_upgrade_the_group_is_made_anew_for_the_new_family(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    upgrade(rds)
    data = connector.update({**PROPERTIES, "Revision": "2"}, PROPERTIES)
    assert data["RestartNeeded"] == "true"
    assert rds.has("DBClusterParameterGroup") == OURS
    assert rds.families[OURS] == "aurora-mysql8.4"
    assert rds.groups[OURS] == PROPERTIES["Parameters"]

    connector.delete({**PROPERTIES, "Revision": "2"})
    assert rds.has("DBClusterParameterGroup") == NEXT_DEFAULT
    assert OURS not in rds.groups
    assert connector.remembered(STATE) is None


def test_a_destroy_after_a_major_upgrade_removes_the_old_group_and_leaves_the_cluster(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    upgrade(rds)
    connector.delete(PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == NEXT_DEFAULT
    assert OURS not in rds.groups


def test_a_group_of_the_old_family_that_another_cluster_uses_is_named(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    upgrade(rds)
    rds.used_elsewhere.add(OURS)
    with pytest.raises(ConnectorError, match=f"parameter group {OURS} has the family aurora-mysql8.0 and .*`revision`"):
        connector.update({**PROPERTIES, "Revision": "2"}, PROPERTIES)
    rds.used_elsewhere.clear()
    connector.update({**PROPERTIES, "Revision": "3"}, PROPERTIES)
    assert rds.families[OURS] == "aurora-mysql8.4"


def test_a_cluster_restored_under_its_name_is_configured_again_by_a_revision(rds: Rds, connector: Any) -> None:
    connector.create(PROPERTIES)
    rds.cluster |= {"DBClusterParameterGroup": DEFAULT, "EnabledCloudwatchLogsExports": [], "AssociatedRoles": []}
    connector.update({**PROPERTIES, "Revision": "2"}, PROPERTIES)
    assert rds.has("DBClusterParameterGroup") == OURS
    assert rds.has("EnabledCloudwatchLogsExports") == ["audit"]


def test_cluster_of_another_export_is_refused_until_that_one_is_destroyed(own: Rds, connector: Any) -> None:
    given = {**PROPERTIES, "ParameterGroup": "own"}
    renamed = {**given, "StateParameter": "/logdock/acme/invoices/aurora-audit"}
    for name in ("billing", "invoices"):
        boto3.client("ssm").put_parameter(
            Name=f"/logdock/acme/exports/{name}", Value='{"vendor": "aurora-mysql"}', Type="String"
        )
    connector.create(given)

    with pytest.raises(ConnectorError, match=r"by the stack of the export billing.*Destroy that stack first"):
        connector.create(renamed)
    assert connector.remembered(renamed["StateParameter"]) is None

    connector.delete(given)
    connector.create(renamed)
    assert own.groups["own"]["server_audit_logging"] == "1"
