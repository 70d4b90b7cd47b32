"""The alarms of an export: silence, lag, refused records, what could not be handed over, volume, denied access.

What landed is seen where it costs nothing and lasts a minute: objects by the metric of the event rule that announces
them (S3 has none of its own below a day, unless request metrics are paid for), log events by the archiver's own figures
(which also show a broken subscription, for any number of log groups). Every alarm has a section of its name in
docs/runbook.md; a test holds that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from constructs_lib.alarms import Alarms, AlarmsProps
from logdock.alarms import ALARMS, SECTIONS, Metric, shipper_metric
from logdock.settings import Deployment
from logdock.settings.alerts import MINUTES_OF_A_DAY, Alerts, region_of
from logdock.settings.destinations import ARCHIVE
from logdock.settings.exports import Export
from logdock.settings.names import Names

GIGABYTE = 1_000_000_000


def topic_arns(settings: Deployment, names: Names, region: str) -> list[str]:
    """List the topics that alarms of a Region notify: the deployment's own, then the user's of that Region."""
    own = f"arn:{names.partition}:sns:{region}:{names.account}:{names.alerts}"
    return [own, *(arn for arn in settings.alerts.sns_topic_arns if region_of(arn) == region)]


def runbook(alerts: Alerts) -> str:
    """Return where the runbook is."""
    return alerts.runbook_url or "docs/runbook.md"


class ExportAlarms(Construct):
    """The alarms of one export in one Region, under one composite alarm."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Deployment, names: Names, export: Export, region: str
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._export = names, export
        self._region = region
        self._alerts = settings.alerts_of(export)
        self._alarms = Alarms(
            self,
            "Alarms",
            AlarmsProps(
                name=f"{names.deployment}/{export.name}",
                section=SECTIONS["export"],
                first_command="logdock status",
                topic_arns=topic_arns(settings, names, self._region),
                runbook=runbook(settings.alerts),
            ),
        )
        self._filters = f"Logdock/{names.deployment}/{export.name}"
        self._groups: dict[str, IDependable] = {}

    def complete(self) -> None:
        """Create the composite alarm, after the last alarm."""
        self._alarms.complete()

    def _add(
        self, name: str, *, destination: str = "", values: Mapping[str, object] | None = None, **more: Any
    ) -> None:
        """Add an alarm of the table: ``values`` are its fields, and what else is given are its attributes."""
        self._alarms.add(ALARMS[f"export/{name}"].fill({**self._values(destination), **(values or {})}, **more))

    def _values(self, destination: str) -> dict[str, object]:
        return {"deployment": self._names.deployment, "export": self._export.name, "destination": destination}

    def _metric(self, name: str, destination: str) -> Metric:
        """Return a metric that the shipper makes of this export."""
        return shipper_metric(name).fill(self._values(destination))

    def landing_in_bucket(self) -> None:
        """Watch a bucket for silence and volume, by the rule that announces its new objects.

        ``MatchedEvents`` of a rule counts events that match, whether or not the rule has a target (EventBridge User
        Guide, "Monitoring Amazon EventBridge").
        """
        self._silence(
            self._of_rule("MatchedEvents"),
            f"No object of {self._export.name} has landed",
        )
        if self._export.ship_to:
            self._volume(self._export.ship_to[0])

    def landing_in_log_groups(self, made_here: Mapping[str, IDependable]) -> None:
        """Watch log groups for silence and volume, and the archiver for lag, by what the archiver reads of them.

        Parameters
        ----------
        made_here
            What makes or adopts each log group of this stack; a metric filter on the log group waits for it.
        """
        self._groups.update(made_here)
        self._silence(
            self._metric("bytes_in", ARCHIVE),
            f"No line of {self._export.name} has come through its log groups into the archive",
        )
        self._volume(ARCHIVE)
        self._lag(ARCHIVE)

    def _silence(self, metric: Metric, what: str) -> None:
        minutes = self._alerts.silent_after_minutes
        if not minutes:
            return
        # One-minute periods: an alarm looks back a few periods further than it says, so short ones are the most exact.
        period_seconds = 60 if minutes <= MINUTES_OF_A_DAY else 3600
        periods = minutes * 60 // period_seconds
        self._add(
            "silence",
            values={"what": what, "minutes": minutes},
            metric=metric,
            period_seconds=period_seconds,
            periods=periods,
            datapoints=periods,
            warm_up_minutes=minutes,
        )

    def _of_rule(self, name: str) -> Metric:
        """Return a metric of the rule that announces the export's objects."""
        return Metric(namespace="AWS/Events", name=name, dimensions=self._names.rule_dimensions(self._export))

    def shipped_to(self, destinations: Sequence[str]) -> None:
        """Watch what is announced to destinations: that it is handed over, in time, and not refused."""
        if destinations:
            self._add("handover", metric=self._of_rule("FailedInvocations"))
        for destination in destinations:
            self._lag(destination)
            self._add("refused", destination=destination)

    def _lag(self, destination: str) -> None:
        minutes = self._alerts.lag_after_minutes
        self._add("lag", destination=destination, values={"minutes": minutes}, threshold=minutes * 60_000)

    def _volume(self, destination: str) -> None:
        if budget := self._alerts.daily_gb:
            self._add("volume", destination=destination, values={"budget": budget}, threshold=budget * GIGABYTE)
        if self._alerts.volume_band:
            self._add("volume-band", destination=destination)

    def connector(self, function_name: str) -> None:
        """Watch a function that runs on a schedule for this export: its failures are otherwise invisible."""
        self._add("connector", values={"function": function_name})

    def refused_to_rds(self, rule_name: str) -> None:
        """Watch RDS's own events for those that say that it may not write the logs.

        Parameters
        ----------
        rule_name
            The rule that matches them; as ``landing_in_bucket`` does, the alarm counts its matches.
        """
        self._add("rds-events", values={"rule": rule_name})

    def denied(self, who: str) -> None:
        """Watch a trail for refusals of the vendor.

        Parameters
        ----------
        who
            A condition on CloudTrail's record, in filter-pattern syntax, that is true of the vendor.
        """
        log_group = self._alerts.trail_log_group
        if log_group is None or self._region != self._names.region:
            return
        metric = self._count("Denied", "denied", log_group, f'{{ ($.errorCode = "*AccessDenied*") && ({who}) }}')
        self._add("denied", metric=metric)

    def security_event(self, name: str, filters: dict[str, str]) -> None:
        """Count security events in log groups, and raise an alarm if so many in an hour are asked for.

        Parameters
        ----------
        name
            What is counted: failed-logins, privilege-changes or schema-changes.
        filters
            The filter pattern of each log group that has such events.
        """
        metrics = [
            self._count(f"{name}-{log_group}", name.replace("-", "_"), log_group, pattern)
            for log_group, pattern in filters.items()
        ]
        if metrics:
            self.security_alarm(name, metrics[0])

    def security_alarm(self, name: str, metric: Metric | None = None) -> None:
        """Raise an alarm on a count of security events. Default: the shipper's own count."""
        setting = f"{name.replace('-', '_')}_per_hour"
        most: int | None = getattr(self._alerts, setting)
        if most is None:
            return
        if metric is None:
            metric = self._metric(name.replace("-", "_"), self._export.ship_to[0])
        self._add(name, values={"most": most}, metric=metric, threshold=most)

    def _count(self, construct_id: str, metric_name: str, log_group: str, pattern: str) -> Metric:
        """Count lines of a log group that match; a line that does not is no data, which costs nothing."""
        counted = logs.CfnMetricFilter(
            self,
            construct_id,
            log_group_name=log_group,
            filter_pattern=pattern,
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=self._filters, metric_name=metric_name, metric_value="1", unit="Count"
                )
            ],
        )
        # The filter names its log group, which is no dependency; one that this stack makes or adopts comes first.
        if group := self._groups.get(log_group):
            counted.node.add_dependency(group)
        return Metric(namespace=self._filters, name=metric_name)
