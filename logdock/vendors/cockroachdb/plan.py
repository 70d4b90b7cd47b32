"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.buckets import (
    another_object,
    external_id,
    members,
    principal,
)
from logdock.cli.plan.rules.common import NAME, PARENT, Rule
from logdock.cli.plan.rules.connect import (
    connect,
)
from logdock.cli.plan.rules.exports import (
    session_seconds,
)
from logdock.cli.plan.rules.log_groups import (
    cockroach_adopt,
    cockroach_groups,
    cockroach_log_group,
    cockroach_redact,
    cockroach_regions,
    omitted_channels,
    plan_of_cluster,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("CockroachdbExport", "kind"): NAME,
    **{("CockroachdbGroup", field): PARENT for field in ("log_name", "channels", "min_level", "redact")},
    ("CockroachdbExport", "plan"): plan_of_cluster,
    ("CockroachdbExport", "cluster_id"): another_object,
    ("CockroachdbExport", "cluster_ids"): members,
    ("CockroachdbExport", "connect"): connect,
    ("CockroachdbExport", "cluster_account_id"): principal,
    ("CockroachdbExport", "external_id"): external_id,
    ("CockroachdbExport", "log_group"): cockroach_log_group,
    ("CockroachdbExport", "adopt_log_groups"): cockroach_adopt,
    ("CockroachdbExport", "groups"): cockroach_groups,
    ("CockroachdbExport", "omitted_channels"): omitted_channels,
    ("CockroachdbExport", "redact"): cockroach_redact,
    ("CockroachdbExport", "regions"): cockroach_regions,
    ("CockroachdbExport", "session_seconds"): session_seconds,
}
