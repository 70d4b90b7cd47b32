"""Operations ``aurora-audit`` and ``rds-logs``: an existing database of RDS exports its logs to CloudWatch.

Two switches (Aurora user guide, "Publishing Amazon Aurora MySQL logs to Amazon CloudWatch Logs"; RDS user guide,
"Publishing database logs to Amazon CloudWatch Logs"): parameters that make the engine write a log, and export types
that make RDS send it. A ``default.*`` parameter group cannot be changed, so a database that uses one gets a group of
ours, if any parameter is needed; a restart of its instances, which only the owner does, makes a newly attached group
count. A group of ours that is attached and no longer needed stays attached until Delete, with its parameters reset: to
detach it would take another restart. What was before goes into the state before it is changed; Delete puts back what
still is as Logdock left it. Parameters of a group that databases share change for all of them.

``aurora-audit`` is Aurora MySQL, whose properties name no engine; ``rds-logs`` names one, and a cluster or an instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vendor_connector import aws, state
from vendor_connector.request import ConnectorError, Request, read, read_to_delete
from vendor_connector.vendors.rds.documents import DatabaseLogs
from vendor_connector.vendors.rds.operations import database, parameter_group
from vendor_connector.vendors.rds.operations.database import Database, Target
from vendor_connector.vendors.rds.operations.parameter_group import Groups

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

# ModifyDBCluster and ModifyDBInstance, CloudwatchLogsExportConfiguration: the types of each engine.
_COMMON = frozenset({"iam-db-auth-error"})
_MYSQL = _COMMON | {"error", "general", "slowquery"}
_POSTGRESQL = _COMMON | {"postgresql", "upgrade"}
LOG_TYPES: Mapping[tuple[str, bool], frozenset[str]] = {
    ("aurora-mysql", True): _MYSQL | {"audit", "instance"},
    ("aurora-postgresql", True): _COMMON | {"postgresql", "instance"},
    ("postgres", True): _POSTGRESQL,
    ("postgres", False): _POSTGRESQL,
    ("mysql", True): _MYSQL,
    ("mysql", False): _MYSQL | {"audit"},
    ("mariadb", False): _MYSQL | {"audit"},
}
"""By engine, and whether the database is a cluster."""
AURORA_MYSQL = "aurora-mysql"
_LIBRARIES = "shared_preload_libraries"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    engine: str = AURORA_MYSQL
    cluster_id: str | None = None
    instance_id: str | None = None
    """`cluster_id`, `instance_id`: One of them."""
    logs: DatabaseLogs
    parameter_group_name: str
    """The parameter group that is made where the database has a default one."""
    parameter_group: str | None = None
    """The database's own parameter group, if the settings name one."""
    state_parameter: str

    def __post_init__(self) -> None:
        """Refuse what names no database."""
        if not self.target.identifier:
            raise ConnectorError("property ClusterId is missing; it must be a string")

    def check(self) -> None:
        """Refuse an engine or logs that there are not."""
        allowed = LOG_TYPES.get((self.engine, self.target.is_cluster))
        if allowed is None:
            raise ConnectorError(f"property Engine is {self.engine!r}; there is no such {self.target}")
        if not self.logs.log_types or not allowed.issuperset(self.logs.log_types):
            raise ConnectorError(f"property LogTypes is {list(self.logs.log_types)}; choose from {sorted(allowed)}")

    @property
    def target(self) -> Target:
        """Which database."""
        return Target(identifier=self.instance_id or self.cluster_id or "", is_cluster=self.instance_id is None)

    @property
    def id(self) -> str:
        """What names the resource: one per database."""
        if self.engine == AURORA_MYSQL:
            return f"aurora-audit/{self.target.identifier}"
        return f"rds-logs/{self.noun}/{self.target.identifier}"

    @property
    def noun(self) -> str:
        """What the database is called."""
        return "cluster" if self.target.is_cluster else "instance"

    @property
    def needs_parameters(self) -> bool:
        """Whether any parameter must have a value."""
        return bool(self.logs.all_parameters or self.logs.libraries)


