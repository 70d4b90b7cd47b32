"""The alarms of one subject (an export, a destination): each notifies when it begins; one composite holds their state.

An alarm acts when its state changes and never again (CloudWatch User Guide, "Alarm actions"). A composite that alone
acted would hide a second failure behind the first, so every alarm notifies when it begins, and the composite is what
reminders and the one "recovered" are made of (`constructs_lib.notifications`). What the alarms are is in the table
`logdock.alarms`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from logdock.alarms import Alarm, Metric

DESCRIPTION_LENGTH = 1024
"""Characters of an alarm's description (PutMetricAlarm)."""


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
    """Alarms, and with `complete` a composite alarm that is on while any of them is."""

    def __init__(self, scope: Construct, construct_id: str, props: AlarmsProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._alarms: dict[str, cloudwatch.CfnAlarm] = {}

    def add(self, alarm: Alarm) -> cloudwatch.CfnAlarm:
        """Add an alarm of the table, with its fields filled in."""
        name = f"{self._props.name}/{alarm.name}"
        self._alarms[name] = made = cloudwatch.CfnAlarm(
            self,
            alarm.construct_id,
            alarm_name=name,
            alarm_description=self._description(
                f"{alarm.summary} Run first: {alarm.first_command}.", alarm.runbook_section
            ),
            alarm_actions=list(self._props.topic_arns),
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.datapoints,
            treat_missing_data=alarm.missing_data,
            warm_up_configuration=_warm_up(alarm.warm_up_minutes),
            **_condition(alarm),
        )
        return made

    def complete(self) -> None:
        """Create the composite alarm, after the last alarm was added; none if there is no alarm."""
        if not self._alarms:
            return
        summary = f"Something is wrong with {self._props.name}: one or more of its alarms are on."
        composite = cloudwatch.CfnCompositeAlarm(
            self,
            "Any",
            alarm_name=self._props.name,
            alarm_description=self._description(
                f"{summary} Run first: {self._props.first_command}.", self._props.section
            ),
            alarm_rule=" OR ".join(f'ALARM("{each}")' for each in self._alarms),
        )
        composite.node.add_dependency(*self._alarms.values())

    def _description(self, summary: str, section: str) -> str:
        text = f"{summary} What to do: {self._props.runbook}#{section}"
        if len(text) > DESCRIPTION_LENGTH:
            raise ValueError(f"{self._props.name}: the text {text!r} has {len(text)} characters; allowed: 1024")
        return text


def _condition(alarm: Alarm) -> dict[str, Any]:
    """Return what an alarm watches and compares: a metric, the band of a metric, or an expression of several."""
    query = cloudwatch.CfnAlarm.MetricDataQueryProperty
    if alarm.is_band and alarm.metric:
        volume = query(id="volume", metric_stat=_statistic(alarm.metric, alarm.period_seconds))
        return {
            "metrics": [volume, query(id="band", expression="ANOMALY_DETECTION_BAND(volume, 3)")],
            "threshold_metric_id": "band",
            "comparison_operator": "LessThanLowerOrGreaterThanUpperThreshold",
        }
    if alarm.expression:
        queries = [
            query(id=each, return_data=False, metric_stat=_statistic(metric, alarm.period_seconds))
            for each, metric in alarm.metrics.items()
        ]
        return {
            "metrics": [*queries, query(id="result", expression=alarm.expression)],
            "threshold": 0,
            "comparison_operator": "GreaterThanThreshold",
        }
    if alarm.metric is None or alarm.threshold is None:
        raise ValueError(f"alarm {alarm.name}: it has no metric or no threshold")
    return {
        "namespace": alarm.metric.namespace,
        "metric_name": alarm.metric.name,
        "dimensions": _dimensions(alarm.metric) or None,
        "statistic": alarm.metric.statistic,
        "period": alarm.period_seconds,
        "threshold": alarm.threshold,
        "comparison_operator": alarm.comparison,
    }


def _warm_up(minutes: int | None) -> cloudwatch.CfnAlarm.WarmUpConfigurationProperty | None:
    """Keep a new alarm from being evaluated before its window can be full: until then missing data mean nothing."""
    if minutes is None:
        return None
    return cloudwatch.CfnAlarm.WarmUpConfigurationProperty(
        warm_up_period_duration_in_minutes=minutes, only_start_evaluating_after_warm_up_period_ends=True
    )


def _statistic(metric: Metric, period: int) -> cloudwatch.CfnAlarm.MetricStatProperty:
    """Return a metric as one of several that an alarm evaluates, over periods of so many seconds."""
    return cloudwatch.CfnAlarm.MetricStatProperty(
        metric=cloudwatch.CfnAlarm.MetricProperty(
            namespace=metric.namespace, metric_name=metric.name, dimensions=_dimensions(metric)
        ),
        period=period,
        stat=metric.statistic,
    )


def _dimensions(metric: Metric) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in metric.dimensions.items()]
