"""What is left to do at a database of RDS, as commands with every value filled in."""

import json
from shlex import quote

from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.rds.documents import database_logs
from logdock.vendors.rds.settings import RdsExport
from logdock.vendors.shell import json_argument


def database_configured(export: AuroraMysqlExport | RdsExport, restart: str, *, region: str) -> str:
    """Say what the deploy does at the database, and what it leaves to a person.

    Parameters
    ----------
    restart
        A sentence for each database: which instances to restart, what else is left, or that nothing is. It is known
        when the deploy runs.
    """
    what = f"the export of {', '.join(export.log_types)}"
    what += " and sets the parameters that it needs" if export.needs_parameters else ""
    left = _inside_database(export, region)
    done = f"The deploy switches on {what}. {restart}"
    return "\n".join([done, *left])


def database_steps(export: AuroraMysqlExport | RdsExport, *, role_arn: str | None, region: str) -> str:
    """Switch the logs and their export on by hand.

    A role of the customer's own publishes the audit log alone; the other types are exports in either way. ``$GROUP`` is
    the database's own parameter group, where the settings do not name it.
    """
    logs = database_logs(export, role_arn=role_arn)
    rows = [
        {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"}
        for name, value in logs.all_parameters.items()
    ]
    if logs.libraries:
        # the command replaces the list: what the database loads already stands before it
        added = ",".join((_LIBRARIES, *logs.libraries))
        rows.append(
            {"ParameterName": "shared_preload_libraries", "ParameterValue": added, "ApplyMethod": "pending-reboot"}
        )
    listed = quote(json.dumps(rows, separators=(",", ":"))).replace(json.dumps(_LIBRARIES)[1:-1], _IN_SHELL)
    group = quote(export.parameter_group) if export.parameter_group else '"$GROUP"'
    where, database = f"aws rds --region {quote(region)}", quote(export.database_id)
    kind = "cluster" if export.is_cluster else "instance"
    groups = "db-cluster-parameter-group" if export.is_cluster else "db-parameter-group"
    commands = []
    if rows:
        commands.append(f"{where} modify-{groups} --{groups}-name {group} --parameters {listed}")
    if role_arn:
        commands.append(f"{where} add-role-to-db-cluster --db-cluster-identifier {database} --role-arn {role_arn}")
    exported = [name for name in export.log_types if not (role_arn and name == "audit")]
    if exported:
        types = json_argument({"EnableLogTypes": exported})
        commands.append(
            f"{where} modify-db-{kind} --db-{kind}-identifier {database} --cloudwatch-logs-export-configuration {types}"
        )
    return "\n".join([*commands, *_inside_database(export, region)])


_LIBRARIES = "\0"
"""Stands for the libraries that the database loads until the shell fills them in: no setting has it."""
_IN_SHELL = """'"$LIBRARIES"'"""
_AUDIT_OPTION = (
    "# The audit log is empty unless the instance's option group has MARIADB_AUDIT_PLUGIN (a default option group "
    "cannot be changed: create one and attach it):"
)
_ADD_AUDIT_OPTION = (
    'add-option-to-option-group --option-group-name "$OPTION_GROUP" --options OptionName=MARIADB_AUDIT_PLUGIN '
    "--apply-immediately"
)


def _inside_database(export: AuroraMysqlExport | RdsExport, region: str) -> list[str]:
    """Return what only a person can do: in SQL, or to an option group that other databases may share.

    Sources: RDS User Guide, "Setting up the pgAudit extension" (the extension is created after the restart, before
    `pgaudit.log` has effect) and "MariaDB Audit Plugin support for MySQL" (no restart is needed).
    """
    if not isinstance(export, RdsExport):
        return []
    steps = []
    if export.libraries:
        steps.append(
            "# After the restart, in SQL, in each database: SET pgaudit.log = 'none'; CREATE EXTENSION IF NOT EXISTS "
            "pgaudit;"
        )
    if "audit" in export.log_types:
        steps += [_AUDIT_OPTION, f"aws rds --region {quote(region)} {_ADD_AUDIT_OPTION}"]
    return steps
