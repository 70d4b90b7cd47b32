"""What a change of a setting leads to that every kind of export has."""

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined
from logdock.cli.plan.rules.common import (
    ON_FROM_NOW,
    cuts_off,
    drain,
    exposes,
    keeps_running,
    loses,
    note,
    refuses,
    replaces,
)
from logdock.settings.destinations import ARCHIVE


def ship_to(change: Change) -> Iterable[Effect]:
    """A destination that goes gets nothing more; what waits for it cannot be read any more."""
    lands_in_groups = change.part.lands_in == "log groups"
    for name in change.removed:
        if name == "archive" and lands_in_groups:
            continue
        if name != "archive" and all(each.name != name for each in change.new.destinations):
            yield note(
                change,
                f"`{name}` leaves the settings, and `{change.of}` is no longer sent to it.",
                what=f"{change.path}.{name}",
            )
            continue
        yield cuts_off(
            change,
            f"Nothing of `{change.of}` is sent to `{name}` any more, and what waits on its queue may no longer be read "
            "and ends as dead letters. What lands stays where it lands.",
            drain(name, f"`{change.of}`") if name != "archive" else "",
            what=f"{change.path}.{name}",
        )
    for name in change.added:
        yield note(
            change,
            f"`{name}` gets what lands from the deploy on."
            + (" `logdock logs` then searches it, unless you add `--from landing`." if name == ARCHIVE else ""),
            f"`logdock backfill --export {change.of} --destination {name}` for what is there already.",
            what=f"{change.path}.{name}",
        )


def landing_account(change: Change) -> Iterable[Effect]:
    """Bucket or log groups, key and the vendor's role are made in another account; the old ones are not moved."""
    of, deployment = change.of, change.old.deployment
    stack, landing = f"{deployment}-{of}", f"{deployment}-Landing-{of}"
    in_bucket = change.new_part.lands_in == "bucket"
    has_vendor = change.part.kind != "cloudwatch-logs"
    # the core's update cannot delete the event bus, which it may no longer have, while a rule is on it
    first, rule = (", before the deploy", f" {stack}") if in_bucket and not change.after else ("", "")
    if change.before:
        yield keeps_running(
            change,
            f"The stack `{landing}` in the account `{change.before}` leaves the settings, and no deploy destroys it: "
            f"{'the vendor goes on exporting there' if has_vendor else 'its log groups stay subscribed'}, and nothing "
            "of it is shipped.",
            f"With the settings file that still has it{first}: `npx cdk destroy {landing}{rule}`.",
        )
    else:
        yield replaces(
            change,
            f"The stack `{stack}` no longer has the landing: what it made (bucket or log groups, and key) stays with "
            "its logs, and belongs to no stack any more; the vendor's role and subscriptions are deleted.",
        )
    if not in_bucket:
        where = f"the account `{change.after or change.new.account}`"
        yield refuses(
            change,
            f"The landing is made anew, in {where}, with its subscriptions: what is written to log groups elsewhere is "
            "no longer archived.",
            f"Deploy, then have the vendor write in {where} (`logdock next-steps {of}`)."
            if has_vendor
            else f"Before the deploy, have the log groups in {where}: it fails where one is not there.",
        )
        return
    bucket = change.new_part.landing(change.new).document["bucket"]
    yield refuses(
        change,
        f"The landing is made anew, in the account `{change.after or change.new.account}`: what the vendor still sends "
        "to the old one is refused, or not shipped.",
        drain(of, "any destination"),
        f"Deploy, then point the vendor at `{bucket}` (`logdock next-steps {of}`, which has the new role too).",
    )


def filters(change: Change) -> Iterable[Effect]:
    """A line that is filtered is not archived."""
    if not _is_stricter(change):
        return
    if change.part.lands_in == "log groups":
        yield loses(
            change,
            "Lines that the new expressions leave out are not archived: they are in their log group alone, until its "
            "retention ends.",
        )
    else:
        yield note(change, "Lines that the new expressions leave out stay in the landing bucket, and go nowhere else.")


def key_filters(change: Change) -> Iterable[Effect]:
    """An object that is excluded stays where it landed."""
    if _is_stricter(change):
        yield note(
            change, "Objects whose keys the new expressions exclude stay in the landing bucket, and go nowhere else."
        )


def _is_stricter(change: Change) -> bool:
    if change.path.startswith("include"):
        return bool(change.removed) or not change.before
    return bool(change.added)


def markers(change: Change) -> Iterable[Effect]:
    """`keep` shows what CockroachDB marked."""
    if change.after == "keep":
        yield exposes(
            change,
            f"What CockroachDB marks is archived and shipped with its value; before, it was {change.before}ed."
            if change.before == "redact"
            else "The marks are kept; their values were archived and shipped before too.",
        )
    elif change.before == "redact":
        yield exposes(change, "The marks are dropped and their values are archived and shipped.")


def redaction(change: Change) -> Iterable[Effect]:
    """What was archived or sent in clear cannot be taken back."""
    if change.removed:
        gone = joined(getattr(each, "name", each) for each in change.removed)
        yield exposes(
            change,
            f"{gone} no longer redacts as before: from the deploy on, lines are archived and shipped with what it took "
            "out. That cannot be taken back.",
        )
    elif change.added:
        yield note(change, ON_FROM_NOW)


def oversize(change: Change) -> Iterable[Effect]:
    """`truncate` cuts, `quarantine` keeps."""
    if change.after == "truncate":
        yield note(
            change, "Destinations get the beginning of a message that is too long for them; the archive has it whole."
        )


def max_expansion(change: Change) -> Iterable[Effect]:
    """A smaller limit keeps the rest of an object from destinations; a larger one lets more be charged for."""
    if change.after < change.before:
        yield note(
            change,
            f"Of an object that expands to more than {change.after} times its stored size, only the beginning is "
            "archived and shipped. The object stays where it landed, and the failure bucket gets a note.",
        )
    else:
        yield note(
            change,
            "Objects that expand further are shipped whole. Those that were refused are not sent again by the deploy.",
            f"`logdock backfill --export {change.of}` for what was refused.",
        )


def export_retention(change: Change) -> Iterable[Effect]:
    """CloudWatch Logs deletes what is older."""
    hot = change.new.effective_retention.hot_days
    before = change.before if change.before is not None else hot
    after = change.after if change.after is not None else hot
    if after < before:
        yield note(
            change,
            f"The log groups delete events older than {after} days. The archive keeps its copy of what was archived.",
        )


def session_seconds(change: Change) -> Iterable[Effect]:
    """STS refuses a session that is longer than the role's maximum."""
    if change.after < change.before:
        yield refuses(
            change, f"A session longer than {change.after} seconds is refused. Vendors ask for up to 12 hours (43200)."
        )
