"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined
from logdock.cli.plan.rules import log_groups
from logdock.cli.plan.rules.common import NAME, Rule, at_vendor, cuts_off, is_connected, note, restarts, vendor_of


def database_log_types(change: Change) -> Iterable[Effect]:
    """A log type that goes is no longer published."""
    names = [name for each in change.part.members for name in groups_of(change, each.database_id, change.removed)]
    yield from log_groups.groups_gone(change, names)
    if change.removed and is_connected(change):
        yield note(
            change,
            f"The deploy has {vendor_of(change)} publish {joined(change.removed)} no more, and puts back the "
            "parameters that had the engine write it.",
        )
    if change.added and is_connected(change):
        needed = change.new_part.parameters.items() - change.part.parameters.items()
        if needed and not change.part.needs_parameters:
            yield _default_group(change)
        elif needed:
            written = joined(sorted(f"{name} = {value}" for name, value in needed))
            yield note(change, f"The deploy sets {written} in the {change.part.noun}'s parameter group.")
    if not is_connected(change):
        yield database_step(change)


def database_step(change: Change) -> Effect:
    """A user configures the database."""
    return at_vendor(
        change,
        f"The {change.part.noun} is not configured by the deploy.",
        f"Deploy, then run what `logdock next-steps {change.of}` prints.",
    )


def groups_of(change: Change, name: str, log_types: Iterable[str]) -> Iterable[str]:
    """Return the log groups of a database."""
    return (f"/aws/rds/{change.part.noun}/{name}/{each}" for each in log_types)


def _who_restarts(change: Change) -> str:
    return "its instances" if change.part.is_cluster else "the instance"


def _default_group(change: Change) -> Effect:
    return restarts(
        change,
        "The deploy sets the parameters that have the engine write these logs. "
        f"{'A cluster' if change.part.is_cluster else 'An instance'} that still uses a default parameter group gets "
        f"one of its own, and {_who_restarts(change)} must then be restarted once.",
    )


def database_parameters(change: Change) -> Iterable[Effect]:
    """The parameters of the logs are dynamic."""
    if change.path == "events" and change.removed and "audit" in change.new_part.log_types:
        yield cuts_off(
            change, f"{joined(change.removed)} is no longer audited; what is not audited cannot be had later."
        )
    if is_connected(change):
        yield note(change, "The parameters of the logs are dynamic: no instance restarts.")
    else:
        yield database_step(change)


def database_engine(change: Change) -> Iterable[Effect]:
    """The engine is a property of the database: Logdock checks it and never changes it."""
    yield note(
        change,
        f"The deploy fails unless the {change.new_part.noun} `{change.new_part.database_id}` runs {change.after}.",
    )


def pgaudit(change: Change) -> Iterable[Effect]:
    """The library is loaded at a restart; which classes are logged is dynamic."""
    if change.removed and change.after:
        yield cuts_off(
            change, f"{joined(change.removed)} is no longer audited; what is not logged cannot be had later."
        )
    if not is_connected(change):
        yield database_step(change)
    elif not change.before:
        yield restarts(
            change,
            "The deploy adds pgaudit to shared_preload_libraries: "
            f"{_who_restarts(change)} must then be restarted once.",
            f"Deploy, restart, then run the SQL that `logdock next-steps {change.of}` prints.",
        )
    elif not change.after:
        yield cuts_off(
            change, "The deploy puts shared_preload_libraries and pgaudit.log back: pgaudit logs nothing more."
        )
    else:
        yield note(change, "The parameters of the logs are dynamic: no instance restarts.")


def parameter_group(change: Change) -> Iterable[Effect]:
    """A database takes another parameter group's values after a restart."""
    if not is_connected(change):
        yield database_step(change)
        return
    yield restarts(
        change,
        "The deploy puts the old parameter group's parameters back and sets them in the new one. If the "
        f"{change.part.noun} must be given another group, "
        f"{'its instances take it at their' if change.part.is_cluster else 'it takes it at its'} next restart; until "
        f"then the {change.part.noun} may not write its logs.",
        "Deploy.",
        "If the output `RestartNeeded` is true: `aws rds reboot-db-instance --db-instance-identifier <each instance> "
        f"--region <the {change.part.noun}'s>`{', readers first' if change.part.is_cluster else ''}.",
        f"`logdock validate {change.of}` says whether every instance runs with it.",
    )


def database_id(change: Change) -> Iterable[Effect]:
    """Another database has other log groups."""
    if change.before is None or (change.after is None and change.part.kind == "aurora-mysql"):
        return  # what it was before, or becomes, is said of the other setting
    names = groups_of(change, change.before, change.part.log_types)
    yield from log_groups.groups_gone(change, names)
    if is_connected(change):
        yield restarts(
            change,
            f"The deploy puts the {change.part.noun} `{change.before}` back as it was and configures "
            f"`{change.new_part.database_id}`. An instance that gets another parameter group takes it at its next "
            "restart.",
            "If both must be exported, add a second export instead.",
        )
    else:
        yield database_step(change)


def database_groups(change: Change) -> Iterable[Effect]:
    """A log group is either made by CloudFormation or taken over."""
    yield from log_groups.adopt_log_groups(_as_switch(change, change.after == "adopt"))


def _as_switch(change: Change, value: bool) -> Change:
    return Change(**{**change.__dict__, "after": value})


def configure_database(change: Change) -> Iterable[Effect]:
    """The deploy configures the database, or a user does."""
    if change.after and not change.new_part.needs_parameters:
        yield note(change, "The deploy switches the export on; no parameter is needed for it.")
    elif change.after:
        yield restarts(
            change,
            "The deploy sets the parameters of the logs and switches the export on. "
            f"{'A cluster' if change.part.is_cluster else 'An instance'} that still uses a default parameter group "
            f"gets one of its own, and {_who_restarts(change)} must then be restarted once.",
        )
    else:
        yield cuts_off(
            change,
            f"The deploy puts the {change.part.noun} back as it was: the logs and their export are switched off. What "
            "is not audited cannot be had later.",
            f"Deploy, then at once run what `logdock next-steps {change.of}` prints.",
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
