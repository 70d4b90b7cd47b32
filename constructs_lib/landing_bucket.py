"""A bucket that logs land in: versioned, encrypted, closed, announced and kept for as long as the rules want."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib import statements
from constructs_lib.durations import days
from constructs_lib.replication import ObjectLock, Replication

NONCURRENT_DAYS = 30
"""Days that an overwritten or deleted object can still be brought back."""

UNFINISHED_UPLOAD_DAYS = 7
"""Days after which the parts of an unfinished upload are removed."""

# Made once: an object of the CDK is a call to another process.
SSE_C, BLOCK_ALL = s3.BlockedEncryptionType.SSE_C, s3.BlockPublicAccess.BLOCK_ALL
GLACIER_INSTANT_RETRIEVAL, DEEP_ARCHIVE = s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, s3.StorageClass.DEEP_ARCHIVE
GLACIER_MINIMUM_DAYS = 90
"""Glacier Instant Retrieval bills every object for at least 90 days (S3 pricing): moving one for less costs more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LandingBucketProps:
    """How a landing bucket is named, encrypted and kept.

    Attributes
    ----------
    bucket_name
        The bucket's name; it is what vendors are given, so it never changes by itself.
    encryption_key
        Key of the bucket's default encryption. Default: SSE-S3.
    admitted_key
        Key that uploads may name although the default is SSE-S3. Only without ``encryption_key``.
    hot_days
        Days in S3 Standard before objects move to Glacier Instant Retrieval (which is read like Standard).
    archive_days
        Days after which objects expire.
    cold_days
        Days before objects move to Glacier Deep Archive, where they must be restored to be read. Default: never.
    access_log_bucket_name
        Bucket that S3 writes access logs to. Default: no access log (only for the access-log bucket itself).
    announced
        Each new object is an event on EventBridge, which AWS bills. Off only without a rule that matches them.
    sse_s3_services
        Services that upload some objects with SSE-S3 whatever the bucket's key is.
    short_lived_prefixes
        Prefixes whose objects expire after so many days instead.
    lock
        Objects cannot be deleted for a while after they arrive. Once there, S3 never takes it from a bucket again.
    replication
        Where S3 copies objects to. Default: nowhere.
    partition
        The partition of the stack. Default: the stack is asked for it.
    """

    bucket_name: str
    encryption_key: kms.IKey | None = None
    admitted_key: kms.IKey | None = None
    hot_days: int
    archive_days: int
    cold_days: int | None = None
    access_log_bucket_name: str | None = None
    announced: bool = True
    sse_s3_services: tuple[str, ...] = ()
    key_alias_arn: str | None = None
    short_lived_prefixes: tuple[tuple[str, int], ...] = ()
    lock: ObjectLock | None = None
    replication: Replication | None = None
    partition: str | None = None


class LandingBucket(Construct):
    """A versioned bucket that takes uploads over TLS 1.2 or later, under its own key, and announces each.

    Attributes
    ----------
    name, arn
        The bucket's name and ARN, as literals.

    All public access is blocked, ACLs are off, SSE-C is blocked, and the bucket outlives its stack. Only a creation
    that is rolled back removes it again: nothing has landed, and its name would block the next deploy. Replacing it
    (another name, another construct id) leaves the logs in the old one.
    """

    def __init__(self, scope: Construct, construct_id: str, props: LandingBucketProps) -> None:
        super().__init__(scope, construct_id)
        encryption = s3.BucketEncryption.KMS if props.encryption_key else s3.BucketEncryption.S3_MANAGED
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=props.bucket_name,
            versioned=True,
            encryption=encryption,
            encryption_key=props.encryption_key,
            bucket_key_enabled=True if props.encryption_key else None,
            blocked_encryption_types=[SSE_C],
            block_public_access=BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=_lifecycle(props),
            object_lock_enabled=True if props.lock else None,
            object_lock_default_retention=props.lock.retention if props.lock else None,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        policy = self.bucket.policy
        assert policy is not None  # noqa: S101  (made by `enforce_ssl`)
        # The document itself: `add_to_resource_policy` answers with an object whose properties are two more calls.
        self._policy_document = policy.document
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101  (narrows a jsii type)
        if props.announced:
            # The native property: `event_bridge_enabled` adds a function that may change every bucket's notifications.
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            )
        if props.access_log_bucket_name:
            resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
                destination_bucket_name=props.access_log_bucket_name, log_file_prefix=f"{props.bucket_name}/"
            )
        if props.replication:
            resource.replication_configuration = props.replication.configuration
        # Literals, not referred to: the key's policy names the bucket, and the bucket names the key.
        self.name = props.bucket_name
        self.arn = f"arn:{props.partition or Stack.of(self).partition}:s3:::{props.bucket_name}"
        key = props.encryption_key or props.admitted_key
        denies = statements.encryption_denies(
            self.arn,
            key.key_arn if key else None,
            props.sse_s3_services,
            props.key_alias_arn,
            takes_sse_s3=props.admitted_key is not None,
        )
        self.allow(*denies)
        # The bucket outlives its stack; without its policy it would outlive its own protection.
        policy.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)

    def allow(self, *policy_statements: iam.PolicyStatement) -> None:
        """Add statements to the bucket's policy."""
        self._policy_document.add_statements(*policy_statements)


def _lifecycle(props: LandingBucketProps) -> Sequence[s3.LifecycleRule]:
    steps = []
    if (props.cold_days or props.archive_days) - props.hot_days >= GLACIER_MINIMUM_DAYS:
        steps.append((GLACIER_INSTANT_RETRIEVAL, props.hot_days))
    if props.cold_days:
        steps.append((DEEP_ARCHIVE, props.cold_days))
    retention = s3.LifecycleRule(
        id="Retention",
        expiration=days(props.archive_days),
        noncurrent_version_expiration=days(NONCURRENT_DAYS),
        abort_incomplete_multipart_upload_after=days(UNFINISHED_UPLOAD_DAYS),
        transitions=[
            s3.Transition(storage_class=storage_class, transition_after=days(after)) for storage_class, after in steps
        ]
        or None,
    )
    # S3 takes this in a rule of its own only; without it the markers of expired objects stay indefinitely.
    markers = s3.LifecycleRule(id="DeleteMarkers", expired_object_delete_marker=True)
    short = [
        s3.LifecycleRule(id=f"Expire-{prefix.strip('/')}", prefix=prefix, expiration=days(lifetime))
        for prefix, lifetime in props.short_lived_prefixes
    ]
    return [retention, markers, *short]
