"""The destination that log groups of another account are subscribed to, and who may subscribe theirs.

Source: Amazon CloudWatch Logs User Guide, "Setting up a new cross-account subscription" (with Kinesis Data Streams). A
subscription of another account names a destination (Amazon CloudWatch Logs API Reference, PutSubscriptionFilter: "We
currently support Kinesis Data Streams and Firehose as logical destinations"), and the two are in one Region.
"""

import json
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class LogDestinationProps:
    """Whose log groups a destination takes, and the stream that it writes to.

    Attributes
    ----------
    destination_name, role_name
        Names of the destination and of the role by which CloudWatch Logs writes to the stream.
    from_account
        The one account that may subscribe log groups.
    target_arn
        The stream, as the destination has it: an import, so that CloudFormation keeps the stream.
    stream_arn, key_arn
        The stream, and the key that encrypts it, as the role's policy names them.
    """

    destination_name: str
    role_name: str
    from_account: str
    target_arn: str
    stream_arn: str
    key_arn: str


class LogDestination(Construct):
    """A destination, its access policy and its role: one for each export, so that each takes one account's log groups.

    CloudWatch Logs sends a test message when the destination is made, on the recipient's behalf, and log events
    later on the sender's: the role's trust names both accounts (same guide, "Step 1: Create a destination"). The stream
    has a key of the account's own, so the role needs that, too (Kinesis Data Streams Developer Guide, "Permissions to
    use user-generated KMS keys").
    """

    def __init__(self, scope: Construct, construct_id: str, props: LogDestinationProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        here = f"arn:{stack.partition}:logs:{stack.region}"
        role = iam.Role(
            self,
            "Role",
            role_name=props.role_name,
            description="Logdock: CloudWatch Logs writes events of another account to the stream",
            assumed_by=iam.PrincipalWithConditions(
                statements.service_principal(statements.logs_principal(stack.region)),
                {"StringLike": {"aws:SourceArn": [f"{here}:{props.from_account}:*", f"{here}:{stack.account}:*"]}},
            ),
            inline_policies={"Write": statements.write_stream(props.stream_arn, props.key_arn, stack.region)},
        )
        arn = f"{here}:{stack.account}:destination:{props.destination_name}"
        # The principal as the guide writes it: the account's number, not its root's ARN.
        subscribe = {
            **statements.statement("Subscribe", ["logs:PutSubscriptionFilter"], [arn]),
            "Principal": {"AWS": props.from_account},
        }
        self.resource = logs.CfnDestination(
            self,
            "Destination",
            destination_name=props.destination_name,
            target_arn=props.target_arn,
            role_arn=role.role_arn,
            destination_policy=json.dumps({"Version": "2012-10-17", "Statement": [subscribe]}),
        )
