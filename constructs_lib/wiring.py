"""How what has landed reaches the shipper: a subscription filter for log groups, an event rule for buckets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from logdock.parameter_value import without_double_braces


def subscription_filter_name(export_name: str) -> str:
    """Name the subscription filter of an export: the archiver reads the export's name out of it."""
    return f"logdock.{export_name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionDestination:
    """Where log groups are subscribed to.

    Attributes
    ----------
    arn
        The archiver, the stream that it reads, or the other account's destination that writes to that stream.
    role_arn
        The role by which CloudWatch Logs writes to a stream. None for a function, which admits the service itself, and
        for a destination, which has a role of its own.
    """

    arn: str
    role_arn: str | None = None


class ArchiveSubscription(Construct):
    """Sends every event of a log group on its way to the archiver, those of a log stream in order."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        export_name: str,
        log_group_name: str,
        destination: SubscriptionDestination,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = logs.CfnSubscriptionFilter(
            self,
            "Filter",
            filter_name=subscription_filter_name(export_name),
            filter_pattern="",
            log_group_name=log_group_name,
            destination_arn=destination.arn,
            role_arn=destination.role_arn,
            distribution="ByLogStream" if destination.role_arn else None,
        )


def created_objects(bucket_name: str, prefix: str, *, without_uploads: bool = False) -> dict[str, object]:
    """Return the pattern of the events of a bucket's new objects whose keys begin so.

    Parameters
    ----------
    without_uploads
        Not objects that a multipart upload created (Amazon S3 User Guide, "Amazon S3 event notification message
        structure in EventBridge": the event's ``reason``).
    """
    detail: dict[str, object] = {"bucket": {"name": [bucket_name]}}
    if prefix:
        detail["object"] = {"key": [{"prefix": prefix}]}
    if without_uploads:
        detail["reason"] = [{"anything-but": ["CompleteMultipartUpload"]}]
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectEventsProps:
    """Which objects are announced to which queues.

    Attributes
    ----------
    rule_name
        Name of the rule. It begins with the deployment's name, because the queues admit such rules only.
    export_name
        Put into the message, so that one queue serves every export.
    bucket_name
        The bucket whose objects are announced.
    prefix
        Only keys that begin so; empty for all.
    without_uploads
        Not objects that a multipart upload created.
    queue_arns
        Each destination's queue by the destination's name, five at most (EventBridge's targets per rule); none at all
        where the rule's matches are only counted. Messages for a FIFO queue, whose name ends so, have the export as
        their group.
    from_account, bus_name
        The account that the bucket is in, and the event bus that it announces objects to. Default: this account and its
        default bus.
    """

    rule_name: str
    export_name: str
    bucket_name: str
    prefix: str
    without_uploads: bool = False
    queue_arns: Mapping[str, str]
    from_account: str | None = None
    bus_name: str | None = None


class ObjectEvents(Construct):
    """An event rule that puts each new object of a bucket, with the export's name, on destinations' queues."""

    def __init__(self, scope: Construct, construct_id: str, props: ObjectEventsProps) -> None:
        super().__init__(scope, construct_id)
        pattern = created_objects(props.bucket_name, props.prefix, without_uploads=props.without_uploads)
        if props.from_account:
            # EventBridge says whose event it is, and S3 whose bucket: an account announces no object of another's.
            # "Rules with an account field do not match any events sent from other accounts" (Amazon EventBridge API
            # Reference, PutPermission, "Principal").
            pattern = {"account": [props.from_account], **pattern}
        self.resource = events.CfnRule(
            self,
            "Rule",
            name=props.rule_name,
            description=f"New objects of {props.bucket_name}/{props.prefix} to the shipper",
            event_bus_name=props.bus_name,
            event_pattern=pattern,
            targets=[
                events.CfnRule.TargetProperty(
                    id=destination,
                    arn=queue_arn,
                    sqs_parameters=events.CfnRule.SqsParametersProperty(message_group_id=props.export_name)
                    if queue_arn.endswith(".fifo")
                    else None,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={"time": "$.time", "detail": "$.detail"},
                        input_template=f'{{"export":{json.dumps(props.export_name)},"time":<time>,"detail":<detail>}}',
                    ),
                )
                for destination, queue_arn in props.queue_arns.items()
            ]
            or None,
        )


class ExportConfiguration(Construct):
    """What the shipper must know of an export, as a parameter that it reads: adding an export changes no function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        parameter_name: str,
        document: dict[str, object],
        stack_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        value = json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        self.resource = ssm.CfnParameter(
            self,
            "Parameter",
            name=parameter_name,
            type="String",
            value=without_double_braces(value),
            description=f"How the shipper reads an export (stack {stack_name})",
        )
