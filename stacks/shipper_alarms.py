"""The alarms of the shipper: of each destination, and of the archiver. What an export's own alarms cannot see is here.

A destination's queue and function serve every export, so their failures are reported once, under the destination.
"""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from constructs_lib.alarms import AlarmProps, Alarms, AlarmsProps, Metric
from constructs_lib.replication import RULE_ID, Replication
from constructs_lib.shipper import DestinationShipper
from constructs_lib.subscription_stream import RECORD_AGE_HOURS
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.names import Names
from stacks.export_alarms import runbook, topic_arns

FAILING_PERIODS, FAILING_DATAPOINTS = 12, 3
"""Three five-minute periods of an hour with a failed try: one is a hiccup, and is tried again."""
LAG_PERIODS = 12
BUSY_PERIODS = 12
SLOW_PERIODS, SLOW_DATAPOINTS = 12, 6
SLOW_SECONDS = 5
"""A body of 3 MiB is answered for in well under a second; after 30 the function gives up."""
LATE_MINUTES = 15
"""The longest that Firehose may buffer: from there on Amazon's guide asks for an alarm on the age of what it holds
(Amazon Data Firehose Developer Guide, "Implement best practices with CloudWatch Alarms")."""
DELIVERIES_HOURS, DELIVERIES_DATAPOINTS = 24, 18
"""Most of a day with a delivery a second or more on average: about where a stream begins to be cheaper (the model in
`logdock.settings.subscription_costs`, docs/subscriptions.md)."""
COMPACTION_HOURS = 6
"""Of these hours half may fail: the next run does what one has not done."""
BEHIND_MINUTES = 30
"""How far the archiver may be behind the stream that it reads."""


def _subject(scope: Construct, name: str, section: str, settings: Deployment, names: Names) -> Alarms:
    return Alarms(
        scope,
        f"Alarms-{name}",
        AlarmsProps(
            name=f"{names.deployment}/{name}",
            section=section,
            first_command="logdock status",
            topic_arns=topic_arns(settings, names, Stack.of(scope).region),
            runbook=runbook(settings.alerts),
        ),
    )


def watch_destination(
    scope: Construct, destination: str, shipper: DestinationShipper, *, settings: Deployment, names: Names
) -> Alarms:
    """Watch a destination: tries that fail, messages that wait, and why; what was given up or dropped."""
    name = names.shipper(destination).removeprefix(f"{names.deployment}-")
    alarms = _subject(scope, name, "a-destination", settings, names)
    minutes = settings.alerts.lag_after_minutes
    alarms.add(
        "Failing",
        AlarmProps(
            name="failing",
            section="failing",
            summary=f"Shipping to {destination} fails again and again: it does not answer, or not well. Nothing is "
            "lost, the messages wait on the queue; the reason is in the log group "
            f"/aws/lambda/{names.shipper(destination)}.",
            first_command="logdock status",
            metric=Metric(
                namespace="Logdock",
                name="failed",
                dimensions={"deployment": names.deployment, "destination": destination},
            ),
            threshold=1,
            periods=FAILING_PERIODS,
            datapoints=FAILING_DATAPOINTS,
        ),
    )
    alarms.add(
        "Lag",
        AlarmProps(
            name="lag",
            section="lag",
            summary=f"What has landed for {destination} has waited on its queue for more than {minutes} minutes.",
            first_command="logdock status",
            metric=Metric(
                namespace="AWS/SQS",
                name="ApproximateAgeOfOldestMessage",
                dimensions={"QueueName": shipper.queue.queue_name},
                statistic="Maximum",
            ),
            threshold=minutes * 60,
            periods=LAG_PERIODS,
        ),
    )
    alarms.add(
        "Dead",
        AlarmProps(
            name="dead",
            section="dead",
            summary=f"Objects could not be shipped to {destination} after every try: they wait on the dead-letter "
            "queue for 14 days, and are where they landed.",
            first_command="logdock redrive --dry-run",
            metric=Metric(
                namespace="AWS/SQS",
                name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": shipper.dead_letter_queue.queue_name},
                statistic="Maximum",
            ),
            threshold=1,
            periods=1,
        ),
    )
    function = names.shipper(destination)
    concurrency = settings.concurrency_of(destination)
    alarms.add_expression(
        "Busy",
        name="busy",
        section="busy",
        summary=f"For an hour all {concurrency} invocations of the function {function} have been busy while messages "
        "waited: more lands than it ships. Nothing is lost; what waits for 14 days is.",
        first_command="logdock status",
        metrics={
            "running": Metric(
                namespace="AWS/Lambda",
                name="ConcurrentExecutions",
                dimensions={"FunctionName": function},
                statistic="Maximum",
            ),
            # the least of a period is 0 where the queue ran empty, even for a moment
            "waiting": Metric(
                namespace="AWS/SQS",
                name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": shipper.queue.queue_name},
                statistic="Minimum",
            ),
        },
        expression=f"IF(running >= {concurrency} AND waiting > 0, 1, 0)",
        periods=BUSY_PERIODS,
    )
    if destination in settings.pushes:
        alarms.add(
            "Slow",
            AlarmProps(
                name="slow",
                section="slow",
                summary=f"{destination} takes more than {SLOW_SECONDS} seconds on average to answer for a body, and "
                "has for half of the last hour. What lands waits for it.",
                first_command="logdock status",
                metric=Metric(
                    namespace="Logdock",
                    name="answer_ms",
                    dimensions={"deployment": names.deployment, "destination": destination},
                    statistic="Average",
                ),
                threshold=SLOW_SECONDS * 1000,
                periods=SLOW_PERIODS,
                datapoints=SLOW_DATAPOINTS,
            ),
        )
    alarms.add(
        "Recursion",
        AlarmProps(
            name="recursion",
            section="recursion",
            summary=f"Lambda took the function {function} for a recursive loop and dropped messages, which go to the "
            "dead-letter queue: its recursion setting is not Allow any more.",
            first_command="logdock redrive --dry-run",
            metric=Metric(
                namespace="AWS/Lambda", name="RecursiveInvocationsDropped", dimensions={"FunctionName": function}
            ),
            threshold=1,
        ),
    )
    return alarms


