"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, shown
from logdock.cli.plan.rules import buckets
from logdock.cli.plan.rules.common import NAME, Rule, note, refuses


def _replication_role(change: Change) -> Iterable[Effect]:
    """The bucket's policy names one role."""
    yield refuses(
        change,
        f"The bucket admits `{change.after}` alone: what Aptible replicates as `{change.before}` is refused.",
        "Ask Aptible which role replicates before the deploy.",
    )


def _bucket_encryption(change: Change) -> Iterable[Effect]:
    """A policy denies uploads that name another key."""
    yield refuses(
        change,
        f"The bucket takes {'uploads under its own key' if change.after == 'kms' else 'uploads with SSE-S3'} alone. "
        "Aptible's replication rule must agree before the deploy. Objects that are there keep their encryption.",
        "Agree with Aptible on the rule and the time, then deploy.",
    )


def _decryption_keys(change: Change) -> Iterable[Effect]:
    """Without its keys an archive cannot be read."""
    if change.after is None:
        yield note(change, "`logdock logs` needs `--decryption-keys` to read these archives.")
    else:
        yield note(
            change,
            "The shipper reads the keys from the new secret. An archive whose key is not in it goes to quarantine.",
            f"Store every key that archives on the queues may need in `{shown(change.after)}` before the deploy.",
        )


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("AptibleExport", "kind"): NAME,
    ("AptibleExport", "stack_region"): "It is checked against the deployment's Region, and changes nothing deployed.",
    ("AptibleExport", "bucket"): buckets.bucket,
    ("AptibleExport", "replication_role_arn"): _replication_role,
    ("AptibleExport", "encryption"): _bucket_encryption,
    ("AptibleExport", "decryption_keys_secret"): _decryption_keys,
}
