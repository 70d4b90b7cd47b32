"""What a stack has because of an export of existing log groups: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts, pages_of
from logdock.settings.deployment import Deployment
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport


def count(settings: Deployment, export: CloudwatchLogsExport, region: str) -> OwnParts:
    """Count the connector that changes log groups by name, and on a schedule those by prefix."""
    del settings, region  # log groups are in the deployment's Region
    adopts = bool(export.log_groups) and (bool(export.retention_days) or export.encrypt)
    scans = bool(export.log_group_prefixes)
    if not (adopts or scans):
        return OwnParts()
    pages = pages_of(export.log_groups) if adopts else 0
    connector = ConnectorParts(is_scheduled=scans, configurations=scans + pages, states=int(scans))
    return OwnParts(alarms=("connector",) if scans else (), connector=connector)
