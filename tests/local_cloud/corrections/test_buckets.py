"""Buckets: what templates set on them, what keeps them, and what their events say.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION, VENDOR

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_a_template_applies_encryption_lifecycle_and_access_log(emulator: Emulator) -> None:
    key = made.key(emulator, made.delegation())
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    target_bucket = made.bucket(emulator)
    made.deploy(
        emulator,
        "bucket",
        {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": "templated",
                    "BucketEncryption": {
                        "ServerSideEncryptionConfiguration": [
                            {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
                        ]
                    },
                    "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 400}]},
                    "LoggingConfiguration": {"DestinationBucketName": target_bucket, "LogFilePrefix": "templated/"},
                },
            }
        },
    )
    s3 = made.client(emulator, "s3")

    (rule,) = s3.get_bucket_encryption(Bucket="templated")["ServerSideEncryptionConfiguration"]["Rules"]
    assert (rule["ApplyServerSideEncryptionByDefault"], rule["BucketKeyEnabled"]) == (default, True)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="templated")["Rules"]
    assert rule["Expiration"] == {"Days": 400}
    target = s3.get_bucket_logging(Bucket="templated")["LoggingEnabled"]
    assert (target["TargetBucket"], target["TargetPrefix"]) == (target_bucket, "templated/")


def _copied_to(replica: str, name: str) -> dict[str, Any]:
    rule = {"Id": "all", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}}
    rule |= {"DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{replica}"}}
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketName": name,
            "VersioningConfiguration": {"Status": "Enabled"},
            "ReplicationConfiguration": {"Role": f"arn:aws:iam::{ACCOUNT}:role/copies", "Rules": [rule]},
        },
    }


def test_a_template_applies_a_lock_and_copies_to_a_locked_bucket(emulator: Emulator) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
    locked = {
        "BucketName": "copies",
        "VersioningConfiguration": {"Status": "Enabled"},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule},
    }
    made.deploy(emulator, "copies", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": locked}})
    made.deploy(emulator, "originals", {"Bucket": _copied_to("copies", "originals")})
    s3 = made.client(emulator, "s3")

    s3.put_object(Bucket="originals", Key="a", Body=b"a")

    copy = s3.head_object(Bucket="copies", Key="a")
    assert (copy["ReplicationStatus"], copy["ObjectLockMode"]) == ("REPLICA", "COMPLIANCE")


def test_a_template_does_not_copy_to_a_bucket_that_is_not_there(emulator: Emulator) -> None:
    assert made.deploy(emulator, "to-nowhere", {"Bucket": _copied_to("nowhere", "lonely")}) != "CREATE_COMPLETE"


def test_a_bucket_with_objects_outlives_its_stack(emulator: Emulator) -> None:
    made.deploy(emulator, "filled", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "filled"}}})
    s3 = made.client(emulator, "s3")
    s3.put_object(Bucket="filled", Key="a", Body=b"a")
    cloudformation = made.client(emulator, "cloudformation")

    cloudformation.delete_stack(StackName="filled")
    made.until(lambda: made.status(cloudformation, "filled") == "DELETE_FAILED")

    assert s3.get_object(Bucket="filled", Key="a")["Body"].read() == b"a"


def test_a_replica_is_announced_with_its_version(emulator: Emulator) -> None:
    source, target = made.client(emulator, "s3", VENDOR), made.client(emulator, "s3")
    for client, bucket in ((source, "replicated"), (target, "replica")):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    role = f"arn:aws:iam::{VENDOR}:role/replication"
    grant = {**made.allow("s3:ReplicateObject", "arn:aws:s3:::replica/*"), "Principal": {"AWS": role}}
    target.put_bucket_policy(Bucket="replica", Policy=made.document(grant))
    made.client(emulator, "iam", VENDOR).create_role(
        RoleName="replication",
        AssumeRolePolicyDocument=made.document({**made.trust(VENDOR), "Principal": {"Service": "s3.amazonaws.com"}}),
    )
    rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::replica", "Account": ACCOUNT}}
    source.put_bucket_replication(Bucket="replicated", ReplicationConfiguration={"Role": role, "Rules": [rule]})
    target.put_bucket_notification_configuration(
        Bucket="replica", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["replica"]}}}
    received = made.queue_of(emulator, "replica", pattern)

    source.put_object(Bucket="replicated", Key="a", Body=b"a")

    (event,) = made.until(received)
    announced = event["detail"]["object"]
    assert announced["key"] == "a"
    assert announced["version-id"] == target.head_object(Bucket="replica", Key="a")["VersionId"]


@pytest.mark.parametrize("target", ["nowhere-at-all", None])
def test_access_is_logged_to_a_bucket_that_exists(emulator: Emulator, target: str | None) -> None:
    s3, name = made.client(emulator, "s3"), made.bucket(emulator)
    logging = {"LoggingEnabled": {"TargetBucket": target or made.bucket(emulator), "TargetPrefix": ""}}

    with made.refused_unless(target is None, "InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=logging)


def test_a_template_does_not_log_access_to_a_bucket_that_is_not_there(emulator: Emulator) -> None:
    properties = {"BucketName": "logs-nowhere", "LoggingConfiguration": {"DestinationBucketName": "nowhere-at-all"}}
    resource = {"Type": "AWS::S3::Bucket", "Properties": properties}

    assert made.deploy(emulator, "logs-nowhere", {"Bucket": resource}) != "CREATE_COMPLETE"


_REPLICA_ACTIONS = frozenset({"kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"})


@pytest.mark.parametrize(
    ("source_actions", "replica_actions", "bucket_key", "chosen", "status"),
    [
        ({"kms:Decrypt"}, _REPLICA_ACTIONS, True, True, "COMPLETED"),
        ({"kms:Decrypt"}, {"kms:Encrypt"}, False, True, "COMPLETED"),
        ({"kms:Decrypt"}, _REPLICA_ACTIONS, True, False, None),
        (set(), _REPLICA_ACTIONS, True, True, "FAILED"),
        *(({"kms:Decrypt"}, _REPLICA_ACTIONS - {missing}, True, True, "FAILED") for missing in _REPLICA_ACTIONS),
    ],
    ids=["all", "no bucket key", "not chosen", "source", *sorted(_REPLICA_ACTIONS)],
)
def test_replication_of_an_encrypted_object_requires_both_keys(
    emulator: Emulator,
    source_actions: set[str],
    replica_actions: set[str],
    bucket_key: bool,
    chosen: bool,
    status: str | None,
) -> None:
    s3 = made.client(emulator, "s3")
    source_key, replica_key = (made.key(emulator, made.delegation()) for _ in range(2))
    source, replica = (made.encrypted_bucket(emulator, key) for key in (source_key, replica_key))
    for name in (source, replica):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": replica_key}
    s3.put_bucket_encryption(
        Bucket=replica,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}]
        },
    )
    keys = [
        made.allow(sorted(actions), key)
        for actions, key in ((source_actions, source_key), (replica_actions, replica_key))
        if actions
    ]
    role = made.role(emulator, made.allow("s3:*", "*"), *keys, principal={"Service": "s3.amazonaws.com"})
    rule: dict[str, Any] = {"ID": "all", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}}
    rule["DeleteMarkerReplication"] = {"Status": "Disabled"}
    rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled" if chosen else "Disabled"}}
    rule["Destination"] = {
        "Bucket": f"arn:aws:s3:::{replica}",
        "EncryptionConfiguration": {"ReplicaKmsKeyID": replica_key},
    }
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": [rule]})

    s3.put_object(Bucket=source, Key="a", Body=b"a")

    assert s3.head_object(Bucket=source, Key="a").get("ReplicationStatus") == status
    assert ("Contents" in s3.list_objects_v2(Bucket=replica)) is (status == "COMPLETED")


@pytest.mark.parametrize("size", [1024, 5 * 1024 * 1024])
def test_all_parts_of_an_upload_but_the_last_have_five_mebibytes(emulator: Emulator, size: int) -> None:
    s3 = made.client(emulator, "s3")
    where: Any = {"Bucket": made.bucket(emulator), "Key": "a"}
    where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
    sent = [s3.upload_part(**where, PartNumber=number, Body=b"x" * of) for number, of in enumerate((size, 1), 1)]
    parts = [{"PartNumber": number, "ETag": each["ETag"]} for number, each in enumerate(sent, 1)]

    with made.refused_unless(size > 1024, "EntityTooSmall"):
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