def apply(request: Request) -> dict[str, str]:
    """Set the parameters, associate the role, attach our group if the database has none of its own, export its logs.

    Returns
    -------
    dict
        ``ParameterGroup``, ``RestartNeeded``, ``Restart`` (a sentence: what is left to do in RDS), ``LogTypes``,
        ``LogGroups``.
    """
    wanted, rds = read(Settings, request.properties), aws.rds()
    groups = Groups(rds, of_clusters=wanted.target.is_cluster)
    entry = state.load(wanted.state_parameter, wanted.id)
    if entry is None:
        _refuse_second_export(wanted)
        entry = {}
    try:
        found = _database(rds, wanted)
        group = _choose_group(groups, wanted, entry, found)
    except ConnectorError as error:
        if entry.get("applied") != request.configuration:
            raise
        # A rollback of an update that was refused: nothing else asks for the same again, and nothing was changed.
        aws.log("left as it is", level="WARNING", database=str(wanted.target), why=str(error))
        return _data(
            wanted, wanted.parameter_group or wanted.parameter_group_name, left=f"Nothing was changed: {error}"
        )
    before = found.group
    attach = before.startswith("default.") and wanted.needs_parameters
    if attach:
        _make_group(groups, wanted, entry, before)

    restart = _has_parameters(wanted, entry, group) and _set_parameters(groups, wanted, entry, group, request)
    _leave_groups(groups, wanted, entry, group, request)
    _associate_role(rds, wanted, entry, found, request)
    _modify(rds, wanted, entry, found, group if attach else None, request)
    entry["applied"] = request.configuration
    state.save(wanted.state_parameter, wanted.id, entry)
    if not attach and group != before:
        return _data(
            wanted, group or before, left=_not_attached(wanted.target, before, wanted.parameter_group and group)
        )
    return _data(wanted, group, restart=_restart(wanted, found, group, is_needed=restart or attach))


def _refuse_second_export(wanted: Settings) -> None:
    """Refuse a database that another export configures, such as this one under its former name.

    There is nothing left to configure then, and nothing to save; the other stack's destroy switches the logs off.
    """
    kind = "aurora-mysql" if wanted.engine == AURORA_MYSQL else "rds"
    if others := state.of_other_exports(wanted.state_parameter, wanted.id, kind):
        raise ConnectorError(
            f"{wanted.target} is configured by the stack of the export {', '.join(others)}, whose destroy "
            "switches its logs off. Destroy that stack first, then deploy again"
        )


def _has_parameters(wanted: Settings, entry: state.Entry, group: str) -> bool:
    """Say whether the group has parameters to set, or some that were set before."""
    return bool(group) and (wanted.needs_parameters or bool(entry.get("parameters", {}).get(group)))


def delete(request: Request) -> None:
    """Restore what Logdock changed and no one changed since; a database or group that is gone needs nothing."""
    wanted, rds = read_to_delete(Settings, request.properties), aws.rds()
    groups = Groups(rds, of_clusters=wanted.target.is_cluster)
    entry = state.load(wanted.state_parameter, wanted.id)
    if entry is None:
        return
    made = entry.get("group", {}).get("name")
    for group, records in entry.get("parameters", {}).items():
        parameters = parameter_group.read(groups, group) if group != made else None
        if parameters is not None:
            _restore(groups, group, parameters, records, request)
    found = database.find(rds, wanted.target)
    if found is not None:
        _modify_back(rds, wanted, entry, found, request)
        if entry.get("role"):
            database.remove_role(rds, wanted.target.identifier, entry["role"], request.remaining_seconds)
    if made:
        parameter_group.delete(groups, made)
    state.delete(wanted.state_parameter, wanted.id)


def _database(rds: RDSClient, wanted: Settings) -> Database:
    found = database.find(rds, wanted.target)
    if found is None:
        other = "an instance's" if wanted.target.is_cluster else "a cluster's"
        raise ConnectorError(
            f"{wanted.target} does not exist in this account and Region. "
            f"Give its DB {wanted.noun} identifier, not {other}, and deploy to its Region."
        )
    if found.engine != wanted.engine:
        only = f"only {AURORA_MYSQL} writes this audit log"
        only = only if wanted.engine == AURORA_MYSQL else f"the settings say {wanted.engine}"
        raise ConnectorError(f"{wanted.target} runs {found.engine}; {only}")
    return found


