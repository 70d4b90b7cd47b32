"""What a change of a destination leads to."""

from __future__ import annotations

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined, shown
from logdock.cli.plan.rules.common import cuts_off, drain, loses, note, refuses
from logdock.vendors.logzio.metrics import ALL


def mode(change: Change) -> Iterable[Effect]:
    """A fetching destination's queue is FIFO: SQS cannot change one into the other."""
    yield loses(
        change,
        f"The queues of `{change.of}` are replaced: a feed's are FIFO. Messages that wait or are dead are deleted with "
        "the old ones; what they announced is still in S3.",
        drain(change.of, "it"),
        f"`logdock redrive --destination {change.of}` for what is dead.",
        f"After the deploy: `logdock backfill --destination {change.of}` for the time in between.",
    )


def destination_address(change: Change) -> Iterable[Effect]:
    """What waits goes to the new address."""
    yield note(
        change,
        "What waits on the queue goes to the new address; what was sent stays where it is.",
        "Store the new address's token or headers in the secret before the deploy.",
    )


def token_secret(change: Change) -> Iterable[Effect]:
    """Without the secret every batch fails, and waits."""
    yield note(
        change,
        "The function may read the new secret alone. If it is missing or wrong, messages are retried and then kept as "
        "dead letters; none is lost.",
        f"Store the secret `{shown(change.after)}` before the deploy." if change.after else "No credential is sent.",
    )


def log_type(change: Change) -> Iterable[Effect]:
    """A type selects Logz.io's parsing rules."""
    yield note(change, "Parsing rules, drop filters and dashboards at Logz.io that name the old type end.")


def parse_json(change: Change) -> Iterable[Effect]:
    """Fields are what Logz.io's users search by, and what it bills."""
    yield note(
        change,
        "Lines have the fields of their JSON messages too: at Logz.io they are about twice as long."
        if change.after
        else "Lines no longer have the fields of their JSON messages: searches and dashboards that name them find "
        "nothing new.",
    )


def fetch_account(change: Change) -> Iterable[Effect]:
    """The role trusts one account."""
    if change.before is None or change.after is None:
        return
    yield refuses(
        change,
        f"The role trusts `{change.after}` alone: fetchers of `{change.before}` are refused from the deploy on. The "
        "feed keeps objects for 30 days.",
        "Create fetchers in the new account with the role's ARN, then delete the old ones.",
    )


def archive_and_restore(change: Change) -> Iterable[Effect]:
    """The role comes or goes."""
    if change.after is None:
        yield refuses(
            change,
            "The role of Archive & Restore is deleted: Logz.io archives nothing more. What is in the bucket stays.",
            "Stop archiving in Logz.io (Archive & Restore) before the deploy, unless `connect` does that.",
        )


def archive_bucket(change: Change) -> Iterable[Effect]:
    """Logz.io restores from the bucket that it archives to."""
    yield refuses(
        change,
        f"The role reaches `{change.after}` alone: Logz.io restores nothing from `{change.before}`. What is there "
        "stays.",
        "Change the bucket in Logz.io (Archive & Restore), unless `connect` does that.",
    )


def metrics(change: Change) -> Iterable[Effect]:
    """The stream comes or goes as a whole."""
    if change.after is None:
        yield cuts_off(change, "The metric stream is deleted: metrics of the time without it are not sent later.")


def namespaces(change: Change) -> Iterable[Effect]:
    """What is not streamed is not sent later."""
    if ALL in change.after:
        yield note(change, "Every metric of the account and Region is streamed, each update at a price.")
        return
    gone = [name for name in change.before if name not in change.after]
    if gone == [ALL]:
        gone = ["every other namespace"]
    if gone:
        yield cuts_off(change, f"Metrics of {joined(gone)} are no longer sent, and not later either.")
