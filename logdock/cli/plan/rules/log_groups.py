"""What a change of an export that lands in log groups leads to."""

from __future__ import annotations

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind, joined, shown
from logdock.cli.plan.rules.common import (
    LOG_GROUP,
    at_vendor,
    cuts_off,
    effect,
    exposes,
    fails,
    is_connected,
    note,
    refuses,
    restarts,
    vendor_of,
)


def _groups_gone(change: Change, groups: Iterable[str], what: str) -> Iterable[Effect]:
    groups = tuple(groups)
    if not groups:
        return
    is_ours, several = change.part.kind != "cloudwatch-logs", len(groups) > 1
    plural = "s" if several and what == LOG_GROUP else ""
    yield cuts_off(
        change,
        f"{what}{plural} {joined(groups)} {'are' if several else 'is'} no longer subscribed: what is written there "
        "from the deploy on is not archived or shipped."
        + (
            f" The log group{plural} stay{'' if several else 's'} with the events, the retention and the export's key, "
            "and belong{} to no stack.".format("" if several else "s")
            if is_ours
            else " Groups that have the export's key keep it; the key stays in the account and admits them."
            if change.part.encrypt
            else " Log groups themselves are not changed."
        ),
    )


def cockroach_log_group(change: Change) -> Iterable[Effect]:
    """Another name is another log group."""
    gone = {change.before} if change.part.cluster_id else {*change.part.log_groups}
    yield from _groups_gone(change, sorted(gone - {*change.new_part.log_groups}), LOG_GROUP)
    if not is_connected(change):
        yield _vendor_step(change, f"Send the log export's `log_name` as `{change.after}`")


def cockroach_groups(change: Change) -> Iterable[Effect]:
    """Channels move between log groups."""
    before = {group.log_name for each in change.part.members for group in each.groups}
    yield from _groups_gone(change, sorted(before - set(change.new_part.log_groups)), LOG_GROUP)
    sensitive = [
        each.log_name
        for each in change.new_part.groups
        if each.redact is False
        and any(old.log_name == each.log_name and old.redact is not False for old in change.part.groups)
    ]
    if sensitive:
        yield exposes(change, f"CockroachDB no longer redacts what it sends to {joined(sensitive)}.")
    if not is_connected(change):
        yield _vendor_step(change, "Send the log export with the new groups")
    else:
        yield note(change, "The deploy sends the log export with the new groups to CockroachDB Cloud.")


def _vendor_step(change: Change, what: str) -> Effect:
    return at_vendor(
        change,
        f"{what} to CockroachDB Cloud after the deploy; until then it writes as before, and what it writes to a log "
        "group that is not in the settings is refused.",
        "Deploy.",
        f"Run what `logdock next-steps {change.of}` prints.",
    )


def omitted_channels(change: Change) -> Iterable[Effect]:
    """An omitted channel is nowhere else."""
    if change.added:
        yield cuts_off(change, f"CockroachDB Cloud no longer exports {joined(change.added)}; nothing else keeps it.")
    if not is_connected(change):
        yield _vendor_step(change, "Send the log export with the new channels")


def cockroach_redact(change: Change) -> Iterable[Effect]:
    """Redaction at the source."""
    if not change.after:
        yield exposes(
            change,
            "CockroachDB exports sensitive values, between markers. `redaction.markers` says what Logdock does with "
            "them; the log group has them in clear.",
        )
    if not is_connected(change):
        yield _vendor_step(change, "Send the log export with the new `redact`")


def cockroach_regions(change: Change) -> Iterable[Effect]:
    """Each Region of the cluster has log groups of its own."""
    home = (change.new.region,)
    before, after = ((each or home) for each in (change.before, change.after))
    gone = [region for region in before if region not in after]
    if gone:
        yield cuts_off(
            change,
            f"The role no longer admits the log groups in {joined(gone)}: what CockroachDB Cloud still sends there is "
            "refused. The log groups stay.",
        )
    if not is_connected(change):
        yield _vendor_step(change, "Send the log export for the new Regions")


def cockroach_adopt(change: Change) -> Iterable[Effect]:
    """A log group is either made by CloudFormation or taken over."""
    if change.after:
        yield note(
            change,
            "The log groups leave the stack and stay (they are retained); the deploy takes them over as they are.",
        )
    else:
        yield fails(
            change,
            "CloudFormation makes the log groups, and those that exist have the same names: the deploy fails.",
            "Leave the setting as it is, or import the log groups with `npx cdk import`.",
        )


