"""The steps cover what they are to cover, and every field of every model has values for them."""

import pytest

from tests.transitions.covering import Document, Levels, changes_between, covered, goals, needed, steps, with_levels
from tests.transitions.fields import MODELS, Path, values

FIELDS: dict[Path, list[object]] = {(name,): [1, 2] if name in "ab" else [1] for name in "abcdefghijklmnopqrst"}


def is_valid(one: Document) -> bool:
    """Accept settings where `c` is with `d` alone, and `e` is not with `f`."""
    return not ("c" in one and "d" not in one) and not {"e", "f"} <= {*one}


def test_steps_cover_pairs_and_changes() -> None:
    def fits(levels: Levels) -> bool:
        return is_valid(with_levels({}, FIELDS, levels))

    found = steps({}, FIELDS, is_valid)
    left = goals(FIELDS, needed(FIELDS, fits), fits)
    assert len(left) > 500
    for before, after in zip([{}, *found], found, strict=False):
        assert is_valid(with_levels({}, FIELDS, after))
        left -= covered(before, after, FIELDS)
    assert left - changes_between(found[-1], {}, FIELDS) == set()
    assert len(found) < len(FIELDS)


@pytest.mark.parametrize("kind", MODELS)
def test_every_field_has_values_on_the_local_cloud(kind: str) -> None:
    """A new field fails here until the local cloud has a value of it."""
    assert all(several for _, several in values(kind, MODELS[kind]))
