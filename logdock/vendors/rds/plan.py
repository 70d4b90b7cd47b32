"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.common import NAME, Rule
from logdock.cli.plan.rules.log_groups import (
    configure_database,
    database_engine,
    database_groups,
    database_id,
    database_log_types,
    database_parameters,
    parameter_group,
    pgaudit,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("RdsExport", "kind"): NAME,
    ("RdsExport", "engine"): database_engine,
    ("RdsExport", "cluster_id"): database_id,
    ("RdsExport", "instance_id"): database_id,
    ("RdsExport", "log_types"): database_log_types,
    **{
        ("RdsExport", field): database_parameters
        for field in ("log_connections", "log_statement", "log_min_duration_statement", "long_query_time")
    },
    ("RdsExport", "pgaudit"): pgaudit,
    ("RdsExport", "parameter_group"): parameter_group,
    ("RdsExport", "log_groups"): database_groups,
    ("RdsExport", "configure_database"): configure_database,
}
