"""What a change of `connect` leads to, where the deploy configures the vendor."""

from __future__ import annotations

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined, shown
from logdock.cli.plan.rules.common import at_vendor, cuts_off, exposes, note, restarts, vendor_of


def connect(change: Change) -> Iterable[Effect]:
    """`connect` decides who configures the vendor."""
    vendor = vendor_of(change)
    if change.after is None:
        yield cuts_off(
            change,
            f"The deploy undoes what it configured at {vendor}: the export is switched off there. It stays off until "
            "someone switches it on.",
            f"Deploy, then run what `logdock next-steps {change.of}` prints.",
            "Keep the secret until the deploy is done: undoing needs it.",
        )
    elif change.before is None:
        yield at_vendor(
            change,
            f"The deploy configures {vendor}. A configuration that was made by hand is refused unless `connect.adopt` "
            "is true.",
            f"Store the credential in `{shown(change.after.secret)}` before the deploy.",
            "If the export is on already: set `connect.adopt: true`, deploy, and take it out again.",
        )
        yield from _atlas_project(change)


def _atlas_project(change: Change) -> Iterable[Effect]:
    clusters = getattr(change.after, "redact_clusters", ())
    if clusters:
        yield restarts(change, f"Atlas restarts the nodes of {joined(clusters)} one after the other.",
            what=f"{change.path}.redact_clusters")  # fmt: skip


def connect_secret(change: Change) -> Iterable[Effect]:
    """A credential of another organisation sees other objects."""
    yield at_vendor(
        change,
        f"What the deploy made at {vendor_of(change)} is managed with the new credential from then on. It must see the "
        "same project, cluster or account: what only the old one sees cannot be undone with it, and goes on.",
        f"Store the credential in `{shown(change.after)}` before the deploy, and keep the old secret until it is done.",
        "For another organisation or account: destroy with the old secret first, then deploy with the new one.",
    )


def api_base_url(change: Change) -> Iterable[Effect]:
    """Another address is another vendor."""
    yield at_vendor(
        change,
        "Objects that exist at the old address are looked for at the new one. If it is another system, they stay on.",
    )


def connect_vpc(change: Change) -> Iterable[Effect]:
    """An access list admits addresses."""
    yield at_vendor(
        change,
        f"The deploy reaches {vendor_of(change)} from another address.",
        f"Admit the new address in {vendor_of(change)}'s access list before the deploy; remove the old one afterwards.",
    )


def adopt(change: Change) -> Iterable[Effect]:
    """What was taken over is put back as long as the setting stands."""
    if not change.after:
        yield note(change, "What was there before is forgotten: a destroy removes the configuration for good.")


def legacy_paths(change: Change) -> Iterable[Effect]:
    """Keys change for new objects."""
    yield note(change, "New objects have keys of the other layout. Readers of the bucket must know both.")


def atlas_alert(change: Change) -> Iterable[Effect]:
    """The alert is of the project."""
    if not change.after:
        yield note(change, "The deploy deletes the alert at Atlas: no one is notified when the export fails.")


def atlas_auditing(change: Change) -> Iterable[Effect]:
    """Database Auditing is of the project, and its log is empty without it."""
    if change.after is None:
        yield cuts_off(
            change,
            "The deploy puts Database Auditing of the project back to what it was before Logdock, or off: audit logs "
            "are then empty. What is not audited cannot be had later.",
        )


def audit_filter(change: Change) -> Iterable[Effect]:
    """What a filter does not record is nowhere."""
    yield note(change, "Events that the new filter leaves out are not recorded anywhere from the deploy on.")


def redact_clusters(change: Change) -> Iterable[Effect]:
    """`redactClientLogData` needs a rolling restart, both ways."""
    if change.added or change.removed:
        yield restarts(
            change, f"Atlas restarts the nodes of {joined((*change.added, *change.removed))} one after the other."
        )
    if change.removed:
        yield exposes(
            change,
            f"Diagnostic logs of {joined(change.removed)} hold values of documents and queries again: the deploy puts "
            "the cluster's setting back.",
        )
