"""What is part of `make test`, and what is left to `make proof`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import settings

Case = TypeVar("Case")


def examples(most: int) -> int:
    """Return how many examples hypothesis tries: so many with `make proof`, a fifth of them otherwise."""
    return most if settings().max_examples > 100 else max(5, most // 5)


def covering_cases(cases: Sequence[Case], values: Sequence[Mapping[str, int]]) -> list[Case]:
    """Return few cases that have each value of each parameter: always the one with the most new values next."""
    left = [(case, {*own.items()}) for case, own in zip(cases, values, strict=True)]
    chosen = []
    while any(own for _, own in left):
        case, seen = max(left, key=lambda each: len(each[1]))
        chosen.append(case)
        left = [(other, own - seen) for other, own in left]
    return chosen


def sample(cases: Iterable[Any], one_in: int, ids: Callable[[Any], str] | None = None) -> list[Any]:
    """Return cases as parameters: the first, and then one in so many now, all others with `make proof`."""
    parameters = []
    for number, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        name = ids(case) if ids else None
        parameters.append(pytest.param(*values, id=name, marks=pytest.mark.proof if number % one_in else ()))
    return parameters
