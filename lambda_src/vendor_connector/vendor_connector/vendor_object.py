"""One configuration at a vendor that this stack owns: created once, reconciled, never confused with another, removed.

Vendors' objects have no tags, so the state of ours is saved (see ``state``): its id, and before it has one, the ids
that existed already, so that a creation whose answer was lost is found again instead of repeated. An existing object
without saved state has another owner: it is refused unless ``adopt`` is set. What was adopted is saved as it was found
and restored, by a rollback as by a destroy; once ``adopt`` is taken out of the settings it counts as ours and goes with
the stack.

A status alone proves nothing: what was created must be shown by its id, and what was removed must be missing from the
list and by its id.

Absence is not deletion. A vendor's lists lag behind what it has accepted, so what was created a moment ago and is not
listed is read by its id and waited for before it counts as gone. When the project or the cluster itself cannot be
found, the credential may not see it any more: saved state is only deleted when the vendor shows that it is deleted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import ClientError

from vendor_connector import aws, state
from vendor_connector.request import ConnectorError, Document, NotVisibleError, RetryLaterError
from vendor_connector.vendor_api import NoAnswerError

CONSISTENCY_TIMEOUT_SECONDS = 600.0
"""How long a vendor may take to show, or to stop showing, what it has accepted."""


LISTING_DELAY_SECONDS = 180.0
"""How long what a vendor has accepted may be missing from its lists before it counts as gone, or as never created."""


class Parent(Protocol):
    """What holds the configuration at the vendor: a project, a cluster, an account."""

    def owner(self) -> str | None:
        """Return the id of the organization or account that the credential belongs to; None when it may not see it."""

    def is_deleted(self, owner: str | None) -> bool:
        """Return whether it is certainly deleted, given who owned it: False if the credential may just not see it."""


class VendorObject(Protocol):
    """A kind of configuration at a vendor."""

    @property
    def api(self) -> Parent:
        """The API of what holds it."""

    @property
    def description(self) -> str:
        """Its name in a sentence, with the place where a person finds it."""

    def list_all(self) -> Mapping[str, Document]:
        """Return what the vendor has, by id.

        Raises
        ------
        NotVisibleError
            When what holds it cannot be found.
        """

    def find(self, object_id: str) -> Document | None:
        """Return one by its id, or None when there is none; it may be there before it is listed."""

    def matches(self, document: Document) -> bool:
        """Return whether a configuration does what ours is to do."""

    def matches_new(self, document: Document) -> bool:
        """Return whether a configuration may be ours as it is right after its creation."""

    def create(self) -> str:
        """Make it; return its id."""

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether it is as asked."""

    def update(self, object_id: str, former: Document | None) -> None:
        """Bring it to what is asked, or back to a ``former`` document that was adopted."""

    def remove(self, object_id: str) -> None:
        """Remove it; one that is gone is no error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StateStore:
    """The saved state of one resource: a parameter, and the resource's entry in it."""

    parameter: str
    resource: str

    def load(self) -> state.Entry | None:
        """Return the entry; None when nothing was ever created."""
        return state.load(self.parameter, self.resource)

    def save(self, entry: state.Entry) -> None:
        """Save the entry."""
        state.save(self.parameter, self.resource, entry)

    def delete(self) -> None:
        """Delete the entry."""
        state.delete(self.parameter, self.resource)

    @property
    def delete_state_command(self) -> str:
        """The command with which a person deletes it."""
        return f"aws ssm delete-parameters --names {state.name_of(self.parameter, self.resource)} {self.parameter}"


def reconcile(target: VendorObject, store: StateStore, *, adopt: bool) -> tuple[str, Document]:
    """Create the configuration, adopt it, or bring ours up to date; write nothing when it is as asked.

    Returns
    -------
    tuple
        Its id, and the vendor's document of it, read by that id.

    Raises
    ------
    ConnectorError
        When an object of another owner conflicts, or it is unknown which one is this stack's.
    RetryLaterError
        When a creation's answer was lost, and while the vendor does not show what it accepted.
    """
    found = _bring(target, store, adopt=adopt)
    shown = target.find(found)
    if shown is None:
        raise RetryLaterError(
            f"{target.description} ({found}) was accepted and is not shown yet",
            timeout_seconds=CONSISTENCY_TIMEOUT_SECONDS,
        )
    return found, shown


