"""A covering array over the fields of an export, in the order in which its settings are deployed.

A field is off (its default) or on (one of its other values). Of any two fields that fit together, each combination of
off and on is in a step, and each field is set, changed and removed between two steps. Greedy: each step takes the
choices that cover the most of what is left (Cohen et al., "The AETG System", IEEE Transactions on Software
Engineering, volume 23, number 7).
"""

import copy
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.transitions.fields import Path

Document = dict[str, Any]
Levels = Mapping[Path, int]
"""The number of each field's value, from 1; a field with its default is not in it."""
Values = Mapping[Path, Sequence[object]]

CANDIDATES = 8
"""Orders of the fields that are tried for a step."""


def with_levels(base: Document, fields: Values, levels: Levels) -> Document:
    """Return settings in which fields have these values."""
    changed = copy.deepcopy(base)
    for path, level in levels.items():
        place = changed
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = copy.deepcopy(fields[path][level - 1])
    return changed


def steps(base: Document, fields: Values, is_valid: Callable[[Document], bool]) -> list[Levels]:
    """Return the steps; before the first and after the last, every field has its default."""

    def fits(levels: Levels) -> bool:
        return is_valid(with_levels(base, fields, levels))

    order = random.Random(0)  # noqa: S311  (the same steps each time)
    needs = needed(fields, fits)
    left = goals(fields, needs, fits)
    found: list[Levels] = []
    before: Levels = {}
    while left - changes_between(before, {}, fields):
        candidates = [_candidate(order, fields, needs, before, left, fits) for _ in range(CANDIDATES)]
        best = max(candidates, key=lambda each: len(left & covered(before, each, fields)))
        if not left & covered(before, best, fields):
            # What is left needs a field off first, such as one that is to be set.
            assert before, f"no step has {sorted(left, key=str)[:3]}"
            best = {}
        left -= covered(before, best, fields)
        found.append(best)
        before = best
    return found


def needed(fields: Values, fits: Callable[[Levels], bool]) -> dict[Path, Levels]:
    """Return what else must be on where each field is; a field that fits with no other one is not in it."""
    found: dict[Path, Levels] = {}
    for path in fields:
        others = [{}, *({other: level + 1} for other in fields if other != path for level in range(len(fields[other])))]
        for other in others:
            if fits({**other, path: 1}):
                found[path] = other
                break
    return found


def goals(fields: Values, needs: Mapping[Path, Levels], fits: Callable[[Levels], bool]) -> set[object]:
    """Return what the steps are to cover: pairs of fields, and changes of each."""
    found: set[object] = set()
    for path in needs:
        found |= {("set", path), ("removed", path)}
        if len(fields[path]) > 1 and fits({**needs[path], path: 2}):
            found.add(("changed", path))
    for one, other in itertools.combinations(needs, 2):
        if other not in needs[one]:
            found.add(frozenset({(one, True), (other, False)}))
        if one not in needs[other]:
            found.add(frozenset({(one, False), (other, True)}))
        if fits({**needs[one], **needs[other], one: needs[other].get(one, 1), other: needs[one].get(other, 1)}):
            found.add(frozenset({(one, True), (other, True)}))
    return found


def changes_between(before: Levels, after: Levels, fields: Values) -> set[object]:
    """Return the changes of fields between two steps."""
    found: set[object] = set()
    for path in fields:
        was, is_now = before.get(path, 0), after.get(path, 0)
        if was != is_now:
            found.add(("set" if not was else "changed" if is_now else "removed", path))
    return found


def covered(before: Levels, after: Levels, fields: Values) -> set[object]:
    """Return what a step covers, given the one before it."""
    pairs = {
        frozenset({(one, one in after), (other, other in after)}) for one, other in itertools.combinations(fields, 2)
    }
    return {*pairs, *changes_between(before, after, fields)}


def _candidate(
    order: random.Random,
    fields: Values,
    needs: Mapping[Path, Levels],
    before: Levels,
    left: set[object],
    fits: Callable[[Levels], bool],
) -> Levels:
    """Choose field by field what covers the most with what is chosen already; what others need comes first."""
    paths = list(needs)
    order.shuffle(paths)
    paths.sort(key=lambda path: bool(needs[path]))
    chosen: dict[Path, int] = {}
    for at, path in enumerate(paths):
        level = _next_level(before.get(path, 0), len(fields[path]))
        gain = {
            is_on: len(left & changes_between(_only(before, path), {path: level} if is_on else {}, {path: ()}))
            + sum(frozenset({(path, is_on), (other, other in chosen)}) in left for other in paths[:at])
            for is_on in (True, False)
        }
        is_better = gain[True] > gain[False] or (gain[True] == gain[False] and order.random() < 0.5)
        if is_better and fits({**chosen, path: level}):
            chosen[path] = level
    return chosen


def _only(levels: Levels, path: Path) -> Levels:
    return {path: levels[path]} if path in levels else {}


def _next_level(before: int, values: int) -> int:
    return before % values + 1
