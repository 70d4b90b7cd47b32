"""A log group that logs land in: kept for a set time, encrypted with a key that admits it, protected from deletion."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.customer_key import CustomerKey

FUNCTION_LOG_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class LandingLogGroupProps:
    """How a log group is named, encrypted and kept.

    Attributes
    ----------
    log_group_name
        Its name.
    encryption_key
        Its key; the caller adds `statements.encrypt_log_groups` to the key's policy, once for all its groups.
    retention_days
        One of the values that CloudWatch Logs allows.
    """

    log_group_name: str
    encryption_key: CustomerKey
    retention_days: int


class LandingLogGroup(Construct):
    """A log group with retention, the export's key and deletion protection."""

    def __init__(self, scope: Construct, construct_id: str, props: LandingLogGroupProps) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.CfnLogGroup(
            self,
            "LogGroup",
            log_group_name=props.log_group_name,
            retention_in_days=props.retention_days,
            kms_key_id=props.encryption_key.arn,
            deletion_protection_enabled=True,
        )
        # Also when its creation is rolled back: CloudFormation cannot delete a log group with deletion protection
        # (CloudWatch Logs User Guide, "Protecting log groups from deletion"), and the rollback would fail.
        log_group.apply_removal_policy(RemovalPolicy.RETAIN)


def function_log_group(scope: Construct, construct_id: str, function_name: str, key_arn: str) -> logs.CfnLogGroup:
    """Make a function's own log group.

    The function must wait for it: one that runs before makes a log group itself, without a key and kept indefinitely.
    """
    return service_log_group(scope, construct_id, f"/aws/lambda/{function_name}", key_arn)


def service_log_group(scope: Construct, construct_id: str, name: str, key_arn: str) -> logs.CfnLogGroup:
    """Create a log group for a service's own logs: it holds no landed logs, and is deleted with its stack.

    Deletion is CloudFormation's default; the app writes it into the template, for all of them in one call
    (`stacks.deployment.make_app`).
    """
    return logs.CfnLogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention_in_days=FUNCTION_LOG_DAYS,
        kms_key_id=key_arn,
    )
