"""Who may do what: the claims of policy_proof/claims about every example, evaluated by a simulator that is not ours."""

from functools import cache
from pathlib import Path

import pytest

from logdock.settings import load_settings
from policy_proof.claim_file import Asked, Claim, NothingElse, Property, load_book
from policy_proof.nothing_else import EVERY, SOME, Sweep, sweeps
from policy_proof.proof import Proof
from policy_proof.requests import requests_of
from policy_proof.results import claim_rows, property_rows, record, sweep_rows
from tests.conftest import EXAMPLES, ROOT, synthesize

NOT_CALLED = {
    "access-point": 3,
    "another-account": 30,
    "bucket-of-the-user": 5,
    "by-iterator": 2,
    "multi-factor": 1,
    "parameters-apart": 2,
    "principal-of-the-user": 5,
    "replication": 5,
    "service-principal": 104,
    "table-as-a-whole": 3,
    "through-another-service": 34,
    "topic-of-the-user": 1,
    "transport": 7,
    "would-leave": 7,
    "would-run-a-function": 7,
}
"""Claims that no call can try, by reason: the local cloud's evaluator decides them by the deployed policies."""


@cache
def proof_of(example: Path) -> Proof:
    synthesized = synthesize(example)
    return Proof(load_settings(example), synthesized.templates, synthesized.regions)


def test_every_part_of_every_claim_holds() -> None:
    """Each part of a claim in the first example that has it, the largest first; `make proof` asks about all of them."""
    known: set[tuple[str, ...]] = set()
    for example in sorted(EXAMPLES, key=lambda path: path.stem != "everything"):
        outcomes = proof_of(example).outcomes(known=known)
        assert [error for each in outcomes if (error := each.error())] == []
        known |= {each.part for each in outcomes}


@pytest.mark.proof
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_claim_holds(example: Path) -> None:
    outcomes = proof_of(example).outcomes()
    record(example.stem, "claims", claim_rows(outcomes))
    assert [error for each in outcomes if (error := each.error())] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_property_holds(example: Path) -> None:
    findings = proof_of(example).findings()
    record(example.stem, "properties", property_rows(findings))
    assert [error for each in findings if (error := each.error())] == []


def test_no_part_of_a_claim_is_about_nothing() -> None:
    said: set[tuple[str, str, str]] = set()
    for example in EXAMPLES:
        proof = proof_of(example)
        for entry, claim, subject in proof.about(Claim):
            said |= {(entry.id, *request.wrote) for request in requests_of(entry, claim, subject, proof.book)}
    written = {(entry.id, who, to) for entry, claim in load_book().claims() for who in claim.who for to in claim.to}
    assert written - said == set()


def test_no_property_is_about_nothing() -> None:
    said = {each.entry.id for example in EXAMPLES for each in proof_of(example).findings()}
    assert {entry.id for entry in load_book().entries if isinstance(entry.says, Property)} - said == set()


def test_the_claims_that_no_call_tries_are_these() -> None:
    reasons: dict[str, int] = {}
    for _, claim in load_book().claims():
        if isinstance(claim.live, Asked):
            reasons[claim.live.ask] = reasons.get(claim.live.ask, 0) + 1
    assert reasons == NOT_CALLED
    assert set(load_book().contexts.not_called) == set(NOT_CALLED)


LISTS = {entry.id for entry in load_book().entries if isinstance(entry.says, NothingElse)}


def test_a_vendor_may_do_nothing_else() -> None:
    """One list, by a sample: every action on what holds logs, some of all others. `make proof` compares every list."""
    others = LISTS - {"mongodb-atlas/atlas"}
    (found,) = sweeps(proof_of(ROOT / "examples" / "mongodb-atlas.yaml"), one_in=SOME, known=others)
    assert found.error() is None


@pytest.mark.proof
def test_they_may_do_nothing_else() -> None:
    """Each list of all that is allowed once, by a sample: every action on what holds logs, some of all others."""
    known: set[str] = set()
    for example in EXAMPLES:
        found = list(sweeps(proof_of(example), one_in=SOME, known=known))
        record(example.stem, "nothing_else", sweep_rows(found, every=False))
        assert [error for each in found if (error := each.error())] == []
        known |= {each.entry.id for each in found}
    assert known == LISTS


@pytest.mark.proof
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_they_may_do_nothing_else_of_every_action_of_every_service(example: Path) -> None:
    found: list[Sweep] = list(sweeps(proof_of(example), one_in=EVERY))
    record(example.stem, "nothing_else", sweep_rows(found, every=True))
    assert [error for each in found if (error := each.error())] == []
