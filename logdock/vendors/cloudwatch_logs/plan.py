"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined
from logdock.cli.plan.rules import log_groups
from logdock.cli.plan.rules.common import NAME, ON_FROM_NOW, Rule, loses, note


def _group_retention(change: Change) -> Iterable[Effect]:
    """Log groups of the user's own may hold what was written before they were subscribed."""
    if change.after is None:
        yield note(change, f"The log groups keep the retention that they have: {change.before} days.")
    elif change.before is None or change.after < change.before:
        yield loses(
            change,
            f"The log groups delete events older than {change.after} days. What was written before the groups were "
            "subscribed is not in the archive.",
            f"First `logdock backfill --export {change.of} --destination archive --since <their age>`.",
        )


def _own_log_groups(change: Change) -> Iterable[Effect]:
    """A log group is subscribed by name or by prefix."""
    part = change.new_part
    if change.path == "log_groups":
        gone = [name for name in change.removed if not name.startswith(part.log_group_prefixes or ("\n",))]
        yield from log_groups.groups_gone(change, gone)
    else:
        yield from log_groups.groups_gone(change, change.removed, "Every log group under")
    if change.added:
        yield note(
            change,
            f"{joined(change.added)} is archived from the deploy on. A log group takes two subscriptions at most.",
            f"`logdock backfill --export {change.of} --destination archive` for what is there already.",
        )


def _encrypt(change: Change) -> Iterable[Effect]:
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


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("CloudwatchLogsExport", "kind"): NAME,
    ("CloudwatchLogsExport", "log_groups"): _own_log_groups,
    ("CloudwatchLogsExport", "log_group_prefixes"): _own_log_groups,
    ("CloudwatchLogsExport", "retention_days"): _group_retention,
    ("CloudwatchLogsExport", "encrypt"): _encrypt,
    ("CloudwatchLogsExport", "format"): ON_FROM_NOW,
}
