"""The replica: what S3 may do for it, which objects it copies, and what the copy refuses. Compared whole."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Stack, assertions

from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.replication import ObjectLock, replication_permissions
from policy_proof.synthesis import build_now, settings_of
from tests.conftest import EXAMPLES, ROOT, synthesize

ACCOUNT = "111122223333"
CORE, STACK = "acme-prod-core", "acme-prod-replica-eu-central-1"
ARCHIVE = f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-eu-west-1"
REPLICA = f"arn:aws:s3:::acme-prod-replica-{ACCOUNT}-eu-central-1"


def one(stack: str, resource_type: str, logical_id: str = "") -> dict[str, Any]:
    example = synthesize(ROOT / "examples" / "replica.yaml")
    (found,) = [
        resource["Properties"]
        for name, found_id, resource in example.resources(resource_type)
        if name == stack and found_id.startswith(logical_id)
    ]
    properties: dict[str, Any] = found
    return properties


def test_without_a_lock_s3_does_not_look_for_one() -> None:
    _, versions, _ = replication_permissions(source_arn=ARCHIVE, replica_arn=REPLICA, prefix="logs/", locked=False)
    assert versions.actions == ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"]


def test_nothing_but_the_archive_is_copied() -> None:
    for _, logical_id, bucket in synthesize(ROOT / "examples" / "replica.yaml").resources("AWS::S3::Bucket"):
        assert ("ReplicationConfiguration" in bucket["Properties"]) == logical_id.startswith("Archive"), logical_id


def test_an_object_that_is_not_copied_raises_an_alarm_at_the_archive() -> None:
    alarm = one(CORE, "AWS::CloudWatch::Alarm", "Alarmsreplica")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/S3", "OperationsFailedReplication")
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
        "SourceBucket": ARCHIVE.split(":")[-1],
        "DestinationBucket": REPLICA.split(":")[-1],
        "RuleId": "Replica",
    }
    assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
        "Sum",
        1,
        "GreaterThanOrEqualToThreshold",
    )
    assert alarm["AlarmActions"] == ["arn:aws:sns:eu-west-1:111122223333:acme-prod-alerts"]


def test_the_copies_are_locked_for_the_days_that_were_asked_for() -> None:
    bucket = one(STACK, "AWS::S3::Bucket")
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}},
    }


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
