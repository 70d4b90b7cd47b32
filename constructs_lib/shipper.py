"""The shipper's functions: the archiver, and one queue, function and dead-letter queue per destination."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib import statements
from constructs_lib.log_group import function_log_group

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64
MEMORY_MB = 512
TIMEOUT_SECONDS = 300
QUEUE_RETENTION_DAYS = 14
"""SQS's maximum: an event is kept this long, wherever it waits. A dead-letter queue counts from when the message was
first sent, but for a FIFO queue's, which counts from when it came there (SQS Developer Guide, "Dead-letter queue
retention")."""
TRIES_BEFORE_DEAD_LETTER = 20
"""The function hides a message longer after each try: twenty outlast ten hours of a destination's absence."""
BATCH_MESSAGES, BATCH_SECONDS = 25, 1
"""What an invocation is handed: the waits for AWS are a batch's, and 25 objects share them. A batch of more than ten
needs a window of a second, within which Lambda gathers it; a queue with very little traffic may wait for 20 seconds
(Lambda Developer Guide, "Using Lambda with Amazon SQS"). A batch ends at 6 MB, too."""
FIFO_BATCH_MESSAGES = 10
"""The most of a FIFO queue, which has no window (Lambda Developer Guide, "Lambda parameters for Amazon SQS event source
mappings")."""
ARCHIVER_RETRIES = 2
ARCHIVER_EVENT_HOURS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class ShipperCode:
    """Where the shipper's code is.

    Attributes
    ----------
    source
        The asset root of the function: the folder that holds its one package.
    layer
        The folder that holds ``python/`` with its wheels, for the platform that runs them.
    """

    source: Path
    layer: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ShipperFunctionProps:
    """One function of the shipper.

    Attributes
    ----------
    function_name
        Its name, which its log group repeats.
    handler
        Its entry point.
    description
        What it does, for the person who finds it in the console.
    code, layer
        What it runs.
    role_arn
        The role it runs as; made elsewhere, so that bucket and key policies that name it outlive the function.
    environment
        Its environment variables. No secrets.
    log_key_arn
        Key of its log group, whose policy admits the log group.
    requeues
        It puts messages back on the queue that invokes it, which Lambda would stop as a recursive loop.
    memory_mb, timeout_seconds
        What it may use.
    """

    function_name: str
    handler: str
    description: str
    code: lambda_.Code
    layer: lambda_.ILayerVersion
    role_arn: str
    environment: Mapping[str, str]
    log_key_arn: str
    requeues: bool = False
    memory_mb: int = MEMORY_MB
    timeout_seconds: int = TIMEOUT_SECONDS


class ShipperFunction(Construct):
    """A Python function on arm64 with a log group of its own."""

    def __init__(self, scope: Construct, construct_id: str, props: ShipperFunctionProps) -> None:
        super().__init__(scope, construct_id)
        log_group = function_log_group(self, "LogGroup", props.function_name, props.log_key_arn)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=props.function_name,
            description=props.description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=props.handler,
            code=props.code,
            layers=[props.layer],
            role=iam.Role.from_role_arn(self, "Role", props.role_arn, mutable=False),
            memory_size=props.memory_mb,
            timeout=Duration.seconds(props.timeout_seconds),
            environment=dict(props.environment),
            # Lambda drops an event after about 16 rounds through one queue, by a header that the SDK sends (Lambda
            # Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops").
            recursive_loop=lambda_.RecursiveLoop.ALLOW if props.requeues else None,
            log_group=logs.LogGroup.from_log_group_name(self, "Logs", f"/aws/lambda/{props.function_name}"),
        )
        self.function.node.add_dependency(log_group)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiverProps:
    """The function that makes archive objects of log group events.

    Attributes
    ----------
    function
        The function.
    failure_bucket_arn
        Where Lambda keeps an event that failed every try.
    """

    function: ShipperFunctionProps
    failure_bucket_arn: str


class Archiver(Construct):
    """Takes the subscriptions of every log group of this account and Region; what it cannot archive is kept.

    One permission admits CloudWatch Logs for the account: one per log group would fill the function's policy
    (20,480 bytes) at 44 groups. The function itself refuses a subscription that is no export's. It stands also where
    subscriptions go through a stream: a log group that is not moved yet would lose what it sends (CloudWatch Logs User
    Guide, "Real-time processing of log data with subscriptions": after AccessDenied, events are skipped).
    """

    def __init__(self, scope: Construct, construct_id: str, props: ArchiverProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.function = ShipperFunction(self, "Function", props.function).function
        lambda_.CfnPermission(
            self,
            "Subscriptions",
            action="lambda:InvokeFunction",
            function_name=self.function.function_arn,
            principal=statements.logs_principal(stack.region),
            source_account=stack.account,
            source_arn=f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*",
        )
        lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=ARCHIVER_RETRIES,
            maximum_event_age_in_seconds=ARCHIVER_EVENT_HOURS * 3600,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=props.failure_bucket_arn)
            ),
        )


