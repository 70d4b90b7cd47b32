"""Only a denial is a refusal."""

import pytest
from botocore.exceptions import ClientError

from local_cloud.journal import Journal


@pytest.mark.parametrize(
    ("code", "denials", "is_refused"),
    [
        ("AccessDenied", None, True),
        ("AccessDeniedException", None, True),
        ("UnauthorizedOperation", None, True),
        ("403", None, True),
        ("NoSuchKey", None, False),
        ("ResourceNotFoundException", None, False),
        ("ValidationError", None, False),
        ("404", None, False),
        ("ValidationError", ("ValidationError",), True),
    ],
)
def test_a_denial_is_a_refusal_and_another_error_a_broken_promise(
    code: str, denials: tuple[str, ...] | None, is_refused: bool
) -> None:
    def call() -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject")

    journal = Journal()
    journal.attempt("read", call, **({"denials": denials} if denials else {}))
    assert journal.refused == (["read"] if is_refused else [])
    assert len(journal.broken) == (not is_refused)


def test_a_success_and_a_condition_that_does_not_hold_are_broken_promises() -> None:
    journal = Journal()
    journal.attempt("read", lambda: None)
    journal.check("everything landed", False)
    assert (journal.refused, journal.allowed) == ([], [])
    assert journal.broken == ["was allowed: read", "everything landed"]
