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


def exists(rds: RDSClient, group: str) -> bool:
    """Tell whether our group is there already.

    Raises
    ------
    ConnectorError
        When a group of that name is somebody else's.
    """
    try:
        found = rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=group)["DBClusterParameterGroups"]
    except ClientError as error:
        if aws.error_code(error) in _NOT_FOUND:
            return False
        raise
    if found and found[0].get("Description") != _DESCRIPTION:
        raise ConnectorError(
            f"a DB cluster parameter group {group} exists and Logdock did not make it. "
            "Attach it to the cluster yourself, or choose another name."
        )
    return bool(found)


def create(rds: RDSClient, group: str, default_group: str) -> None:
    """Make our group, of the family of the default group (``default.<family>``) that it is to follow."""
    family = default_group.removeprefix("default.")
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=group, DBParameterGroupFamily=family, Description=_DESCRIPTION
    )
    aws.log("parameter group created", group=group, family=family)


def delete(rds: RDSClient, group: str) -> None:
    """Remove our group. One that a cluster still uses is left, and named in the log: it costs nothing."""
    for attempt in range(_DELETE_TRIES):
        try:
            rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=group)
        except ClientError as error:
            if aws.error_code(error) in _NOT_FOUND:
                return
            if aws.error_code(error) not in _BUSY:
                raise
            aws.log("parameter group in use", level="WARNING", group=group, attempt=attempt, error=str(error))
            aws.sleep(5.0 * (attempt + 1))
        else:
            aws.log("parameter group deleted", group=group)
            return
    aws.log("parameter group left", level="WARNING", group=group, todo="delete it once no cluster uses it")
