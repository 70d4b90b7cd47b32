"""What the command checks of a database: its exports, its parameters, and its role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from logdock.cli.account import Account
from logdock.cli.validate.checks import Checks, another_revision
from logdock.vendors.rds.settings import DatabaseExport, RdsExport

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import ParameterOutputTypeDef
from logdock.vendors.vendor_checks import VendorChecks


class _Database(NamedTuple):
    """What RDS says of a cluster or an instance."""

    exported: set[str]
    group: str
    waiting: list[str]
    """The instances that have not taken their parameter group yet."""
    option_groups: list[str]
    """The option groups of an instance."""


def _describe(account: Account, export: DatabaseExport) -> _Database:
    if export.is_cluster:
        (cluster,) = account.rds.describe_db_clusters(DBClusterIdentifier=export.database_id)["DBClusters"]
        waiting = [
            member["DBInstanceIdentifier"]
            for member in cluster.get("DBClusterMembers", [])
            if member.get("DBClusterParameterGroupStatus") == "pending-reboot"
        ]
        exported = set(cluster.get("EnabledCloudwatchLogsExports", []))
        return _Database(exported, cluster["DBClusterParameterGroup"], waiting, [])
    (instance,) = account.rds.describe_db_instances(DBInstanceIdentifier=export.database_id)["DBInstances"]
    (group,) = instance["DBParameterGroups"]
    waiting = [export.database_id] if group.get("ParameterApplyStatus") == "pending-reboot" else []
    options = [each["OptionGroupName"] for each in instance.get("OptionGroupMemberships", [])]
    exported = set(instance.get("EnabledCloudwatchLogsExports", []))
    return _Database(exported, group["DBParameterGroupName"], waiting, options)


def _parameters(account: Account, export: DatabaseExport, group: str) -> Iterator[ParameterOutputTypeDef]:
    if export.is_cluster:
        of_cluster = account.rds.get_paginator("describe_db_cluster_parameters")
        for page in of_cluster.paginate(DBClusterParameterGroupName=group):
            yield from page["Parameters"]
    else:
        of_instance = account.rds.get_paginator("describe_db_parameters")
        for each in of_instance.paginate(DBParameterGroupName=group):
            yield from each["Parameters"]


def check_database(account: Account, checks: Checks, export: DatabaseExport) -> None:
    """Check that a database exports its logs, and has taken its parameters."""
    found, fix = None, ""
    with checks.of_thing(f"{export.noun} {export.database_id}") as check:
        found = _describe(account, export)
        wanted = {each for each in export.log_types if not (export.has_own_role and each == "audit")}
        fix = (
            another_revision(account, export.name, export.check_each_deploy)
            if export.is_configured
            else f"logdock next-steps {export.name}{account.option}"
        )
        missing = ", ".join(sorted(wanted - found.exported))
        check.require(wanted <= found.exported, f"it does not export {missing}", fix)
        check.require(
            not found.waiting or not export.needs_parameters,
            f"{', '.join(found.waiting)} must be restarted before the parameters count",
            "restart them when it suits you",
        )
    if found is None:
        return
    if isinstance(export, RdsExport) and "audit" in export.log_types:
        _check_audit_plugin(account, checks, export, found.option_groups)
    if not export.needs_parameters:
        return
    with checks.of_thing(f"log parameters of the parameter group {found.group}", fix) as check:
        check.require(
            not found.group.startswith("default."),
            f"{export.noun} {export.database_id} uses a default group, which has none of them: it was restored, "
            "upgraded or never configured",
        )
        values = {
            each["ParameterName"]: each.get("ParameterValue", "") for each in _parameters(account, export, found.group)
        }
        for name, value in export.parameters.items():
            has = values.get(name, "")
            check.require(_as_list(has) == _as_list(value), f"{name} is {has!r}, and should be {value!r}")
        loaded = values.get("shared_preload_libraries", "")
        for library in export.libraries:
            check.require(library in _as_list(loaded), f"shared_preload_libraries is {loaded!r}, without {library}")


def _check_audit_plugin(account: Account, checks: Checks, export: RdsExport, groups: list[str]) -> None:
    """Check that an instance of MySQL or MariaDB has the option that writes the audit log."""
    with checks.of_thing(f"audit plugin of instance {export.database_id}") as check:
        options = {
            option.get("OptionName")
            for name in groups
            for group in account.rds.describe_option_groups(OptionGroupName=name)["OptionGroupsList"]
            for option in group.get("Options", [])
        }
        check.require(
            "MARIADB_AUDIT_PLUGIN" in options,
            f"option group {', '.join(groups)} has no MARIADB_AUDIT_PLUGIN: the audit log is empty",
            f"logdock next-steps {export.name}{account.option}",
        )


def _as_list(value: str) -> set[str]:
    """Read a value as a list: RDS keeps the order and the blanks in which it was written."""
    return {each.strip() for each in value.split(",")}


class DatabaseChecks(VendorChecks):
    """The database that writes the logs."""

    def check_source(self, account: Account, checks: Checks, export: DatabaseExport) -> None:
        """Check what RDS publishes, and what the engine writes."""
        check_database(account, checks, export)


CHECKS = DatabaseChecks()
