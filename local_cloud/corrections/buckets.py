"""Buckets: what a template sets on them, what keeps them, and what their events say."""

from __future__ import annotations

import contextvars
import datetime
import inspect
import json
import os
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator, lambda_runtime, responses
from ministack.services import eventbridge, s3

from local_cloud.corrections.operations import client, intercept
from local_cloud.corrections.permissions import key_of
from local_cloud.corrections.templates import extend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request

_PART_NUMBERS = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_SMALLEST_PART = 5 * 1024 * 1024
_LOGGED_TO = re.compile(rb"<TargetBucket>([^<]+)</TargetBucket>")


def apply() -> None:
    """Make these corrections."""
    extend("AWS::S3::Bucket", apply=_apply_properties, check_delete=_keep_with_objects)
    intercept(s3)(_refuse)
    _replicate_as_s3_does()
    _name_the_version_in_events()
    _backdate_objects()


def _apply_properties(name: str, properties: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """CloudFormation applies all of a bucket's settings; MiniStack drops these."""
    calls = client("s3")
    if settings := properties.get("BucketEncryption"):
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault", {}),
                "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
            }
            for rule in settings["ServerSideEncryptionConfiguration"]
        ]
        calls.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    elif "BucketEncryption" in before:
        calls.delete_bucket_encryption(Bucket=name)
    if settings := properties.get("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule) for rule in settings["Rules"]]
        calls.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    elif "LifecycleConfiguration" in before:
        calls.delete_bucket_lifecycle(Bucket=name)
    if settings := properties.get("LoggingConfiguration", {}):
        target = {"TargetBucket": settings["DestinationBucketName"], "TargetPrefix": settings.get("LogFilePrefix", "")}
        calls.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": target})
    elif "LoggingConfiguration" in before:
        calls.put_bucket_logging(Bucket=name, BucketLoggingStatus={})
    if settings := properties.get("ObjectLockConfiguration"):
        calls.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=settings)
    if settings := properties.get("ReplicationConfiguration"):
        rules = [{"ID" if name == "Id" else name: value for name, value in rule.items()} for rule in settings["Rules"]]
        for rule in rules:
            # S3 replicates to buckets that exist; MiniStack takes one that does not.
            if not s3._bucket_owner_account(rule["Destination"]["Bucket"].rpartition(":")[2]):
                raise ValueError(f"Destination bucket must exist: {rule['Destination']['Bucket']}")
        configuration = {"Role": settings["Role"], "Rules": rules}
        calls.put_bucket_replication(Bucket=name, ReplicationConfiguration=configuration)
    elif "ReplicationConfiguration" in before:
        calls.delete_bucket_replication(Bucket=name)


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"ExpirationInDays": "Days", "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}
    same = ("Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    expiration = {new: rule[old] for old, new in renamed.items() if old in rule}
    transitions = [
        {"Days": step["TransitionInDays"], "StorageClass": step["StorageClass"]} for step in rule.get("Transitions", [])
    ]
    return {
        **{name: rule[name] for name in same if name in rule},
        **({"ID": rule["Id"]} if "Id" in rule else {}),
        **({"Expiration": expiration} if expiration else {}),
        **({"Transitions": transitions} if transitions else {}),
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }


def _keep_with_objects(name: str) -> None:
    """CloudFormation fails to delete a bucket that holds objects; MiniStack deletes them with it."""
    try:
        found = client("s3").list_object_versions(Bucket=name, MaxKeys=1)
        found |= client("s3").list_objects_v2(Bucket=name, MaxKeys=1)
    except ClientError:
        return
    if any(found.get(kind) for kind in ("Versions", "DeleteMarkers", "Contents")):
        raise ValueError(f"The bucket you tried to delete is not empty: {name}")


async def _refuse(request: Request, proceed: Proceed) -> Answer:
    """Access is logged to buckets that exist, and every part of an upload but the last has at least 5 MiB.

    MiniStack takes any. Amazon S3 API Reference, PutBucketLogging: InvalidTargetBucketForLogging;
    CompleteMultipartUpload: EntityTooSmall.
    """
    if request.method == "PUT" and "logging" in request.query:
        for target in _LOGGED_TO.findall(request.body):
            try:
                client("s3").get_bucket_location(Bucket=target.decode())
            except ClientError:
                message = f"The target bucket for logging does not exist: {target.decode()}"
                return _error("InvalidTargetBucketForLogging", message)
    if request.method == "POST" and (upload := request.query.get("uploadId")):
        bucket, _, key = request.path.lstrip("/").partition("/")
        named = {int(number) for number in _PART_NUMBERS.findall(request.body)}
        try:
            pages = client("s3").get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload[0])
            sent = {part["PartNumber"]: part["Size"] for page in pages for part in page.get("Parts", [])}
        except ClientError:
            sent = {}
        if any(sent[number] < _SMALLEST_PART for number in sorted(named & sent.keys())[:-1]):
            return _error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
    return await proceed()


