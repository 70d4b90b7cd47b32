"""The data stream between CloudWatch Logs and the archiver: who writes to it, and how it is read.

There is one per Region, because a subscription cannot leave its Region.
"""

from dataclasses import dataclass

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from constructs_lib import statements
from constructs_lib.customer_key import CustomerKey

RETENTION_HOURS = 24
"""What a stream keeps without a further price: four times as long as a batch is tried."""
BATCH_RECORDS = 10_000
"""Lambda's maximum. A batch ends earlier: after `BATCH_SECONDS`, or at the 6 MB that an invocation takes."""
BATCH_SECONDS = 60
RECORD_AGE_HOURS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionStreamProps:
    """A stream, its key and the role that writes to it.

    Attributes
    ----------
    stream_name
        Its name.
    role_name
        Name of the role by which CloudWatch Logs writes to it.
    export_name
        The CloudFormation export of its ARN. The stacks that subscribe a log group import it, and CloudFormation then
        refuses to take away a stream that log groups still write to.
    encryption_key
        Encrypts what is in the stream, which no redaction has been through.
    """

    stream_name: str
    role_name: str
    export_name: str
    encryption_key: CustomerKey


class SubscriptionStream(Construct):
    """Holds what log groups have sent and the archiver has not taken yet; it outlives its stack.

    On demand, because no one monitors shards: it takes 4 MB a second from its first day (Kinesis Data Streams Developer
    Guide, "Choose the data stream capacity mode"). The role is the one of the CloudWatch Logs User Guide, "Subscription
    filters with Amazon Kinesis Data Streams", narrowed to this account; a stream with a key of the account's own needs
    the key of the producer ("Permissions to use user-generated KMS keys").
    """

    def __init__(self, scope: Construct, construct_id: str, props: SubscriptionStreamProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        key_arn = props.encryption_key.arn
        self.stream = kinesis.CfnStream(
            self,
            "Stream",
            name=props.stream_name,
            retention_period_hours=RETENTION_HOURS,
            stream_mode_details=kinesis.CfnStream.StreamModeDetailsProperty(stream_mode="ON_DEMAND"),
            stream_encryption=kinesis.CfnStream.StreamEncryptionProperty(encryption_type="KMS", key_id=key_arn),
        )
        self.stream.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        arn = f"arn:{stack.partition}:kinesis:{stack.region}:{stack.account}:stream/{props.stream_name}"
        iam.Role(
            self,
            "Role",
            role_name=props.role_name,
            description="Logdock: CloudWatch Logs writes subscribed events to the stream",
            assumed_by=iam.PrincipalWithConditions(
                statements.service_principal(statements.logs_principal(stack.region)),
                # The guide's condition, which names the account; whether the account is sent apart, it does not say.
                {"ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:*"}},
            ),
            inline_policies={"Write": statements.write_stream(arn, key_arn, stack.region)},
        )
        CfnOutput(self, "Arn", value=self.stream.attr_arn, export_name=props.export_name)


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamReaderProps:
    """Who reads a stream.

    Attributes
    ----------
    function
        The archiver; its role may read the stream and decrypt what is in it.
    stream_arn
        The stream.
    failure_bucket_arn
        Where Lambda keeps a batch, whole, that was never archived.
    """

    function: lambda_.IFunction
    stream_arn: str
    failure_bucket_arn: str


class StreamReader(Construct):
    """Hands the archiver what arrives within a minute, by shard and in order, and the same again until it is archived.

    A failed batch is not bisected, nor reported in part: the archive's objects are named after their batch, so records
    that came again in another batch would be archived again. A mapping that is made anew starts at the oldest record:
    some of it has been archived and is archived a second time, but nothing is passed over.
    """

    def __init__(self, scope: Construct, construct_id: str, props: StreamReaderProps) -> None:
        super().__init__(scope, construct_id)
        lambda_.CfnEventSourceMapping(
            self,
            "Events",
            function_name=props.function.function_name,
            event_source_arn=props.stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=BATCH_RECORDS,
            maximum_batching_window_in_seconds=BATCH_SECONDS,
            maximum_record_age_in_seconds=RECORD_AGE_HOURS * 3600,
            maximum_retry_attempts=-1,  # as long as the records are not too old
            bisect_batch_on_function_error=False,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=props.failure_bucket_arn)
            ),
        )
