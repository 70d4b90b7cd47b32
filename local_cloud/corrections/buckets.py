"""Buckets: what a template sets on them, what keeps them, and what their events say."""

from __future__ import annotations

import contextvars
import datetime
import inspect
import json
import os
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator, lambda_runtime, responses
from ministack.services import eventbridge, kms, s3
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping

_REPLICAS = re.compile(r"<Bucket>arn:aws:s3:::([^<]+)</Bucket>")
_PART_NUMBERS = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_SMALLEST_PART = 5 * 1024 * 1024
_LOGGED_TO = re.compile(r"<TargetBucket>([^<]+)</TargetBucket>")


def apply() -> None:
    """Make these corrections."""
    _apply_bucket_properties()
    _keep_buckets_with_objects()
    _ask_keys_for_replicas()
    _treat_replicas_as_objects()
    _log_to_buckets_that_exist()
    _name_the_version_in_events()
    _refuse_small_parts_of_uploads()
    _backdate_objects()


def _apply_bucket_properties() -> None:
    """CloudFormation applies all of a bucket's settings; MiniStack drops these."""
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("BucketEncryption", _encryption_xml, s3._put_bucket_encryption, s3._delete_bucket_encryption),
        ("LifecycleConfiguration", _lifecycle_xml, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        ("LoggingConfiguration", _logging_xml, _put_logging, lambda name: s3._put_bucket_logging(name, b"")),
        ("ObjectLockConfiguration", _lock_xml, s3._put_object_lock_configuration, lambda _: None),
        ("ReplicationConfiguration", _replication_xml, _put_replication, s3._delete_bucket_replication),
    )


def _put_replication(name: str, configuration: bytes) -> None:
    """S3 replicates to versioned buckets that exist; MiniStack takes one that does not, and its template any."""
    if missing := [
        bucket for bucket in _REPLICAS.findall(configuration.decode()) if not s3._bucket_owner_account(bucket)
    ]:
        raise ValueError(f"Destination bucket must exist: {missing[0]}")
    status, _, body = s3._put_bucket_replication(name, configuration)
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())


def _keep_buckets_with_objects() -> None:
    """CloudFormation fails to delete a bucket that holds objects; MiniStack deletes them with it."""
    delete = provisioners._s3_delete

    def checked_delete(physical_id: str, props: Mapping[str, Any]) -> Any:
        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            message = f"The bucket you tried to delete is not empty: {physical_id}"
            raise ValueError(message)
        return delete(physical_id, props)

    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = checked_delete


def _log_to_buckets_that_exist() -> None:
    """The bucket that access is logged to must exist and belong to the same account; MiniStack takes any name.

    Amazon S3 API Reference, PutBucketLogging: "InvalidTargetBucketForLogging".
    """
    original = s3._put_bucket_logging

    def put_bucket_logging(name: str, body: bytes) -> Any:
        for target in _LOGGED_TO.findall(body.decode()):
            if target not in s3._buckets:
                message = f"The target bucket for logging does not exist: {target}"
                return s3._error("InvalidTargetBucketForLogging", message, 400, f"/{name}")
        return original(name, body)

    s3._put_bucket_logging = put_bucket_logging


def _put_logging(name: str, configuration: bytes) -> None:
    status, _, body = s3._put_bucket_logging(name, configuration)
    if status != HTTPStatus.OK:
        raise ValueError(body.decode())


def _ask_keys_for_replicas() -> None:
    """S3 replicates an SSE-KMS object by the rule's choice and its role's use of both keys; MiniStack asks for neither.

    The role needs Decrypt on the key of the original and Encrypt on that of the replica; into a bucket with bucket
    keys, GenerateDataKey and Decrypt on the latter as well. What it may not use leaves the object FAILED (Amazon S3
    User Guide, "Replicating encrypted objects").
    """
    original = s3._maybe_replicate

    def maybe_replicate(bucket: str, key: str, stored: dict[str, Any], data: Any, tags: Any = None) -> None:
        rule, role_arn = s3._replication_rule_for(bucket, key, tags)
        if rule is not None:
            source_key = _key_in(s3._stored_sse_headers(stored))
            chosen = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects") or {}
            if source_key and chosen.get("Status") != "Enabled":
                return
            target = s3._replication_destination(bucket, key, rule, role_arn)
            if target is not None and not _may_encrypt_replica(role_arn, bucket, source_key, rule, target):
                stored["replication_status"] = "FAILED"
                return
        original(bucket, key, stored, data, tags)

    s3._maybe_replicate = maybe_replicate


