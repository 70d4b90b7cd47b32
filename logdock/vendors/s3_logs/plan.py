"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.buckets import (
    bucket,
    existing_bucket,
    existing_key,
    prefix,
    services,
)
from logdock.cli.plan.rules.common import NAME, ON_FROM_NOW, Rule

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("S3LogsExport", "kind"): NAME,
    ("S3LogsExport", "bucket"): bucket,
    ("S3LogsExport", "services"): services,
    ("S3LogsExport", "existing_bucket"): existing_bucket,
    ("S3LogsExport", "kms_key_arn"): existing_key,
    ("S3LogsExport", "prefix"): prefix,
    ("S3LogsExport", "format"): ON_FROM_NOW,
}
