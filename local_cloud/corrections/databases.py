"""Databases of RDS: which logs they export, the parameter groups that they use, and their roles."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import SubElement, fromstring, tostring

from botocore.exceptions import ClientError
from ministack.services import rds

from local_cloud.corrections.operations import client, intercept, xml_error
from local_cloud.corrections.permissions import refusal_to_pass
from logdock.vendors.rds.settings import CLUSTER_LOGS, INSTANCE_LOGS

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from local_cloud.corrections.operations import Answer, Proceed, Request

_ARN = re.compile(rb"<(?:DBClusterArn|DBInstanceArn)>([^<]+)<")
_EXPORTS: dict[str, list[str]] = defaultdict(list)
_ROLES: dict[str, list[str]] = defaultdict(list)
"""What MiniStack forgets of a database, by its ARN."""


def apply() -> None:
    """Make these corrections."""
    changes = ("CreateDBCluster", "ModifyDBCluster", "CreateDBInstance", "ModifyDBInstance")
    intercept(rds, *changes)(_keep_exported_log_types)
    intercept(rds, "ModifyDBCluster", "ModifyDBInstance")(_attach_groups_that_exist)
    intercept(rds, "DeleteDBClusterParameterGroup", "DeleteDBParameterGroup")(_keep_groups_in_use)
    intercept(rds, "AddRoleToDBCluster", "RemoveRoleFromDBCluster")(_associate_roles)
    intercept(rds, *changes, "DescribeDBClusters", "DescribeDBInstances")(_show)


async def _keep_exported_log_types(request: Request, proceed: Proceed) -> Answer:
    """RDS shows which logs a cluster or instance exports to CloudWatch; MiniStack takes the request and forgets it.

    It refuses types that the engine does not have (RDS API Reference, ModifyDBCluster and ModifyDBInstance,
    CloudwatchLogsExportConfiguration).
    """
    enabled = _members(request, "EnableCloudwatchLogsExports", "CloudwatchLogsExportConfiguration.EnableLogTypes")
    disabled = _members(request, "CloudwatchLogsExportConfiguration.DisableLogTypes")
    is_cluster = request.operation.endswith("Cluster")
    engine = request.parameters.get("Engine")
    if engine is None:
        engine = (await (_cluster if is_cluster else _instance)(request)).get("Engine", "")
    known = {"audit", *CLUSTER_LOGS["aurora-postgresql"], *CLUSTER_LOGS["mysql"]}
    if engine != "aurora-mysql":
        known = {*(CLUSTER_LOGS if is_cluster else INSTANCE_LOGS).get(engine, ())}
    if refused := sorted({*enabled, *disabled} - known):
        message = f"You cannot use the log types {refused} with engine {engine}"
        return xml_error("InvalidParameterCombination", message)
    answer = await proceed()
    if answer[0] == 200 and (found := _ARN.search(answer[2])):
        arn, is_new = found[1].decode(), request.operation.startswith("Create")
        _EXPORTS[arn] = sorted({*([] if is_new else _EXPORTS[arn]), *enabled} - {*disabled})
        _ROLES[arn] = [] if is_new else _ROLES[arn]
    return answer


async def _keep_groups_in_use(request: Request, proceed: Proceed) -> Answer:
    """A parameter group that a database uses cannot be deleted; MiniStack deletes it.

    RDS API Reference, DeleteDBParameterGroup and DeleteDBClusterParameterGroup: InvalidDBParameterGroupState.
    """
    if name := request.parameters.get("DBClusterParameterGroupName"):
        clusters = (await asyncio.to_thread(client("rds").describe_db_clusters))["DBClusters"]
        used = {cluster["DBClusterParameterGroup"] for cluster in clusters}
    else:
        name = request.parameters["DBParameterGroupName"]
        instances = (await asyncio.to_thread(client("rds").describe_db_instances))["DBInstances"]
        used = {group["DBParameterGroupName"] for instance in instances for group in instance["DBParameterGroups"]}
    if name in used:
        message = f"One or more databases are still members of this parameter group {name}"
        return xml_error("InvalidDBParameterGroupState", message)
    return await proceed()


async def _attach_groups_that_exist(request: Request, proceed: Proceed) -> Answer:
    """A database is modified to use a parameter group that exists, of its kind; MiniStack takes any name.

    RDS API Reference, ModifyDBInstance: DBParameterGroupNotFound; ModifyDBCluster: DBClusterParameterGroupNotFound.
    """
    calls = {
        "DBClusterParameterGroupName": client("rds").describe_db_cluster_parameter_groups,
        "DBParameterGroupName": client("rds").describe_db_parameter_groups,
    }
    for parameter, describe in calls.items():
        name = request.parameters.get(parameter, "default.")
        if not name.startswith("default."):
            try:
                await asyncio.to_thread(describe, **{parameter: name})
            except ClientError:
                code = f"{parameter.removesuffix('Name')}NotFound"
                return xml_error(code, f"{parameter} not found: {name}", 404)
    return await proceed()


async def _associate_roles(request: Request, _: Proceed) -> Answer:
    """A cluster has roles, and who associates one must be allowed to pass it to RDS; MiniStack has no such calls.

    RDS API Reference, AddRoleToDBCluster and RemoveRoleFromDBCluster; Service Authorization Reference, "Actions,
    resources, and condition keys for Amazon RDS" (dependent actions).
    """
    role, adds = request.parameters["RoleArn"], request.operation.startswith("Add")
    if adds and (refusal := refusal_to_pass(request, role, "rds.amazonaws.com")):
        return xml_error("AccessDenied", refusal, 403)
    identifier = request.parameters["DBClusterIdentifier"]
    cluster = await _cluster(request)
    if not cluster:
        return xml_error("DBClusterNotFoundFault", f"DBCluster {identifier} not found.", 404)
    roles = _ROLES[cluster["DBClusterArn"]]
    if adds and role in roles:
        message = f"Role ARN {role} is already associated with DB cluster {identifier}."
        return xml_error("DBClusterRoleAlreadyExists", message)
    if not adds and role not in roles:
        message = f"Role ARN {role} cannot be found for DB cluster {identifier}."
        return xml_error("DBClusterRoleNotFound", message, 404)
    (roles.append if adds else roles.remove)(role)
    return 200, {"Content-Type": "text/xml"}, f"<{request.operation}Response/>".encode()


async def _show(_: Request, proceed: Proceed) -> Answer:
    """Add what MiniStack forgets to the databases of an answer."""
    status, headers, body = await proceed()
    if status != 200:
        return status, headers, body
    root = fromstring(body)  # noqa: S314 - MiniStack's own answer
    for found in list(root.iter()):
        arns = [child.text for child in found if child.tag.endswith(("}DBClusterArn", "}DBInstanceArn"))]
        if arns and arns[0]:
            for name in _EXPORTS[arns[0]]:
                _list(found, "EnabledCloudwatchLogsExports", "member").text = name
            for role in _ROLES[arns[0]]:
                member = _list(found, "AssociatedRoles", "DBClusterRole")
                SubElement(member, "RoleArn").text, SubElement(member, "Status").text = role, "ACTIVE"
    return status, headers, tostring(root)


def _list(database: Element, name: str, member: str) -> Element:
    """Return a new member of a list, which is made where it is missing."""
    found = [child for child in database if child.tag.rpartition("}")[2] == name]
    return SubElement(found[0] if found else SubElement(database, name), member)


def _members(request: Request, *names: str) -> list[str]:
    return [
        value
        for parameter, value in request.parameters.items()
        if parameter.startswith(tuple(f"{name}.member." for name in names))
    ]


async def _cluster(request: Request) -> dict[str, Any]:
    identifier = request.parameters["DBClusterIdentifier"]
    return await _described(client("rds").describe_db_clusters, "DBClusters", DBClusterIdentifier=identifier)


async def _instance(request: Request) -> dict[str, Any]:
    identifier = request.parameters["DBInstanceIdentifier"]
    return await _described(client("rds").describe_db_instances, "DBInstances", DBInstanceIdentifier=identifier)


async def _described(describe: Any, kind: str, **named: str) -> dict[str, Any]:
    try:
        return dict((await asyncio.to_thread(describe, **named))[kind][0])
    except ClientError:
        return {}
