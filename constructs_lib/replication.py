"""How S3 copies a bucket's objects to a bucket in another Region, and what it may do for that.

Sources: Amazon S3 User Guide, "Replicating encrypted objects", "What does Amazon S3 replicate?" and "Using S3
Replication metrics".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

RULE_ID = "Replica"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectLock:
    """The default retention of a bucket's objects: what arrives without one of its own gets this.

    Attributes
    ----------
    mode
        ``governance``: a principal with ``s3:BypassGovernanceRetention`` can delete a version. ``compliance``: no one
        can.
    days
        Days from the arrival of a version.
    """

    mode: Literal["governance", "compliance"]
    days: int

    @property
    def retention(self) -> s3.ObjectLockRetention:
        """The same in the CDK's words."""
        days = Duration.days(self.days)
        if self.mode == "compliance":
            return s3.ObjectLockRetention.compliance(days)
        return s3.ObjectLockRetention.governance(days)


@dataclass(frozen=True, kw_only=True, slots=True)
class Replication:
    """What is copied where.

    Attributes
    ----------
    prefix
        Only keys that begin so.
    role_arn
        The role that S3 copies as.
    bucket_name, bucket_arn
        The bucket that is copied to; versioned, in another Region, and there before this is deployed.
    key_arn
        The key that the copies are encrypted with, or the ARN of its alias: of the same account and the other Region.
    """

    prefix: str
    role_arn: str
    bucket_name: str
    bucket_arn: str
    key_arn: str

    @property
    def configuration(self) -> s3.CfnBucket.ReplicationConfigurationProperty:
        """The same in CloudFormation's words."""
        bucket = s3.CfnBucket
        return bucket.ReplicationConfigurationProperty(
            role=self.role_arn,
            rules=[
                bucket.ReplicationRuleProperty(
                    id=RULE_ID,
                    status="Enabled",
                    priority=1,
                    filter=bucket.ReplicationRuleFilterProperty(prefix=self.prefix),
                    # A deletion of the original must not hide the copy: that is what the copy is for.
                    delete_marker_replication=bucket.DeleteMarkerReplicationProperty(status="Disabled"),
                    # S3 skips objects under SSE-KMS unless the rule includes them.
                    source_selection_criteria=bucket.SourceSelectionCriteriaProperty(
                        sse_kms_encrypted_objects=bucket.SseKmsEncryptedObjectsProperty(status="Enabled")
                    ),
                    destination=bucket.ReplicationDestinationProperty(
                        bucket=self.bucket_arn,
                        encryption_configuration=bucket.EncryptionConfigurationProperty(
                            replica_kms_key_id=self.key_arn
                        ),
                        metrics=bucket.MetricsProperty(status="Enabled"),
                    ),
                )
            ],
        )


def replication_permissions(
    *, source_arn: str, replica_arn: str, prefix: str, locked: bool
) -> Sequence[iam.PolicyStatement]:
    """Return what S3's role may do in addition to using the two keys, which their own policies allow.

    The guide's minimum without deletions, which are not copied, and without tags, which our objects do not have.

    Parameters
    ----------
    source_arn, replica_arn
        The two buckets.
    prefix
        Prefix of the keys that are copied.
    locked
        The copies get a retention; S3 then looks for one on the original.
    """
    versions = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"]
    if locked:
        versions += ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
    return [
        iam.PolicyStatement(
            sid="ReadConfiguration", actions=["s3:GetReplicationConfiguration", "s3:ListBucket"], resources=[source_arn]
        ),
        iam.PolicyStatement(sid="ReadVersions", actions=versions, resources=[f"{source_arn}/{prefix}*"]),
        iam.PolicyStatement(
            sid="WriteReplicas", actions=["s3:ReplicateObject"], resources=[f"{replica_arn}/{prefix}*"]
        ),
    ]