def plan_of_cluster(change: Change) -> Iterable[Effect]:
    """Advanced and Standard trust in different ways."""
    yield refuses(
        change,
        f"The role's trust changes from that of a cluster on {shown(change.before)} to {shown(change.after)}: as long "
        "as the cluster assumes it the old way, it is refused.",
        "Deploy when the cluster has changed its plan.",
    )


def database_log_types(change: Change) -> Iterable[Effect]:
    """A log type that goes is no longer published."""
    names = [name for each in change.part.members for name in _groups_of(change, each.database_id, change.removed)]
    yield from _groups_gone(change, names, LOG_GROUP)
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
        yield _database_step(change)


def _database_step(change: Change) -> Effect:
    return at_vendor(
        change,
        f"The {change.part.noun} is not configured by the deploy.",
        f"Deploy, then run what `logdock next-steps {change.of}` prints.",
    )


def _groups_of(change: Change, name: str, log_types: Iterable[str]) -> Iterable[str]:
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
        yield _database_step(change)


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
        yield _database_step(change)
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
        yield _database_step(change)
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


def member_parameter_group(change: Change) -> Iterable[Effect]:
    """Each cluster has its parameter group, whichever setting names it."""
    before, after = (
        {each.database_id: each.parameter_group for each in part.members} for part in (change.part, change.new_part)
    )
    if any(before[each] != after[each] for each in before.keys() & after.keys()):
        yield from parameter_group(change)


def database_id(change: Change) -> Iterable[Effect]:
    """Another database has other log groups."""
    if change.before is None or (change.after is None and change.part.kind == "aurora-mysql"):
        return  # what it was before, or becomes, is said of the other setting
    names = _groups_of(change, change.before, change.part.log_types)
    yield from _groups_gone(change, names, LOG_GROUP)
    if is_connected(change):
        yield restarts(
            change,
            f"The deploy puts the {change.part.noun} `{change.before}` back as it was and configures "
            f"`{change.new_part.database_id}`. An instance that gets another parameter group takes it at its next "
            "restart.",
            "If both must be exported, add a second export instead.",
        )
    else:
        yield _database_step(change)


def database_members(change: Change) -> Iterable[Effect]:
    """Each database of an export is configured alone."""
    before, after = ({each.database_id for each in part.members} for part in (change.part, change.new_part))
    gone, new = sorted(before - after), sorted(after - before)
    for each in gone:
        yield from _groups_gone(change, _groups_of(change, each, change.part.log_types), LOG_GROUP)
    if gone and is_connected(change):
        yield cuts_off(change, f"The deploy puts {joined(gone)} back as it was before, and changes no other cluster.")
    if new and is_connected(change):
        yield effect(
            change,
            Kind.RESTARTS if change.new_part.needs_parameters else Kind.NOTE,
            f"The deploy configures {joined(new)} and no other cluster."
            + (
                " The instances of one that still uses a default parameter group must be restarted once."
                if change.new_part.needs_parameters
                else ""
            )
            + " If another export's stack configures it now, destroy that stack first.",
        )
    if not is_connected(change):
        yield _database_step(change)
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


def database_groups(change: Change) -> Iterable[Effect]:
    """A log group is either made by CloudFormation or taken over."""
    yield from cockroach_adopt(_as_switch(change, change.after == "adopt"))


def _as_switch(change: Change, value: bool) -> Change:
    return Change(**{**change.__dict__, "after": value})


def aurora_role(change: Change) -> Iterable[Effect]:
    """The service-linked role wins where it exists."""
    yield note(change, "Aurora writes by another role. RDS uses its service-linked role wherever that exists.")


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


def own_log_groups(change: Change) -> Iterable[Effect]:
    """A log group is subscribed by name or by prefix."""
    part = change.new_part
    if change.path == "log_groups":
        gone = [name for name in change.removed if not name.startswith(part.log_group_prefixes or ("\n",))]
        yield from _groups_gone(change, gone, LOG_GROUP)
    else:
        yield from _groups_gone(change, change.removed, "Every log group under")
    if change.added:
        yield note(
            change,
            f"{joined(change.added)} is archived from the deploy on. A log group takes two subscriptions at most.",
            f"`logdock backfill --export {change.of} --destination archive` for what is there already.",
        )


def encrypt(change: Change) -> Iterable[Effect]:
    """A group's events stay under the key that they were written with."""
    if change.after:
        yield note(change, "Events that are there stay as they are; new ones are under the export's key.")
    else:
        yield note(
            change,
            "The log groups keep the export's key, which stays in the account and admits them; no other group gets it.",
            "To take it off: `aws logs disassociate-kms-key --log-group-name <log group> --region <the group's>`. "
            "Events that are there are unreadable without the key: keep it until their retention has ended.",
        )
