"""The alarms of one subject (an export, a destination): each notifies when it begins; one composite holds their state.

An alarm acts when its state changes and never again (CloudWatch User Guide, "Alarm actions"). A composite that alone
acted would hide a second failure behind the first, so every alarm notifies when it begins, and the composite is what
reminders and the one "recovered" are made of (`constructs_lib.notifications`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

DESCRIPTION_LENGTH = 1024
"""Characters of an alarm's description (PutMetricAlarm)."""

HELD_PERIODS = 288
"""Five-minute periods of a day: what happened once stays an alarm for a day after it last happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A CloudWatch metric and its statistic."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Sum"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmProps:
    """One alarm.

    Attributes
    ----------
    name
        Its name below the subject's.
    section
        The section of the runbook that it links to.
    summary
        What has happened, as a sentence. It goes into JSON texts as it is: no quotes, backslashes or line breaks.
    first_command
        The first command to run.
    metric
        What it watches.
    threshold
        The value that it compares with.
    comparison
        When it is an alarm: from the threshold on, above it or below it.
    missing_data
        How missing data is treated.
    period_seconds, periods, datapoints
        So many of so many periods make an alarm: by default one of a day's five-minute periods.
    warm_up_minutes
        How long the alarm is not evaluated after it was created. Default: 0.
    """

    name: str
    section: str
    summary: str
    first_command: str
    metric: Metric
    threshold: float
    comparison: Literal["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"] = (
        "GreaterThanOrEqualToThreshold"
    )
    missing_data: Literal["notBreaching", "breaching"] = "notBreaching"
    period_seconds: int = 300
    periods: int = HELD_PERIODS
    datapoints: int = 1
    warm_up_minutes: int | None = None

    def __post_init__(self) -> None:
        if re.search(r'["\\\n]', self.summary + self.first_command):
            raise ValueError(f"alarm {self.name}: its text has a quote, a backslash or a line break: {self.summary!r}")
        if self.datapoints > self.periods:
            raise ValueError(f"alarm {self.name}: {self.datapoints} datapoints; allowed: at most {self.periods}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmsProps:
    """The subject of some alarms.

    Attributes
    ----------
    name
        Name of the composite alarm; the others are ``<name>/<alarm>``. It has a slash in it, which no deployment's name
        has: the prefix distinguishes one deployment's alarms from another's.
    section
        The section of the runbook for the subject as a whole.
    first_command
        The first command to run.
    topic_arns
        Topics of this Region that every alarm notifies when it begins.
    runbook
        Address or path of the runbook.
    """

    name: str
    section: str
    first_command: str
    topic_arns: Sequence[str]
    runbook: str


class Alarms(Construct):
    """A composite alarm that is on while any of the alarms added to it is."""

    def __init__(self, scope: Construct, construct_id: str, props: AlarmsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._composite: cloudwatch.CfnCompositeAlarm | None = None
        self._names: list[str] = []

    def add(self, construct_id: str, props: AlarmProps) -> cloudwatch.CfnAlarm:
        """Add an alarm on one metric."""
        alarm = cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=f"{self._props.name}/{props.name}",
            alarm_description=self._description(f"{props.summary} Run first: {props.first_command}.", props.section),
            alarm_actions=list(self._props.topic_arns),
            namespace=props.metric.namespace,
            metric_name=props.metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in props.metric.dimensions.items()
            ]
            or None,
            statistic=props.metric.statistic,
            period=props.period_seconds,
            evaluation_periods=props.periods,
            datapoints_to_alarm=props.datapoints,
            threshold=props.threshold,
            comparison_operator=props.comparison,
            treat_missing_data=props.missing_data,
            warm_up_configuration=_warm_up(props.warm_up_minutes),
        )
        self._watch(alarm, props.name)
        return alarm

    def add_band(
        self, construct_id: str, *, name: str, section: str, summary: str, first_command: str, metric: Metric
    ) -> None:
        """Add an alarm that is on while an hourly metric leaves the band that CloudWatch has learnt, for three hours.

        The band is three standard deviations wide. CloudWatch bills such an alarm as three.
        """
        alarm = cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=f"{self._props.name}/{name}",
            alarm_description=self._description(f"{summary} Run first: {first_command}.", section),
            alarm_actions=list(self._props.topic_arns),
            metrics=[
                cloudwatch.CfnAlarm.MetricDataQueryProperty(
                    id="volume",
                    metric_stat=_statistic(metric, period=3600),
                ),
                cloudwatch.CfnAlarm.MetricDataQueryProperty(id="band", expression="ANOMALY_DETECTION_BAND(volume, 3)"),
            ],
            threshold_metric_id="band",
            comparison_operator="LessThanLowerOrGreaterThanUpperThreshold",
            evaluation_periods=3,
            datapoints_to_alarm=3,
            treat_missing_data="notBreaching",
        )
        self._watch(alarm, name)

    def add_expression(
        self,
        construct_id: str,
        *,
        name: str,
        section: str,
        summary: str,
        first_command: str,
        metrics: Mapping[str, Metric],
        expression: str,
        periods: int,
    ) -> None:
        """Add an alarm that is on while an expression of five-minute metrics is above 0 in all of so many periods.

        The metrics are named by the ids that the expression uses. CloudWatch bills such an alarm once for each.
        """
        queries = [
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id=each,
                return_data=False,
                metric_stat=_statistic(metric, period=300),
            )
            for each, metric in metrics.items()
        ]
        alarm = cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=f"{self._props.name}/{name}",
            alarm_description=self._description(f"{summary} Run first: {first_command}.", section),
            alarm_actions=list(self._props.topic_arns),
            metrics=[*queries, cloudwatch.CfnAlarm.MetricDataQueryProperty(id="result", expression=expression)],
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            treat_missing_data="notBreaching",
        )
        self._watch(alarm, name)

    def _watch(self, alarm: cloudwatch.CfnAlarm, name: str) -> None:
        self._names.append(f"{self._props.name}/{name}")
        rule = " OR ".join(f'ALARM("{each}")' for each in self._names)
        if self._composite is None:
            summary = f"Something is wrong with {self._props.name}: one or more of its alarms are on."
            self._composite = cloudwatch.CfnCompositeAlarm(
                self,
                "Any",
                alarm_name=self._props.name,
                alarm_description=self._description(
                    f"{summary} Run first: {self._props.first_command}.", self._props.section
                ),
                alarm_rule=rule,
            )
        self._composite.alarm_rule = rule
        self._composite.add_resource_dependency(alarm)

    def _description(self, summary: str, section: str) -> str:
        text = f"{summary} What to do: {self._props.runbook}#{section}"
        if len(text) > DESCRIPTION_LENGTH:
            raise ValueError(f"{self._props.name}: the text {text!r} has {len(text)} characters; allowed: 1024")
        return text


def _warm_up(minutes: int | None) -> cloudwatch.CfnAlarm.WarmUpConfigurationProperty | None:
    """Keep a new alarm from being evaluated before its window can be full: until then missing data mean nothing."""
    if minutes is None:
        return None
    return cloudwatch.CfnAlarm.WarmUpConfigurationProperty(
        warm_up_period_duration_in_minutes=minutes, only_start_evaluating_after_warm_up_period_ends=True
    )


def _statistic(metric: Metric, *, period: int) -> cloudwatch.CfnAlarm.MetricStatProperty:
    """Return a metric as one of several that an alarm evaluates, over periods of so many seconds."""
    return cloudwatch.CfnAlarm.MetricStatProperty(
        metric=cloudwatch.CfnAlarm.MetricProperty(
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in metric.dimensions.items()
            ],
        ),
        period=period,
        stat=metric.statistic,
    )
