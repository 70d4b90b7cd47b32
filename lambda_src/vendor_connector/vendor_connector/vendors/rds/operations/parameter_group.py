"""Parameter groups of clusters or of instances: read them, set and restore parameters, make our own and remove it.

RDS has the same calls for both under other names, with the same limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import ParameterOutputTypeDef, ParameterTypeDef

Parameters = dict[str, "ParameterOutputTypeDef"]


class Groups(NamedTuple):
    """The parameter groups of clusters, or those of instances."""

    rds: RDSClient
    of_clusters: bool

    @property
    def prefix(self) -> str:
        """What the members of requests and answers begin with."""
        return "DBCluster" if self.of_clusters else "DB"

    def call(self, method: str, group: str, **arguments: Any) -> Any:
        """Make the call of a group, such as ``modify_{}_parameter_group``."""
        name = method.format("db_cluster" if self.of_clusters else "db")
        return getattr(self.rds, name)(**{f"{self.prefix}ParameterGroupName": group}, **arguments)


# Distinguishes a group of an earlier, interrupted Create from one of another owner with the same name.
_DESCRIPTION = "Logdock audit log export"
# ModifyDBClusterParameterGroup and the other: "A maximum of 20 parameters can be modified in a single request."
_PER_REQUEST = 20
_BUSY = frozenset({"InvalidDBParameterGroupState"})
_NOT_FOUND = frozenset({"DBParameterGroupNotFound", "DBClusterParameterGroupNotFound"})
_DELETE_TRIES = 4


def read(groups: Groups, group: str) -> Parameters | None:
    """Return a group's parameters by name, or None when the group does not exist."""
    found: Parameters = {}
    marker: dict[str, str] = {}
    try:
        while True:
            page = groups.call("describe_{}_parameters", group, **marker)
            found |= {item["ParameterName"]: item for item in page["Parameters"]}
            if not page.get("Marker"):
                return found
            marker = {"Marker": page["Marker"]}
    except ClientError as error:
        if aws.error_code(error) in _NOT_FOUND:
            return None
        raise


def value(parameters: Parameters, name: str) -> str:
    """Return a parameter's value; RDS leaves it out of its answer when it is empty."""
    return parameters.get(name, {}).get("ParameterValue", "")


def set_value(parameters: Parameters, name: str) -> str | None:
    """Return a value that was set explicitly, or None when the engine's default applies."""
    is_default = parameters.get(name, {}).get("Source") in ("engine-default", "system")
    return None if is_default else value(parameters, name) or None


def is_static(parameters: Parameters, name: str) -> bool:
    """Return whether a change waits for a restart (DescribeDBClusterParameters, ApplyType)."""
    return parameters.get(name, {}).get("ApplyType") == "static"


def write(
    groups: Groups,
    group: str,
    parameters: Parameters,
    changes: Mapping[str, str | None],
    remaining_seconds: Callable[[], float],
) -> None:
    """Set parameters of a group; None or an empty value resets one to the engine's default."""
    set_names = [name for name in changes if changes[name]]
    reset_names = [name for name in changes if not changes[name]]
    for method, names in (("modify_{}_parameter_group", set_names), ("reset_{}_parameter_group", reset_names)):
        for start in range(0, len(names), _PER_REQUEST):
            batch = [_change(parameters, name, changes[name]) for name in names[start : start + _PER_REQUEST]]
            aws.retry_until_accepted(
                partial(groups.call, method, group, Parameters=batch),
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
    """Return the family of a default group (``default.<family>``), which is that of the database's major version."""
    return default_group.removeprefix("default.")


def find_family(groups: Groups, group: str) -> str | None:
    """Return the family of our group, or None when it does not exist.

    Raises
    ------
    ConnectorError
        When a group of that name has another owner.
    """
    try:
        found = groups.call("describe_{}_parameter_groups", group)[f"{groups.prefix}ParameterGroups"]
    except ClientError as error:
        if aws.error_code(error) in _NOT_FOUND:
            return None
        raise
    if found and found[0].get("Description") != _DESCRIPTION:
        raise ConnectorError(
            f"a {'DB cluster' if groups.of_clusters else 'DB'} parameter group {group} exists and Logdock did not make "
            "it. Attach it to the database yourself, or choose another name."
        )
    return str(found[0]["DBParameterGroupFamily"]) if found else None


def make_room(groups: Groups, group: str, family: str) -> bool:
    """Remove our group if it is of another family, which cannot be changed; return whether there was one.

    A major upgrade leaves the database with the default group of its new version (Aurora user guide, "Upgrading the
    major version of an Amazon Aurora MySQL DB cluster"), so our group of the old family is in use by no database of
    ours.

    Raises
    ------
    ConnectorError
        When another database still uses the former group, such as the old one of a blue/green deployment.
    """
    former = find_family(groups, group)
    if former in (None, family):
        return False
    if not _delete(groups, group):
        raise ConnectorError(
            f"parameter group {group} has the family {former} and the database needs {family}; the group cannot "
            "be made anew while another database uses it. Delete that database or attach another group to it (such as "
            "the old one of a blue/green deployment), then change the export's `revision` and deploy again."
        )
    return True


def create(groups: Groups, group: str, family: str) -> None:
    """Make our group."""
    groups.call("create_{}_parameter_group", group, DBParameterGroupFamily=family, Description=_DESCRIPTION)
    aws.log("parameter group created", group=group, family=family)


def delete(groups: Groups, group: str) -> None:
    """Remove our group. One that a database still uses is left, and named in the log: it costs nothing."""
    if not _delete(groups, group):
        aws.log("parameter group left", level="WARNING", group=group, todo="delete it once no database uses it")


def _delete(groups: Groups, group: str) -> bool:
    """Remove our group; return False when a database still uses it."""
    for attempt in range(_DELETE_TRIES):
        try:
            groups.call("delete_{}_parameter_group", group)
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
