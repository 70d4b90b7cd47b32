"""Databases of RDS: which logs they export, and the parameter groups that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack.services import rds

from local_cloud.corrections.permissions import first, refusal_to_pass
from logdock.vendors.rds.settings import CLUSTER_LOGS, INSTANCE_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def apply() -> None:
    """Make these corrections."""
    _keep_exported_log_types()
    _keep_groups_in_use()
    _attach_groups_that_exist()
    _associate_roles()


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


def _associate_roles() -> None:
    """A cluster has roles, and who associates one must be allowed to pass it to RDS; MiniStack has no such calls.

    RDS API Reference, AddRoleToDBCluster and RemoveRoleFromDBCluster; Service Authorization Reference, "Actions,
    resources, and condition keys for Amazon RDS" (dependent actions).
    """
    shown, render, handle = "AssociatedRoles", rds._cluster_xml, rds.handle_request

    def with_roles(cluster: Mapping[str, Any]) -> str:
        members = "".join(
            f"<DBClusterRole><RoleArn>{escape(arn)}</RoleArn><Status>ACTIVE</Status></DBClusterRole>"
            for arn in cluster[shown]
        )
        return str(render(cluster)).replace(f"<{shown}/>", f"<{shown}>{members}</{shown}>")

    def changing(action: str, *, adds: bool) -> Any:
        def call(parameters: Any) -> Any:
            identifier, role = first(parameters, "DBClusterIdentifier"), first(parameters, "RoleArn")
            cluster = rds._resolve_cluster_in_request_region(identifier)
            if cluster is None:
                return rds._error("DBClusterNotFoundFault", f"DBCluster {identifier} not found.", 404)
            if adds and role in cluster[shown]:
                message = f"Role ARN {role} is already associated with DB cluster {identifier}."
                return rds._error("DBClusterRoleAlreadyExists", message, 400)
            if not adds and role not in cluster[shown]:
                message = f"Role ARN {role} cannot be found for DB cluster {identifier}."
                return rds._error("DBClusterRoleNotFound", message, 404)
            cluster[shown] = [*cluster[shown], role] if adds else [arn for arn in cluster[shown] if arn != role]
            return rds._xml(200, f"{action}Response", "")

        return call

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        parameters = {**parse_qs((body or b"").decode(errors="replace")), **query_params}
        if first(parameters, "Action") == "AddRoleToDBCluster" and (
            message := refusal_to_pass(headers, query_params, first(parameters, "RoleArn"), "rds.amazonaws.com")
        ):
            return rds._error("AccessDenied", message, 403)
        return await handle(method, path, headers, body, query_params)

    rds._cluster_xml, rds.handle_request = with_roles, handle_request
    for action, adds in (("AddRoleToDBCluster", True), ("RemoveRoleFromDBCluster", False)):
        rds._ACTION_MAP[action] = changing(action, adds=adds)
