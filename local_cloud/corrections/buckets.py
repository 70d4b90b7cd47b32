"""Buckets: what a template sets on them, what keeps them, and what their events say."""

from __future__ import annotations

import contextvars
import inspect
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ministack.services import eventbridge, s3
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping

_REPLICAS = re.compile(r"<Bucket>arn:aws:s3:::([^<]+)</Bucket>")


def apply() -> None:
    """Make these corrections."""
    _apply_bucket_properties()
    _keep_buckets_with_objects()
    _treat_replicas_as_objects()
    _name_the_version_in_events()


def _apply_bucket_properties() -> None:
    """CloudFormation applies all of a bucket's settings; MiniStack drops these."""
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("BucketEncryption", _encryption_xml, s3._put_bucket_encryption, s3._delete_bucket_encryption),
        ("LifecycleConfiguration", _lifecycle_xml, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        ("LoggingConfiguration", _logging_xml, s3._put_bucket_logging, lambda name: s3._put_bucket_logging(name, b"")),
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
