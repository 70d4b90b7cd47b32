"""Where exports land: a bucket with a prefix, or log groups that the archive has a copy of."""

from __future__ import annotations

from typing import NamedTuple

from settings import Deployment
from settings.exports import (
    AptibleExport,
    AuroraMysqlExport,
    CloudwatchLogsExport,
    CockroachdbExport,
    Export,
    MongodbAtlasExport,
    S3LogsExport,
)

LogGroupExport = CockroachdbExport | AuroraMysqlExport | CloudwatchLogsExport
"""An export that lands in log groups, of which the archive has a copy."""


class Landing(NamedTuple):
    """The bucket that an export lands in, and the prefix of its keys, which ends with a slash unless it is empty."""

    bucket: str
    prefix: str


def landing_of(settings: Deployment, export: Export) -> Landing | None:
    """Return where an export lands; None for one that lands in log groups."""
    if not isinstance(export, MongodbAtlasExport | AptibleExport | S3LogsExport):
        return None
    prefix = None if isinstance(export, AptibleExport) else export.prefix
    return Landing(settings.landing_bucket(export), f"{prefix}/" if prefix else "")


class LogGroups(NamedTuple):
    """The log groups that an export lands in: their names and prefixes of names, and the Regions that have them."""

    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    regions: tuple[str, ...]


def log_groups_of(settings: Deployment, export: LogGroupExport) -> LogGroups:
    """Return the log groups that an export lands in."""
    match export:
        case CockroachdbExport():
            return LogGroups(export.log_groups, (), export.regions or (settings.region,))
        case AuroraMysqlExport():
            return LogGroups(export.log_group_names, (), (settings.region,))
        case CloudwatchLogsExport():
            return LogGroups(export.log_groups, export.log_group_prefixes, (settings.region,))


def archive_prefix(export: Export) -> str:
    """Return where an export's archive objects are."""
    return f"logs/{export.name}/"
