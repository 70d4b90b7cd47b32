"""The difference between two deployments' settings: which exports and destinations, and which settings of each."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel

from logdock.settings import Deployment
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export

Part = Export | Destination
DEPLOYMENT = "deployment"
"""The owner of what belongs to no export and no destination. A change of this name is a change of everything."""
_COMPARED_BY_NAME = frozenset({"exports", "destinations"})
IDENTITY = ("deployment", "account", "region")
"""The settings that say which deployment it is: with another value it is another one, and nothing else is compared."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One setting that differs."""

    of: str
    """Name of the export or destination, or ``deployment``."""
    path: str
    """The setting: ``connect.alert``."""
    field: tuple[str, str]
    """The model that declares the setting, and its name there: what the rules are found by."""
    before: Any
    after: Any
    """`before`, `after`: The values; None where the model that holds the setting is not there."""
    old: Deployment
    new: Deployment
    """`old`, `new`: The deployments."""
    part: Any = None
    new_part: Any = None
    """`part`, `new_part`: The export or destination before and after; None for the deployment's own settings."""

    @property
    def added(self) -> tuple[Any, ...]:
        """Of a list, the entries that only the new settings have."""
        return tuple(each for each in self.after or () if each not in (self.before or ()))

    @property
    def removed(self) -> tuple[Any, ...]:
        """Of a list, the entries that only the old settings have."""
        return tuple(each for each in self.before or () if each not in (self.after or ()))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two deployments, and how they differ.

    Attributes
    ----------
    added, removed
        Exports.
    renamed
        Exports that differ from an added one only by their name, by old name.
    changed
        Names of exports with changes.
    """

    old: Deployment
    new: Deployment
    added: tuple[Export, ...]
    removed: tuple[Export, ...]
    renamed: dict[str, str]
    destinations_added: tuple[Destination, ...]
    destinations_removed: tuple[Destination, ...]
    changes: tuple[Change, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the exports that stay and change."""
        names = {each.name for each in self.new.exports}
        return tuple(dict.fromkeys(each.of for each in self.changes if each.of in names))

    @property
    def owners(self) -> tuple[str, ...]:
        """What a change or a consequence may be of, in the order of the settings."""
        old, new = self.old, self.new
        parts = (*new.destinations, *old.destinations, *new.exports, *old.exports)
        return tuple(dict.fromkeys((DEPLOYMENT, *(each.name for each in parts))))

    @property
    def is_another_deployment(self) -> bool:
        """Whether the new settings are of another deployment."""
        return any(getattr(self.old, key) != getattr(self.new, key) for key in IDENTITY)


def compare(old: Deployment, new: Deployment) -> Comparison:
    """Compare two deployments; exports and destinations are matched by name and kind."""
    identity = [
        Change(of=DEPLOYMENT, path=key, field=("Deployment", key), before=before, after=after, old=old, new=new)
        for key in IDENTITY
        if (before := getattr(old, key)) != (after := getattr(new, key))
    ]
    if identity:
        return Comparison(
            old=old,
            new=new,
            added=new.exports,
            removed=(),
            renamed={},
            destinations_added=new.destinations,
            destinations_removed=(),
            changes=tuple(identity),
        )
    added, removed = _missing(new.exports, old.exports), _missing(old.exports, new.exports)
    changes = [*_model_changes("", old, new, partial(Change, of=DEPLOYMENT, old=old, new=new))]
    for before, after in [*_pairs(old.destinations, new.destinations), *_pairs(old.exports, new.exports)]:
        change = partial(Change, of=before.name, old=old, new=new, part=before, new_part=after)
        changes += _model_changes("", before, after, change)
    return Comparison(
        old=old,
        new=new,
        added=added,
        removed=removed,
        renamed=_renamed(removed, added),
        destinations_added=_missing(new.destinations, old.destinations),
        destinations_removed=_missing(old.destinations, new.destinations),
        changes=tuple(changes),
    )


def _pairs(old: Iterable[Any], new: Iterable[Any]) -> list[tuple[Any, Any]]:
    known = {(each.name, each.kind): each for each in new}
    return [(each, known[each.name, each.kind]) for each in old if (each.name, each.kind) in known]


def _missing(these: Iterable[Any], those: Iterable[Any]) -> tuple[Any, ...]:
    known = {(each.name, each.kind) for each in those}
    return tuple(each for each in these if (each.name, each.kind) not in known)


def _renamed(removed: Iterable[Export], added: Iterable[Export]) -> dict[str, str]:
    found: dict[str, str] = {}
    for before in removed:
        same = [each.name for each in added if each.model_copy(update={"name": before.name}) == before]
        if same:
            found[before.name] = same[0]
    return found


def _model_changes(path: str, before: BaseModel, after: BaseModel, change: Callable[..., Change]) -> Iterator[Change]:
    """Compare two models of one class; a model within is compared by its own settings where both have one."""
    for name in type(before).model_fields:
        is_whole = isinstance(before, Deployment)
        if is_whole and name in _COMPARED_BY_NAME:
            continue
        setting = "effective_retention" if is_whole and name == "retention" else name
        was, is_now = getattr(before, setting), getattr(after, setting)
        if was == is_now:
            continue
        below = f"{path}{name}"
        if isinstance(was, BaseModel) and isinstance(is_now, BaseModel):
            yield from _model_changes(f"{below}.", was, is_now, change)
        else:
            yield change(path=below, field=declared(type(before), name), before=was, after=is_now)


def declared(model: type[BaseModel], field: str) -> tuple[str, str]:
    """Return the model that declares a setting: the nearest one that names it, and the setting's name."""
    for each in model.__mro__:
        if field in inspect.get_annotations(each):
            return each.__name__, field
    return model.__name__, field
