"""DB cluster parameter groups: read them, set and restore single parameters, make our own and remove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import ParameterOutputTypeDef, ParameterTypeDef

Parameters = dict[str, "ParameterOutputTypeDef"]

# Tells a group that an earlier, cut-off Create made from one that somebody else made under the same name.
_DESCRIPTION = "Logdock audit log export"
# ModifyDBClusterParameterGroup: "A maximum of 20 parameters can be modified in a single request."
_PER_REQUEST = 20
_BUSY = frozenset({"InvalidDBParameterGroupState"})
_NOT_FOUND = frozenset({"DBParameterGroupNotFound", "DBClusterParameterGroupNotFound"})
_DELETE_TRIES = 4


def read(rds: RDSClient, group: str) -> Parameters | None:
    """Return a group's parameters by name, or None when the group does not exist."""
    try:
        pages = rds.get_paginator("describe_db_cluster_parameters").paginate(DBClusterParameterGroupName=group)
        return {item["ParameterName"]: item for page in pages for item in page["Parameters"]}
    except ClientError as error:
        if aws.error_code(error) in _NOT_FOUND:
            return None
        raise


def value(parameters: Parameters, name: str) -> str:
    """Return a parameter's value; RDS leaves it out of its answer when it is empty."""
    return parameters.get(name, {}).get("ParameterValue", "")


def set_value(parameters: Parameters, name: str) -> str | None:
    """Return a value that somebody set, or None when the engine's default applies."""
    is_default = parameters.get(name, {}).get("Source") in ("engine-default", "system")
    return None if is_default else value(parameters, name) or None


def is_static(parameters: Parameters, name: str) -> bool:
    """Tell whether a change waits for a restart (DescribeDBClusterParameters, ApplyType)."""
    return parameters.get(name, {}).get("ApplyType") == "static"


def write(
    rds: RDSClient,
    group: str,
    parameters: Parameters,
    changes: Mapping[str, str | None],
    remaining_seconds: Callable[[], float],
) -> None:
    """Set parameters of a group; None or an empty value resets one to the engine's default."""
    set_names = [name for name in changes if changes[name]]
    reset_names = [name for name in changes if not changes[name]]
    for call, names in (
        (rds.modify_db_cluster_parameter_group, set_names),
        (rds.reset_db_cluster_parameter_group, reset_names),
    ):
        for start in range(0, len(names), _PER_REQUEST):
            batch = [_change(parameters, name, changes[name]) for name in names[start : start + _PER_REQUEST]]
            aws.when_ready(
                partial(call, DBClusterParameterGroupName=group, Parameters=batch),
                retry_on=_BUSY,
                remaining_seconds=remaining_seconds,
                doing=f"changing parameter group {group}",
            )
    if changes:
        aws.log("parameters written", group=group, names=sorted(changes))


def _change(parameters: Parameters, name: str, new: str | None) -> ParameterTypeDef:
    change: ParameterTypeDef = {
        "ParameterName": name,
        "ApplyMethod": "pending-reboot" if is_static(parameters, name) else "immediate",
    }
    if new:
        change["ParameterValue"] = new
    return change


def family_of(default_group: str) -> str:
    """Return the family of a default group (``default.<family>``), which is that of the cluster's major version."""
    return default_group.removeprefix("default.")


def find_family(rds: RDSClient, group: str) -> str | None:
    """Return the family of our group, or None when it does not exist.

    Raises
    ------
    ConnectorError
        When a group of that name is somebody else's.
    """
    try:
        found = rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=group)["DBClusterParameterGroups"]
    except ClientError as error:
        if aws.error_code(error) in _NOT_FOUND:
            return None
        raise
    if found and found[0].get("Description") != _DESCRIPTION:
        raise ConnectorError(
            f"a DB cluster parameter group {group} exists and Logdock did not make it. "
            "Attach it to the cluster yourself, or choose another name."
        )
    return found[0]["DBParameterGroupFamily"] if found else None


def make_room(rds: RDSClient, group: str, family: str) -> bool:
    """Remove our group if it is of another family, which cannot be changed; return whether there was one.

    A major upgrade leaves the cluster with the default group of its new version (Aurora user guide, "Upgrading the
    major version of an Amazon Aurora MySQL DB cluster"), so our group of the old family is in use by no cluster of
    ours.

    Raises
    ------
    ConnectorError
        When another cluster still uses the former group, such as the old one of a blue/green deployment.
    """
    former = find_family(rds, group)
    if former in (None, family):
        return False
    if not _delete(rds, group):
        raise ConnectorError(
            f"parameter group {group} has the family {former} and the cluster needs {family}; the group cannot "
            "be made anew while another cluster uses it. Delete that cluster or attach another group to it (such as "
            "the old cluster of a blue/green deployment), then change the export's `revision` and deploy again."
        )
    return True


def create(rds: RDSClient, group: str, family: str) -> None:
    """Make our group."""
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=group, DBParameterGroupFamily=family, Description=_DESCRIPTION
    )
    aws.log("parameter group created", group=group, family=family)


def delete(rds: RDSClient, group: str) -> None:
    """Remove our group. One that a cluster still uses is left, and named in the log: it costs nothing."""
    if not _delete(rds, group):
        aws.log("parameter group left", level="WARNING", group=group, todo="delete it once no cluster uses it")


def _delete(rds: RDSClient, group: str) -> bool:
    """Remove our group; return False when a cluster still uses it."""
    for attempt in range(_DELETE_TRIES):
        try:
            rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=group)
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND:
                return True
            if aws.error_code(error) not in _BUSY:
                raise
            aws.log("parameter group in use", level="WARNING", group=group, attempt=attempt, error=str(error))
            aws.sleep(5.0 * (attempt + 1))
        else:
            aws.log("parameter group deleted", group=group)
            return True
    return False
