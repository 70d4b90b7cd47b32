"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined, shown
from logdock.cli.plan.rules import buckets
from logdock.cli.plan.rules.common import NAME, ON_FROM_NOW, Rule, at_vendor, cuts_off, drain, note, refuses

STOP_WRITING = (
    "Stop what writes there until the core and the export's stack are both deployed: what lands between the two is "
    "announced, but may no longer be read, and becomes a dead letter."
)


def _services(change: Change) -> Iterable[Effect]:
    """The policy of the bucket admits the services; some take no key of the bucket's own."""
    if change.part.encryption != change.new_part.encryption and not change.new_part.existing_bucket:
        to_s3 = change.new_part.encryption == "sse-s3"
        yield refuses(
            change,
            (
                "The bucket changes from its own KMS key to SSE-S3, because "
                f"{joined(change.added)} delivers to no other: every delivery that still names the key is refused."
                if to_s3
                else "The bucket changes from SSE-S3 to a KMS key of its own."
            ),
            "Add a second export for the new service instead, and leave this one as it is."
            if to_s3
            else f"Deploy, then have every service name the key (`logdock next-steps {change.of}`).",
            what=f"{change.path}.encryption",
        )
    if change.removed:
        yield refuses(
            change,
            f"The bucket no longer admits {joined(change.removed)}: its deliveries are refused from the deploy on.",
            "Point the service at another bucket, or switch its delivery off, before the deploy.",
        )
    if change.added:
        yield at_vendor(
            change,
            f"The bucket admits {joined(change.added)} after the deploy.",
            f"Deploy, then point the service at it (`logdock next-steps {change.of}`).",
        )


def _existing_bucket(change: Change) -> Iterable[Effect]:
    """Objects are announced by the bucket that is named."""
    if change.before is not None:
        yield cuts_off(
            change,
            f"Objects that land in `{change.before}` are no longer announced or shipped. The deploy puts its "
            "EventBridge setting back to what it was; its objects and its policy stay.",
            drain(change.of, "any destination"),
            STOP_WRITING,
        )
    elif change.after is not None:
        old = change.part.landing(change.old).bucket
        yield cuts_off(
            change,
            f"The bucket `{old}` stays with its logs and belongs to no stack any more; what is written to it is not "
            "shipped.",
            drain(change.of, "any destination"),
        )
    if change.after is None:
        yield at_vendor(change, f"The bucket `{change.new_part.landing(change.new).bucket}` is made, and admits "
            f"{joined(change.new_part.services) if change.new_part.services else 'this account'}.",
            f"Deploy, then point what writes at it (`logdock next-steps {change.of}`).")  # fmt: skip


def _prefix(change: Change) -> Iterable[Effect]:
    """The policy of a bucket made here admits services to paths under the prefix; one prefix is announced.

    Server access logs have any key under the prefix, other services ``AWSLogs/`` right under it
    (`logdock.vendors.s3_logs.stack.delivery`): for them a wider prefix is another path.
    """
    before, after = (f"{each}/" if each else "" for each in (change.before, change.after))
    is_wider = before.startswith(after)
    stay = set(change.part.services) & set(change.new_part.services)
    refused = stay - {"s3-access"} if is_wider else stay
    if refused:
        yield from buckets.prefix(change)
    if is_wider:
        which = f"under `{after}`" if after else "of any key"
        yield note(change, f"Objects {which} are announced too, from the deploy on.")
    elif not refused:
        where = f"under `{before}`" if before else f"outside `{after}`"
        yield cuts_off(
            change,
            f"Objects {where} are no longer announced or shipped; the bucket takes them as before.",
            drain(change.of, "any destination"),
            STOP_WRITING if change.part.existing_bucket else "",
        )


def _existing_key(change: Change) -> Iterable[Effect]:
    """The shipper may use the key that is named."""
    if change.before is not None:
        yield cuts_off(
            change,
            f"The shipper may no longer decrypt with `{shown(change.before)}`: objects under it end as dead letters.",
            drain(change.of, "any destination"),
        )


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("S3LogsExport", "kind"): NAME,
    ("S3LogsExport", "bucket"): buckets.bucket,
    ("S3LogsExport", "services"): _services,
    ("S3LogsExport", "existing_bucket"): _existing_bucket,
    ("S3LogsExport", "kms_key_arn"): _existing_key,
    ("S3LogsExport", "prefix"): _prefix,
    ("S3LogsExport", "format"): ON_FROM_NOW,
}
