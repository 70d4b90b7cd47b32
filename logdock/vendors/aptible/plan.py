"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.buckets import (
    bucket,
    bucket_encryption,
    decryption_keys,
    replication_role,
)
from logdock.cli.plan.rules.common import NAME, Rule

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("AptibleExport", "kind"): NAME,
    ("AptibleExport", "stack_region"): "It is checked against the deployment's Region, and changes nothing deployed.",
    ("AptibleExport", "bucket"): bucket,
    ("AptibleExport", "replication_role_arn"): replication_role,
    ("AptibleExport", "encryption"): bucket_encryption,
    ("AptibleExport", "decryption_keys_secret"): decryption_keys,
}