def _error(code: str, message: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return 400, {"Content-Type": "application/xml"}, body.encode()


def _replicate_as_s3_does() -> None:
    """S3 replicates an SSE-KMS object by the rule's choice and its role's use of both keys; MiniStack asks for neither.

    The role needs Decrypt on the key of the original and Encrypt on that of the replica; into a bucket with bucket
    keys, GenerateDataKey and Decrypt on the latter as well. What it may not use leaves the object FAILED (Amazon S3
    User Guide, "Replicating encrypted objects"). What arrives is announced and locked like any other object.
    """
    original = s3._maybe_replicate

    def maybe_replicate(bucket: str, key: str, stored: dict[str, Any], data: Any, tags: Any = None) -> None:
        stored.pop("_replica", None)
        rule, role_arn = s3._replication_rule_for(bucket, key, tags)
        if rule is None:
            return
        source_key = key_of(s3._stored_sse_headers(stored))
        chosen = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects") or {}
        if source_key and chosen.get("Status") != "Enabled":
            return
        if not _may_encrypt_replica(role_arn, bucket, source_key, rule["Destination"]):
            stored["replication_status"] = "FAILED"
            return
        original(bucket, key, stored, data, tags)
        if stored.get("_replica") is None:
            return
        replica_bucket, version_id, account_id = stored["_replica"]
        with responses.request_scope(account_id, responses.get_region()):
            s3._apply_object_lock_from_headers(replica_bucket, key, {}, version_id)
            s3._fire_s3_event_async(
                replica_bucket,
                key,
                "s3:ObjectCreated:Put",
                size=stored.get("size", len(data)),
                etag=stored.get("etag", ""),
                version_id=version_id,
            )

    s3._maybe_replicate = maybe_replicate


def _may_encrypt_replica(role_arn: str, bucket: str, source_key: str | None, target: Mapping[str, Any]) -> bool:
    if source_key and not _role_may_use(role_arn, "kms:Decrypt", source_key, bucket):
        return False
    named = (target.get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")
    destination = target["Bucket"].rpartition(":")[2]
    owner = s3._bucket_owner_account(destination)
    if not named or not owner:
        return True
    # The replica's key is in the Region of the replica.
    region = named.split(":")[3] if named.startswith("arn:") else responses.get_region()
    with responses.request_scope(owner, region):
        try:
            key_arn = client("kms").describe_key(KeyId=named)["KeyMetadata"]["Arn"]
            encryption = client("s3").get_bucket_encryption(Bucket=destination)["ServerSideEncryptionConfiguration"]
        except ClientError as error:
            if error.operation_name == "DescribeKey":
                return False
            encryption = {"Rules": []}
    has_bucket_key = any(rule.get("BucketKeyEnabled") for rule in encryption["Rules"])
    actions = ["kms:Encrypt", *(["kms:GenerateDataKey", "kms:Decrypt"] if has_bucket_key else [])]
    return all(_role_may_use(role_arn, each, key_arn, destination) for each in actions)


def _role_may_use(role_arn: str, action: str, key_arn: str, bucket: str) -> bool:
    account, region = role_arn.split(":")[4], key_arn.split(":")[3]
    with responses.request_scope(account, region):
        arn = f"arn:aws:lambda:{region}:{account}:function:S3Replication"
        actor = {"FunctionName": "S3Replication", "FunctionArn": arn, "Role": role_arn}
        access_key_id = lambda_runtime.execution_credentials(actor)["AWS_ACCESS_KEY_ID"]
        context = {
            "kms:ViaService": f"s3.{region}.amazonaws.com",
            "kms:CallerAccount": account,
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}",
        }
        return iam_evaluator.enforce(access_key_id, action, "kms", region, key_arn, context) is None


def _name_the_version_in_events() -> None:
    """An "Object Created" event of a versioned bucket carries the version id; MiniStack's lacks it."""
    original_fire, original_dispatch = s3._fire_s3_event, eventbridge._dispatch_event
    parameters = inspect.signature(original_fire)
    version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)

    def fire(*arguments: Any, **named: Any) -> None:
        token = version.set(parameters.bind(*arguments, **named).arguments.get("version_id"))
        try:
            original_fire(*arguments, **named)
        finally:
            version.reset(token)

    def dispatch(event: dict[str, Any], *more: Any) -> Any:
        if version.get() is not None and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return original_dispatch(event, *more)

    s3._fire_s3_event = fire
    eventbridge._dispatch_event = dispatch


def _backdate_objects() -> None:
    """Let S3's clock be slow by the seconds of the option S3_CLOCK_SLOW_SECONDS: tests need objects of some age."""
    seconds = float(os.environ.get("S3_CLOCK_SLOW_SECONDS", "0"))
    if not seconds:
        return
    slow = datetime.timedelta(seconds=seconds)

    def now_iso() -> str:
        now = datetime.datetime.now(datetime.UTC) - slow
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    s3.now_iso = now_iso
