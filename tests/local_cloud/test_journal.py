"""Only a denial is a refusal."""

from __future__ import annotations

from typing import NoReturn

import pytest
from botocore.exceptions import ClientError

from local_cloud.journal import Journal


def _raising(code: str) -> NoReturn:
    raise ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"])
def test_a_denial_is_a_refusal(code: str) -> None:
    journal = Journal()

    journal.attempt("read", lambda: _raising(code))

    assert (journal.refused, journal.broken) == (["read"], [])


@pytest.mark.parametrize("code", ["NoSuchKey", "ResourceNotFoundException", "ValidationError", "404"])
def test_another_error_is_a_broken_promise(code: str) -> None:
    journal = Journal()

    journal.attempt("read", lambda: _raising(code))

    assert journal.refused == []
    assert len(journal.broken) == 1


def test_a_success_is_a_broken_promise() -> None:
    journal = Journal()

    journal.attempt("read", lambda: None)

    assert (journal.refused, journal.broken) == ([], ["was allowed: read"])


def test_an_attempt_may_name_the_denial_that_it_expects() -> None:
    journal = Journal()

    journal.attempt("stay for 13 hours", lambda: _raising("ValidationError"), denials=("ValidationError",))

    assert journal.refused == ["stay for 13 hours"]


def test_a_condition_that_does_not_hold_is_a_broken_promise() -> None:
    journal = Journal()

    journal.check("everything landed", False)

    assert (journal.allowed, journal.broken) == ([], ["everything landed"])