def _choose_group(groups: Groups, wanted: Settings, entry: state.Entry, found: Database) -> str:
    """Return the parameter group to set, or an empty string; refuse before anything of the database is changed.

    A database that uses a group which Logdock set up for former settings is one of two: a rollback, or settings that
    are ahead of the database. The group of the settings is set up then, so that the database can be given it.
    """
    before = found.group
    made = entry.get("group", {}).get("name", wanted.parameter_group_name)
    if made != wanted.parameter_group_name:
        raise ConnectorError(
            f"parameter group {made} was made for {wanted.target} and cannot be renamed to "
            f"{wanted.parameter_group_name}. Keep the name, or destroy the export's stack and deploy it again."
        )
    if not wanted.needs_parameters:
        return before
    if before.startswith("default."):
        # What was set in a group of a former family goes with it.
        if parameter_group.make_room(groups, wanted.parameter_group_name, parameter_group.family_of(before)):
            entry.get("parameters", {}).pop(wanted.parameter_group_name, None)
        return wanted.parameter_group_name
    if before in (wanted.parameter_group_name, wanted.parameter_group):
        return before
    if before in entry.get("parameters", {}):
        settings_group = wanted.parameter_group or wanted.parameter_group_name
        return settings_group if parameter_group.read(groups, settings_group) is not None else ""
    raise ConnectorError(
        f"{wanted.target} uses its own parameter group {before}, which this stack may not change: name it "
        f"in the export's settings (parameter_group: {before}) and deploy again"
    )


def _make_group(groups: Groups, wanted: Settings, entry: state.Entry, before: str) -> None:
    """Have our group, of the family of the default group that the database uses."""
    entry["group"] = {"name": wanted.parameter_group_name, "previous": before}
    state.save(wanted.state_parameter, wanted.id, entry)
    if parameter_group.find_family(groups, wanted.parameter_group_name) is None:
        parameter_group.create(groups, wanted.parameter_group_name, parameter_group.family_of(before))


def _set_parameters(groups: Groups, wanted: Settings, entry: state.Entry, group: str, request: Request) -> bool:
    """Change the parameters that differ and restore those no longer asked for; return whether a restart is needed."""
    parameters = parameter_group.read(groups, group) or {}
    values = {**wanted.logs.all_parameters, **_with_libraries(wanted, parameters)}
    records: dict[str, dict[str, str | None]] = entry.setdefault("parameters", {}).setdefault(group, {})
    changes: dict[str, str | None] = {}
    for name, new in values.items():
        if parameter_group.value(parameters, name) != new:
            records.setdefault(name, {"before": parameter_group.set_value(parameters, name)})["ours"] = new
            changes[name] = new
    state.save(wanted.state_parameter, wanted.id, entry)
    parameter_group.write(groups, group, parameters, changes, request.remaining_seconds)
    dropped = {name: record for name, record in records.items() if name not in values}
    if dropped:
        _restore(groups, group, parameters, dropped, request)
        entry["parameters"][group] = {name: record for name, record in records.items() if name not in dropped}
        state.save(wanted.state_parameter, wanted.id, entry)
    return any(parameter_group.is_static(parameters, name) for name in (*changes, *dropped))


def _with_libraries(wanted: Settings, parameters: parameter_group.Parameters) -> dict[str, str]:
    """Return the libraries that the database loads already, and after them those that are asked for."""
    if not wanted.logs.libraries:
        return {}
    loaded = [each.strip() for each in parameter_group.value(parameters, _LIBRARIES).split(",") if each.strip()]
    return {_LIBRARIES: ",".join((*loaded, *(each for each in wanted.logs.libraries if each not in loaded)))}