def watch_metrics(alarms: Alarms, destination: str, *, tags: bool, names: Names) -> None:
    """Watch the metrics of a destination: that they are handed over, that Firehose delivers them, and in time.

    A request that fails is tried again for hours, but for one that is too large (413), so failing requests and old data
    are two things: where Firehose cannot even ask (no role, no secret) or cannot keep what it gives up, data grow old
    and no request fails. Where nothing is streamed none of the three has data, or all are 0. Sources: Amazon Data
    Firehose Developer Guide, "Monitor with CloudWatch metrics" and "HTTP endpoint delivery request and response
    specifications"; CloudWatch User Guide, "Monitoring your metric streams with CloudWatch metrics".
    """
    stream = names.metrics(destination)
    reason = f"the reason is in the log group /aws/kinesisfirehose/{stream}"
    delivery = {"DeliveryStreamName": stream}
    alarms.add(
        "MetricsFailing",
        AlarmProps(
            name="metrics-failing",
            section="metrics-failing",
            summary=f"The metrics listener of {destination} fails again and again. Firehose tries for two hours, then "
            f"keeps the metrics in the failure bucket under metrics/{destination}/; {reason}.",
            first_command="logdock status",
            metric=Metric(
                namespace="AWS/Firehose",
                name="DeliveryToHttpEndpoint.Success",
                dimensions=delivery,
                # A count of requests that were taken: its average over all is the share that was
                statistic="Average",
            ),
            threshold=1,
            comparison="LessThanThreshold",
            periods=FAILING_PERIODS,
            datapoints=FAILING_DATAPOINTS,
        ),
    )
    alarms.add(
        "MetricsLate",
        AlarmProps(
            name="metrics-late",
            section="metrics-late",
            summary=f"Metrics for {destination} have waited in Firehose for more than {LATE_MINUTES} minutes: it "
            f"cannot deliver them, or not keep what was refused; {reason}.",
            first_command="logdock validate",
            metric=Metric(
                namespace="AWS/Firehose",
                name="DeliveryToHttpEndpoint.DataFreshness",
                dimensions=delivery,
                statistic="Maximum",
            ),
            threshold=LATE_MINUTES * 60,
            periods=LAG_PERIODS,
        ),
    )
    alarms.add(
        "MetricsLost",
        AlarmProps(
            name="metrics-lost",
            section="metrics-lost",
            summary=f"CloudWatch could not hand metrics for {destination} to Firehose: these updates are lost.",
            first_command="logdock validate",
            metric=Metric(
                namespace="AWS/CloudWatch/MetricStreams",
                name="PublishErrorRate",
                dimensions={"MetricStreamName": stream},
                statistic="Average",
            ),
            threshold=0,
            comparison="GreaterThanThreshold",
        ),
    )
    if tags:
        function = names.metrics(destination, "tags")
        alarms.add(
            "MetricsTags",
            AlarmProps(
                name="metrics-tags",
                section="metrics-tags",
                summary=f"The function {function} fails again and again: {destination} does not get the tags of "
                f"resources; the reason is in the log group /aws/lambda/{function}.",
                first_command="logdock validate",
                metric=Metric(namespace="AWS/Lambda", name="Errors", dimensions={"FunctionName": function}),
                threshold=1,
                periods=FAILING_PERIODS,
                datapoints=FAILING_DATAPOINTS,
            ),
        )


