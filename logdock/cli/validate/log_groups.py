"""Log groups that exports land in, that the archiver is subscribed to each, and the database that RDS's come from."""

import json
import re
import shlex
from itertools import islice
from typing import NamedTuple

from botocore.exceptions import ClientError, HTTPClientError

from logdock.cli.account import Account
from logdock.cli.errors import is_transient
from logdock.cli.subscriptions import find_group, groups_under, subscription_of
from logdock.cli.validate.checks import Checks, another_revision
from logdock.settings.export_base import ConfiguredExport, LogGroupExport, OwnLogGroupExport
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport

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
    days = None
    if isinstance(export, CloudwatchLogsExport):
        days = export.retention_days
    elif isinstance(export, OwnLogGroupExport):
        days = export.retention_days or account.settings.effective_retention.hot_days
    for region in groups.regions:
        for name in groups.names:
            _check_group(account, checks, export, name, region, days)


def _check_group(account: Account, checks: Checks, export: Export, name: str, region: str, days: int | None) -> None:
    with checks.of_thing(f"log group {name} in {region}") as check:
        group = find_group(account, region, name)
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
    stack = account.names.landing_stack(export.name) if export.other_account else account.names.export(export.name)
    return account.deploy(f"{stack} --revert-drift")


def _check_prefix(account: Account, checks: Checks, export: Export, prefix: str, range_: GroupRange) -> None:
    region = account.settings.region
    with checks.of_thing(f"subscriptions of {prefix}* in {region}") as check:
        names = (each["logGroupName"] for each in groups_under(account, region, prefix))
        found = list(islice((name for name in names if name > range_.after), range_.most + 1))
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


def check_subscription_destination(account: Account, checks: Checks, export: Export) -> None:
    """Check the destination that log groups of another account are subscribed to."""
    names, region = account.names, account.settings.region
    name, fix = names.export(export.name), account.deploy(f"{names.export(export.name)} --revert-drift")
    with checks.of_thing(f"destination {name}") as check:
        pages = account.logs_in(region).get_paginator("describe_destinations").paginate(DestinationNamePrefix=name)
        found = next((each for page in pages for each in page["destinations"] if each["destinationName"] == name), None)
        if found is None:
            check.require(False, "it is not there: no log group can be subscribed to it", fix)
            return
        stream, role = names.stream_arn(region), names.role_arn(names.destination_role(export.name))
        check.require(found["targetArn"] == stream, f"it writes to {found['targetArn']}, not to {stream}", fix)
        check.require(found["roleArn"] == role, f"it writes as {found['roleArn']}, not as {role}", fix)
        admitted = _subscribers(found.get("accessPolicy") or "{}")
        check.require(
            admitted == {export.other_account},
            f"its policy lets {', '.join(sorted(admitted)) or 'no account'} subscribe log groups, and the settings say "
            f"{export.other_account}",
            fix,
        )


def _subscribers(policy: str) -> set[str]:
    """Return the accounts, or other principals, that a destination's policy names."""
    found: set[str] = set()
    statements = json.loads(policy).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        named = principal.get("AWS", []) if isinstance(principal, dict) else principal
        found |= {named} if isinstance(named, str) else {*named}
    return {re.sub(r"^arn:[a-z-]+:iam::([0-9]{12}):root$", r"\1", each) for each in found}


def archiver_of(account: Account, export: Export, region: str) -> str:
    """Return what an export's log groups of a Region are subscribed to."""
    if export.other_account:
        return Names.of(account.settings).destination_arn(export.name)
    through_stream = account.settings.subscriptions == "kinesis"
    return account.names.stream_arn(region) if through_stream else account.names.archiver_arn(region)


def _is_subscribed(account: Account, export: Export, name: str, region: str) -> bool:
    subscription = subscription_of(account, export, name, region)
    return subscription is not None and subscription["destinationArn"] == archiver_of(account, export, region)
