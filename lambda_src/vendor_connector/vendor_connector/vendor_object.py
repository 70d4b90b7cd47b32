"""One configuration at a vendor that this stack owns: created once, reconciled, never confused with another, removed.

Vendors' lists have no place for a mark of ours, so what is ours is remembered (see ``state``): its id, and before it
has one, the ids that were there already, so that a creation whose answer was lost is found again instead of repeated.
An existing object that is not remembered has another owner: it is refused unless ``adopt`` is set. What was adopted is
remembered as it was found and put back so, by a rollback as by a destroy; once ``adopt`` is taken out of the settings
it counts as ours and goes with the stack.

Absence is not deletion. A vendor's lists lag behind what it has accepted, so what was created a moment ago and is not
listed is read by its id and waited for before it counts as gone. When the project or the cluster itself cannot be
found, the credential may have lost sight of it: what is saved is only dropped when the vendor shows that it is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from vendor_connector import aws, state
from vendor_connector.request import ConnectorError, Document, NotReadyError, OutOfSightError
from vendor_connector.vendor_api import NoAnswerError

LOOK_AGAIN_SECONDS = 600.0
"""How long a vendor may take to show, or to stop showing, what it has accepted."""


SETTLE_SECONDS = 180.0
"""How long what a vendor has accepted may be missing from its lists before it counts as gone, or as never created."""


class Place(Protocol):
    """What holds the configuration at the vendor: a project, a cluster, an account."""

    def owner(self) -> str | None:
        """Return the id of the organization or account that the credential belongs to; None when it may not see it."""

    def is_deleted(self, owner: str | None) -> bool:
        """Return whether it is certainly deleted, given who owned it: False if the credential may just not see it."""


class Kind(Protocol):
    """A kind of configuration at a vendor."""

    @property
    def place(self) -> Place:
        """What holds it."""

    @property
    def what(self) -> str:
        """Its name in a sentence, with the place where a person finds it."""

    def listed(self) -> Mapping[str, Document]:
        """Return what the vendor has, by id.

        Raises
        ------
        OutOfSightError
            When what holds it cannot be found.
        """

    def find(self, object_id: str) -> Document | None:
        """Return one by its id, or None when there is none; it may be there before it is listed."""

    def is_this(self, document: Document) -> bool:
        """Return whether a configuration does what ours is to do."""

    def is_unfinished(self, document: Document) -> bool:
        """Return whether a configuration may be ours as it is right after its creation."""

    def create(self) -> tuple[str, Document]:
        """Make it; return its id and what the vendor answered."""

    def is_current(self, document: Document) -> bool:
        """Return whether it is as asked."""

    def update(self, object_id: str, former: Document | None) -> Document:
        """Bring it to what is asked, or back to a ``former`` document that was adopted; return what the vendor says."""

    def remove(self, object_id: str) -> None:
        """Remove it; one that is gone is no error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Where what is ours is remembered: a parameter, and the resource's entry in it."""

    parameter: str
    resource: str

    def load(self) -> state.Entry | None:
        """Return what is remembered; None when nothing was ever made."""
        return state.load(self.parameter, self.resource)

    def save(self, entry: state.Entry) -> None:
        """Remember."""
        state.save(self.parameter, self.resource, entry)

    def drop(self) -> None:
        """Forget."""
        state.drop(self.parameter, self.resource)

    @property
    def forget_command(self) -> str:
        """The command with which a person has it forgotten."""
        return f"aws ssm delete-parameters --names {state.name_of(self.parameter, self.resource)} {self.parameter}"


def keep(kind: Kind, memory: Memory, *, adopt: bool) -> tuple[str, Document]:
    """Create the configuration, adopt it, or bring ours up to date; write nothing when it is as asked.

    Returns
    -------
    tuple
        Its id, and the vendor's document of it.

    Raises
    ------
    ConnectorError
        When an object of another owner conflicts, or it is unknown which one is this stack's.
    NotReadyError
        When a creation's answer was lost: the next lookup shows whether it exists.
    """
    entry, listed = memory.load(), kind.listed()
    ours = _ours(kind, entry, listed)
    if ours is None:
        others = [object_id for object_id, document in listed.items() if kind.is_this(document)]
        if others and not adopt:
            raise ConnectorError(
                f"{kind.what} exists already ({', '.join(others)}) and this stack did not make it. Remove it, or set "
                "`connect.adopt: true` to take it over."
            )
        if not others:
            return _create(kind, memory, entry or {}, listed)
        ours = others[0], listed[others[0]]
        memory.save({**_owned(kind, {}), "id": ours[0], "adopted": ours[1]})
        aws.log("adopted", what=kind.what, id=ours[0])
    else:
        _save_found(kind, memory, entry or {}, ours[0], adopt=adopt)
    found, document = ours
    if kind.is_current(document):
        return found, document
    document = kind.update(found, None)
    aws.log("updated", what=kind.what, id=found)
    return found, document


def drop(kind: Kind, memory: Memory) -> None:
    """Remove what is ours, or put back what was adopted; what is gone, or never was, is no error.

    Raises
    ------
    ConnectorError
        When the credential no longer sees what holds it: what is saved is kept.
    NotReadyError
        While the vendor still shows it, or may not show it yet.
    """
    entry = memory.load()
    if entry is None:
        return
    try:
        _remove(kind, memory, entry)
    except OutOfSightError as error:
        check_deleted(kind.place, memory, entry.get("owner"), error)
    memory.drop()