def _may_encrypt_replica(
    role_arn: str, bucket: str, source_key: str | None, rule: Mapping[str, Any], target: tuple[str, str, Any]
) -> bool:
    destination, owner, _ = target
    if source_key and not _role_may_use(role_arn, "kms:Decrypt", source_key, bucket):
        return False
    named = ((rule.get("Destination") or {}).get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID")
    if not named:
        return True
    # The replica's key is in the Region of the replica.
    region = named.split(":")[3] if named.startswith("arn:") else responses.get_region()
    with responses.request_scope(owner, region):
        record = kms._resolve_key(named)
        has_bucket_key = "<BucketKeyEnabled>true" in str(s3._bucket_encryption.get(destination))
    actions = ["kms:Encrypt", *(["kms:GenerateDataKey", "kms:Decrypt"] if has_bucket_key else [])]
    return record is not None and all(_role_may_use(role_arn, each, record["Arn"], destination) for each in actions)


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


def _key_in(headers: Mapping[str, str]) -> str | None:
    is_kms = headers.get("x-amz-server-side-encryption") == "aws:kms"
    record = kms._resolve_key(headers.get("x-amz-server-side-encryption-aws-kms-key-id") or "") if is_kms else None
    return record["Arn"] if record else None


def _treat_replicas_as_objects() -> None:
    """S3 announces and locks an object that arrives by replication like any other; MiniStack does neither."""
    original = s3._maybe_replicate

    def maybe_replicate(bucket: str, key: str, stored: dict[str, Any], data: Any, tags: Any = None) -> None:
        stored.pop("_replica", None)
        original(bucket, key, stored, data, tags)
        if stored.get("_replica") is None:
            return
        replica_bucket, version_id, account_id = stored["_replica"]
        with s3._in_account(account_id):
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


def _refuse_small_parts_of_uploads() -> None:
    """Every part of an upload but the last has at least 5 MiB; MiniStack takes any.

    Source: Amazon S3 API Reference, "CompleteMultipartUpload", EntityTooSmall.
    """
    original = s3._complete_multipart_upload

    def complete(bucket_name: str, key: str, body: bytes, *rest: Any) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(rest[0], "uploadId"))
        named = sorted(int(number) for number in _PART_NUMBERS.findall(body))
        sent = upload["parts"] if upload else {}
        sizes = [len(sent[number]["body"]) for number in named if number in sent]
        if any(size < _SMALLEST_PART for size in sizes[:-1]):
            return s3._error(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                400,
                f"/{bucket_name}/{key}",
            )
        return original(bucket_name, key, body, *rest)

    s3._complete_multipart_upload = complete


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


def _encryption_xml(settings: Mapping[str, Any]) -> bytes:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault", {}),
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in settings.get("ServerSideEncryptionConfiguration", [])
    ]
    return _xml("ServerSideEncryptionConfiguration", {"Rule": rules})


def _lifecycle_xml(settings: Mapping[str, Any]) -> bytes:
    rules = []
    for rule in settings.get("Rules", []):
        expiration = {"Days": rule.get("ExpirationInDays")}
        expiration["ExpiredObjectDeleteMarker"] = rule.get("ExpiredObjectDeleteMarker")
        abort = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
        rules.append(
            {
                "ID": rule.get("Id"),
                "Filter": {"Prefix": rule.get("Prefix", "")},
                "Status": rule["Status"],
                "Expiration": expiration,
                "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort},
                "Transition": [
                    {"Days": step.get("TransitionInDays"), "StorageClass": step["StorageClass"]}
                    for step in rule.get("Transitions", [])
                ],
            }
        )
    return _xml("LifecycleConfiguration", {"Rule": rules})


def _lock_xml(settings: Mapping[str, Any]) -> bytes:
    return _xml("ObjectLockConfiguration", settings)


def _replication_xml(settings: Mapping[str, Any]) -> bytes:
    rules = [{"ID": rule.get("Id"), **rule} for rule in settings["Rules"]]
    return _xml("ReplicationConfiguration", {"Role": settings["Role"], "Rule": rules})


def _logging_xml(settings: Mapping[str, Any]) -> bytes:
    target = {
        "TargetBucket": settings.get("DestinationBucketName"),
        "TargetPrefix": settings.get("LogFilePrefix", ""),
    }
    return _xml("BucketLoggingStatus", {"LoggingEnabled": target})


def _xml(name: str, content: Mapping[str, Any]) -> bytes:
    return f'<{name} xmlns="{s3.S3_NS}">{_elements(content)}</{name}>'.encode()


def _elements(content: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for name, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            inner = _elements(item) if isinstance(item, dict) else _text(item)
            if inner or item == "":
                parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else escape(str(value))
