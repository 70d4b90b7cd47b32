"""Databases of RDS as they are before Logdock, and how they are found afterwards: clusters and instances alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.emulator import Emulator
    from local_cloud.stage import Stage
    from logdock.settings import Deployment
    from logdock.vendors.rds.settings import DatabaseExport

FAMILIES = {
    "aurora-mysql": "aurora-mysql8.0",
    "aurora-postgresql": "aurora-postgresql16",
    "postgres": "postgres16",
    "mysql": "mysql8.0",
    "mariadb": "mariadb11.4",
}
"""The parameter group family of each engine's version here."""


def prepare(cloud: Emulator, settings: Deployment, export: DatabaseExport) -> None:
    """Make the databases that the export is for, which are there before Logdock is."""
    rds, logs = (cloud.client(name, settings.account, region=settings.region) for name in ("rds", "logs"))
    for database in export.members:
        _create(rds, database)
    if getattr(export, "log_groups", None) == "adopt":
        for name in export.log_group_names:
            logs.create_log_group(logGroupName=name)


def _create(rds: Any, export: DatabaseExport) -> None:
    """Make the database of an export of one."""
    own = getattr(export, "parameter_group", None)
    if own:
        create_group(rds, export, own)
    named = {**_named(export), "Engine": export.engine_name, **_group(export, own or default_group(export))}
    account = {"MasterUsername": "admin", "ManageMasterUserPassword": True}
    if export.is_cluster:
        rds.create_db_cluster(**named, **account)
    else:
        rds.create_db_instance(**named, **account, DBInstanceClass="db.t4g.micro")


def default_group(export: DatabaseExport) -> str:
    """Return the default parameter group of a database, which no one can change."""
    return f"default.{FAMILIES[export.engine_name]}"


def create_group(rds: Any, export: DatabaseExport, name: str) -> None:
    """Make a parameter group of the user's own for a database."""
    create = rds.create_db_cluster_parameter_group if export.is_cluster else rds.create_db_parameter_group
    create(**_group(export, name), DBParameterGroupFamily=FAMILIES[export.engine_name], Description="The user's own")


def attach_group(rds: Any, export: DatabaseExport, name: str) -> None:
    """Have a database use another parameter group."""
    modify = rds.modify_db_cluster if export.is_cluster else rds.modify_db_instance
    modify(**_named(export), **_group(export, name))


def found(rds: Any, export: DatabaseExport) -> tuple[str, set[str]]:
    """Return a database's parameter group, and the log types that it exports."""
    if export.is_cluster:
        database = rds.describe_db_clusters(**_named(export))["DBClusters"][0]
        group = database["DBClusterParameterGroup"]
    else:
        database = rds.describe_db_instances(**_named(export))["DBInstances"][0]
        group = database["DBParameterGroups"][0]["DBParameterGroupName"]
    return group, set(database.get("EnabledCloudwatchLogsExports", []))


def parameters_of(rds: Any, export: DatabaseExport, group: str) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a database's group."""
    name = "db_cluster" if export.is_cluster else "db"
    for page in rds.get_paginator(f"describe_{name}_parameters").paginate(**_group(export, group)):
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
    return group == (own or default_group(export)) and not changed and not exported


def _named(export: DatabaseExport) -> dict[str, str]:
    return {"DBClusterIdentifier" if export.is_cluster else "DBInstanceIdentifier": export.database_id}


def _group(export: DatabaseExport, name: str) -> dict[str, str]:
    return {"DBClusterParameterGroupName" if export.is_cluster else "DBParameterGroupName": name}
