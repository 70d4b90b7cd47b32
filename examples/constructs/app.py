"""A CDK app of your own that uses Logdock's constructs alone: a bucket that one vendor's role may write to."""

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_iam as iam

from logdock.constructs import (
    CustomerKey,
    CustomerKeyProps,
    ExportRole,
    ExportRoleProps,
    LandingBucket,
    LandingBucketProps,
    LandingLogGroup,
    LandingLogGroupProps,
    encrypt_log_groups,
)

ACCOUNT, REGION = "111122223333", "eu-west-1"

app = App()
stack = Stack(app, "VendorLogs", env=Environment(account=ACCOUNT, region=REGION))
key = CustomerKey(stack, "Key", CustomerKeyProps(alias="vendor-logs", description="Logs of a vendor"))
bucket = LandingBucket(
    stack,
    "Landing",
    LandingBucketProps(
        bucket_name=f"vendor-logs-{ACCOUNT}", encryption_key=key.key, hot_days=90, archive_days=400, announced=False
    ),
)
role = ExportRole(
    stack,
    "Role",
    ExportRoleProps(
        role_name="vendor-logs",
        description="The vendor writes logs",
        principal_arn="arn:aws:iam::444455556666:root",
        external_ids=("c9c5a1b0-33a6-4f4d-9b5e-6f2f0f5a8a77",),
        session_seconds=43200,
        permissions=[
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[f"{bucket.arn}/logs/*"]),
            iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[key.arn]),
        ],
    ),
)
key.allow(encrypt_log_groups([f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/vendor/logs"], REGION))
LandingLogGroup(
    stack,
    "LogGroup",
    LandingLogGroupProps(log_group_name="/vendor/logs", encryption_key=key, retention_days=90),
)
CfnOutput(stack, "RoleArn", value=role.arn)
app.synth()
