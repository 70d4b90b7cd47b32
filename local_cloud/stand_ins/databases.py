"""Databases of RDS as they are before Logdock, and how they are found afterwards: clusters and instances alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.emulator import Emulator
    from local_cloud.stage import Stage
    from settings import Deployment
    from settings.exports import DatabaseExport

FAMILIES = {
    "aurora-mysql": "aurora-mysql8.0",
    "aurora-postgresql": "aurora-postgresql16",
    "postgres": "postgres16",
    "mysql": "mysql8.0",
    "mariadb": "mariadb11.4",
}
"""The parameter group family of each engine's version here."""


def prepare(cloud: Emulator, settings: Deployment, export: DatabaseExport) -> None:
    """Make the database that the export is for, which is there before Logdock is."""
    rds = cloud.client("rds", settings.account, region=settings.region)
    own, family = getattr(export, "parameter_group", None), FAMILIES[export.engine_name]
    group = own or f"default.{family}"
    if export.is_cluster:
        if own:
            rds.create_db_cluster_parameter_group(
                DBClusterParameterGroupName=own, DBParameterGroupFamily=family, Description="The cluster's own"
            )
        rds.create_db_cluster(
            DBClusterIdentifier=export.database_id,
            Engine=export.engine_name,
            DBClusterParameterGroupName=group,
            MasterUsername="admin",
            ManageMasterUserPassword=True,
        )
    else:
        if own:
            rds.create_db_parameter_group(
                DBParameterGroupName=own, DBParameterGroupFamily=family, Description="The instance's own"
            )
        rds.create_db_instance(
            DBInstanceIdentifier=export.database_id,
            DBInstanceClass="db.t4g.micro",
            Engine=export.engine_name,
            DBParameterGroupName=group,
            MasterUsername="admin",
            ManageMasterUserPassword=True,
        )
    if getattr(export, "log_groups", None) == "adopt":
        logs = cloud.client("logs", settings.account, region=settings.region)
        for name in export.log_group_names:
            logs.create_log_group(logGroupName=name)


def found(rds: Any, export: DatabaseExport) -> tuple[str, set[str]]:
    """Return a database's parameter group, and the log types that it exports."""
    if export.is_cluster:
        database = rds.describe_db_clusters(DBClusterIdentifier=export.database_id)["DBClusters"][0]
        group = database["DBClusterParameterGroup"]
    else:
        database = rds.describe_db_instances(DBInstanceIdentifier=export.database_id)["DBInstances"][0]
        group = database["DBParameterGroups"][0]["DBParameterGroupName"]
    return group, set(database.get("EnabledCloudwatchLogsExports", []))


def parameters_of(rds: Any, export: DatabaseExport, group: str) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a database's group."""
    name = "db_cluster" if export.is_cluster else "db"
    named = {"DBClusterParameterGroupName" if export.is_cluster else "DBParameterGroupName": group}
    for page in rds.get_paginator(f"describe_{name}_parameters").paginate(**named):
        yield from page["Parameters"]


def is_as_it_was(stage: Stage, export: DatabaseExport) -> bool:
    """Return whether a database is as it was made: no parameter set, nothing exported, its own parameter group."""
    rds = stage.customer("rds")
    group, exported = found(rds, export)
    watched = {*export.parameters, *(["shared_preload_libraries"] if export.libraries else [])}
    # a default group cannot be changed
    items = [] if group.startswith("default.") else parameters_of(rds, export, group)
    changed = [item for item in items if item["ParameterName"] in watched and item.get("Source") == "user"]
    own = getattr(export, "parameter_group", None)
    return group == (own or f"default.{FAMILIES[export.engine_name]}") and not changed and not exported
