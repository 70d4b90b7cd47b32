"""Every alarm of a deployment, as one table: what it watches, when it is on, and what to do then.

The stacks build from it, `logdock explain` finds the runbook's section by it, and the dashboard shows what it watches.
A field in braces is filled in by the stack that creates the alarm; so are the metric, the threshold and the window
where they follow from the settings. Every section is a heading of docs/runbook.md; tests compare both with the table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

Subject = Literal["export", "destination", "archiver", "compactor", "replica", "alerts"]

SECTIONS: Mapping[Subject, str] = {
    "export": "an-export",
    "destination": "a-destination",
    "archiver": "the-archiver",
    "compactor": "the-compactor",
    "replica": "the-replica",
    "alerts": "undelivered",
}
"""The section of the runbook for each kind of subject as a whole. Those that there is one of are named so."""

HELD_PERIODS = 288
"""Five-minute periods of a day: what happened once stays an alarm for a day after it last happened."""
LAG_HELD_PERIODS = 36
"""Five-minute periods (three hours) that a late record is held for: what fails is tried again within that time."""
HOUR_PERIODS = 12
"""Five-minute periods of an hour."""
FAILING_DATAPOINTS = 3
"""Three five-minute periods of an hour with a failed try: one is a hiccup, and is tried again."""
CRASHING_DATAPOINTS = 2
"""Two five-minute periods of an hour: what an invocation that crashed was shipping comes back after half an hour."""
SLOW_DATAPOINTS = 6
SLOW_SECONDS = 5
"""A body of 4 MiB is answered for in well under a second; after 30 the function gives up."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A CloudWatch metric and its statistic."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Sum"

    def fill(self, values: Mapping[str, object]) -> Self:
        """Return the metric with its dimensions' fields filled in."""
        return replace(self, dimensions={name: text.format_map(values) for name, text in self.dimensions.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One alarm."""

    subject: Subject
    """What kind of thing it is an alarm of."""
    name: str
    """Its name below the subject's."""
    construct_id: str
    section: str = ""
    """The section of the runbook that it links to. Default: the name."""
    summary: str
    """What has happened, as a sentence. It goes into JSON texts as it is: no quotes, backslashes or line breaks."""
    first_command: str
    """The first command to run."""
    metric: Metric | None = None
    """What it watches. Default: what its stack says."""
    threshold: float | None = None
    """The value that it compares with. Default: what its stack says."""
    comparison: Literal["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"] = (
        "GreaterThanOrEqualToThreshold"
    )
    """When it is an alarm: from the threshold on, above it or below it."""
    missing_data: Literal["notBreaching", "breaching"] = "notBreaching"
    """How missing data is treated."""
    period_seconds: int = 300
    periods: int = HELD_PERIODS
    datapoints: int = 1
    """`period_seconds`, `periods`, `datapoints`: So many of so many periods make an alarm: by default one of a day's
    five-minute periods."""
    warm_up_minutes: int | None = None
    """How long the alarm is not evaluated after it was created. Default: 0."""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    expression: str = ""
    """`metrics`, `expression`: What is watched instead: an expression of several metrics, which is above 0 in all of
    the periods. The metrics are named by the ids that the expression uses. CloudWatch bills such an alarm once for
    each."""
    is_band: bool = False
    """The alarm is on while the hourly metric leaves the band, three standard deviations wide, that CloudWatch has
    learnt, for three hours. CloudWatch bills such an alarm as three."""

    def __post_init__(self) -> None:
        if re.search(r'["\\\n]', self.summary + self.first_command):
            raise ValueError(f"alarm {self.name}: its text has a quote, a backslash or a line break: {self.summary!r}")
        if self.datapoints > self.periods:
            raise ValueError(f"alarm {self.name}: {self.datapoints} datapoints; allowed: at most {self.periods}")

    @property
    def runbook_section(self) -> str:
        """The section of the runbook that it links to."""
        return self.section or self.name

    @property
    def prefix(self) -> str:
        """The part of its name that is the same for every subject."""
        return self.name.partition("{")[0].rstrip("-")

    def fill(self, values: Mapping[str, object], **changes: Any) -> Self:
        """Return the alarm of one subject.

        Parameters
        ----------
        values
            By the name of the field in braces.
        changes
            Attributes that follow from the settings.
        """
        changed = replace(self, **changes)
        return replace(
            changed,
            section=self.runbook_section,
            name=changed.name.format_map(values),
            construct_id=changed.construct_id.format_map(values),
            summary=changed.summary.format_map(values),
            first_command=changed.first_command.format_map(values),
            expression=changed.expression.format_map(values),
            # One that is given has its values; the CDK's references in them look like fields.
            metric=changed.metric if "metric" in changes else self.metric and self.metric.fill(values),
            metrics={each: metric.fill(values) for each, metric in changed.metrics.items()},
        )


def shipper_metric(name: str, statistic: str = "Sum") -> Metric:
    """Return a metric that the shipper makes of an export and a destination."""
    dimensions = {"deployment": "{deployment}", "export": "{export}", "destination": "{destination}"}
    return Metric(namespace="Logdock", name=name, dimensions=dimensions, statistic=statistic)


def _destination_metric(name: str, statistic: str = "Sum") -> Metric:
    dimensions = {"deployment": "{deployment}", "destination": "{destination}"}
    return Metric(namespace="Logdock", name=name, dimensions=dimensions, statistic=statistic)


def _of_function(name: str, statistic: str = "Sum") -> Metric:
    return Metric(namespace="AWS/Lambda", name=name, dimensions={"FunctionName": "{function}"}, statistic=statistic)


def _of_queue(name: str, queue: str, statistic: str = "Maximum") -> Metric:
    return Metric(namespace="AWS/SQS", name=name, dimensions={"QueueName": queue}, statistic=statistic)


def _of_rule(name: str) -> Metric:
    return Metric(namespace="AWS/Events", name=name, dimensions={"RuleName": "{rule}"})


def _of_delivery_stream(name: str, statistic: str) -> Metric:
    return Metric(
        namespace="AWS/Firehose", name=name, dimensions={"DeliveryStreamName": "{stream}"}, statistic=statistic
    )


def _security(name: str) -> Alarm:
    return Alarm(
        subject="export",
        name=name,
        construct_id=f"{name}-alarm",
        summary=f"{{export}} has had {{most}} or more {name.replace('-', ' ')} in an hour.",
        first_command="logdock logs",
        period_seconds=3600,
        periods=1,
    )


_ROWS = (
    Alarm(
        subject="export",
        name="silence",
        construct_id="Silence",
        summary="{what} for {minutes} minutes.",
        first_command="logdock validate {export}",
        threshold=1,
        comparison="LessThanThreshold",
        missing_data="breaching",
    ),
    Alarm(
        subject="export",
        name="lag-{destination}",
        construct_id="Lag-{destination}",
        section="lag",
        summary="A record of {export} waited for more than {minutes} minutes to get to {destination}, or waits still.",
        first_command="logdock status",
        metric=shipper_metric("lag_ms", "Maximum"),
        periods=LAG_HELD_PERIODS,
    ),
    Alarm(
        subject="export",
        name="handover",
        construct_id="Handover",
        summary="Objects of {export} could not be put on the queue of a destination: they are where they landed, and "
        "are not shipped.",
        first_command="logdock validate {export}",
        metric=_of_rule("FailedInvocations"),
        threshold=1,
    ),
    Alarm(
        subject="export",
        name="refused-{destination}",
        construct_id="Refused-{destination}",
        section="refused",
        summary="{destination} refused records of {export} for good, or they cannot be read: they are in the failure "
        "bucket under quarantine/, each with its reason.",
        first_command="logdock redrive --dry-run",
        metric=shipper_metric("quarantined"),
        threshold=1,
    ),
    Alarm(
        subject="export",
        name="connector",
        construct_id="Connector",
        summary="The function {function} failed: what it does for {export} on a schedule is not done.",
        first_command="logdock validate {export}",
        metric=_of_function("Errors"),
        threshold=1,
    ),
    Alarm(
        subject="export",
        name="volume",
        construct_id="Volume",
        summary="{export} has brought more than {budget:g} GB in 24 hours.",
        first_command="logdock status",
        metric=shipper_metric("bytes_in"),
        period_seconds=86400,
        periods=1,
    ),
    Alarm(
        subject="export",
        name="volume-band",
        construct_id="VolumeBand",
        summary="{export} has brought more or less than usual for three hours.",
        first_command="logdock status",
        metric=shipper_metric("bytes_in"),
        is_band=True,
        period_seconds=3600,
        periods=3,
        datapoints=3,
    ),
    Alarm(
        subject="export",
        name="denied",
        construct_id="DeniedAlarm",
        summary="AWS denied the vendor of {export} what it tried to do.",
        first_command="logdock validate {export}",
        threshold=1,
    ),
    Alarm(
        subject="export",
        name="rds-events",
        construct_id="RdsEvents",
        summary="RDS reports that it may not write the logs of {export} to CloudWatch Logs.",
        first_command="logdock validate {export}",
        metric=_of_rule("MatchedEvents"),
        threshold=1,
    ),
    _security("failed-logins"),
    _security("privilege-changes"),
    _security("schema-changes"),
    Alarm(
        subject="destination",
        name="failing",
        construct_id="Failing",
        summary="Shipping to {destination} fails again and again: it does not answer, or not well. Nothing is lost, "
        "the messages wait on the queue; the reason is in the log group /aws/lambda/{function}.",
        first_command="logdock status",
        metric=_destination_metric("failed"),
        threshold=1,
        periods=HOUR_PERIODS,
        datapoints=FAILING_DATAPOINTS,
    ),
    Alarm(
        subject="destination",
        name="crashing",
        construct_id="Crashing",
        summary="The function {function} has crashed again and again: it cannot start, or is out of memory or time. "
        "Nothing is lost, the messages wait on the queue; the reason is in the log group /aws/lambda/{function}.",
        first_command="logdock status",
        # A crash counts as nothing else: no metric of ours is written, and SQS leaves what was received three times out
        # of the age of the oldest message (SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS").
        metric=_of_function("Errors"),
        threshold=1,
        periods=HOUR_PERIODS,
        datapoints=CRASHING_DATAPOINTS,
    ),
    Alarm(
        subject="destination",
        name="lag",
        construct_id="Lag",
        summary="What has landed for {destination} has waited on its queue for more than {minutes} minutes.",
        first_command="logdock status",
        metric=_of_queue("ApproximateAgeOfOldestMessage", "{queue}"),
        periods=HOUR_PERIODS,
    ),
    Alarm(
        subject="destination",
        name="dead",
        construct_id="Dead",
        summary="Objects could not be shipped to {destination} after every try: they wait on the dead-letter queue for "
        "14 days, and are where they landed.",
        first_command="logdock redrive --dry-run",
        metric=_of_queue("ApproximateNumberOfMessagesVisible", "{dead_letter_queue}"),
        threshold=1,
        periods=1,
    ),
    Alarm(
        subject="destination",
        name="busy",
        construct_id="Busy",
        summary="For an hour all {concurrency} invocations of the function {function} have been busy while messages "
        "waited: more lands than it ships. Nothing is lost; what waits for 14 days is.",
        first_command="logdock status",
        metrics={
            "running": _of_function("ConcurrentExecutions", "Maximum"),
            # the least of a period is 0 where the queue ran empty, even for a moment
            "waiting": _of_queue("ApproximateNumberOfMessagesVisible", "{queue}", "Minimum"),
        },
        expression="IF(running >= {concurrency} AND waiting > 0, 1, 0)",
        periods=HOUR_PERIODS,
        datapoints=HOUR_PERIODS,
    ),
    Alarm(
        subject="destination",
        name="slow",
        construct_id="Slow",
        summary=f"{{destination}} takes more than {SLOW_SECONDS} seconds on average to answer for a body, and has for "
        "half of the last hour. What lands waits for it.",
        first_command="logdock status",
        metric=_destination_metric("answer_ms", "Average"),
        threshold=SLOW_SECONDS * 1000,
        periods=HOUR_PERIODS,
        datapoints=SLOW_DATAPOINTS,
    ),
    Alarm(
        subject="destination",
        name="recursion",
        construct_id="Recursion",
        summary="Lambda took the function {function} for a recursive loop and dropped messages, which go to the "
        "dead-letter queue: its recursion setting is not Allow any more.",
        first_command="logdock redrive --dry-run",
        metric=_of_function("RecursiveInvocationsDropped"),
        threshold=1,
    ),
    Alarm(
        subject="destination",
        name="metrics-failing",
        construct_id="MetricsFailing",
        summary="The metrics listener of {destination} fails again and again. Firehose tries for two hours, then keeps "
        "the metrics in the failure bucket under metrics/{destination}/; the reason is in the log group "
        "/aws/kinesisfirehose/{stream}.",
        first_command="logdock status",
        # A count of requests that were taken: its average over all is the share that was
        metric=_of_delivery_stream("DeliveryToHttpEndpoint.Success", "Average"),
        threshold=1,
        comparison="LessThanThreshold",
        periods=HOUR_PERIODS,
        datapoints=FAILING_DATAPOINTS,
    ),
    Alarm(
        subject="destination",
        name="metrics-late",
        construct_id="MetricsLate",
        summary=f"Metrics for {{destination}} have waited in Firehose for more than {LATE_MINUTES} minutes: it cannot "
        "deliver them, or not keep what was refused; the reason is in the log group /aws/kinesisfirehose/{stream}.",
        first_command="logdock validate",
        metric=_of_delivery_stream("DeliveryToHttpEndpoint.DataFreshness", "Maximum"),
        threshold=LATE_MINUTES * 60,
        periods=HOUR_PERIODS,
    ),
    Alarm(
        subject="destination",
        name="metrics-lost",
        construct_id="MetricsLost",
        summary="CloudWatch could not hand metrics for {destination} to Firehose: these updates are lost.",
        first_command="logdock validate",
        metric=Metric(
            namespace="AWS/CloudWatch/MetricStreams",
            name="PublishErrorRate",
            dimensions={"MetricStreamName": "{stream}"},
            statistic="Average",
        ),
        threshold=0,
        comparison="GreaterThanThreshold",
    ),
    Alarm(
        subject="destination",
        name="metrics-tags",
        construct_id="MetricsTags",
        summary="The function {function} fails again and again: {destination} does not get the tags of resources; the "
        "reason is in the log group /aws/lambda/{function}.",
        first_command="logdock validate",
        metric=_of_function("Errors"),
        threshold=1,
        periods=HOUR_PERIODS,
        datapoints=FAILING_DATAPOINTS,
    ),
    Alarm(
        subject="archiver",
        name="failed",
        construct_id="Failed",
        summary="Log events could not be archived and were put into the failure bucket under aws/lambda/async/; the "
        "reason is in the log group /aws/lambda/{function}.",
        first_command="logdock redrive --dry-run",
        # Counted when every try has failed, just before the event goes to the failure bucket.
        metric=_of_function("AsyncEventsDropped"),
        threshold=1,
    ),
    Alarm(
        subject="archiver",
        name="lost",
        construct_id="Lost",
        summary="Log events could be neither archived nor kept in the failure bucket: they are in their log groups "
        "only, for as long as those keep them.",
        first_command="logdock validate",
        metric=_of_function("DestinationDeliveryFailures"),
        threshold=1,
    ),
    Alarm(
        subject="archiver",
        name="deliveries",
        construct_id="Deliveries",
        summary="Through most of a day CloudWatch Logs has invoked the archiver once a second or more, each time for "
        "what one log stream received: with so many log streams a Kinesis stream costs less.",
        first_command="logdock plan",
        metric=_of_function("Invocations"),
        threshold=3600,
        period_seconds=3600,
        periods=DELIVERIES_HOURS,
        datapoints=DELIVERIES_DATAPOINTS,
    ),
    Alarm(
        subject="archiver",
        name="behind",
        construct_id="Behind",
        summary=f"What log groups sent {BEHIND_MINUTES} minutes ago is not archived yet; after {{hours}} hours it goes "
        "to the failure bucket. The reason is in the log group /aws/lambda/{function}.",
        first_command="logdock status",
        metric=_of_function("IteratorAge", "Maximum"),
        threshold=BEHIND_MINUTES * 60_000,
        periods=1,
    ),
    Alarm(
        subject="archiver",
        name="unclaimed",
        construct_id="Unclaimed",
        summary="Log groups sent lines for an export that has no configuration: they are in the failure bucket under "
        "unclaimed/; the export is named in the log group /aws/lambda/{function}.",
        first_command="logdock redrive --dry-run",
        metric=_destination_metric("unclaimed"),
        threshold=1,
    ),
    Alarm(
        subject="compactor",
        name="compaction",
        construct_id="Compaction",
        summary="Compaction of the archive fails again and again. The archive is complete, in small objects; the "
        "reason is in the log group /aws/lambda/{function}.",
        first_command="logdock status",
        metric=_of_function("Errors"),
        threshold=1,
        period_seconds=3600,
        periods=COMPACTION_HOURS,
        datapoints=COMPACTION_HOURS // 2,
    ),
    Alarm(
        subject="replica",
        name="not-copied",
        construct_id="NotCopied",
        summary="Objects of {source} were not copied to {copy}.",
        first_command="logdock validate",
        metric=Metric(
            namespace="AWS/S3",
            name="OperationsFailedReplication",
            dimensions={"SourceBucket": "{source}", "DestinationBucket": "{copy}", "RuleId": "{rule}"},
        ),
        threshold=1,
    ),
    Alarm(
        subject="alerts",
        name="undelivered-{message}",
        construct_id="{id}",
        section="undelivered",
        summary="A message about an alarm was not delivered ({message}).",
        first_command="logdock alerts test",
        threshold=1,
    ),
)

ALARMS: Mapping[str, Alarm] = {f"{row.subject}/{row.prefix}": row for row in _ROWS}
"""Every alarm, by its subject and the part of its name that is the same for every one."""


def section_of(alarm_name: str) -> str | None:
    """Return the section of an alarm, by its name or the last part of it; None if no alarm has it."""
    last = alarm_name.rpartition("/")[2]
    # An alarm may name its destination behind its own name.
    rows = [row for row in _ROWS if f"{last}-".startswith(f"{row.prefix}-")]
    return max(rows, key=lambda row: len(row.prefix)).runbook_section if rows else None


def section_of_subject(name: str) -> str:
    """Return the section of a composite alarm, by the last part of its name."""
    if name.startswith("ship-"):
        return SECTIONS["destination"]
    return next((SECTIONS[each] for each in SECTIONS if each == name), SECTIONS["export"])
