import pytest

from tests.settings.conftest import Load, Refusal
from tests.settings.documents import document


def test_there_is_no_replica_unless_it_is_asked_for(load: Load) -> None:
    assert load(document()).replica is None


@pytest.mark.parametrize(("lock", "days"), [(None, None), ("governance", 1), ("compliance", 400)])
def test_accepts_a_replica_with_and_without_a_lock(load: Load, lock: str | None, days: int | None) -> None:
    given = {"region": "eu-central-1", "lock": lock, "lock_days": days}
    replica = load(document(replica={key: value for key, value in given.items() if value is not None})).replica
    assert replica
    assert replica.model_dump() == given


def test_rejects_a_replica_beside_the_archive(refusal: Refusal) -> None:
    (line,) = refusal(document(replica={"region": "eu-west-1"}))
    assert line == (
        "replica.region: got 'eu-west-1'; expected another Region than the deployment's, eu-west-1: a copy beside the "
        "archive falls with it"
    )


@pytest.mark.parametrize(
    ("home", "region"), [("eu-west-1", "cn-north-1"), ("us-gov-west-1", "us-west-1"), ("cn-north-1", "us-gov-east-1")]
)
def test_rejects_a_replica_in_another_partition(refusal: Refusal, home: str, region: str) -> None:
    (line,) = refusal(document(region=home, replica={"region": region}))
    assert line.startswith(f"replica.region: got '{region}'; expected a Region of the same partition as {home}")


@pytest.mark.parametrize(("home", "region"), [("us-gov-west-1", "us-gov-east-1"), ("cn-north-1", "cn-northwest-1")])
def test_accepts_a_replica_in_the_same_partition(load: Load, home: str, region: str) -> None:
    assert load(document(region=home, replica={"region": region})).replica


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"lock": "governance"}, "replica.lock_days: missing: the days of the lock"),
        ({"lock_days": 30}, "replica.lock_days: got 30; expected no value without `lock`"),
        ({"lock": "legal", "lock_days": 30}, "replica.lock: got 'legal'; expected one of: governance, compliance"),
        ({"lock": "governance", "lock_days": 0}, "replica.lock_days: got 0; expected 1 to 36500 days"),
        (
            {"lock": "compliance", "lock_days": 401},
            "replica.lock_days: got 401; expected at most archive_days (400): the copy's objects expire after as many days",  # noqa: E501
        ),
    ],
)
def test_rejects_a_lock_that_is_half_or_outlasts_the_archive(
    refusal: Refusal, given: dict[str, object], expected: str
) -> None:
    assert refusal(document(replica={"region": "eu-central-1", **given})) == [expected]


def test_a_lock_is_held_against_the_days_that_were_given(load: Load, refusal: Refusal) -> None:
    replica = {"region": "eu-central-1", "lock": "governance", "lock_days": 401}
    assert load(document(replica=replica, retention={"hot_days": 30, "archive_days": 401})).replica
    (line,) = refusal(document(replica=replica, retention={"hot_days": 30, "archive_days": 400}))
    assert line.startswith("replica.lock_days: got 401; expected at most archive_days (400)")


def test_rejects_an_export_that_lands_in_the_replica(refusal: Refusal) -> None:
    bucket = "acme-prod-replica-111122223333-eu-central-1"
    (line,) = refusal(document({"name": "old", "kind": "s3-logs", "existing_bucket": bucket}))
    assert line.startswith(f"exports[0].existing_bucket: got '{bucket}'; expected a bucket that is not this deployment")