def _bring(target: VendorObject, store: StateStore, *, adopt: bool) -> str:
    """Create, adopt or update; return the id."""
    entry, listed = store.load(), target.list_all()
    ours = _find_owned(target, entry, listed)
    if ours is None:
        others = [object_id for object_id, document in listed.items() if target.matches(document)]
        if others and not adopt:
            raise ConnectorError(
                f"{target.description} exists already ({', '.join(others)}) and this stack did not make it. Remove it, "
                "or set `connect.adopt: true` to take it over."
            )
        if not others:
            return _create(target, store, entry or {}, listed)
        ours = others[0], listed[others[0]]
        store.save({**_owner_entry(target, {}), "id": ours[0], "adopted": ours[1]})
        aws.log("adopted", what=target.description, id=ours[0])
    else:
        _save_identified(target, store, entry or {}, ours[0], adopt=adopt)
    found, document = ours
    if not target.is_up_to_date(document):
        target.update(found, None)
        aws.log("updated", what=target.description, id=found)
    return found


def remove(make_target: Callable[[], VendorObject], store: StateStore) -> None:
    """Remove what is ours, or put back what was adopted; what is gone, or never was, is no error.

    Parameters
    ----------
    make_target : Callable
        Reads the credential: without saved state nothing was created, and then not even that is needed.
    store : StateStore
        The state of ours.

    Raises
    ------
    ConnectorError
        When the credential no longer sees what holds it: the saved state stays.
    RetryLaterError
        While the vendor still shows it, or may not show it yet.
    """
    entry = store.load()
    if entry is None:
        return
    target = make_target()
    try:
        _remove_or_restore(target, store, entry)
    except NotVisibleError as error:
        check_deleted(target.api, store, entry.get("owner"), error)
    store.delete()


def check_deleted(parent: Parent, store: StateStore, owner: str | None, error: NotVisibleError) -> None:
    """Return if what cannot be found is certainly deleted, so that its saved state may be deleted.

    Raises
    ------
    ConnectorError
        When the credential may just not see it. Says what to do.
    """
    if parent.is_deleted(owner):
        aws.log("deleted at the vendor", resource=store.resource)
        return
    now, moved = parent.owner(), ""
    if owner and now not in (None, owner):
        moved = f" It was made under {owner}, and the credential belongs to {now}."
    raise ConnectorError(
        f"{str(error).rstrip('.')}.{moved} What this stack made there may still be exporting, so it is not forgotten: "
        "store a credential that sees it, then destroy again. If it is deleted, run "
        f"`{store.delete_state_command}` and destroy again."
    ) from error


def _remove_or_restore(target: VendorObject, store: StateStore, entry: state.Entry) -> None:
    ours = _find_owned(target, entry, target.list_all())
    if ours is None:
        return
    found, document = ours
    if "adopted" in entry:
        if document != entry["adopted"]:
            target.update(found, entry["adopted"])
            aws.log("put back", what=target.description, id=found)
        return
    target.remove(found)
    if aws.now() < entry.get("created_at", 0) + LISTING_DELAY_SECONDS:
        # From here on absence is deletion.
        store.save({name: value for name, value in entry.items() if name != "created_at"})
    if found in target.list_all() or target.find(found) is not None:
        raise RetryLaterError(
            f"{target.description} ({found}) is still there", timeout_seconds=CONSISTENCY_TIMEOUT_SECONDS
        )
    aws.log("removed", what=target.description, id=found)


