"""The resources behind the namespaces of CloudWatch: their types, as the Resource Groups Tagging API takes them.

The types are those of the ARNs (API Reference, GetResources, ResourceTypeFilters). Auto Scaling groups are not among
them: the API's page says that `GetResources` does not list them. Resources of CloudFront are in us-east-1 alone, as
are their metrics.
"""

from __future__ import annotations

RESOURCE_TYPES: dict[str, tuple[str, ...]] = {
    "AWS/AmazonMQ": ("mq:broker",),
    "AWS/ApplicationELB": ("elasticloadbalancing:loadbalancer/app",),
    "AWS/CertificateManager": ("acm:certificate",),
    "AWS/CloudFront": ("cloudfront:distribution",),
    "AWS/Cognito": ("cognito-idp:userpool",),
    "AWS/DocDB": ("rds:cluster", "rds:db"),
    "AWS/DynamoDB": ("dynamodb:table",),
    "AWS/EBS": ("ec2:volume",),
    "AWS/EC2": ("ec2:instance",),
    "AWS/ECS": ("ecs:cluster", "ecs:service"),
    "AWS/EFS": ("elasticfilesystem:file-system",),
    "AWS/ES": ("es:domain",),
    "AWS/ElastiCache": ("elasticache:cluster",),
    "AWS/Events": ("events:rule",),
    "AWS/FSx": ("fsx:file-system",),
    "AWS/Firehose": ("firehose:deliverystream",),
    "AWS/GatewayELB": ("elasticloadbalancing:loadbalancer/gwy",),
    "AWS/KMS": ("kms:key",),
    "AWS/Kafka": ("kafka:cluster",),
    "AWS/Kinesis": ("kinesis:stream",),
    "AWS/Lambda": ("lambda:function",),
    "AWS/Logs": ("logs:log-group",),
    "AWS/NATGateway": ("ec2:natgateway",),
    "AWS/Neptune": ("rds:cluster", "rds:db"),
    "AWS/NetworkELB": ("elasticloadbalancing:loadbalancer/net",),
    "AWS/RDS": ("rds:cluster", "rds:db"),
    "AWS/Redshift": ("redshift:cluster",),
    "AWS/S3": ("s3",),
    "AWS/SNS": ("sns",),
    "AWS/SQS": ("sqs",),
    "AWS/States": ("states:stateMachine",),
    "AWS/TransitGateway": ("ec2:transit-gateway",),
    "AWS/VPN": ("ec2:vpn-connection",),
}
