"""How AWS services deliver logs to a bucket: the statements of their own user guides, narrowed to this account.

Sources: CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail"; Elastic Load Balancing, "Enable access logs"
(ALB, NLB); CloudWatch Logs User Guide, "Logs sent to Amazon S3" (VPC flow logs, NLB, CloudFront); S3 User Guide,
"Enabling Amazon S3 server access logging".
"""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from aws_cdk.region_info import RegionInfo

from constructs_lib.statements import service_principal
from logdock.settings.names import Names
from logdock.vendors.s3_logs.settings import S3Service

_OWNER = {"s3:x-amz-acl": "bucket-owner-full-control"}
_VENDED: tuple[S3Service, ...] = ("vpc-flow", "nlb", "cloudfront")
"""Delivered by the log-delivery service of CloudWatch Logs."""


def delivery_statements(
    names: Names, services: Sequence[S3Service], bucket_arn: str, prefix: str
) -> list[iam.PolicyStatement]:
    """Return the bucket-policy statements for the services asked for.

    Parameters
    ----------
    names
        The deployment: its account and Region are the only sources that are admitted.
    prefix
        Prefix of its keys with its trailing slash, or empty.
    """
    account, region, partition = names.account, names.region, names.partition
    logs = f"{bucket_arn}/{prefix}AWSLogs/{account}/*"
    statements: list[iam.PolicyStatement] = []
    if "cloudtrail" in services:
        trail = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": trail_arn(names)}}
        statements += [
            _service("CloudTrailChecks", "cloudtrail.amazonaws.com", ["s3:GetBucketAcl"], bucket_arn, trail),
            _service(
                "CloudTrailWrites",
                "cloudtrail.amazonaws.com",
                ["s3:PutObject"],
                logs,
                {**trail, "StringEquals": {"aws:SourceAccount": account, **_OWNER}},
            ),
        ]
    if set(services) & set(_VENDED):
        # CloudFront's deliveries are CloudWatch Logs deliveries in us-east-1, whatever the Region of the bucket.
        regions = [region, *(["us-east-1"] if "cloudfront" in services and region != "us-east-1" else [])]
        sources = {"aws:SourceArn": [f"arn:{partition}:logs:{name}:{account}:*" for name in regions]}
        same = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": sources}
        statements += [
            _service("LogDeliveryChecks", "delivery.logs.amazonaws.com", ["s3:GetBucketAcl"], bucket_arn, same),
            _service(
                "LogDeliveryWrites",
                "delivery.logs.amazonaws.com",
                ["s3:PutObject"],
                logs,
                {**same, "StringEquals": {"aws:SourceAccount": account, **_OWNER}},
            ),
        ]
    if "alb" in services:
        balancers = f"arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/*"
        if partition == "aws-cn":
            # There an account of AWS's writes, not the service (Elastic Load Balancing in China, "Access logs"); an
            # account says of no load balancer that it writes for it, and the path is this account's.
            elb = iam.AccountPrincipal(RegionInfo.get(region).elbv2_account)
            statements.append(
                iam.PolicyStatement(
                    sid="LoadBalancerWrites", principals=[elb], actions=["s3:PutObject"], resources=[logs]
                )
            )
        else:
            statements.append(
                _service(
                    "LoadBalancerWrites",
                    "logdelivery.elasticloadbalancing.amazonaws.com",
                    ["s3:PutObject"],
                    logs,
                    # The guide's policy has no condition and does not say what the service sends as context, so the
                    # account and the balancer are compared where they are sent. The path has the account of the
                    # balancer, and this is the path of this one ("Enable access logs for your Application Load
                    # Balancer").
                    {
                        "StringEqualsIfExists": {"aws:SourceAccount": account},
                        "ArnLikeIfExists": {"aws:SourceArn": balancers},
                    },
                )
            )
    if "s3-access" in services:
        statements.append(
            _service(
                "S3AccessLogWrites",
                "logging.s3.amazonaws.com",
                ["s3:PutObject"],
                f"{bucket_arn}/{prefix}*",
                {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {"aws:SourceArn": f"arn:{partition}:s3:::*"},
                },
            )
        )
    return statements


def delivery_key_statements(names: Names, services: Sequence[S3Service]) -> list[iam.PolicyStatement]:
    """Return the key-policy statements by which the same services encrypt what they deliver."""
    account, region, partition = names.account, names.region, names.partition
    statements: list[iam.PolicyStatement] = []
    if "cloudtrail" in services:
        source = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": trail_arn(names)}}
        statements += [
            _service(
                "CloudTrailEncrypts",
                "cloudtrail.amazonaws.com",
                ["kms:GenerateDataKey*", "kms:DescribeKey"],
                "*",
                source,
            ),
            # Without it no trail can be made that names the key of a bucket with a bucket key. The guide's statement
            # has no condition, unlike its others, so the source is compared where it is sent (CloudTrail User Guide,
            # "Configure AWS KMS key policies for CloudTrail", "Granting decrypt permissions for trails").
            _service(
                "CloudTrailDecrypts",
                "cloudtrail.amazonaws.com",
                ["kms:Decrypt"],
                "*",
                {f"{operator}IfExists": keys for operator, keys in source.items()},
            ),
        ]
    if set(services) & set(_VENDED):
        statements.append(
            _service(
                "LogDeliveryEncrypts",
                "delivery.logs.amazonaws.com",
                # All that the guide says must be added; which of it the service uses, it does not say (CloudWatch
                # Logs User Guide, "Logs sent to Amazon S3").
                ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "*",
                {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {
                        "aws:SourceArn": [
                            f"arn:{partition}:logs:{name}:{account}:*"
                            for name in (region, *(("us-east-1",) if partition == "aws" else ()))
                        ]
                    },
                },
            )
        )
    return statements


def trail_arn(names: Names) -> str:
    """Return the pattern of this account's trails; a multi-Region trail carries its home Region."""
    return f"arn:{names.partition}:cloudtrail:{names.region}:{names.account}:trail/*"


def _service(
    sid: str, principal: str, actions: list[str], resource: str, conditions: Mapping[str, object]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[service_principal(principal)],
        actions=actions,
        resources=[resource],
        conditions=conditions,
    )
