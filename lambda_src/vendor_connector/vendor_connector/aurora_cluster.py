"""An Aurora cluster through the RDS API: find it, read what it exports, modify it, and its associated roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vendor_connector import aws

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, ModifyDBClusterMessageTypeDef

# The cluster is being created, modified or backed up: it passes. A stopped cluster says the same: that one does not.
_BUSY = frozenset({"InvalidDBClusterStateFault"})


def find(rds: RDSClient, cluster: str) -> DBClusterTypeDef | None:
    """Return the cluster's description, or None when it does not exist."""
    try:
        return rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    except ClientError as error:
        if aws.error_code(error) == "DBClusterNotFoundFault":
            return None
        raise


def exported_log_types(cluster: DBClusterTypeDef) -> set[str]:
    """Return the types that are exported, counting what is being switched at this moment."""
    pending = cluster.get("PendingModifiedValues", {}).get("PendingCloudwatchLogsExports", {})
    enabled = set(cluster.get("EnabledCloudwatchLogsExports", []))
    return (enabled | set(pending.get("LogTypesToEnable", []))) - set(pending.get("LogTypesToDisable", []))


def modify(
    rds: RDSClient,
    cluster: str,
    remaining_seconds: Callable[[], float],
    *,
    group: str | None = None,
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
) -> None:
    """Attach a parameter group and switch export types, all in one request; nothing to do is no request."""
    arguments: ModifyDBClusterMessageTypeDef = {"DBClusterIdentifier": cluster, "ApplyImmediately": True}
    if group:
        arguments["DBClusterParameterGroupName"] = group
    if enable or disable:
        arguments["CloudwatchLogsExportConfiguration"] = {
            **({"EnableLogTypes": enable} if enable else {}),
            **({"DisableLogTypes": disable} if disable else {}),
        }
    if len(arguments) == 2:
        return
    aws.when_ready(
        lambda: rds.modify_db_cluster(**arguments),
        retry_on=_BUSY,
        remaining_seconds=remaining_seconds,
        doing=f"modifying cluster {cluster}",
    )
    aws.log("cluster modified", cluster=cluster, group=group, enabled=enable, disabled=disable)


def add_role(rds: RDSClient, cluster: str, role_arn: str, remaining_seconds: Callable[[], float]) -> None:
    """Associate a role; one that is associated already is no error."""
    try:
        aws.when_ready(
            lambda: rds.add_role_to_db_cluster(DBClusterIdentifier=cluster, RoleArn=role_arn),
            retry_on=_BUSY,
            remaining_seconds=remaining_seconds,
            doing=f"associating a role with cluster {cluster}",
        )
    except ClientError as error:
        if aws.error_code(error) != "DBClusterRoleAlreadyExists":
            raise


def remove_role(rds: RDSClient, cluster: str, role_arn: str, remaining_seconds: Callable[[], float]) -> None:
    """Release a role; one that is not associated is no error."""
    try:
        aws.when_ready(
            lambda: rds.remove_role_from_db_cluster(DBClusterIdentifier=cluster, RoleArn=role_arn),
            retry_on=_BUSY,
            remaining_seconds=remaining_seconds,
            doing=f"releasing a role of cluster {cluster}",
        )
    except ClientError as error:
        if aws.error_code(error) != "DBClusterRoleNotFound":
            raise
