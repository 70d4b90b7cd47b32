"""What a change of `connect` leads to, where the deploy configures the vendor."""

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined, shown
from logdock.cli.plan.rules.common import at_vendor, cuts_off, note, restarts, vendor_of


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
        if clusters := getattr(change.after, "redact_clusters", ()):
            sentence = f"Atlas restarts the nodes of {joined(clusters)} one after the other."
            yield restarts(change, sentence, what=f"{change.path}.redact_clusters")


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