class Compactor(Construct):
    """Runs each hour and compacts the archive; what a run does not finish, the next does, so it is not tried again."""

    def __init__(self, scope: Construct, construct_id: str, props: ShipperFunctionProps) -> None:
        super().__init__(scope, construct_id)
        function = ShipperFunction(self, "Function", props).function
        lambda_.CfnEventInvokeConfig(
            self,
            "Failures",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=3600,
        )
        rule = events.CfnRule(
            self,
            "Hourly",
            name=props.function_name,
            description="Logdock: compacts the archive",
            schedule_expression="rate(1 hour)",
            targets=[events.CfnRule.TargetProperty(id="Compactor", arn=function.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DestinationShipperProps:
    """A destination's queue and function.

    Attributes
    ----------
    queue_name, dead_letter_queue_name
        Names of the queues. One that ends with ``.fifo`` makes FIFO queues of both: messages of a group go to one
        invocation at a time. Changing the kind replaces the queues, and what waits on them is lost.
    max_concurrency
        Invocations at a time, 2 to 1,000.
    rule_names
        The event rules that may put messages on the queue, each by its whole name.
    function
        The function.
    """

    queue_name: str
    dead_letter_queue_name: str
    max_concurrency: int
    rule_names: Sequence[str]
    function: ShipperFunctionProps


class DestinationShipper(Construct):
    """Ships what its queue announces; what fails stays there, then on the dead-letter queue.

    The queue's policy names each rule: with a wildcard, anyone who may make a rule could announce objects. EventBridge
    reaches a queue by the queue's policy (EventBridge User Guide, "Using resource-based policies", "Amazon SQS
    permissions"); versions of that page disagree on whether it may do so by a role, and so it does not. A policy holds
    8,192 bytes (SQS Developer Guide, "Amazon SQS policy quotas"), which is about 170 rules: a deployment with more
    exports gives some of them a second destination with the same address, and the limits are checked at synth. An
    export that comes or goes changes this policy and no function; this stack is deployed before the export's.
    """

    def __init__(self, scope: Construct, construct_id: str, props: DestinationShipperProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        retention = Duration.days(QUEUE_RETENTION_DAYS)
        # What EventBridge sends to a FIFO queue has no id but its content (API reference, SqsParameters).
        fifo = True if props.queue_name.endswith(".fifo") else None
        # Each export is a group: its messages need not share 300 calls a second with the other exports' (SQS Developer
        # Guide, "High throughput for FIFO queues").
        throughput = sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID if fifo else None
        scope_of_ids = sqs.DeduplicationScope.MESSAGE_GROUP if fifo else None
        self.dead_letter_queue = sqs.Queue(
            self,
            "DeadLetterQueue",
            queue_name=props.dead_letter_queue_name,
            fifo=fifo,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=retention,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=props.queue_name,
            fifo=fifo,
            content_based_deduplication=fifo,
            deduplication_scope=scope_of_ids,
            fifo_throughput_limit=throughput,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=retention,
            # Lambda asks for six times the function's timeout, and the window (Lambda Developer Guide, "Using Lambda
            # with Amazon SQS"). Messages wait so long when the function was killed; otherwise the function says.
            visibility_timeout=Duration.seconds(6 * TIMEOUT_SECONDS + (0 if fifo else BATCH_SECONDS)),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queue, max_receive_count=TRIES_BEFORE_DEAD_LETTER
            ),
        )
        if props.rule_names:
            self.queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="ExportRules",
                    principals=[statements.service_principal("events.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[self.queue.queue_arn],
                    # EventBridge says both (EventBridge User Guide, "Cross-service confused deputy prevention").
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        # The account is said once: half as many rules would fit with their whole ARNs. A rule reaches
                        # no queue of another Region (EventBridge User Guide, "Event bus targets").
                        "ArnLike": {"aws:SourceArn": [f"arn:*:events:*:*:rule/{name}" for name in props.rule_names]},
                    },
                )
            )
        self.function = ShipperFunction(self, "Function", props.function).function
        lambda_.CfnEventSourceMapping(
            self,
            "Messages",
            function_name=self.function.function_name,
            event_source_arn=self.queue.queue_arn,
            batch_size=FIFO_BATCH_MESSAGES if fifo else BATCH_MESSAGES,
            maximum_batching_window_in_seconds=None if fifo else BATCH_SECONDS,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=props.max_concurrency
            ),
        )


def environment_document(document: Mapping[str, object]) -> str:
    """Write a document for an environment variable: compact JSON with sorted keys."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True)
