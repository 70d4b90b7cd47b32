"""Operation ``aurora-audit``: an existing Aurora MySQL cluster exports its logs to CloudWatch.

Two switches (Aurora user guide, "Publishing Amazon Aurora MySQL logs to Amazon CloudWatch Logs"): cluster parameters
that make the engine write a log, and export types that make RDS send it. A ``default.*`` parameter group cannot be
changed, so a cluster that uses one gets a group of ours, if any parameter is needed; a restart of its instances, which
only the owner does, makes a newly attached group count. A group of ours that is attached and no longer needed
stays attached until Delete, with its parameters reset: to detach it would take another restart. What was before goes
into the state before it is changed; Delete puts back what still is as Logdock left it. Parameters of a group that
clusters share change for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vendor_connector import aurora_cluster, aws, parameter_group, state
from vendor_connector.request import ConnectorError, Request, check_names, optional_text, text, text_map, texts

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

# ModifyDBCluster, CloudwatchLogsExportConfiguration: the types of Aurora MySQL.
LOG_TYPES = frozenset({"audit", "error", "general", "iam-db-auth-error", "instance", "slowquery"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties, checked.

    Attributes
    ----------
    parameters
        Includes those that the custom-role way needs.
    group
        The parameter group that is made where the cluster has a default one.
    own_group
        The cluster's own parameter group, if the settings name one.
    """

    cluster: str
    log_types: tuple[str, ...]
    parameters: dict[str, str]
    group: str
    own_group: str | None
    state_parameter: str
    role_arn: str | None

    @property
    def id(self) -> str:
        """What names the resource: one per cluster."""
        return f"aurora-audit/{self.cluster}"


def parse(properties: Mapping[str, Any]) -> Settings:
    """Check the properties of ``aurora-audit``."""
    known = ("ClusterId", "LogTypes", "Parameters", "ParameterGroupName", "ParameterGroup", "StateParameter", "RoleArn")
    check_names(properties, known)
    log_types = texts(properties, "LogTypes")
    if not log_types or not LOG_TYPES.issuperset(log_types):
        raise ConnectorError(f"property LogTypes is {list(log_types)}; choose from {sorted(LOG_TYPES)}")
    role_arn = optional_text(properties, "RoleArn")
    role_parameters = {"server_audit_logs_upload": "1", "aws_default_logs_role": role_arn} if role_arn else {}
    return Settings(
        cluster=text(properties, "ClusterId"),
        log_types=log_types,
        parameters={**text_map(properties, "Parameters"), **role_parameters},
        group=text(properties, "ParameterGroupName"),
        own_group=optional_text(properties, "ParameterGroup"),
        state_parameter=text(properties, "StateParameter"),
        role_arn=role_arn,
    )


def physical_id(properties: Mapping[str, Any]) -> str:
    """Return the id: one per cluster."""
    return parse(properties).id


def apply(request: Request) -> dict[str, str]:
    """Set the parameters, associate the role, attach our group if the cluster has none of its own, switch exports on.

    Returns
    -------
    dict
        ``ParameterGroup``, ``RestartNeeded``, ``Restart`` (a sentence, or empty), ``LogTypes``, ``LogGroups``.
    """
    wanted, rds = parse(request.properties), aws.rds()
    entry = state.load(wanted.state_parameter, wanted.id)
    if entry is None:
        _refuse_second_export(wanted)
        entry = {}
    try:
        cluster = _cluster(rds, wanted.cluster)
        group = _choose_group(rds, wanted, entry, cluster)
    except ConnectorError as error:
        if entry.get("applied") != request.configuration:
            raise
        # A rollback of an update that was refused: nothing else asks for the same again, and nothing was changed.
        aws.log("left as it is", level="WARNING", cluster=wanted.cluster, why=str(error))
        return _data(wanted, wanted.own_group or wanted.group, left=f"Nothing was changed: {error}")
    before = cluster["DBClusterParameterGroup"]
    attach = before.startswith("default.") and bool(wanted.parameters)
    if attach:
        _make_group(rds, wanted, entry, before)

    restart = _has_parameters(wanted, entry, group) and _set_parameters(rds, wanted, entry, group, request)
    _leave_groups(rds, wanted, entry, group, request)
    _associate_role(rds, wanted, entry, cluster, request)
    _modify(rds, wanted, entry, cluster, group if attach else None, request)
    entry["applied"] = request.configuration
    state.save(wanted.state_parameter, wanted.id, entry)
    if not attach and group != before:
        return _data(wanted, group or before, left=_not_attached(wanted.cluster, before, group))
    return _data(wanted, group, restart=_restart(wanted, cluster, group, is_needed=restart or attach))


def _refuse_second_export(wanted: Settings) -> None:
    """Refuse a cluster that another export configures, such as this one under its former name.

    There is nothing left to configure then, and nothing to remember; the other stack's destroy switches the logs off.
    """
    if others := state.of_other_exports(wanted.state_parameter, wanted.id, "aurora-mysql"):
        raise ConnectorError(
            f"cluster {wanted.cluster} is configured by the stack of the export {', '.join(others)}, whose destroy "
            "switches its logs off. Destroy that stack first, then deploy again"
        )


