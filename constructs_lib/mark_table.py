"""The table of the shipper's marks: which objects are shipped, by which invocation, and how far."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkTableProps:
    """The table.

    Attributes
    ----------
    table_name
        Its name.
    encryption_key
        The key that encrypts it.
    """

    table_name: str
    encryption_key: kms.IKey


class MarkTable(Construct):
    """A table on demand, whose items name the time at which DynamoDB removes them.

    It is retained when the stack goes, and protected from deletion: while that is on, no one can delete the table,
    CloudFormation included (DynamoDB Developer Guide, "Using deletion protection"). So it is also retained when its
    creation is rolled back, and blocks the next deploy by its name: what else a stack makes should come before it.
    Without the table every message
    that comes again is shipped again, and large objects begin from their start; no line is lost. So there is no
    point-in-time recovery: a restored table would only say less than is true.
    """

    def __init__(self, scope: Construct, construct_id: str, props: MarkTableProps) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=props.table_name,
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=props.encryption_key,
            time_to_live_attribute="expires",
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
