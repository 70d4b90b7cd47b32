"""Alarms: each is set to ALARM, its history shows that its action was delivered, and it is set back.

SetAlarmState invokes the actions as a real change does, and CloudWatch sets a metric alarm back by itself within
moments (CloudWatch API Reference, "SetAlarmState"); its history keeps what became of each action. Composite alarms are
not set: they follow the alarms of their subject, and each sends one "recovered" by the reminders.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from logdock.cli.account import Account
from logdock.cli.smoke_test.arrivals import CLOCK_SKEW
from logdock.cli.smoke_test.cleanup import Cleanup, Made
from logdock.cli.smoke_test.steps import Report, Step, explain
from logdock.settings.exports import Export

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import CompositeAlarmTypeDef, MetricAlarmTypeDef

POLL_SECONDS = 1.0
MAX_NAMES = 100
"""Names that one DescribeAlarms takes."""
REASON = "logdock smoke-test: a test, nothing happened"
SETTLE_SECONDS = 120.0
"""How long composite alarms are waited for to follow."""


@dataclass(kw_only=True, slots=True)
class Alarms:
    """The alarms of a Region."""

    account: Account
    region: str
    report: Report
    cleanup: Cleanup
    timeout_seconds: float
    note: Callable[[str], None]
    _made: dict[str, Made] = field(default_factory=dict)

    def check(self, exports: Sequence[Export], *, everything: bool) -> None:
        """Set the alarms, and check what becomes of it."""
        prefixes = [f"{self.account.names.deployment}/"]
        if not everything:
            prefixes = [f"{self.account.names.deployment}/{export.name}/" for export in exports]
        alarms: list[MetricAlarmTypeDef] = []
        with self.report.step("alarms", f"alarms in {self.region}", self._deploy) as step:
            for prefix in prefixes:
                pages = self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
                alarms += [alarm for page in pages for alarm in page["MetricAlarms"]]
            step.answer = f"{len(alarms)} alarms"
            if not alarms:
                step.fail("there are none", self._deploy)
        if alarms:
            self._test(alarms)

    def check_topics(self) -> None:
        """Check that someone is notified, and that each subscription is confirmed."""
        names, alerts = self.account.names, self.account.settings.alerts
        topics = [names.alert_topic_in(self.region)]
        topics += [arn for arn in alerts.sns_topic_arns if arn.split(":")[3] == self.region]
        for topic in topics:
            with self.report.step(topic.rpartition(":")[2], f"subscriptions in {self.region}", self._deploy) as step:
                found = self.account.subscriptions(topic, self.region)
                pending = [each for each in found if not each["SubscriptionArn"].startswith("arn:")]
                addresses = {each["Endpoint"] for each in found}
                wanted = alerts.email if topic == topics[0] else ()
                missing = [each for each in wanted if each not in addresses]
                step.answer = f"{len(found)} subscribed"
                if pending:
                    step.fail(
                        f"not confirmed, and not notified: {', '.join(each['Endpoint'] for each in pending)}",
                        f"follow the link in AWS's message to each; or have it sent again: aws sns subscribe --region "
                        f"{self.region} --topic-arn {topic} --protocol {pending[0]['Protocol']} "
                        f"--notification-endpoint {pending[0]['Endpoint']}",
                    )
                elif missing:
                    step.fail(f"not subscribed: {', '.join(missing)}", self._deploy)
                elif not (found or alerts.webhook or len(topics) > 1):
                    step.fail(
                        "no one is notified of an alarm",
                        "set alerts.email, alerts.sns_topic_arns or alerts.webhook, and deploy",
                    )

    def _test(self, alarms: Sequence[MetricAlarmTypeDef]) -> None:
        began = datetime.now(UTC)
        subjects = sorted({alarm["AlarmName"].rpartition("/")[0] for alarm in alarms})
        self.note(
            f"Setting {len(alarms)} alarms in {self.region} to ALARM. Each sends one message, and each of "
            f"{len(subjects)} subjects one more when it has recovered, to: {self._recipients()}. --no-alarms skips "
            "this."
        )
        set_ = [alarm for alarm in alarms if self._set(alarm)]
        try:
            self._await_actions(set_, began)
        finally:
            for alarm in set_:
                self._restore(alarm)
        self._await_composites(subjects)
        self._check_reminders(began)

    def _recipients(self) -> str:
        alerts = self.account.settings.alerts
        webhook = ["the webhook"] if alerts.webhook else []
        return ", ".join([*alerts.email, *alerts.sns_topic_arns, *webhook]) or "the subscribers of the topic"

    def _set(self, alarm: MetricAlarmTypeDef) -> bool:
        """Set an alarm; return False when it cannot be tested."""
        name = alarm["AlarmName"]
        step = Step(subject=name, name="action")
        enable = f"aws cloudwatch enable-alarm-actions --region {self.region} --alarm-names {name}"
        if alarm["StateValue"] == "ALARM":
            step.skip("it is in ALARM already, and has sent its message")
        elif not alarm.get("ActionsEnabled", True):
            step.fail("its actions are disabled", enable)
        elif not alarm.get("AlarmActions"):
            step.fail("it has no action", f"{self._deploy} --revert-drift")
        else:
            restore = partial(self._set_state, name, alarm["StateValue"], f"{REASON}; back to the state before")
            command = (
                f"aws cloudwatch set-alarm-state --region {self.region} --alarm-name {name} --state-value "
                f"{alarm['StateValue']} --state-reason restored"
            )
            made = self.cleanup.add(Made(what=f"state of the alarm {name}", remove=restore, command=command))
            try:
                self._set_state(name, "ALARM", REASON)
            except ClientError as error:
                explain(step, error, self._deploy)
                made.remove = lambda: None
            else:
                self._made[name] = made
                return True
        self.report.add(step)
        return False

    def _set_state(self, name: str, state: Any, reason: str) -> None:
        self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)

    def _await_actions(self, alarms: Sequence[MetricAlarmTypeDef], began: datetime) -> None:
        """Wait until the history of each alarm shows what became of its actions."""
        waiting = {alarm["AlarmName"]: len(alarm["AlarmActions"]) for alarm in alarms}
        deadline = time.monotonic() + self.timeout_seconds
        while waiting:
            for name, count in [*waiting.items()]:
                step = Step(subject=name, name="action")
                try:
                    actions = self._actions(name, began)
                except ClientError as error:
                    explain(step, error, self._deploy)
                    self.report.add(step)
                    del waiting[name]
                    continue
                failed = [each for each in actions if not each[0]]
                if failed:
                    step.fail(failed[0][1], f"{self._deploy} --revert-drift")
                elif len(actions) >= count:
                    step.answer = f"{len(actions)} delivered"
                elif time.monotonic() < deadline:
                    continue
                else:
                    step.fail(
                        f"its history shows {len(actions)} of {count} actions after {self.timeout_seconds:.0f} s",
                        f"aws cloudwatch describe-alarm-history --region {self.region} --alarm-name {name}",
                    )
                self.report.add(step)
                del waiting[name]
            if waiting:
                time.sleep(POLL_SECONDS)

    def _actions(self, name: str, began: datetime) -> list[tuple[bool, str]]:
        """Return for each action of an alarm whether it was delivered, and what the history says."""
        pages = self._cloudwatch.get_paginator("describe_alarm_history").paginate(
            AlarmName=name,
            AlarmTypes=["MetricAlarm"],
            HistoryItemType="Action",
            StartDate=began - min(CLOCK_SKEW, timedelta(seconds=1)),
            EndDate=datetime.now(UTC) + CLOCK_SKEW,
        )
        found = []
        for page in pages:
            for item in page["AlarmHistoryItems"]:
                summary = item.get("HistorySummary", "")
                data = json.loads(item.get("HistoryData") or "{}")
                error = data.get("error") or ""
                delivered = "success" in summary.lower() and not error
                found.append((delivered, f"{summary}: {error}" if error else summary))
        return found

    def _restore(self, alarm: MetricAlarmTypeDef) -> None:
        name = alarm["AlarmName"]
        with self.report.step(name, "state set back", self._made[name].command) as step:
            step.answer = alarm["StateValue"]
            self.cleanup.finish(self._made[name])

    def _await_composites(self, subjects: Sequence[str]) -> None:
        """Wait until the composite alarm of each subject has followed its alarms."""
        with self.report.step("alarms", f"composite alarms in {self.region}", self._deploy) as step:
            deadline = time.monotonic() + SETTLE_SECONDS
            while True:
                held = {each["AlarmName"]: each for each in self._composites(subjects)}
                on = sorted(name for name, each in held.items() if each["StateValue"] == "ALARM")
                on = [name for name in on if not self._has_alarm(name)]
                if not on:
                    step.answer = f"{len(held)} follow their alarms"
                    return
                if time.monotonic() > deadline:
                    step.fail(
                        f"still in ALARM, though none of their alarms is: {', '.join(on)}",
                        f"aws cloudwatch set-alarm-state --region {self.region} --state-value OK --alarm-name …, each",
                    )
                    return
                time.sleep(POLL_SECONDS)

    def _composites(self, subjects: Sequence[str]) -> Iterator[CompositeAlarmTypeDef]:
        for start in range(0, len(subjects), MAX_NAMES):
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNames=subjects[start : start + MAX_NAMES], AlarmTypes=["CompositeAlarm"]
            )
            for page in pages:
                yield from page["CompositeAlarms"]

    def _has_alarm(self, subject: str) -> bool:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{subject}/", StateValue="ALARM"
        )
        return any(page["MetricAlarms"] for page in pages)

    def _check_reminders(self, began: datetime) -> None:
        """Check that no execution of the reminders has failed since the alarms were set."""
        machine = self.account.names.alerts_machine_arn(self.region)
        with self.report.step("alarms", f"reminders in {self.region}", self._deploy) as step:
            pages = self.account.states_in(self.region).get_paginator("list_executions").paginate(
                stateMachineArn=machine, statusFilter="FAILED", PaginationConfig={"MaxItems": 100}
            )  # fmt: skip
            failed = [each for page in pages for each in page["executions"] if each["startDate"] >= began - CLOCK_SKEW]
            if failed:
                arn = failed[0]["executionArn"]
                step.fail(
                    f"{len(failed)} executions failed",
                    f"aws stepfunctions describe-execution --execution-arn {arn} --region {self.region}",
                )

    @property
    def _cloudwatch(self) -> CloudWatchClient:
        return self.account.cloudwatch_in(self.region)

    @property
    def _deploy(self) -> str:
        return self.account.deploy(self.account.names.in_region(self.account.stack_of(self.region), self.region))