def _has_parameters(wanted: Settings, entry: state.Entry, group: str) -> bool:
    """Say whether the group has parameters to set, or some that were set before."""
    return bool(group) and bool(wanted.parameters or entry.get("parameters", {}).get(group))


def delete(request: Request) -> None:
    """Put back what Logdock changed and nobody changed since; a cluster or group that is gone needs nothing."""
    wanted, rds = parse(request.properties), aws.rds()
    entry = state.load(wanted.state_parameter, wanted.id)
    if entry is None:
        return
    made = entry.get("group", {}).get("name")
    for group, records in entry.get("parameters", {}).items():
        parameters = parameter_group.read(rds, group) if group != made else None
        if parameters is not None:
            _restore(rds, group, parameters, records, request)
    cluster = aurora_cluster.find(rds, wanted.cluster)
    if cluster is not None:
        _modify_back(rds, wanted, entry, cluster, request)
        if entry.get("role"):
            aurora_cluster.remove_role(rds, wanted.cluster, entry["role"], request.remaining_seconds)
    if made:
        parameter_group.delete(rds, made)
    state.drop(wanted.state_parameter, wanted.id)


def _cluster(rds: RDSClient, cluster: str) -> DBClusterTypeDef:
    found = aurora_cluster.find(rds, cluster)
    if found is None:
        raise ConnectorError(
            f"cluster {cluster} does not exist in this account and Region. "
            "Give its DB cluster identifier, not an instance's, and deploy to its Region."
        )
    if found["Engine"] != "aurora-mysql":
        raise ConnectorError(f"cluster {cluster} runs {found['Engine']}; only aurora-mysql writes this audit log")
    return found


def _choose_group(rds: RDSClient, wanted: Settings, entry: state.Entry, cluster: DBClusterTypeDef) -> str:
    """Return the parameter group to set, or an empty string; refuse before anything of the cluster is changed.

    A cluster that uses a group which Logdock set up for former settings is one of two: a rollback, or settings that
    are ahead of the cluster. The group of the settings is set up then, so that the cluster can be given it.
    """
    before = cluster["DBClusterParameterGroup"]
    made = entry.get("group", {}).get("name", wanted.group)
    if made != wanted.group:
        raise ConnectorError(
            f"parameter group {made} was made for cluster {wanted.cluster} and cannot be renamed to {wanted.group}. "
            "Keep the name, or destroy the export's stack and deploy it again."
        )
    if not wanted.parameters:
        return before
    if before.startswith("default."):
        # What was set in a group of a former family goes with it.
        if parameter_group.make_room(rds, wanted.group, parameter_group.family_of(before)):
            entry.get("parameters", {}).pop(wanted.group, None)
        return wanted.group
    if before in (wanted.group, wanted.own_group):
        return before
    if before in entry.get("parameters", {}):
        own = wanted.own_group
        return own if own and parameter_group.read(rds, own) is not None else ""
    raise ConnectorError(
        f"cluster {wanted.cluster} uses its own parameter group {before}, which this stack may not change: name it "
        f"in the export's settings (parameter_group: {before}) and deploy again"
    )


def _make_group(rds: RDSClient, wanted: Settings, entry: state.Entry, before: str) -> None:
    """Have our group, of the family of the default group that the cluster uses."""
    entry["group"] = {"name": wanted.group, "previous": before}
    state.save(wanted.state_parameter, wanted.id, entry)
    if parameter_group.find_family(rds, wanted.group) is None:
        parameter_group.create(rds, wanted.group, parameter_group.family_of(before))


def _set_parameters(rds: RDSClient, wanted: Settings, entry: state.Entry, group: str, request: Request) -> bool:
    """Change the parameters that differ and restore those no longer asked for; tell whether a restart is needed."""
    parameters = parameter_group.read(rds, group) or {}
    records: dict[str, dict[str, str | None]] = entry.setdefault("parameters", {}).setdefault(group, {})
    changes: dict[str, str | None] = {}
    for name, new in wanted.parameters.items():
        if parameter_group.value(parameters, name) != new:
            records.setdefault(name, {"before": parameter_group.set_value(parameters, name)})["ours"] = new
            changes[name] = new
    state.save(wanted.state_parameter, wanted.id, entry)
    parameter_group.write(rds, group, parameters, changes, request.remaining_seconds)
    dropped = {name: record for name, record in records.items() if name not in wanted.parameters}
    if dropped:
        _restore(rds, group, parameters, dropped, request)
        entry["parameters"][group] = {name: record for name, record in records.items() if name not in dropped}
        state.save(wanted.state_parameter, wanted.id, entry)
    return any(parameter_group.is_static(parameters, name) for name in (*changes, *dropped))


