"""MongoDB Atlas: a bucket that Atlas's log sink writes to, and the role that it assumes.

Source: MongoDB Atlas, "Export Logs to AWS S3 Buckets". Atlas exports from its control plane in us-east-1 whatever the
cluster's Region, so nothing here may depend on where a request comes from.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.customer_key import CustomerKey
from constructs_lib.export_role import ExportRole, ExportRoleProps
from constructs_lib.landing_bucket import LandingBucket
from settings.exports import MongodbAtlasExport
from stacks.export_stack import ExportStack
from stacks.next_steps import atlas_steps
from stacks.security_events import assumed_or_assuming, audit_is_counted


class MongodbAtlasStack(ExportStack):
    """One Atlas export path: bucket, key, role."""

    def __init__(self, scope: Construct, construct_id: str, *, export: MongodbAtlasExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        key = self.customer_key()
        landing = self.landing_bucket(export, key)
        role = ExportRole(
            self,
            "Role",
            ExportRoleProps(
                role_name=self.names.export(export.name),
                description="Logdock: MongoDB Atlas writes logs",
                principal_arn=export.atlas_principal_arn,
                external_ids=export.external_id,
                session_seconds=export.session_seconds,
                permissions=self._permissions(export, landing, key),
            ),
        )
        self.ship_landing(landing, key, f"{export.prefix}/")
        self.alarms.denied(assumed_or_assuming(self.names.role_arn(self.names.export(export.name))))
        if audit_is_counted(export):
            self.alarms.security_alarm("failed-logins")
        self.output("RoleArn", role.arn, "AWS IAM role ARN, to authorise in Atlas")
        self.output("BucketName", export.mrap_arn or landing.name, "Bucket Name")
        self.output("Prefix", export.prefix, "Prefix")
        self.output("KmsKeyArn", key.arn, "KMS Key")
        self.output(
            "NextSteps",
            atlas_steps(export, role_arn=role.arn, bucket=landing.name, key_arn=key.arn),
            "Authorise the role and create the log integration",
        )

    def _permissions(
        self, export: MongodbAtlasExport, landing: LandingBucket, key: CustomerKey
    ) -> list[iam.PolicyStatement]:
        buckets = [landing.arn, *(self.names.bucket_arn(name) for name in export.mrap_buckets)]
        documented = export.permissions == "vendor-documented"
        object_actions = ["s3:PutObject", *(["s3:GetObject"] if documented else [])]
        through: dict[str, Any] = (
            {"StringEquals": {"s3:DataAccessPointArn": export.mrap_arn}} if export.mrap_arn else {}
        )
        regions = [f"s3.{region}.amazonaws.com" for region in self._key_regions(export)]
        statements = [
            iam.PolicyStatement(
                sid="WriteLogs",
                actions=object_actions,
                resources=[f"{arn}/{export.prefix}/*" for arn in buckets],
                conditions=through,
            ),
            iam.PolicyStatement(sid="FindBucket", actions=["s3:GetBucketLocation"], resources=buckets),
            iam.PolicyStatement(
                sid="EncryptLogs",
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=[key.arn, *export.mrap_key_arns],
                conditions={"StringEquals": {"kms:ViaService": regions if len(regions) > 1 else regions[0]}},
            ),
        ]
        if export.mrap_arn:
            statements.append(
                iam.PolicyStatement(
                    sid="WriteThroughAccessPoint",
                    actions=object_actions,
                    resources=[f"{export.mrap_arn}/object/{export.prefix}/*"],
                )
            )
        if documented:
            statements += [
                iam.PolicyStatement(
                    sid="ListLogs",
                    actions=["s3:ListBucket"],
                    resources=[*buckets, *([export.mrap_arn] if export.mrap_arn else [])],
                    conditions={"StringLike": {"s3:prefix": [export.prefix, f"{export.prefix}/*"]}},
                ),
                iam.PolicyStatement(sid="DescribeKey", actions=["kms:DescribeKey"], resources=[key.arn]),
            ]
        return statements

    def _key_regions(self, export: MongodbAtlasExport) -> list[str]:
        """List the Regions of the keys: the landing bucket's, and those behind the access point."""
        return list(dict.fromkeys((self.region, *(arn.split(":")[3] for arn in export.mrap_key_arns))))
