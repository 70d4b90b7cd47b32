from collections.abc import Callable

import pytest

from logdock.settings import Deployment
from tests.settings.conftest import Refusal
from tests.settings.documents import document

ROLE = "arn:aws:iam::111122223333:role/oncall"


def test_accepts_roles_and_users_of_any_account(load: Callable[[object], Deployment]) -> None:
    readers = [ROLE, "arn:aws:iam::999988887777:user/path/ann"]
    assert load(document(readers=readers)).readers == tuple(readers)
    assert load(document()).readers == ()


@pytest.mark.parametrize(
    "reader",
    [
        "*",
        "111122223333",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:group/people",
        "arn:aws:sts::111122223333:assumed-role/oncall/ann",
        "lambda.amazonaws.com",
    ],
)
def test_rejects_a_reader_that_is_not_one_role_or_user(refusal: Refusal, reader: str) -> None:
    (line,) = refusal(document(readers=[reader]))
    assert line == (
        f"readers[0]: got '{reader}'; expected the ARN of one IAM role or user, such as "
        "arn:aws:iam::123456789012:role/oncall; no whole account"
    )


def test_rejects_more_readers_than_a_trust_policy_holds(refusal: Refusal) -> None:
    (line,) = refusal(document(readers=[f"{ROLE}-{number:03d}" for number in range(50)]))
    assert line.endswith("expected ARNs of at most 1500 characters in all: a role trusts no more")


def test_rejects_a_reader_of_another_partition(refusal: Refusal) -> None:
    (line,) = refusal(document(readers=[ROLE.replace("arn:aws:", "arn:aws-us-gov:")]))
    assert line.startswith("readers[0]: got 'arn:aws-us-gov:")
