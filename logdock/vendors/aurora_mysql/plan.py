"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind, joined
from logdock.cli.plan.rules import log_groups
from logdock.cli.plan.rules.common import NAME, Rule, cuts_off, effect, fails, is_connected, note
from logdock.vendors.rds import plan as rds


def _member_parameter_group(change: Change) -> Iterable[Effect]:
    """Each cluster has its parameter group, whichever setting names it."""
    before, after = (
        {each.database_id: each.parameter_group for each in part.members} for part in (change.part, change.new_part)
    )
    if any(before[each] != after[each] for each in before.keys() & after.keys()):
        yield from rds.parameter_group(change)


def _members(change: Change) -> Iterable[Effect]:
    """Each database of an export is configured alone."""
    before, after = ({each.database_id for each in part.members} for part in (change.part, change.new_part))
    gone, new = sorted(before - after), sorted(after - before)
    for each in gone:
        yield from log_groups.groups_gone(change, rds.groups_of(change, each, change.part.log_types))
    if gone and is_connected(change):
        yield cuts_off(change, f"The deploy puts {joined(gone)} back as it was before, and changes no other cluster.")
    if new and is_connected(change):
        yield effect(
            Kind.RESTARTS if change.new_part.needs_parameters else Kind.NOTE,
            change,
            f"The deploy configures {joined(new)} and no other cluster."
            + (
                " The instances of one that still uses a default parameter group must be restarted once."
                if change.new_part.needs_parameters
                else ""
            )
            + " If another export's stack configures it now, destroy that stack first.",
        )
    if not is_connected(change):
        yield rds.database_step(change)
    # Of several, those that stay are as they were.
    stay = [each for each in change.new_part.members if each.database_id in before]
    made = [each.database_id for each in stay if not each.parameter_group and each.needs_parameters]
    if made and is_connected(change) and (not change.before or not change.after):
        yield fails(
            change,
            f"If the deploy made the parameter group of {joined(made)}, it fails before it changes anything: RDS does "
            "not rename a group.",
            f"Keep the export as it is and add a second one with `cluster_ids` for the others, or destroy the stack "
            f"of `{change.of}` first; the log groups stay, and `log_groups: adopt` takes them over.",
        )


def _role(change: Change) -> Iterable[Effect]:
    """The service-linked role wins where it exists."""
    yield note(change, "Aurora writes by another role. RDS uses its service-linked role wherever that exists.")


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("AuroraMysqlExport", "kind"): NAME,
    ("AuroraMysqlExport", "cluster_id"): rds.database_id,
    ("AuroraMysqlExport", "cluster_ids"): _members,
    ("AuroraMysqlExport", "parameter_groups"): _member_parameter_group,
    ("AuroraMysqlExport", "log_types"): rds.database_log_types,
    ("AuroraMysqlExport", "events"): rds.database_parameters,
    ("AuroraMysqlExport", "include_users"): rds.database_parameters,
    ("AuroraMysqlExport", "exclude_users"): rds.database_parameters,
    ("AuroraMysqlExport", "long_query_time"): rds.database_parameters,
    ("AuroraMysqlExport", "parameter_group"): _member_parameter_group,
    ("AuroraMysqlExport", "log_groups"): rds.database_groups,
    ("AuroraMysqlExport", "role"): _role,
    ("AuroraMysqlExport", "configure_cluster"): rds.configure_database,
}