def _leave_groups(groups: Groups, wanted: Settings, entry: state.Entry, group: str, request: Request) -> None:
    """Put back the parameters of groups that the database no longer uses, while the former permissions still hold."""
    left = [name for name in entry.get("parameters", {}) if name != group]
    for name in left:
        parameters = parameter_group.read(groups, name)
        if parameters is not None:
            _restore(groups, name, parameters, entry["parameters"][name], request)
        del entry["parameters"][name]
        state.save(wanted.state_parameter, wanted.id, entry)


def _restore(
    groups: Groups,
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
    parameter_group.write(groups, group, parameters, back, request.remaining_seconds)


def _associate_role(rds: RDSClient, wanted: Settings, entry: state.Entry, found: Database, request: Request) -> None:
    """Let the engine assume the role of the custom-role way; release one of ours that is no longer asked for."""
    former = entry.get("role")
    if former and former != wanted.logs.role_arn:
        database.remove_role(rds, wanted.target.identifier, former, request.remaining_seconds)
        del entry["role"]
        state.save(wanted.state_parameter, wanted.id, entry)
    role_arn = wanted.logs.role_arn
    if role_arn is None or role_arn in found.roles:
        return
    entry["role"] = role_arn
    state.save(wanted.state_parameter, wanted.id, entry)
    database.add_role(rds, wanted.target.identifier, role_arn, request.remaining_seconds)


def _modify(
    rds: RDSClient,
    wanted: Settings,
    entry: state.Entry,
    found: Database,
    attach: str | None,
    request: Request,
) -> None:
    """Attach our group and switch export types, in one request; save which types were ours to switch."""
    exported, ours = found.exported, set(entry.get("log_types", []))
    enable = sorted(set(wanted.logs.log_types) - exported)
    disable = sorted((ours - set(wanted.logs.log_types)) & exported)
    entry["log_types"] = sorted(ours | set(enable))
    state.save(wanted.state_parameter, wanted.id, entry)
    database.modify(rds, wanted.target, request.remaining_seconds, group=attach, enable=enable, disable=disable)
    kept = sorted(set(entry["log_types"]) & set(wanted.logs.log_types))
    if kept != entry["log_types"]:
        entry["log_types"] = kept
        state.save(wanted.state_parameter, wanted.id, entry)


def _modify_back(rds: RDSClient, wanted: Settings, entry: state.Entry, found: Database, request: Request) -> None:
    made = entry.get("group", {})
    detach = made["previous"] if made and found.group == made["name"] else None
    disable = sorted(set(entry.get("log_types", [])) & found.exported)
    database.modify(rds, wanted.target, request.remaining_seconds, group=detach, disable=disable)
    if detach:
        aws.log("restart needed", database=str(wanted.target), group=detach)


def _restart(wanted: Settings, found: Database, group: str, *, is_needed: bool) -> str:
    """Return the sentence that asks for a restart, or an empty string."""
    if not (is_needed or (found.is_restart_due and wanted.needs_parameters)):
        return ""
    which = str(wanted.target)
    if wanted.target.is_cluster:
        which = f"the instances of {wanted.target} ({', '.join(found.instances) or 'none yet'})"
    return (
        f"Restart {which} when it suits you: parameter group {group} "
        "takes effect only then. Logdock never restarts them."
    )


def _not_attached(target: Target, used: str, group: str | None) -> str:
    named = f"the settings name {group}" if group else "the settings name none"
    attach = f"attach {group} to the {'cluster' if target.is_cluster else 'instance'}, or " if group else ""
    return (
        f"{str(target).capitalize()} uses the parameter group {used} and {named}, so the parameters of its logs have "
        f"no effect: {attach}set `parameter_group: {used}` and deploy again."
    )


def _data(wanted: Settings, group: str, *, restart: str = "", left: str = "") -> dict[str, str]:
    """Return the resource's data, with the sentence that asks for a restart or says what else is left to do in RDS."""
    return {
        "ParameterGroup": group,
        "RestartNeeded": str(bool(restart)).lower(),
        "Restart": restart or left or f"Nothing to do in RDS for {wanted.target}.",
        "LogTypes": ",".join(wanted.logs.log_types),
        "LogGroups": ",".join(
            f"/aws/rds/{wanted.noun}/{wanted.target.identifier}/{log_type}" for log_type in wanted.logs.log_types
        ),
    }
