"""What `make test` leaves to `make proof`."""

import itertools

import pytest

from tests.costly import covering_cases


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (4, 2, 3)])
def test_covering_cases_have_each_value_in_as_few_cases_as_the_longest_axis(sizes: tuple[int, ...]) -> None:
    values = [dict(zip("abc", each, strict=False)) for each in itertools.product(*map(range, sizes))]
    chosen = covering_cases(values, values)
    assert {pair for each in chosen for pair in each.items()} == {pair for each in values for pair in each.items()}
    assert len(chosen) == max(sizes)
