"""Log groups of exports, and by which subscription the archiver gets what one holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from log_shipper.events import FILTER_PREFIX

from logdock.cli.account import Account
from logdock.settings.export_base import ExportBase

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import LogGroupTypeDef, SubscriptionFilterTypeDef


def list_groups(account: Account, region: str, prefix: str) -> Iterator[LogGroupTypeDef]:
    """Yield the log groups with a prefix, by their names (CloudWatch Logs API Reference, DescribeLogGroups)."""
    pages = account.logs_in(region).get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    return (each for page in pages for each in page["logGroups"])


def find_group(account: Account, region: str, name: str) -> LogGroupTypeDef | None:
    """Return a log group; None when there is none of that name."""
    return next((each for each in list_groups(account, region, name) if each["logGroupName"] == name), None)


def groups_under(account: Account, region: str, prefix: str) -> Iterator[LogGroupTypeDef]:
    """Yield the log groups that an export with a prefix is subscribed to: not those of the deployment's functions."""
    own = f"/aws/lambda/{account.settings.deployment}-"
    return (each for each in list_groups(account, region, prefix) if not each["logGroupName"].startswith(own))


def filter_name(export: ExportBase) -> str:
    """Return the name of an export's subscription filters, by which the archiver knows whose lines come."""
    return f"{FILTER_PREFIX}{export.name}"


def subscription_of(
    account: Account, export: ExportBase, log_group: str, region: str
) -> SubscriptionFilterTypeDef | None:
    """Return an export's subscription of a log group; None when there is none."""
    wanted = filter_name(export)
    found = account.logs_in(region).describe_subscription_filters(logGroupName=log_group, filterNamePrefix=wanted)
    return next((each for each in found["subscriptionFilters"] if each["filterName"] == wanted), None)
