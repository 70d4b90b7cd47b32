"""Databases of RDS: which logs they export, and the parameter groups that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ministack.services import rds

from local_cloud.corrections.permissions import first
from settings.database_exports import CLUSTER_LOGS, INSTANCE_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def apply() -> None:
    """Make these corrections."""
    _keep_exported_log_types()
    _keep_groups_in_use()
    _attach_groups_that_exist()


def _keep_exported_log_types() -> None:
    """RDS shows which logs a cluster or instance exports to CloudWatch; MiniStack takes the request and forgets it.

    It refuses types that the engine does not have (RDS API Reference, ModifyDBCluster and ModifyDBInstance,
    CloudwatchLogsExportConfiguration).
    """
    shown = "EnabledCloudwatchLogsExports"

    def with_exports(render: Any) -> Any:
        def xml(database: Mapping[str, Any]) -> str:
            members = "".join(f"<member>{escape(name)}</member>" for name in database.get(shown, []))
            return f"{render(database).replace(f'<{shown}/>', '')}<{shown}>{members}</{shown}>"

        return xml

    def keeping(original: Any, find: Callable[[Any], Any], *, is_cluster: bool) -> Any:
        def call(parameters: Any) -> Any:
            created = rds._parse_member_list(parameters, "EnableCloudwatchLogsExports")
            enabled = rds._parse_member_list(parameters, "CloudwatchLogsExportConfiguration.EnableLogTypes")
            disabled = rds._parse_member_list(parameters, "CloudwatchLogsExportConfiguration.DisableLogTypes")
            asked = {*created, *enabled, *disabled}
            before = find(parameters)
            engine = before["Engine"] if before else first(parameters, "Engine")
            known = {"audit", *CLUSTER_LOGS["aurora-postgresql"], *CLUSTER_LOGS["mysql"]}
            if engine != "aurora-mysql":
                known = {*(CLUSTER_LOGS if is_cluster else INSTANCE_LOGS).get(engine, ())}
            if asked - known:
                message = f"You cannot use the log types {sorted(asked - known)} with engine {engine}"
                return rds._error("InvalidParameterCombination", message, 400)
            answer = original(parameters)
            if answer[0] == 200 and (database := find(parameters)) is not None:
                database[shown] = sorted({*database.get(shown, []), *created, *enabled} - {*disabled})
            return answer

        return call

    def cluster(parameters: Any) -> Any:
        return rds._resolve_cluster_in_request_region(first(parameters, "DBClusterIdentifier"))

    def instance(parameters: Any) -> Any:
        return rds._resolve_instance(first(parameters, "DBInstanceIdentifier"))

    rds._cluster_xml = with_exports(rds._cluster_xml)
    rds._instance_xml = with_exports(rds._instance_xml)
    rds._ACTION_MAP.update(
        CreateDBCluster=keeping(rds._create_db_cluster, cluster, is_cluster=True),
        ModifyDBCluster=keeping(rds._modify_db_cluster, cluster, is_cluster=True),
        CreateDBInstance=keeping(rds._create_db_instance, instance, is_cluster=False),
        ModifyDBInstance=keeping(rds._modify_db_instance, instance, is_cluster=False),
    )


def _keep_groups_in_use() -> None:
    """A parameter group that a database uses cannot be deleted; MiniStack deletes it.

    RDS API Reference, DeleteDBParameterGroup and DeleteDBClusterParameterGroup: InvalidDBParameterGroupState.
    """

    def of_clusters() -> Iterator[str]:
        return (cluster["DBClusterParameterGroup"] for cluster in rds._clusters.values())

    def of_instances() -> Iterator[str]:
        return (
            group["DBParameterGroupName"]
            for instance in rds._instances.values()
            for group in instance["DBParameterGroups"]
        )

    def deleting(original: Any, parameter: str, used: Callable[[], Iterator[str]]) -> Any:
        def call(parameters: Any) -> Any:
            if (name := first(parameters, parameter)) in used():
                message = f"One or more databases are still members of this parameter group {name}"
                return rds._error("InvalidDBParameterGroupState", message, 400)
            return original(parameters)

        return call

    clusters = deleting(rds._delete_db_cluster_param_group, "DBClusterParameterGroupName", of_clusters)
    instances = deleting(rds._delete_param_group, "DBParameterGroupName", of_instances)
    rds._ACTION_MAP.update(DeleteDBClusterParameterGroup=clusters, DeleteDBParameterGroup=instances)


def _attach_groups_that_exist() -> None:
    """A database is modified to use a parameter group that exists, of its kind; MiniStack takes any name.

    RDS API Reference, ModifyDBInstance: DBParameterGroupNotFound; ModifyDBCluster: DBClusterParameterGroupNotFound.
    """

    def modifying(action: str, parameter: str, groups: Any, error: str) -> Any:
        original = rds._ACTION_MAP[action]

        def call(parameters: Any) -> Any:
            name = first(parameters, parameter)
            if name and not name.startswith("default.") and name not in groups:
                return rds._error(error, f"{parameter} not found: {name}", 404)
            return original(parameters)

        return call

    found = "DBClusterParameterGroupNotFound"
    rds._ACTION_MAP["ModifyDBCluster"] = modifying(
        "ModifyDBCluster", "DBClusterParameterGroupName", rds._db_cluster_param_groups, found
    )
    rds._ACTION_MAP["ModifyDBInstance"] = modifying(
        "ModifyDBInstance", "DBParameterGroupName", rds._param_groups, "DBParameterGroupNotFound"
    )
