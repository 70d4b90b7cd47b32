"""By which subscription the archiver gets what a log group holds for an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from log_shipper.events import FILTER_PREFIX

from logdock.cli.account import Account
from logdock.settings.export_base import ExportBase

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import SubscriptionFilterTypeDef


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
