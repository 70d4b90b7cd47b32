"""Whose logs land: one model per kind of export, discriminated by `kind`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from settings.bucket_exports import SSE_S3_ONLY, AptibleExport, MongodbAtlasExport, S3LogsExport, S3Service
from settings.database_exports import AuroraMysqlExport, DatabaseExport, RdsExport
from settings.destinations import ARCHIVE
from settings.log_group_exports import (
    CloudwatchLogsExport,
    CockroachdbExport,
    CockroachdbGroup,
)
from settings.redaction import Pattern, Redaction

__all__ = [
    "LOG_GROUP_KINDS",
    "SSE_S3_ONLY",
    "AptibleExport",
    "AuroraMysqlExport",
    "CloudwatchLogsExport",
    "CockroachdbExport",
    "CockroachdbGroup",
    "DatabaseExport",
    "Export",
    "LogGroupExport",
    "MongodbAtlasExport",
    "Pattern",
    "RdsExport",
    "Redaction",
    "S3LogsExport",
    "S3Service",
    "announced_to",
]

LogGroupExport = CockroachdbExport | AuroraMysqlExport | RdsExport | CloudwatchLogsExport
"""An export that lands in log groups, of which the archive has a copy."""

LOG_GROUP_KINDS = ("cockroachdb", "aurora-mysql", "rds", "cloudwatch-logs")
"""The kinds of these exports."""

Export = Annotated[
    MongodbAtlasExport
    | CockroachdbExport
    | AuroraMysqlExport
    | RdsExport
    | AptibleExport
    | S3LogsExport
    | CloudwatchLogsExport,
    Field(discriminator="kind"),
]
"""One export."""


def announced_to(export: Export) -> tuple[str, ...]:
    """List the destinations that an export's objects are announced to: what lands in log groups is in the archive."""
    return tuple(name for name in export.ship_to if not (name == ARCHIVE and isinstance(export, LogGroupExport)))


def has_key(export: Export) -> bool:
    """Say whether an export has a key of its own, as the stacks make it."""
    match export:
        case AptibleExport():
            return export.encryption == "kms"
        case CloudwatchLogsExport():
            return bool(export.log_group_prefixes or export.retention_days or export.encrypt)
        case _:
            return True
