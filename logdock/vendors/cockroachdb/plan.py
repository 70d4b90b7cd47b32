"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined, shown
from logdock.cli.plan.rules import buckets, connect, exports, log_groups
from logdock.cli.plan.rules.common import NAME, PARENT, Rule, at_vendor, cuts_off, exposes, is_connected, note, refuses


def _log_group(change: Change) -> Iterable[Effect]:
    """Another name is another log group."""
    gone = {change.before} if change.part.cluster_id else {*change.part.log_groups}
    yield from log_groups.groups_gone(change, sorted(gone - {*change.new_part.log_groups}))
    if not is_connected(change):
        yield _vendor_step(change, f"Send the log export's `log_name` as `{change.after}`")


def _groups(change: Change) -> Iterable[Effect]:
    """Channels move between log groups."""
    before = {group.log_name for each in change.part.members for group in each.groups}
    yield from log_groups.groups_gone(change, sorted(before - set(change.new_part.log_groups)))
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


def _omitted_channels(change: Change) -> Iterable[Effect]:
    """An omitted channel is nowhere else."""
    if change.added:
        yield cuts_off(change, f"CockroachDB Cloud no longer exports {joined(change.added)}; nothing else keeps it.")
    if not is_connected(change):
        yield _vendor_step(change, "Send the log export with the new channels")


def _redact(change: Change) -> Iterable[Effect]:
    """Redaction at the source."""
    if not change.after:
        yield exposes(
            change,
            "CockroachDB exports sensitive values, between markers. `redaction.markers` says what Logdock does with "
            "them; the log group has them in clear.",
        )
    if not is_connected(change):
        yield _vendor_step(change, "Send the log export with the new `redact`")


def _regions(change: Change) -> Iterable[Effect]:
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


def _plan_of_cluster(change: Change) -> Iterable[Effect]:
    """Advanced and Standard trust in different ways."""
    yield refuses(
        change,
        f"The role's trust changes from that of a cluster on {shown(change.before)} to {shown(change.after)}: as long "
        "as the cluster assumes it the old way, it is refused.",
        "Deploy when the cluster has changed its plan.",
    )


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("CockroachdbExport", "kind"): NAME,
    **{("CockroachdbGroup", field): PARENT for field in ("log_name", "channels", "min_level", "redact")},
    ("CockroachdbExport", "plan"): _plan_of_cluster,
    ("CockroachdbExport", "cluster_id"): buckets.another_object,
    ("CockroachdbExport", "cluster_ids"): buckets.members,
    ("CockroachdbExport", "connect"): connect.connect,
    ("CockroachdbExport", "cluster_account_id"): buckets.principal,
    ("CockroachdbExport", "external_id"): buckets.external_id,
    ("CockroachdbExport", "log_group"): _log_group,
    ("CockroachdbExport", "adopt_log_groups"): log_groups.adopt_log_groups,
    ("CockroachdbExport", "groups"): _groups,
    ("CockroachdbExport", "omitted_channels"): _omitted_channels,
    ("CockroachdbExport", "redact"): _redact,
    ("CockroachdbExport", "regions"): _regions,
    ("CockroachdbExport", "session_seconds"): exports.session_seconds,
}