def _create(target: VendorObject, store: StateStore, entry: state.Entry, listed: Mapping[str, Document]) -> str:
    preexisting_ids = sorted(object_id for object_id, document in listed.items() if target.matches_new(document))
    owned, now = _owner_entry(target, entry), int(aws.now())
    refused = {**owned, _PREEXISTING_IDS: preexisting_ids}
    # Saved before it is sent, for a function that is cut off: from then on it is not known whether it was created.
    first = entry.get("first_asked_at", now)
    unknown = {**refused, "asked_at": now, "first_asked_at": first}
    looked_up = f"whether {target.description} was created is looked up"
    store.save(unknown)
    try:
        object_id = target.create()
    except NoAnswerError as error:
        if error.was_not_executed:
            store.save(refused)
            raise
        raise RetryLaterError(
            f"{error}; {looked_up}", timeout_seconds=CONSISTENCY_TIMEOUT_SECONDS, since=first
        ) from error
    except (ClientError, ConnectorError, RetryLaterError):
        store.save(refused)
        raise
    store.save({**owned, "id": object_id, "created_at": now})
    shown = target.find(object_id)
    if object_id in listed or (shown is not None and not (target.matches_new(shown) or target.matches(shown))):
        # What has this id was not made here, and must never be changed or removed as ours.
        store.save(unknown)
        raise RetryLaterError(
            f"the answer to the creation names something else, {object_id}; {looked_up}",
            timeout_seconds=CONSISTENCY_TIMEOUT_SECONDS,
            since=first,
        )
    aws.log("created", what=target.description, id=object_id)
    return object_id


def _save_identified(target: VendorObject, store: StateStore, entry: state.Entry, found: str, *, adopt: bool) -> None:
    """Save the id of one whose creation was cut off, that an adopted one is ours now, and who owns it."""
    owned = _owner_entry(target, entry)
    is_adopted = "adopted" in entry and adopt
    saved = {name: entry[name] for name in ("created_at", *(["adopted"] if is_adopted else ())) if name in entry}
    if "asked_at" in entry:
        saved["created_at"] = entry["asked_at"]
    extra = {name: value for name, value in entry.items() if name not in _OWN_FIELDS}
    saved = {**extra, **owned, **saved, "id": found}
    if saved != entry:
        store.save(saved)


_PREEXISTING_IDS = "there_before"
"""The field of an entry, as deployments have it."""
_OWN_FIELDS = frozenset({"id", "owner", "created_at", "adopted", "asked_at", "first_asked_at", _PREEXISTING_IDS})


def _owner_entry(target: VendorObject, entry: state.Entry) -> state.Entry:
    """Return who owns it, as it is saved: asked for once."""
    owner = entry.get("owner") or target.api.owner()
    return {"owner": owner} if owner else {}


def _find_owned(
    target: VendorObject, entry: state.Entry | None, listed: Mapping[str, Document]
) -> tuple[str, Document] | None:
    """Return id and document of ours, also of one whose creation was cut off before its id was known.

    Raises
    ------
    RetryLaterError
        While it may be there and not be shown yet.
    """
    if entry is None:
        return None
    if "id" in entry:
        found: str = entry["id"]
        document = listed[found] if found in listed else target.find(found)
        if document is not None:
            return found, document
        _check_settled(
            f"{target.description} ({found}) was accepted and is not shown yet", entry.get("created_at"), None
        )
        return None
    new = [
        object_id
        for object_id, document in listed.items()
        if object_id not in entry[_PREEXISTING_IDS] and target.matches_new(document)
    ]
    if len(new) > 1:
        raise ConnectorError(
            f"{target.description}: a creation was cut off, and of {', '.join(new)} it is unknown which one is this "
            "stack's. Remove those that are not used, then try again."
        )
    if new:
        return new[0], listed[new[0]]
    _check_settled(
        f"the answer to a creation was lost; whether {target.description} was created is looked up",
        entry.get("asked_at"),
        entry.get("first_asked_at"),
    )
    return None


def _check_settled(waiting: str, asked_at: float | None, since: float | None) -> None:
    if asked_at is not None and aws.now() < asked_at + LISTING_DELAY_SECONDS:
        raise RetryLaterError(waiting, timeout_seconds=CONSISTENCY_TIMEOUT_SECONDS, since=since or asked_at)
