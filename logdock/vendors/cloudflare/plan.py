"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind, shown
from logdock.cli.plan.rules import buckets, connect
from logdock.cli.plan.rules.common import NAME, Rule, at_vendor, cuts_off, effect, is_connected, loses, refuses


def _place(change: Change) -> Iterable[Effect]:
    """The bucket's policy admits one prefix, and Logpush keeps nothing for later."""
    who = "The deploy changes the job right after the policy" if is_connected(change) else "Change the job at once"
    yield refuses(
        change,
        f"The bucket admits Cloudflare under `{shown(change.after)}/` alone from the deploy on. {who}: until then "
        "Cloudflare tries uploads again a few times, and what it cannot push is lost.",
        "" if is_connected(change) else f"`logdock next-steps {change.of}` prints the commands.",
    )


def _job(change: Change) -> Iterable[Effect]:
    """A job pushes from now on what it says."""
    if is_connected(change):
        yield at_vendor(change, "The deploy changes the Logpush job in place; files from then on have it.")
    else:
        yield at_vendor(change, "The Logpush job stays as it is until you change it at Cloudflare.",
            f"`logdock next-steps {change.of}` prints what it must be.")  # fmt: skip


def _less(change: Change) -> Iterable[Effect]:
    """What is not pushed is kept nowhere."""
    yield loses(change, "Records that Cloudflare does not push are kept nowhere: it cannot push them later.")
    yield from _job(change)


def _dataset(change: Change) -> Iterable[Effect]:
    """A job is of one dataset for good."""
    yield cuts_off(
        change,
        f"`{change.before}` is no longer pushed: a job's dataset cannot be changed, so another job takes its place.",
        "If both must be pushed, add a second export instead.",
    )


def _encryption(change: Change) -> Iterable[Effect]:
    """The default encryption of a bucket."""
    to_kms = change.after == "kms"
    yield effect(
        Kind.REFUSES if to_kms else Kind.NOTE,
        change,
        "New objects are encrypted with a key of the export's own. Cloudflare's user must be allowed to use it in "
        "Cloudflare's account too, which Cloudflare does not document: if it is not, every upload is refused and lost."
        if to_kms
        else "New objects are encrypted with SSE-S3. Objects that are there keep their encryption.",
        "Ask Cloudflare first, and look at `logdock status` right after the deploy." if to_kms else "",
    )


def _principal(change: Change) -> Iterable[Effect]:
    """The bucket's policy names one user."""
    yield refuses(
        change,
        f"The bucket admits `{change.after}` alone: what Logpush writes as `{change.before}` is refused and lost.",
        'Check in Cloudflare\'s documentation ("Enable Amazon S3") which user writes before the deploy.',
    )


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("CloudflareExport", "kind"): NAME,
    ("CloudflareExport", "dataset"): _dataset,
    ("CloudflareExport", "zone_id"): buckets.another_object,
    ("CloudflareExport", "account_id"): buckets.another_object,
    ("CloudflareExport", "fields"): _job,
    ("CloudflareExport", "connect"): connect.connect,
    ("CloudflareExport", "bucket"): buckets.bucket,
    ("CloudflareExport", "prefix"): _place,
    ("CloudflareExport", "dated_folders"): _job,
    ("CloudflareExport", "timestamp_format"): _job,
    ("CloudflareExport", "filter"): _less,
    ("CloudflareExport", "sample_rate"): _less,
    ("CloudflareExport", "max_upload_bytes"): _job,
    ("CloudflareExport", "max_upload_records"): _job,
    ("CloudflareExport", "max_upload_interval_seconds"): _job,
    ("CloudflareExport", "encryption"): _encryption,
    ("CloudflareExport", "principal_arn"): _principal,
}
