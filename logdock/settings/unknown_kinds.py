"""What else is wrong with an export or destination whose `kind` is missing or unknown.

The kind selects the model, so without one the models name no other error of the entry.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from logdock.settings.destinations import Destination
from logdock.settings.exports import Export
from logdock.vendors.registry import DESTINATIONS, EXPORTS

_KINDS: dict[object, tuple[Any, tuple[str, ...]]] = {
    "exports": (Export, EXPORTS),
    "destinations": (Destination, DESTINATIONS),
}
_SIMILAR = 0.8
"""As alike as `mongodb_atlas` or `cloudwatch`; `aurora-postgresql` is not meant to be `aurora-mysql`."""


def kind_meant(kind: object, kinds: Sequence[str]) -> str | None:
    """Return the kind of which an unknown one is a misspelling; None if it is like none."""
    close = difflib.get_close_matches(kind.lower(), kinds, n=1, cutoff=_SIMILAR) if isinstance(kind, str) else []
    return close[0] if close else None


def errors_beside_kind(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Yield the errors of entries without a known kind: those of the kind that is meant, else those of every kind."""
    for error in errors:
        loc, entry = error["loc"], error["input"]
        if not error["type"].startswith("union_tag") or len(loc) != 2 or not isinstance(entry, dict):
            continue
        annotation, kinds = _KINDS[loc[0]]
        # made here: it takes longer to make than all else of a command that has no such error
        union = TypeAdapter[Any](annotation)
        meant = kind_meant(entry.get("kind"), kinds)
        found = [_errors(union, {**entry, "kind": kind}) for kind in ([meant] if meant else kinds)]
        of_every_kind = set.intersection(*({_key(each) for each in some} for some in found))
        for each in found[0]:
            if _key(each) in of_every_kind:
                # what a kind alone has is explained by its model, which the first part of the place names
                each["loc"] = (*loc, *each["loc"][0 if meant else 1 :])
                yield each


def _errors(union: TypeAdapter[Any], entry: dict[object, Any]) -> list[ErrorDetails]:
    try:
        union.validate_python(entry)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _key(error: ErrorDetails) -> tuple[object, ...]:
    return error["loc"][1:], error["type"], error["msg"]
