"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.common import NAME, Rule
from logdock.cli.plan.rules.log_groups import (
    aurora_role,
    configure_database,
    database_groups,
    database_id,
    database_log_types,
    database_members,
    database_parameters,
    member_parameter_group,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("AuroraMysqlExport", "kind"): NAME,
    ("AuroraMysqlExport", "cluster_id"): database_id,
    ("AuroraMysqlExport", "cluster_ids"): database_members,
    ("AuroraMysqlExport", "parameter_groups"): member_parameter_group,
    ("AuroraMysqlExport", "log_types"): database_log_types,
    ("AuroraMysqlExport", "events"): database_parameters,
    ("AuroraMysqlExport", "include_users"): database_parameters,
    ("AuroraMysqlExport", "exclude_users"): database_parameters,
    ("AuroraMysqlExport", "long_query_time"): database_parameters,
    ("AuroraMysqlExport", "parameter_group"): member_parameter_group,
    ("AuroraMysqlExport", "log_groups"): database_groups,
    ("AuroraMysqlExport", "role"): aurora_role,
    ("AuroraMysqlExport", "configure_cluster"): configure_database,
}
