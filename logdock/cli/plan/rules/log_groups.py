"""What a change of an export that lands in log groups leads to."""

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined
from logdock.cli.plan.rules.common import cuts_off, fails, note


def groups_gone(change: Change, groups: Iterable[str], what: str = "The log group") -> Iterable[Effect]:
    """Log groups are no longer subscribed."""
    groups = tuple(groups)
    if not groups:
        return
    is_ours, several = change.part.kind != "cloudwatch-logs", len(groups) > 1
    plural = "s" if several and what == "The log group" else ""
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


def adopt_log_groups(change: Change) -> Iterable[Effect]:
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
