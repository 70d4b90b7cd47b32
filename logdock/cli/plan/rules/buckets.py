"""What a change of an export that lands in a bucket leads to."""

from __future__ import annotations

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind, joined, shown
from logdock.cli.plan.rules.common import (
    at_vendor,
    cuts_off,
    drain,
    effect,
    is_connected,
    note,
    refuses,
    replaces,
    vendor_of,
)


def bucket(change: Change) -> Iterable[Effect]:
    """A bucket is made, the old one is kept."""
    old, new = change.part.landing(change.old).bucket, change.new_part.landing(change.new).bucket
    yield replaces(
        change,
        f"The bucket `{new}` is made; `{old}` stays with its logs, its policy and its lifecycle, and belongs to no "
        "stack any more.",
    )
    if is_connected(change):
        yield at_vendor(change, f"The deploy has {vendor_of(change)} write to `{new}`. Until it is done, uploads to "
            f"`{old}` are refused and repeated later.")  # fmt: skip
        return
    yield effect(
        Kind.REFUSES if change.part.kind != "s3-logs" else Kind.CUTS_OFF,
        change,
        f"What is written to `{old}` from the deploy on is neither announced nor shipped"
        + (", and the vendor's role may not write there." if change.part.kind == "mongodb-atlas" else "."),
        drain(change.of, "any destination"),
        f"Deploy, then point {vendor_of(change)} at `{new}` (`logdock next-steps {change.of}`).",
        "Search the old bucket by hand, or copy its objects into the new one and run `logdock backfill`.",
    )


def prefix(change: Change) -> Iterable[Effect]:
    """The policy of a bucket made here admits one prefix."""
    before, after = (f"under `{each}/`" if each else "without a prefix" for each in (change.before, change.after))
    if is_connected(change):
        yield at_vendor(
            change,
            f"The deploy has {vendor_of(change)} write {after}. Until that is done, uploads {before} are "
            f"refused; Atlas repeats them for up to seven days. {_former(change)}",
            drain(change.of, "any destination"),
        )
        return
    yield refuses(
        change,
        f"The bucket admits only keys {after} from {vendor_of(change)}: deliveries {before} are refused from the "
        f"deploy on. {_former(change)}"
        + (" Atlas repeats refused uploads for up to seven days." if change.part.kind == "mongodb-atlas" else ""),
        drain(change.of, "any destination"),
        "Deploy.",
        (
            f"At once, change the prefix at {vendor_of(change)} to `{change.after}`"
            if change.after
            else f"At once, remove the prefix at {vendor_of(change)}"
        )
        + f" (`logdock next-steps {change.of}`).",
    )


def _former(change: Change) -> str:
    """Say how to find what lies under the former prefix: where an export lands, commands look under its own alone."""
    return (
        "What is there stays."
        + (" `logdock logs` finds its copy in the archive." if change.part.is_archived else "")
        + f" To search {'the objects themselves' if change.part.is_archived else 'it'} or to ship it later, give "
        "`logdock logs` and `logdock backfill` the former settings file (`--settings`)."
    )


def external_id(change: Change) -> Iterable[Effect]:
    """A role accepts the ids of the list."""
    if change.before is None or change.after is None:
        return
    if change.removed and change.part.kind == "cockroachdb" and is_connected(change):
        yield at_vendor(
            change,
            f"The deploy sends `{shown(change.after[-1])}` to CockroachDB Cloud; {len(change.removed)} id leaves the "
            "role. Sessions that are open go on until they end.",
            "Safer in three deploys: [old, new], then the check that the vendor uses the new one, then [new]: "
            f"`logdock rotate-external-id {change.of}`.",
        )
    elif change.removed:
        first = (
            ""
            if len(change.before) > 1
            else f"Put {joined(change.before)} back, then `logdock rotate-external-id {change.of} --begin --new "
            f"{shown(change.after[-1])}`, which writes [old, new]."
        )
        yield refuses(
            change,
            f"{joined(change.removed)} leaves the role: a caller that still sends it is refused from the deploy on.",
            first,
            f"`logdock rotate-external-id {change.of}` says which id {vendor_of(change)} used last; `--finish` writes "
            "the file when it is safe.",
        )
    elif change.added:
        yield at_vendor(
            change,
            "Both ids are accepted after the deploy.",
            "Deploy.",
            f"Change {vendor_of(change)} to `{shown(change.after[-1])}`.",
            f"`logdock rotate-external-id {change.of} --finish` when the vendor has used it.",
        )


def principal(change: Change) -> Iterable[Effect]:
    """A role trusts one principal."""
    if change.before is None or change.after is None:
        return
    yield refuses(
        change,
        f"The role trusts `{shown(change.after)}` alone: `{shown(change.before)}` is refused from the deploy on.",
        f"Check at {vendor_of(change)} which principal it assumes the role from before the deploy.",
    )


def another_object(change: Change) -> Iterable[Effect]:
    """Another project or cluster at the vendor."""
    if change.before is None or change.after is None:
        return  # an export of one becomes one of several, or the other way round: `members` says so
    what = change.path.removesuffix("_id")
    if is_connected(change):
        yield cuts_off(
            change,
            f"The deploy switches the export of the {what} `{change.before}` off and that of `{change.after}` on.",
            "If both must be exported, add a second export instead.",
        )
        return
    yield cuts_off(
        change,
        f"The {what} `{change.before}` is no longer in the settings. What is configured there stays on until someone "
        "switches it off, and the role may stop admitting it.",
        f"Switch the export off at {vendor_of(change)}, deploy, then switch it on for `{change.after}` "
        f"(`logdock next-steps {change.of}`).",
    )


def members(change: Change) -> Iterable[Effect]:
    """Each project or cluster of an export has its own part of the stack, which comes and goes alone."""
    what = change.path.removesuffix("_ids")
    before, after = (
        {getattr(member, f"{what}_id") for member in part.members} for part in (change.part, change.new_part)
    )
    # Of several, those that stay are as they were.
    stay = sorted(before & after) if not change.before or not change.after else []
    if gone := sorted(before - after):
        yield cuts_off(
            change,
            f"The deploy switches the export of the {what}{'s' * (len(gone) > 1)} {joined(gone)} off at "
            f"{vendor_of(change)}, and no other. What it wrote stays where it is, under the same key, and is found "
            "and expires as before.",
        )
    if new := sorted(after - before):
        yield note(
            change,
            f"The deploy switches the export of the {what}{'s' * (len(new) > 1)} {joined(new)} on, and changes nothing "
            "of the others. "
            + (
                "A project that another export has is exported twice until that one's stack is destroyed."
                if change.part.lands_in == "bucket"
                else "A cluster that another export's stack configures is refused until that stack is destroyed."
            ),
        )
    if stay:
        to = "a directory" if change.part.lands_in == "bucket" else "log groups"
        yield at_vendor(
            change,
            f"The deploy has {vendor_of(change)} write the logs of the {what} {joined(stay)} by another role and to "
            f"{to} of {'its' if change.after else 'the export'} own. What it wrote until then stays where it is, and "
            "is found and expires as before.",
        )
