"""A cluster or an instance through the RDS API: find it, read what it exports, modify it; a cluster's roles.

Both have the same calls under other names. A change is sent with ``ApplyImmediately`` to a cluster alone: to an
instance it would apply whatever else waits for the maintenance window, downtime included (RDS User Guide, "Using the
schedule modifications setting"), and what is changed here needs none (ModifyDBInstance,
CloudwatchLogsExportConfiguration and DBParameterGroupName).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from vendor_connector import aws

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

# The database is being created, modified or backed up: it passes. A stopped one says the same: that one does not.
_BUSY = frozenset({"InvalidDBClusterStateFault", "InvalidDBInstanceState"})
_NOT_FOUND = frozenset({"DBClusterNotFoundFault", "DBInstanceNotFound"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Which database: a cluster or an instance, by its identifier."""

    identifier: str
    is_cluster: bool

    def __str__(self) -> str:
        """Name it in messages."""
        return f"{'cluster' if self.is_cluster else 'instance'} {self.identifier}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """What RDS says of a database."""

    engine: str
    group: str
    """The parameter group that it uses."""
    exported: frozenset[str]
    """The log types that are exported, counting what is being switched at this moment."""
    instances: tuple[str, ...]
    """The instances that take a parameter group at their restart."""
    is_restart_due: bool
    """Whether one of them has not taken it yet."""
    roles: frozenset[str]
    """The roles that are associated with a cluster."""


def find(rds: RDSClient, target: Target) -> Database | None:
    """Return what RDS says of the database, or None when it does not exist."""
    try:
        if target.is_cluster:
            return _of_cluster(rds.describe_db_clusters(DBClusterIdentifier=target.identifier)["DBClusters"][0])
        return _of_instance(rds.describe_db_instances(DBInstanceIdentifier=target.identifier)["DBInstances"][0])
    except ClientError as error:
        if aws.error_code(error) in _NOT_FOUND:
            return None
        raise


def _of_cluster(found: Any) -> Database:
    members = found.get("DBClusterMembers", [])
    return Database(
        engine=found["Engine"],
        group=found["DBClusterParameterGroup"],
        exported=_exported(found),
        instances=tuple(sorted(member.get("DBInstanceIdentifier", "") for member in members)),
        is_restart_due=any(member.get("DBClusterParameterGroupStatus") == "pending-reboot" for member in members),
        roles=frozenset(role["RoleArn"] for role in found.get("AssociatedRoles", []) if "RoleArn" in role),
    )


def _of_instance(found: Any) -> Database:
    (group,) = found["DBParameterGroups"]
    return Database(
        engine=found["Engine"],
        group=group["DBParameterGroupName"],
        exported=_exported(found),
        instances=(found["DBInstanceIdentifier"],),
        is_restart_due=group.get("ParameterApplyStatus") == "pending-reboot",
        roles=frozenset(),
    )


def _exported(found: Any) -> frozenset[str]:
    pending = found.get("PendingModifiedValues", {}).get("PendingCloudwatchLogsExports", {})
    enabled = {*found.get("EnabledCloudwatchLogsExports", []), *pending.get("LogTypesToEnable", [])}
    return frozenset(enabled - {*pending.get("LogTypesToDisable", [])})


def modify(
    rds: RDSClient,
    target: Target,
    remaining_seconds: Callable[[], float],
    *,
    group: str | None = None,
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
) -> None:
    """Attach a parameter group and switch export types, all in one request; nothing to do is no request."""
    changes: dict[str, Any] = {}
    if group:
        changes["DBClusterParameterGroupName" if target.is_cluster else "DBParameterGroupName"] = group
    if enable or disable:
        changes["CloudwatchLogsExportConfiguration"] = {
            **({"EnableLogTypes": enable} if enable else {}),
            **({"DisableLogTypes": disable} if disable else {}),
        }
    if not changes:
        return

    def send() -> object:
        if target.is_cluster:
            return rds.modify_db_cluster(DBClusterIdentifier=target.identifier, ApplyImmediately=True, **changes)
        return rds.modify_db_instance(DBInstanceIdentifier=target.identifier, **changes)

    aws.retry_until_accepted(send, retry_on=_BUSY, remaining_seconds=remaining_seconds, doing=f"modifying {target}")
    aws.log("database modified", database=str(target), group=group, enabled=enable, disabled=disable)


def add_role(rds: RDSClient, cluster: str, role_arn: str, remaining_seconds: Callable[[], float]) -> None:
    """Associate a role; one that is associated already is no error."""
    try:
        aws.retry_until_accepted(
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
        aws.retry_until_accepted(
            lambda: rds.remove_role_from_db_cluster(DBClusterIdentifier=cluster, RoleArn=role_arn),
            retry_on=_BUSY,
            remaining_seconds=remaining_seconds,
            doing=f"releasing a role of cluster {cluster}",
        )
    except ClientError as error:
        if aws.error_code(error) != "DBClusterRoleNotFound":
            raise
