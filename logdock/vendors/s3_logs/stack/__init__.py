"""Logs that AWS services, or anything else, write to a bucket: made here with its delivery policies, or existing."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from constructs_lib.statements import Statement
from logdock.settings.names import Names
from logdock.vendors.s3_logs.settings import S3LogsExport
from logdock.vendors.s3_logs.stack.delivery import delivery_key_statements, delivery_statements
from stacks.connection import revision
from stacks.connector_permissions import allow, find_owners, remember
from stacks.export_stack import ExportStack


class S3LogsStack(ExportStack):
    """A landing bucket for AWS services; or the wires of a bucket that exists, whose policy and notifications stay."""

    def __init__(self, scope: Construct, construct_id: str, *, export: S3LogsExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        prefix = f"{export.prefix}/" if export.prefix else ""
        if export.existing_bucket:
            self._wire_existing(export, export.existing_bucket, prefix)
        else:
            self._make(export, prefix)

    def _make(self, export: S3LogsExport, prefix: str) -> None:
        # Also where a service makes SSE-S3 the default: what named the key before the service came still may.
        key = self.customer_key()
        landing = self.landing_bucket(export, key)
        landing.allow(*delivery_statements(self.names, export.services, landing.arn, prefix))
        key.allow(*delivery_key_statements(self.names, export.services))
        self.output("KmsKeyArn", key.arn, "Key of the bucket, which a trail must name")
        self.ship_landing(landing, key, prefix)
        self.output("BucketName", landing.name, "Bucket that the services deliver to")
        self.output("NextSteps", self._steps(export, landing.name, key.arn), "How to point services at it")

    def _steps(self, export: S3LogsExport, bucket: str, key_arn: str) -> str:
        at = f"--s3-key-prefix {export.prefix} " if export.prefix else ""
        where = f"arn:{self.names.partition}:s3:::{bucket}" + (f"/{export.prefix}" if export.prefix else "")
        key, region = f"--kms-key-id {key_arn} ", f"--region {self.names.region}"
        steps = {
            "cloudtrail": f"aws cloudtrail create-trail {region} --name $TRAIL --s3-bucket-name {bucket} {at}{key}"
            f"--is-multi-region-trail && aws cloudtrail start-logging {region} --name $TRAIL",
            "alb": f"aws elbv2 modify-load-balancer-attributes {region} --load-balancer-arn $ALB --attributes "
            f"Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value={bucket}"
            + (f" Key=access_logs.s3.prefix,Value={export.prefix}" if export.prefix else ""),
            "vpc-flow": f"aws ec2 create-flow-logs {region} --resource-type VPC --resource-ids $VPC --traffic-type ALL "
            f"--log-destination-type s3 --log-destination {where}",
            "s3-access": f"aws s3api put-bucket-logging {region} --bucket $BUCKET --bucket-logging-status "
            f'\'{{"LoggingEnabled":{{"TargetBucket":"{bucket}","TargetPrefix":"{export.prefix or "s3"}/"}}}}\'',
        }
        steps["nlb"] = steps["alb"].replace("$ALB", "$NLB")
        # The path is written out, because CloudFront adds AWSLogs/<account>/CloudFront by itself in some cases only,
        # and the bucket's policy admits nothing else. The shipper reads this format. CloudFront Developer Guide,
        # "Configure standard logging (v2)"; CloudWatch Logs API Reference, CreateDelivery.
        front = f"{where}/AWSLogs/{self.names.account}/CloudFront"
        steps["cloudfront"] = (
            "aws logs put-delivery-source --region us-east-1 --name logdock --log-type ACCESS_LOGS "
            "--resource-arn $DISTRIBUTION && "
            "aws logs put-delivery-destination --region us-east-1 --name logdock --output-format w3c "
            f"--delivery-destination-configuration destinationResourceArn={front} && "
            "aws logs create-delivery --region us-east-1 --delivery-source-name logdock --delivery-destination-arn "
            f"arn:{self.names.partition}:logs:us-east-1:{self.names.account}:delivery-destination:logdock "
            "--field-delimiter $'\\t' --s3-delivery-configuration "
            '\'{"suffixPath":"{DistributionId}/{yyyy}/{MM}/{dd}/{HH}","enableHiveCompatiblePath":false}\''
        )
        return (
            "\n".join(steps[service] for service in export.services)
            or f"Write logs to s3://{bucket}/{export.prefix or ''}"
        )

    def _wire_existing(self, export: S3LogsExport, bucket: str, prefix: str) -> None:
        state = self.state_parameter("bucket-events")
        connector = self.connector(self.customer_key())
        connector.apply(
            "BucketEvents",
            "bucket-events",
            {"BucketName": bucket, "BucketOwner": self.names.account, "StateParameter": state, **revision(export)},
            permissions=[bucket_events(self.names, bucket, state)],
        )
        self.ship_existing(bucket, prefix)
        self.output("BucketName", bucket, "Bucket that is read")
        grant = (
            f"The policy of {export.kms_key_arn} must let this account's IAM policies grant kms:Decrypt (the default "
            "key policy does)."
            if export.kms_key_arn
            else "Nothing to do."
        )
        self.output("NextSteps", grant, "What is left to do")


def bucket_events(names: Names, bucket_name: str, state: str) -> list[Statement]:
    """Switch EventBridge notifications of one existing bucket on, and off again when no other export needs them."""
    return [
        allow(
            "AnnounceObjects",
            ["s3:GetBucketNotification", "s3:PutBucketNotification"],
            [names.bucket_arn(bucket_name)],
            StringEquals={"aws:ResourceAccount": names.account},
        ),
        remember(names, state),
        *find_owners(names, "bucket-events"),
    ]


STACK = S3LogsStack
