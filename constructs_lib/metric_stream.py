"""CloudWatch's metrics, streamed to a vendor's listener: the metric stream, what delivers it, and the role of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib import statements
from constructs_lib.log_group import service_log_group

BUFFER_SECONDS, BUFFER_MB = 60, 5
RETRY_SECONDS = 7200
"""Firehose's maximum. What it backs up is not sent again by itself, so a listener's absence is waited out."""

_Stream = firehose.CfnDeliveryStream


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricStreamProps:
    """Which metrics are streamed, and where to.

    Attributes
    ----------
    name
        Name of both streams, of the log group behind ``/aws/kinesisfirehose/`` and of the metric stream's role.
    delivery_role_name
        Name of the role that Firehose delivers by.
    namespaces
        The namespaces, each with its metrics; a namespace without metrics is streamed whole. None: every namespace is.
    listener_url, listener_name
        Where to, and what the console calls it.
    secret_arn
        The secret that Firehose sends as access key: ``{"api_key": ...}`` (Amazon Data Firehose Developer Guide,
        "Authenticate with AWS Secrets Manager").
    attributes
        What each request says of itself.
    backup_bucket_arn, backup_prefix
        Where what could not be delivered is kept.
    key_arn
        Key of that bucket and of the log group, whose policy admits the log group.
    """

    name: str
    delivery_role_name: str
    namespaces: Mapping[str, Sequence[str]]
    listener_url: str
    listener_name: str
    secret_arn: str
    attributes: Mapping[str, str]
    backup_bucket_arn: str
    backup_prefix: str
    key_arn: str


class MetricStream(Construct):
    """Streams metrics as OpenTelemetry 1.0 through Firehose to an HTTP endpoint, and keeps what is not taken there.

    The delivery stream is encrypted with a key that AWS owns: it holds names and figures for minutes, and a key of the
    account's own would have CloudWatch need a grant on it.
    """

    def __init__(self, scope: Construct, construct_id: str, props: MetricStreamProps) -> None:
        super().__init__(scope, construct_id)
        self._props, self._stack = props, Stack.of(self)
        self._log_group_name = f"/aws/kinesisfirehose/{props.name}"
        log_group = service_log_group(self, "LogGroup", self._log_group_name, props.key_arn)
        delivery_role = self._delivery_role()
        delivery = firehose.CfnDeliveryStream(
            self,
            "Delivery",
            delivery_stream_name=props.name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=_Stream.DeliveryStreamEncryptionConfigurationInputProperty(
                key_type="AWS_OWNED_CMK"
            ),
            http_endpoint_destination_configuration=self._destination(delivery_role.role_arn),
        )
        for stream in ("Listener", "Backup"):
            log_stream = logs.CfnLogStream(
                self, f"{stream}Log", log_group_name=self._log_group_name, log_stream_name=stream
            )
            log_stream.node.add_dependency(log_group)
            delivery.node.add_dependency(log_stream)
        cloudwatch.CfnMetricStream(
            self,
            "Metrics",
            name=props.name,
            firehose_arn=delivery.attr_arn,
            role_arn=self._metrics_role().role_arn,
            output_format="opentelemetry1.0",
            include_filters=[
                cloudwatch.CfnMetricStream.MetricStreamFilterProperty(
                    namespace=namespace, metric_names=list(metrics) or None
                )
                for namespace, metrics in props.namespaces.items()
            ]
            or None,
        )

    def _destination(self, role_arn: str) -> firehose.CfnDeliveryStream.HttpEndpointDestinationConfigurationProperty:
        props = self._props
        buffering = _Stream.BufferingHintsProperty(interval_in_seconds=BUFFER_SECONDS, size_in_m_bs=BUFFER_MB)
        return _Stream.HttpEndpointDestinationConfigurationProperty(
            endpoint_configuration=_Stream.HttpEndpointConfigurationProperty(
                url=props.listener_url, name=props.listener_name
            ),
            secrets_manager_configuration=_Stream.SecretsManagerConfigurationProperty(
                enabled=True, secret_arn=props.secret_arn, role_arn=role_arn
            ),
            request_configuration=_Stream.HttpEndpointRequestConfigurationProperty(
                content_encoding="GZIP",
                common_attributes=[
                    _Stream.HttpEndpointCommonAttributeProperty(attribute_name=name, attribute_value=value)
                    for name, value in props.attributes.items()
                ],
            ),
            role_arn=role_arn,
            buffering_hints=buffering,
            retry_options=_Stream.RetryOptionsProperty(duration_in_seconds=RETRY_SECONDS),
            cloud_watch_logging_options=self._logging("Listener"),
            s3_backup_mode="FailedDataOnly",
            s3_configuration=_Stream.S3DestinationConfigurationProperty(
                bucket_arn=props.backup_bucket_arn,
                prefix=props.backup_prefix,
                role_arn=role_arn,
                buffering_hints=buffering,
                compression_format="GZIP",
                cloud_watch_logging_options=self._logging("Backup"),
                encryption_configuration=_Stream.EncryptionConfigurationProperty(
                    kms_encryption_config=_Stream.KMSEncryptionConfigProperty(awskms_key_arn=props.key_arn)
                ),
            ),
        )

    def _logging(self, stream: str) -> firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty:
        return _Stream.CloudWatchLoggingOptionsProperty(
            enabled=True, log_group_name=self._log_group_name, log_stream_name=stream
        )

    def _metrics_role(self) -> iam.Role:
        """Make the role that CloudWatch puts records by.

        The guide's trust policy ("Trust between CloudWatch and Firehose") has no condition and does not say what
        CloudWatch sends as context, so the account and the stream are compared where they are sent. What keeps another
        account's stream out is that a role is passed within its own account alone (IAM User Guide, "Grant a user
        permissions to pass a role to an AWS service").
        """
        stack, name = self._stack, self._props.name
        arn = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:metric-stream/{name}"
        delivery = f"arn:{stack.partition}:firehose:{stack.region}:{stack.account}:deliverystream/{name}"
        trusted = iam.PrincipalWithConditions(
            statements.service_principal("streams.metrics.cloudwatch.amazonaws.com"),
            {
                "StringEqualsIfExists": {"aws:SourceAccount": stack.account},
                "ArnEqualsIfExists": {"aws:SourceArn": arn},
            },
        )
        put = iam.PolicyStatement(
            sid="PutMetrics", actions=["firehose:PutRecord", "firehose:PutRecordBatch"], resources=[delivery]
        )
        return self._role("MetricsRole", name, "CloudWatch puts metrics on the delivery stream", trusted, [put])

    def _delivery_role(self) -> iam.Role:
        """Make the role that Firehose delivers by.

        Trust and permissions are those of the Amazon Data Firehose Developer Guide ("Controlling access"): the external
        id is the account's. Narrowed to the objects under the prefix, to the two log streams, to the key through S3
        for the one bucket, and to the one secret. The guide lists the bucket's own actions without saying for which
        prefix Firehose asks, so these have none; without `kms:Decrypt` S3 refuses an upload in parts.
        """
        props, stack = self._props, self._stack
        bucket, objects = props.backup_bucket_arn, f"{props.backup_bucket_arn}/{props.backup_prefix}*"
        group = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{self._log_group_name}"
        trusted = iam.PrincipalWithConditions(
            statements.service_principal("firehose.amazonaws.com"), {"StringEquals": {"sts:ExternalId": stack.account}}
        )
        permissions = [
            iam.PolicyStatement(
                sid="FindBackup",
                actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                resources=[bucket],
            ),
            iam.PolicyStatement(
                sid="WriteBackup",
                actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                resources=[objects],
            ),
            iam.PolicyStatement(
                sid="EncryptBackup",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[props.key_arn],
                conditions={
                    **statements.via_s3(stack.region),
                    "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, objects]},
                },
            ),
            iam.PolicyStatement(
                sid="ReadToken", actions=["secretsmanager:GetSecretValue"], resources=[props.secret_arn]
            ),
            iam.PolicyStatement(
                sid="LogErrors",
                actions=["logs:PutLogEvents"],
                resources=[f"{group}:log-stream:{stream}" for stream in ("Listener", "Backup")],
            ),
        ]
        about = "Firehose delivers metrics, and keeps what is not taken"
        return self._role("DeliveryRole", props.delivery_role_name, about, trusted, permissions)

    def _role(
        self,
        construct_id: str,
        name: str,
        about: str,
        trusted: iam.IPrincipal,
        permissions: Sequence[iam.PolicyStatement],
    ) -> iam.Role:
        return iam.Role(
            self,
            construct_id,
            role_name=name,
            description=f"Logdock: {about}",
            assumed_by=trusted,
            inline_policies={"Metrics": iam.PolicyDocument(statements=list(permissions))},
        )
