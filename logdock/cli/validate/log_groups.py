"""Log groups that exports land in, that the archiver is subscribed to each, and the database that RDS's come from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError, HTTPClientError

from logdock.cli.account import Account
from logdock.cli.errors import is_transient
from logdock.cli.subscriptions import subscription_of
from logdock.cli.validate.checks import Checks, another_revision
from logdock.settings.export_base import ConfiguredExport
from logdock.settings.exports import CloudwatchLogsExport, DatabaseExport, Export, LogGroupExport, RdsExport

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import ParameterOutputTypeDef

MOST_NAMED = 5
MOST_GROUPS = 200
"""Log groups of a prefix that are looked at; CloudWatch Logs answers 5 to 10 of these requests a second."""
MOST_UNANSWERED = 5
"""After so many log groups in a row for which AWS did not answer, the others of the prefix are left."""


class GroupRange(NamedTuple):
    """Which log groups of a prefix are looked at: so many, by their names, after one; empty from the first."""

    most: int = MOST_GROUPS
    after: str = ""


WHOLE = GroupRange()


def check_log_groups(account: Account, checks: Checks, export: Export, range_: GroupRange = WHOLE) -> None:
    """Check every log group of an export in every Region."""
    if not isinstance(export, LogGroupExport):
        return
    groups = export.landing(account.settings)
    for prefix in groups.prefixes:
        _check_prefix(account, checks, export, prefix, range_)
    days = export.retention_days
    if not isinstance(export, CloudwatchLogsExport):
        days = days or account.settings.effective_retention.hot_days
    for region in groups.regions:
        for name in groups.names:
            _check_group(account, checks, export, name, region, days)


def _check_group(account: Account, checks: Checks, export: Export, name: str, region: str, days: int | None) -> None:
    logs = account.logs_in(region)
    with checks.of_thing(f"log group {name} in {region}") as check:
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        group = next((each for page in pages for each in page["logGroups"] if each["logGroupName"] == name), None)
        if group is None:
            check.require(False, "it is not there")
            return
        kept = group.get("retentionInDays")
        fix = _again(account, export)
        check.require(
            days in (None, kept), f"it keeps lines for {kept or 'ever'} days, and the settings say {days}", fix
        )
        encrypted = not isinstance(export, CloudwatchLogsExport) or export.encrypt
        check.require(not encrypted or group.get("kmsKeyId"), "it is not encrypted with the export's key", fix)
    with checks.of_thing(f"subscription of {name} in {region}") as check:
        check.require(
            _is_subscribed(account, export, name, region),
            "the archiver is not subscribed: nothing of it is archived",
            _revert(account, export),
        )


def _again(account: Account, export: Export) -> str:
    """Return what configures log groups again: the connector, where they existed before, or CloudFormation."""
    adopts = getattr(export, "log_groups", None) == "adopt" or getattr(export, "adopt_log_groups", False)
    if isinstance(export, CloudwatchLogsExport) or (adopts and isinstance(export, ConfiguredExport)):
        return another_revision(account, export.name, export.check_each_deploy)
    return _revert(account, export)


def _revert(account: Account, export: Export) -> str:
    return account.deploy(f"{account.names.export(export.name)} --revert-drift")


def _check_prefix(account: Account, checks: Checks, export: Export, prefix: str, range_: GroupRange) -> None:
    region = account.settings.region
    with checks.of_thing(f"subscriptions of {prefix}* in {region}") as check:
        pages = account.logs_in(region).get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        # in the order of their names (CloudWatch Logs API Reference, DescribeLogGroups)
        names = (
            each["logGroupName"]
            for page in pages
            for each in page["logGroups"]
            if each["logGroupName"] > range_.after
            and not each["logGroupName"].startswith(f"/aws/lambda/{account.settings.deployment}-")
        )
        found = list(islice(names, range_.most + 1))
        chosen, is_more = found[: range_.most], len(found) > range_.most
        missing: list[str] = []
        unanswered: list[str] = []
        looked_at = in_a_row = 0
        for name in chosen:
            looked_at += 1
            try:
                is_subscribed = _is_subscribed(account, export, name, region)
            except (ClientError, HTTPClientError) as error:
                if not is_transient(error):
                    raise
                unanswered.append(name)
                in_a_row += 1
                if in_a_row == MOST_UNANSWERED:
                    break
            else:
                in_a_row = 0
                if not is_subscribed:
                    missing.append(name)
        check.what += f": {looked_at - len(unanswered)} log groups"
        check.require(
            not missing,
            f"the archiver is not subscribed to {len(missing)}: {', '.join(missing[:MOST_NAMED])}",
            "wait an hour, by when it looks again; then see the log of the export's connector",
        )
        if unanswered:
            named = ", ".join(unanswered[:MOST_NAMED])
            check.leave(f"AWS did not answer for {len(unanswered)} log groups: {named}", not_looked_at=True)
        # those at the end for which AWS did not answer are looked at by the run that goes on
        settled = looked_at - in_a_row if in_a_row == MOST_UNANSWERED else looked_at
        if is_more or settled < len(chosen):
            after = chosen[settled - 1] if settled else range_.after
            go_on = f" --log-groups-after {shlex.quote(after)}" if after else ""
            check.leave_also(f"there are more log groups: go on with `logdock validate {export.name}{go_on}`")


def archiver_of(account: Account, region: str) -> str:
    """Return what log groups of a Region are subscribed to."""
    through_stream = account.settings.subscriptions == "kinesis"
    return account.names.stream_arn(region) if through_stream else account.names.archiver_arn(region)


def _is_subscribed(account: Account, export: Export, name: str, region: str) -> bool:
    subscription = subscription_of(account, export, name, region)
    return subscription is not None and subscription["destinationArn"] == archiver_of(account, region)


class _Database(NamedTuple):
    """What RDS says of a cluster or an instance.

    Attributes
    ----------
    waiting
        The instances that have not taken their parameter group yet.
    option_groups
        The option groups of an instance.
    """

    exported: set[str]
    group: str
    waiting: list[str]
    option_groups: list[str]


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
        wanted = {each for each in export.exported_log_types if not (export.has_own_role and each == "audit")}
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
