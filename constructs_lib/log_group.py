"""A log group that logs land in: kept for a set time, encrypted with a key that admits it, protected from deletion."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.customer_key import CustomerKey


@dataclass(frozen=True, kw_only=True, slots=True)
class LandingLogGroupProps:
    """How a log group is named, encrypted and kept.

    Attributes
    ----------
    log_group_name
        Its name.
    encryption_key
        Its key; whoever makes both adds `statements.encrypt_log_groups` to the key's policy, once for all its groups.
    retention_days
        One of the values that CloudWatch Logs allows.
    protected
        Deletion protection and RETAIN. Off only for a function's own log group, which holds no landed logs.
    """

    log_group_name: str
    encryption_key: CustomerKey | None
    retention_days: int
    protected: bool = True


class LandingLogGroup(Construct):
    """A log group with retention, the export's key and deletion protection."""

    def __init__(self, scope: Construct, construct_id: str, props: LandingLogGroupProps) -> None:
        super().__init__(scope, construct_id)
        self.name = props.log_group_name
        self.arn = log_group_arn(self, props.log_group_name)
        self.resource = logs.CfnLogGroup(
            self,
            "LogGroup",
            log_group_name=props.log_group_name,
            retention_in_days=props.retention_days,
            kms_key_id=props.encryption_key.arn if props.encryption_key else None,
            deletion_protection_enabled=True if props.protected else None,
        )
        self.resource.apply_removal_policy(RemovalPolicy.RETAIN if props.protected else RemovalPolicy.DESTROY)


def log_group_arn(scope: Construct, name: str) -> str:
    """Return a log group's ARN in the scope's account and Region, without the trailing ``:*``."""
    stack = Stack.of(scope)
    return f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{name}"
