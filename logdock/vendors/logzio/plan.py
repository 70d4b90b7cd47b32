"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined
from logdock.cli.plan.rules import buckets, connect, destinations, exports
from logdock.cli.plan.rules.common import BODIES, CONCURRENCY, NAME, Rule, cuts_off, drain, loses, note, refuses
from logdock.vendors.logzio.metrics import ALL


def _mode(change: Change) -> Iterable[Effect]:
    """A fetching destination's queue is FIFO: SQS cannot change one into the other."""
    yield loses(
        change,
        f"The queues of `{change.of}` are replaced: a feed's are FIFO. Messages that wait or are dead are deleted with "
        "the old ones; what they announced is still in S3.",
        drain(change.of, "it"),
        f"`logdock redrive --destination {change.of}` for what is dead.",
        f"After the deploy: `logdock backfill --destination {change.of}` for the time in between.",
    )


def _parse_json(change: Change) -> Iterable[Effect]:
    """Fields are what Logz.io's users search by, and what it bills."""
    yield note(
        change,
        "Lines have the fields of their JSON messages too: at Logz.io they are about twice as long."
        if change.after
        else "Lines no longer have the fields of their JSON messages: searches and dashboards that name them find "
        "nothing new.",
    )


def _fetch_account(change: Change) -> Iterable[Effect]:
    """The role trusts one account."""
    if change.before is None or change.after is None:
        return
    yield refuses(
        change,
        f"The role trusts `{change.after}` alone: fetchers of `{change.before}` are refused from the deploy on. The "
        "feed keeps objects for 30 days.",
        "Create fetchers in the new account with the role's ARN, then delete the old ones.",
    )


def _archive_and_restore(change: Change) -> Iterable[Effect]:
    """The role comes or goes."""
    if change.after is None:
        yield refuses(
            change,
            "The role of Archive & Restore is deleted: Logz.io archives nothing more. What is in the bucket stays.",
            "Stop archiving in Logz.io (Archive & Restore) before the deploy, unless `connect` does that.",
        )


def _archive_bucket(change: Change) -> Iterable[Effect]:
    """Logz.io restores from the bucket that it archives to."""
    yield refuses(
        change,
        f"The role reaches `{change.after}` alone: Logz.io restores nothing from `{change.before}`. What is there "
        "stays.",
        "Change the bucket in Logz.io (Archive & Restore), unless `connect` does that.",
    )


def _metrics(change: Change) -> Iterable[Effect]:
    """The stream comes or goes as a whole."""
    if change.after is None:
        yield cuts_off(change, "The metric stream is deleted: metrics of the time without it are not sent later.")


def _namespaces(change: Change) -> Iterable[Effect]:
    """What is not streamed is not sent later."""
    if ALL in change.after:
        yield note(change, "Every metric of the account and Region is streamed, each update at a price.")
        return
    gone = [name for name in change.before if name not in change.after]
    if gone == [ALL]:
        gone = ["every other namespace"]
    if gone:
        yield cuts_off(change, f"Metrics of {joined(gone)} are no longer sent, and not later either.")


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("LogzioDestination", "kind"): NAME,
    ("LogzioDestination", "name"): NAME,
    ("LogzioDestination", "mode"): _mode,
    ("LogzioDestination", "region"): destinations.destination_address,
    ("LogzioDestination", "token_secret"): destinations.token_secret,
    ("LogzioDestination", "listener_url"): destinations.destination_address,
    ("LogzioDestination", "log_type"): destinations.log_type,
    ("LogzioDestination", "parse_json"): _parse_json,
    ("LogzioDestination", "connect"): connect.connect,
    ("LogzioDestination", "account_id"): _fetch_account,
    ("LogzioDestination", "external_id"): buckets.external_id,
    ("LogzioDestination", "session_seconds"): exports.session_seconds,
    ("LogzioDestination", "permissions"): "The reader reads the same objects with either.",
    ("LogzioDestination", "source_path"): "Lines have the field with the object's key, or no longer.",
    ("LogzioDestination", "archive_and_restore"): _archive_and_restore,
    ("LogzioDestination", "metrics"): _metrics,
    ("LogzioDestination", "concurrency"): CONCURRENCY,
    ("LogzioDestination", "bodies_in_flight"): BODIES,
    ("LogzioArchive", "bucket"): _archive_bucket,
    ("LogzioArchive", "kms_key_arn"): "The role may use the new key alone; Logz.io restores nothing under the old one.",
    ("LogzioMetrics", "token_secret"): destinations.token_secret,
    ("LogzioMetrics", "namespaces"): _namespaces,
    ("LogzioMetrics", "listener_url"): destinations.destination_address,
    ("LogzioMetrics", "tags"): "The function that sends tags comes or goes; it holds nothing.",
}
