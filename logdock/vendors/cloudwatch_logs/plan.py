"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.common import NAME, ON_FROM_NOW, Rule
from logdock.cli.plan.rules.exports import (
    group_retention,
)
from logdock.cli.plan.rules.log_groups import (
    encrypt,
    own_log_groups,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("CloudwatchLogsExport", "kind"): NAME,
    ("CloudwatchLogsExport", "log_groups"): own_log_groups,
    ("CloudwatchLogsExport", "log_group_prefixes"): own_log_groups,
    ("CloudwatchLogsExport", "retention_days"): group_retention,
    ("CloudwatchLogsExport", "encrypt"): encrypt,
    ("CloudwatchLogsExport", "format"): ON_FROM_NOW,
}
