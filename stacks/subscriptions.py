"""How log groups reach the archiver: straight, or through the stream of their Region, and who may read that stream."""

from collections.abc import Sequence

from aws_cdk import Fn
from aws_cdk import aws_iam as iam

from constructs_lib import statements
from constructs_lib.customer_key import CustomerKey
from constructs_lib.subscription_stream import SubscriptionStreamProps
from constructs_lib.wiring import SubscriptionDestination
from logdock.settings import Deployment
from logdock.settings.names import Names


def through_kinesis(settings: Deployment) -> bool:
    """Return whether subscriptions travel through streams."""
    return settings.subscriptions == "kinesis"


def destination(settings: Deployment, names: Names, region: str) -> SubscriptionDestination:
    """Return what the log groups of a Region are subscribed to."""
    if not through_kinesis(settings):
        return SubscriptionDestination(arn=names.archiver_arn(region))
    # Imported, and not by its name, so that CloudFormation keeps the stream as long as a log group writes to it.
    return SubscriptionDestination(
        arn=Fn.import_value(names.stream_export), role_arn=names.role_arn(names.stream_role(region))
    )


def destination_elsewhere(names: Names, export_name: str) -> SubscriptionDestination:
    """Return what the log groups of another account are subscribed to."""
    return SubscriptionDestination(arn=names.destination_arn(export_name))


def stream_props(names: Names, region: str, key: CustomerKey) -> SubscriptionStreamProps:
    """Name the stream of a Region."""
    return SubscriptionStreamProps(
        stream_name=names.stream,
        role_name=names.stream_role(region),
        export_name=names.stream_export,
        encryption_key=key,
    )


def read_streams(names: Names, regions: Sequence[str], home_key_arn: str) -> list[iam.PolicyStatement]:
    """Let the archiver's role read the stream of every Region, and decrypt that of the deployment's own.

    The actions are those by which a mapping reads (Lambda Developer Guide, "Required execution role permissions" for
    Kinesis), without those for a consumer of its own and for finding streams.
    """
    return [
        iam.PolicyStatement(
            sid="ReadStreams",
            actions=[
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ],
            resources=[names.stream_arn(region) for region in regions],
        ),
        iam.PolicyStatement(
            sid="DecryptEvents",
            actions=["kms:Decrypt"],
            resources=[home_key_arn],
            conditions=statements.via_kinesis(names.stream_arn(names.region), names.region),
        ),
    ]


def decrypt_stream(names: Names, region: str) -> iam.PolicyStatement:
    """Let the archiver's role decrypt the stream of another Region, by the policy of that Region's key."""
    return iam.PolicyStatement(
        principals=[statements.arn_principal(names.role_arn(names.archiver))],
        actions=["kms:Decrypt"],
        resources=["*"],
        conditions=statements.via_kinesis(names.stream_arn(region), region),
    )
