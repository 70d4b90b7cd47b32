"""Aptible: a bucket whose sole purpose is the container log archives that Aptible replicates into it.

Source: Aptible, "Log Archiving to S3": versioning on, same Region as the stack, nothing else in the bucket.
"""

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib import statements
from logdock.vendors.aptible.next_steps import aptible_steps
from logdock.vendors.aptible.settings import AptibleExport
from stacks.export_stack import ExportStack
from stacks.security_events import from_account


class AptibleStack(ExportStack):
    """The bucket, and what Aptible's replication role may do to it."""

    def __init__(self, scope: Construct, construct_id: str, *, export: AptibleExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        key = self.customer_key() if export.encryption == "kms" else None
        landing = self.landing_bucket(export, key)
        principal = iam.ArnPrincipal(export.replication_role_arn)
        landing.allow(
            iam.PolicyStatement(
                sid="AptibleReplicatesObjects",
                principals=[principal],
                actions=["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ObjectOwnerOverrideToBucketOwner"],
                resources=[f"{landing.arn}/*"],
            ),
            iam.PolicyStatement(
                sid="AptibleReadsBucket",
                principals=[principal],
                # Aptible's page grants s3:List*, which is these three and s3:ListTagsForResource.
                actions=[
                    "s3:ListBucket",
                    "s3:ListBucketVersions",
                    "s3:ListBucketMultipartUploads",
                    "s3:GetBucketVersioning",
                    "s3:PutBucketVersioning",
                ],
                resources=[landing.arn],
            ),
        )
        if key:
            replicas = statements.encrypt_replicas(landing.arn, export.replication_role_arn, self._in_region)
            replicas.sid = "AptibleEncryptsReplicas"
            key.allow(replicas)
            self.output("KmsKeyArn", key.arn, "Key that Aptible's replication rule must name")
        self.ship_landing(landing, key, "")
        self.alarms.denied(from_account(export.replication_role_arn, landing.name))
        self.output("AccountId", self.names.account, "Your AWS Account ID")
        self.output("BucketName", landing.name, "The name of your S3 bucket to use for archiving")
        self.output(
            "NextSteps",
            aptible_steps(export, account=self.names.account, bucket=landing.name, key_arn=key.arn if key else None),
            "Support request: there is no API",
        )


STACK = AptibleStack
