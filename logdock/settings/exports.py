"""Whose logs land: one model per kind of export, discriminated by `kind`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from logdock.settings.bucket_exports import SSE_S3_ONLY, AptibleExport, MongodbAtlasExport, S3LogsExport, S3Service
from logdock.settings.database_exports import AuroraMysqlExport, DatabaseExport, RdsExport
from logdock.settings.export_base import LogGroupExport
from logdock.settings.log_group_exports import (
    CloudwatchLogsExport,
    CockroachdbExport,
    CockroachdbGroup,
)
from logdock.settings.redaction import Pattern, Redaction

__all__ = [
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
]

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