def watch_compactor(scope: Construct, *, settings: Deployment, names: Names) -> None:
    """Watch compaction: runs that fail hour after hour, also because an hour waits for a destination for days."""
    _subject(scope, "compactor", "the-compactor", settings, names).add(
        "Compaction",
        AlarmProps(
            name="compaction",
            section="compaction",
            summary="Compaction of the archive fails again and again. The archive is complete, in small objects; the "
            f"reason is in the log group /aws/lambda/{names.compactor}.",
            first_command="logdock status",
            metric=Metric(namespace="AWS/Lambda", name="Errors", dimensions={"FunctionName": names.compactor}),
            threshold=1,
            period_seconds=3600,
            periods=COMPACTION_HOURS,
            datapoints=COMPACTION_HOURS // 2,
        ),
    )


def watch_archiver(scope: Construct, *, settings: Deployment, names: Names, streamed: bool) -> None:
    """Watch the archiver: events that it could not archive or even keep; with a stream, what no export claims."""
    alarms = _subject(scope, "archiver", "the-archiver", settings, names)
    # Counted when every try has failed, just before the event goes to the failure bucket.
    dropped = Metric(namespace="AWS/Lambda", name="AsyncEventsDropped", dimensions={"FunctionName": names.archiver})
    alarms.add(
        "Failed",
        AlarmProps(
            name="failed",
            section="failed",
            summary="Log events could not be archived and were put into the failure bucket under aws/lambda/async/; "
            f"the reason is in the log group /aws/lambda/{names.archiver}.",
            first_command="logdock redrive --dry-run",
            metric=dropped,
            threshold=1,
        ),
    )
    alarms.add(
        "Lost",
        AlarmProps(
            name="lost",
            section="lost",
            summary="Log events could be neither archived nor kept in the failure bucket: they are in their log groups "
            "only, for as long as those keep them.",
            first_command="logdock validate",
            metric=Metric(
                namespace="AWS/Lambda",
                name="DestinationDeliveryFailures",
                dimensions={"FunctionName": names.archiver},
            ),
            threshold=1,
        ),
    )
    region = Stack.of(scope).region
    if not streamed and any(
        each.lands_in == "log groups" and region in settings.regions_of(each) for each in settings.exports
    ):
        alarms.add(
            "Deliveries",
            AlarmProps(
                name="deliveries",
                section="deliveries",
                summary="Through most of a day CloudWatch Logs has invoked the archiver once a second or more, each "
                "time for what one log stream received: with so many log streams a Kinesis stream costs less.",
                first_command="logdock plan",
                metric=Metric(namespace="AWS/Lambda", name="Invocations", dimensions={"FunctionName": names.archiver}),
                threshold=3600,
                period_seconds=3600,
                periods=DELIVERIES_HOURS,
                datapoints=DELIVERIES_DATAPOINTS,
            ),
        )
    if streamed:
        alarms.add(
            "Unclaimed",
            AlarmProps(
                name="unclaimed",
                section="unclaimed",
                summary="Log groups sent lines for an export that has no configuration: they are in the failure bucket "
                f"under unclaimed/; the export is named in the log group /aws/lambda/{names.archiver}.",
                first_command="logdock redrive --dry-run",
                metric=Metric(
                    namespace="Logdock",
                    name="unclaimed",
                    dimensions={"deployment": names.deployment, "destination": ARCHIVE},
                ),
                threshold=1,
            ),
        )
        alarms.add(
            "Behind",
            AlarmProps(
                name="behind",
                section="behind",
                summary=f"What log groups sent {BEHIND_MINUTES} minutes ago is not archived yet; after "
                f"{RECORD_AGE_HOURS} hours it goes to the failure bucket. The reason is in the log group "
                f"/aws/lambda/{names.archiver}.",
                first_command="logdock status",
                metric=Metric(
                    namespace="AWS/Lambda",
                    name="IteratorAge",
                    dimensions={"FunctionName": names.archiver},
                    statistic="Maximum",
                ),
                threshold=BEHIND_MINUTES * 60_000,
                periods=1,
            ),
        )


def watch_copies(
    scope: Construct, copies: Replication, source_bucket_name: str, *, settings: Deployment, names: Names
) -> None:
    """Watch the archive's replication: S3 counts what it could not copy in the Region of the original."""
    dimensions = {"SourceBucket": source_bucket_name, "DestinationBucket": copies.bucket_name, "RuleId": RULE_ID}
    _subject(scope, "replica", "the-replica", settings, names).add(
        "NotCopied",
        AlarmProps(
            name="not-copied",
            section="not-copied",
            summary=f"Objects of {source_bucket_name} were not copied to {copies.bucket_name}.",
            first_command="logdock validate",
            metric=Metric(namespace="AWS/S3", name="OperationsFailedReplication", dimensions=dimensions),
            threshold=1,
        ),
    )