def _leave_groups(rds: RDSClient, wanted: Settings, entry: state.Entry, group: str, request: Request) -> None:
    """Put back the parameters of groups that the cluster no longer uses, while the former permissions still hold."""
    left = [name for name in entry.get("parameters", {}) if name not in (group, entry.get("group", {}).get("name"))]
    for name in left:
        parameters = parameter_group.read(rds, name)
        if parameters is not None:
            _restore(rds, name, parameters, entry["parameters"][name], request)
        del entry["parameters"][name]
        state.save(wanted.state_parameter, wanted.id, entry)


def _restore(
    rds: RDSClient,
    group: str,
    parameters: parameter_group.Parameters,
    records: Mapping[str, Mapping[str, str | None]],
    request: Request,
) -> None:
    """Put back the parameters that still have our value."""
    ours = {name for name, record in records.items() if parameter_group.value(parameters, name) == record["ours"]}
    back = {name: records[name]["before"] for name in sorted(ours)}
    if len(ours) < len(records):
        aws.log("changed by others, left", group=group, names=sorted(set(records) - ours))
    parameter_group.write(rds, group, parameters, back, request.remaining_seconds)


def _associate_role(
    rds: RDSClient, wanted: Settings, entry: state.Entry, cluster: DBClusterTypeDef, request: Request
) -> None:
    """Let the engine assume the role of the custom-role way; release one of ours that is no longer asked for."""
    former = entry.get("role")
    if former and former != wanted.role_arn:
        aurora_cluster.remove_role(rds, wanted.cluster, former, request.remaining_seconds)
        del entry["role"]
        state.save(wanted.state_parameter, wanted.id, entry)
    role_arn = wanted.role_arn
    if role_arn is None or role_arn in {role.get("RoleArn") for role in cluster.get("AssociatedRoles", [])}:
        return
    entry["role"] = role_arn
    state.save(wanted.state_parameter, wanted.id, entry)
    aurora_cluster.add_role(rds, wanted.cluster, role_arn, request.remaining_seconds)


def _modify(
    rds: RDSClient,
    wanted: Settings,
    entry: state.Entry,
    cluster: DBClusterTypeDef,
    attach: str | None,
    request: Request,
) -> None:
    """Attach our group and switch export types, in one request; remember which types were ours to switch."""
    exported, ours = aurora_cluster.exported_log_types(cluster), set(entry.get("log_types", []))
    enable = sorted(set(wanted.log_types) - exported)
    disable = sorted((ours - set(wanted.log_types)) & exported)
    entry["log_types"] = sorted(ours | set(enable))
    state.save(wanted.state_parameter, wanted.id, entry)
    aurora_cluster.modify(rds, wanted.cluster, request.remaining_seconds, group=attach, enable=enable, disable=disable)
    kept = sorted(set(entry["log_types"]) & set(wanted.log_types))
    if kept != entry["log_types"]:
        entry["log_types"] = kept
        state.save(wanted.state_parameter, wanted.id, entry)


def _modify_back(
    rds: RDSClient, wanted: Settings, entry: state.Entry, cluster: DBClusterTypeDef, request: Request
) -> None:
    made = entry.get("group", {})
    detach = made["previous"] if made and cluster["DBClusterParameterGroup"] == made["name"] else None
    disable = sorted(set(entry.get("log_types", [])) & aurora_cluster.exported_log_types(cluster))
    aurora_cluster.modify(rds, wanted.cluster, request.remaining_seconds, group=detach, disable=disable)
    if detach:
        aws.log("restart needed", cluster=wanted.cluster, group=detach)


def _restart(wanted: Settings, cluster: DBClusterTypeDef, group: str, *, is_needed: bool) -> str:
    """Return the sentence that asks for a restart, or an empty string."""
    members = cluster.get("DBClusterMembers", [])
    pending = any(member.get("DBClusterParameterGroupStatus") == "pending-reboot" for member in members)
    if not (is_needed or (pending and wanted.parameters)):
        return ""
    instances = ", ".join(sorted(member.get("DBInstanceIdentifier", "") for member in members)) or "none yet"
    return (
        f"Restart the instances of cluster {wanted.cluster} ({instances}) when it suits you: parameter group {group} "
        "takes effect only then. Logdock never restarts them."
    )


def _not_attached(cluster: str, used: str, group: str) -> str:
    named = f"the settings name {group}" if group else "the settings name none"
    attach = f"attach {group} to the cluster, or " if group else ""
    return (
        f"Cluster {cluster} uses the parameter group {used} and {named}, so the parameters of its logs have no effect: "
        f"{attach}set `parameter_group: {used}` and deploy again."
    )


def _data(wanted: Settings, group: str, *, restart: str = "", left: str = "") -> dict[str, str]:
    """Return the resource's data, with the sentence that asks for a restart or says what is left to do."""
    return {
        "ParameterGroup": group,
        "RestartNeeded": str(bool(restart)).lower(),
        "Restart": restart or left,
        "LogTypes": ",".join(wanted.log_types),
        "LogGroups": ",".join(f"/aws/rds/cluster/{wanted.cluster}/{log_type}" for log_type in wanted.log_types),
    }
