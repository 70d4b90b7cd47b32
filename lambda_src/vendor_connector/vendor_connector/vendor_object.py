"""One configuration at a vendor that is ours: made once, kept as asked, told from somebody else's, removed again.

Vendors' lists have no place for a mark of ours, so what is ours is remembered (see ``state``): its id, and before it
has one, the ids that were there already, so that a creation whose answer was lost is found again instead of repeated.
What is there and not remembered is somebody else's: refused unless ``adopt`` is set. What was adopted is remembered as
it was found and put back so, by a rollback as by a destroy; once ``adopt`` is taken out of the settings it counts as
ours and goes with the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vendor_connector import aws, state
from vendor_connector.request import ConnectorError, NotReadyError
from vendor_connector.vendor_api import NoAnswerError

Document = dict[str, Any]

LOOK_AGAIN_SECONDS = 600.0
"""How long a vendor may take to show, or to stop showing, what it has accepted."""


class Kind(Protocol):
    """A kind of configuration at a vendor."""

    @property
    def what(self) -> str:
        """Its name in a sentence, with the place where a person finds it."""

    def listed(self) -> Mapping[str, Document]:
        """Return what the vendor has, by id; nothing when that which holds it is gone."""

    def is_this(self, document: Document) -> bool:
        """Tell whether a configuration does what ours is to do."""

    def is_unfinished(self, document: Document) -> bool:
        """Tell whether a configuration may be ours as it is right after its creation."""

    def create(self) -> tuple[str, Document]:
        """Make it; return its id and what the vendor answered."""

    def is_current(self, document: Document) -> bool:
        """Tell whether it is as asked."""

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


def keep(kind: Kind, memory: Memory, *, adopt: bool) -> tuple[str, Document]:
    """Create the configuration, adopt it, or bring ours up to date; write nothing when it is as asked.

    Returns
    -------
    tuple
        Its id, and the vendor's document of it.

    Raises
    ------
    ConnectorError
        When somebody else's is in the way, or it cannot be told which one is ours.
    NotReadyError
        When a creation's answer was lost: the next look tells whether it is there.
    """
    entry, listed = memory.load(), kind.listed()
    found = _ours(kind, entry, listed)
    if found is None:
        others = [object_id for object_id, document in listed.items() if kind.is_this(document)]
        if others and not adopt:
            raise ConnectorError(
                f"{kind.what} exists already ({', '.join(others)}) and this stack did not make it. Remove it, or set "
                "`connect.adopt: true` to take it over."
            )
        if not others:
            return _create(kind, memory, listed)
        found = others[0]
        memory.save({"id": found, "adopted": listed[found]})
        aws.log("adopted", what=kind.what, id=found)
    elif entry is None or entry.get("id") != found or ("adopted" in entry and not adopt):
        memory.save({"id": found})
    if kind.is_current(listed[found]):
        return found, listed[found]
    document = kind.update(found, None)
    aws.log("updated", what=kind.what, id=found)
    return found, document


def drop(kind: Kind, memory: Memory) -> None:
    """Remove what is ours, or put back what was adopted; what is gone, or never was, is no error."""
    entry = memory.load()
    if entry is None:
        return
    listed = kind.listed()
    found = _ours(kind, entry, listed)
    if found is not None and "adopted" in entry:
        if listed[found] != entry["adopted"]:
            kind.update(found, entry["adopted"])
            aws.log("put back", what=kind.what, id=found)
    elif found is not None:
        kind.remove(found)
        if found in kind.listed():
            raise NotReadyError(f"{kind.what} ({found}) is still there", patience_seconds=LOOK_AGAIN_SECONDS)
        aws.log("removed", what=kind.what, id=found)
    memory.drop()


def _create(kind: Kind, memory: Memory, listed: Mapping[str, Document]) -> tuple[str, Document]:
    there = sorted(object_id for object_id, document in listed.items() if kind.is_unfinished(document))
    memory.save({"there_before": there})
    try:
        object_id, document = kind.create()
    except NoAnswerError as error:
        raise NotReadyError(
            f"{error}; whether {kind.what} was created is looked up", patience_seconds=LOOK_AGAIN_SECONDS
        ) from error
    memory.save({"id": object_id})
    aws.log("created", what=kind.what, id=object_id)
    return object_id, document


def _ours(kind: Kind, entry: state.Entry | None, listed: Mapping[str, Document]) -> str | None:
    """Return the id of ours, also of one whose creation was cut off before its id was known."""
    if entry is None:
        return None
    if "id" in entry:
        return entry["id"] if entry["id"] in listed else None
    new = [
        object_id
        for object_id, document in listed.items()
        if object_id not in entry["there_before"] and kind.is_unfinished(document)
    ]
    if len(new) > 1:
        raise ConnectorError(
            f"{kind.what}: a creation was cut off, and of {', '.join(new)} it cannot be told which one is this "
            "stack's. Remove those that nobody uses, then try again."
        )
    return new[0] if new else None