def check_deleted(place: Place, memory: Memory, owner: str | None, error: OutOfSightError) -> None:
    """Return if what cannot be found is certainly deleted, so that what is saved of it may be dropped.

    Raises
    ------
    ConnectorError
        When the credential may have lost sight of it. Says what to do.
    """
    if place.is_deleted(owner):
        aws.log("deleted at the vendor", resource=memory.resource)
        return
    now, moved = place.owner(), ""
    if owner and now not in (None, owner):
        moved = f" It was made under {owner}, and the credential belongs to {now}."
    raise ConnectorError(
        f"{str(error).rstrip('.')}.{moved} What this stack made there may still be exporting, so it is not forgotten: "
        "store a credential that sees it, then destroy again. If it is deleted, run "
        f"`{memory.forget_command}` and destroy again."
    ) from error


def _remove(kind: Kind, memory: Memory, entry: state.Entry) -> None:
    ours = _ours(kind, entry, kind.listed())
    if ours is None:
        return
    found, document = ours
    if "adopted" in entry:
        if document != entry["adopted"]:
            kind.update(found, entry["adopted"])
            aws.log("put back", what=kind.what, id=found)
        return
    kind.remove(found)
    if aws.now() < entry.get("created_at", 0) + SETTLE_SECONDS:
        # From here on absence is deletion.
        memory.save({name: value for name, value in entry.items() if name != "created_at"})
    if found in kind.listed():
        raise NotReadyError(f"{kind.what} ({found}) is still there", patience_seconds=LOOK_AGAIN_SECONDS)
    aws.log("removed", what=kind.what, id=found)


def _create(kind: Kind, memory: Memory, entry: state.Entry, listed: Mapping[str, Document]) -> tuple[str, Document]:
    there = sorted(object_id for object_id, document in listed.items() if kind.is_unfinished(document))
    owned, now = _owned(kind, entry), int(aws.now())
    refused = {**owned, "there_before": there}
    # Saved before it is sent, for a function that is cut off: from then on it is not known whether it was created.
    first = entry.get("first_asked_at", now)
    memory.save({**refused, "asked_at": now, "first_asked_at": first})
    try:
        object_id, document = kind.create()
    except NoAnswerError as error:
        if error.is_not_done:
            memory.save(refused)
            raise
        raise NotReadyError(
            f"{error}; whether {kind.what} was created is looked up", patience_seconds=LOOK_AGAIN_SECONDS, since=first
        ) from error
    except (ConnectorError, NotReadyError):
        memory.save(refused)
        raise
    memory.save({**owned, "id": object_id, "created_at": now})
    aws.log("created", what=kind.what, id=object_id)
    return object_id, document


def _save_found(kind: Kind, memory: Memory, entry: state.Entry, found: str, *, adopt: bool) -> None:
    """Save the id of one whose creation was cut off, that an adopted one is ours now, and who owns it."""
    owned = _owned(kind, entry)
    is_adopted = "adopted" in entry and adopt
    saved = {name: entry[name] for name in ("created_at", *(["adopted"] if is_adopted else ())) if name in entry}
    if "asked_at" in entry:
        saved["created_at"] = entry["asked_at"]
    extra = {name: value for name, value in entry.items() if name not in _OWN_FIELDS}
    saved = {**extra, **owned, **saved, "id": found}
    if saved != entry:
        memory.save(saved)


_OWN_FIELDS = frozenset({"id", "owner", "created_at", "adopted", "asked_at", "first_asked_at", "there_before"})


def _owned(kind: Kind, entry: state.Entry) -> state.Entry:
    """Return who owns it, as it is saved: asked for once."""
    owner = entry.get("owner") or kind.place.owner()
    return {"owner": owner} if owner else {}


def _ours(kind: Kind, entry: state.Entry | None, listed: Mapping[str, Document]) -> tuple[str, Document] | None:
    """Return id and document of ours, also of one whose creation was cut off before its id was known.

    Raises
    ------
    NotReadyError
        While it may be there and not be shown yet.
    """
    if entry is None:
        return None
    if "id" in entry:
        found: str = entry["id"]
        document = listed[found] if found in listed else kind.find(found)
        if document is not None:
            return found, document
        _check_settled(f"{kind.what} ({found}) was accepted and is not shown yet", entry.get("created_at"), None)
        return None
    new = [
        object_id
        for object_id, document in listed.items()
        if object_id not in entry["there_before"] and kind.is_unfinished(document)
    ]
    if len(new) > 1:
        raise ConnectorError(
            f"{kind.what}: a creation was cut off, and of {', '.join(new)} it is unknown which one is this "
            "stack's. Remove those that are not used, then try again."
        )
    if new:
        return new[0], listed[new[0]]
    _check_settled(
        f"the answer to a creation was lost; whether {kind.what} was created is looked up",
        entry.get("asked_at"),
        entry.get("first_asked_at"),
    )
    return None


def _check_settled(waiting: str, asked_at: float | None, since: float | None) -> None:
    if asked_at is not None and aws.now() < asked_at + SETTLE_SECONDS:
        raise NotReadyError(waiting, patience_seconds=LOOK_AGAIN_SECONDS, since=since or asked_at)
