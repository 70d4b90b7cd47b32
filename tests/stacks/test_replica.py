"""The replica: what S3 may do for it, which objects it copies, and what the copy refuses. Compared whole."""

from typing import Any

import pytest
from aws_cdk import App, Stack, assertions

from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.replication import ObjectLock, replication_permissions
from policy_proof.synthesis import build_now, settings_of
from tests.conftest import EXAMPLES, ROOT, synthesize

ACCOUNT = "111122223333"
STACK = "acme-prod-replica-eu-central-1"
ARCHIVE = f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-eu-west-1"
REPLICA = f"arn:aws:s3:::acme-prod-replica-{ACCOUNT}-eu-central-1"


def test_without_a_lock_s3_does_not_look_for_one() -> None:
    _, versions, _ = replication_permissions(source_arn=ARCHIVE, replica_arn=REPLICA, prefix="logs/", locked=False)
    assert versions.actions == ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"]


def bucket_of(**props: Any) -> dict[str, Any]:
    stack = Stack(App(), "S")
    LandingBucket(stack, "B", LandingBucketProps(bucket_name="acme", **props))
    (found,) = assertions.Template.from_stack(stack).find_resources("AWS::S3::Bucket").values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_a_compliance_lock_cannot_be_removed() -> None:
    bucket = bucket_of(hot_days=90, archive_days=400, lock=ObjectLock(mode="compliance", days=400))
    assert bucket["ObjectLockConfiguration"]["Rule"] == {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}


@pytest.mark.parametrize(
    ("hot", "cold", "archive", "steps"),
    [
        (90, None, 400, {"GLACIER_IR": 90}),
        (90, 365, 2557, {"GLACIER_IR": 90, "DEEP_ARCHIVE": 365}),
        # In the middle class for less than the 90 days that it bills: objects pass it over.
        (90, 120, 2557, {"DEEP_ARCHIVE": 120}),
        (90, None, 120, {}),
    ],
)
def test_objects_move_where_they_stay_for_as_long_as_is_billed(
    hot: int, cold: int | None, archive: int, steps: dict[str, int]
) -> None:
    retention = bucket_of(hot_days=hot, cold_days=cold, archive_days=archive)["LifecycleConfiguration"]["Rules"][0]
    assert {each["StorageClass"]: each["TransitionInDays"] for each in retention.get("Transitions", [])} == steps


def test_the_replica_stack_cannot_be_deleted_in_passing() -> None:
    stack = build_now(settings_of(ROOT / "examples" / "replica.yaml")).node.find_child(STACK)
    assert isinstance(stack, Stack)
    assert stack.termination_protection is True


def test_without_the_setting_no_template_has_anything_of_a_replica() -> None:
    for example in EXAMPLES:
        if example.stem != "replica":
            text = str(synthesize(example).templates)
            assert "ReplicationConfiguration" not in text, example.stem
            assert "ObjectLock" not in text, example.stem
            assert "replica-" not in text.replace("log-replica", ""), example.stem
