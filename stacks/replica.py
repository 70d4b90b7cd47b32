"""The replica: a copy of the archive in another Region, under a key of its own, which may be locked.

It is deployed before the core, whose archive bucket S3 copies from, and refers to nothing of the core but by name.
"""

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib import statements
from constructs_lib.customer_key import CustomerKey, CustomerKeyProps
from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.replication import ObjectLock, Replication, replication_permissions
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.settings.replica import Replica

REPLICATED_PREFIX = "logs/"
"""What is copied of the archive: the logs, and not the short-lived copies made for fetching readers."""


class ReplicaStack(Stack):
    """The bucket, its key, and the role that S3 copies as."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Deployment,
        replica: Replica,
        names: Names,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **stack)
        key = CustomerKey(
            self, "Key", CustomerKeyProps(alias=names.replica(self.region), description="Logdock: copy of the archive")
        )
        lock = ObjectLock(mode=replica.lock, days=replica.lock_days) if replica.lock and replica.lock_days else None
        bucket = LandingBucket(
            self,
            "Replica",
            LandingBucketProps(
                bucket_name=names.bucket("replica", self.region),
                encryption_key=key.key,
                hot_days=settings.effective_retention.hot_days,
                archive_days=settings.effective_retention.archive_days,
                cold_days=settings.effective_retention.cold_after_days,
                announced=False,
                key_alias_arn=replication(replica, names).key_arn,
                lock=lock,
            ),
        )
        role = iam.Role(
            self,
            "Role",
            role_name=names.replica(self.region),
            description="Logdock: S3 copies the archive",
            # S3's guide has no condition here ("Setting up permissions for live replication"), so the account is
            # compared where S3 says it. What keeps others out is that a role is passed within its own account alone.
            assumed_by=iam.PrincipalWithConditions(
                statements.service_principal("s3.amazonaws.com"),
                {"StringEqualsIfExists": {"aws:SourceAccount": self.account}},
            ),
            inline_policies={
                "Replica": iam.PolicyDocument(
                    statements=[
                        *replication_permissions(
                            source_arn=names.bucket_arn(names.bucket("archive")),
                            replica_arn=bucket.arn,
                            prefix=REPLICATED_PREFIX,
                            locked=lock is not None,
                        )
                    ]
                )
            },
        )
        key.allow(statements.encrypt_replicas(bucket.arn, role.role_arn, self.region))
        CfnOutput(self, "ReplicaBucketName", value=bucket.name, description="Copy of every export's logs")


def replication(replica: Replica, names: Names) -> Replication:
    """Return the replication configuration of the archive bucket."""
    bucket_name, alias = names.bucket("replica", replica.region), names.replica(replica.region)
    return Replication(
        prefix=REPLICATED_PREFIX,
        role_arn=names.role_arn(alias),
        bucket_name=bucket_name,
        bucket_arn=names.bucket_arn(bucket_name),
        key_arn=f"arn:{names.partition}:kms:{replica.region}:{names.account}:alias/{alias}",
    )
