"""Every weakened template is noticed: a claim that cannot fail shows nothing."""

import pytest

from policy_proof.mutations import NOTICED, Mutation, load_mutations, table

COMMITTED = {
    weakened: noticed.split(", ")
    for weakened, _, noticed in (
        line.strip("| ").split(" | ") for line in NOTICED.read_text(encoding="utf-8").rstrip().splitlines()[6:]
    )
}
"""Who notices which, as it is committed; `python -m policy_proof.mutations` writes it anew."""


SAMPLE = 12
"""`make test` tries one mutation in so many, `make proof` all."""
MUTATIONS = [
    pytest.param(each, id=each.mutation, marks=pytest.mark.proof if number % SAMPLE else ())
    for number, each in enumerate(load_mutations())
]


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_weakened_template_is_noticed(mutation: Mutation) -> None:
    noticed = mutation.noticed_by()
    print(f"{mutation.mutation}: noticed by {', '.join(noticed) or 'no claim'}")
    assert noticed, f"{mutation.mutation} of {mutation.example} goes unnoticed"
    assert noticed == COMMITTED[mutation.mutation]


def test_the_list_of_who_notices_is_whole() -> None:
    assert len(load_mutations()) >= 40
    assert NOTICED.read_text(encoding="utf-8") == table(COMMITTED)
