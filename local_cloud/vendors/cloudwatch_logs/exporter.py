"""An application of the customer's own that logs to CloudWatch, in log groups that exist before Logdock does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_hex
from local_cloud.stand_ins.attempts import reach_further, tamper_with_log_group
from local_cloud.stand_ins.log_events import put_lines
from local_cloud.stand_ins.recorded import utc, written_again
from local_cloud.stand_ins.sessions import role_session

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.emulator import Emulator
    from local_cloud.journal import Journal
    from local_cloud.stage import Stage
    from logdock.settings import Deployment
    from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport

_LINES = 40
_SERVICES = ("cart", "payments")
_LATECOMER = "refunds"


def prepare(cloud: Emulator, settings: Deployment, export: CloudwatchLogsExport) -> None:
    """Make the log groups that are there before Logdock is."""
    logs = cloud.client("logs", export.other_account or settings.account, region=settings.region)
    for name in _groups(export):
        logs.create_log_group(logGroupName=name)


def _groups(export: CloudwatchLogsExport) -> list[str]:
    return [*export.log_groups, *(f"{prefix}{name}" for prefix in export.log_group_prefixes for name in _SERVICES)]


class Application:
    """The application behind one export."""

    def __init__(self, stage: Stage, export: CloudwatchLogsExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal

    def play(self) -> None:
        """Log, also to a log group that appears after the deploy, then try what the application may not do."""
        stage, groups = self._stage, _groups(self._export)
        late = [f"{prefix}{_LATECOMER}" for prefix in self._export.log_group_prefixes]
        if late:
            self._an_hour_later(late)
        account, region = stage.owner, stage.settings.region
        arns = [f"arn:aws:logs:{region}:{account}:log-group:{group}:*" for group in [*groups, *late]]
        write = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": arns}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [write]})
        session = role_session(stage, account, f"{self._export.name}-application", policy=policy)
        logs = stage.client("logs", session)
        stream = f"ecs/app/{new_hex(32)}"
        for group in [*groups, *late]:
            lines = written_again("application/checkout.log", _LINES, rewrite)
            put_lines(logs, group, stream, lines)
            self._journal.wrote(lines)
        self._journal.did(f"wrote to {len(groups) + len(late)} log groups with a role that may do no more")
        filters = stage.customer("logs").describe_subscription_filters(logGroupName=groups[0])["subscriptionFilters"]
        name = filters[0]["filterName"] if filters else "x"
        self._journal.attempt_all(
            [
                *tamper_with_log_group(logs, groups[0], stream, filter_name=name),
                (
                    "send the log group's events to a function of its own",
                    lambda: logs.put_subscription_filter(
                        logGroupName=groups[0],
                        filterName="copy",
                        filterPattern="",
                        destinationArn=f"arn:aws:lambda:{region}:{account}:function:copy",
                    ),
                ),
                *reach_further(stage, session, own=self._export.name),
            ]
        )

    def _an_hour_later(self, groups: list[str]) -> None:
        """Make log groups that the deploy has not seen, and let the hour pass after which they are looked for.

        EventBridge's clock cannot be put forward, so each of the stack's scheduled rules is carried out by hand.
        """
        logs = self._stage.customer("logs")
        for group in groups:
            logs.create_log_group(logGroupName=group)
        events, functions = self._stage.customer("events"), self._stage.customer("lambda")
        for rule in events.list_rules(NamePrefix=self._stage.stack(self._export.name))["Rules"]:
            if "ScheduleExpression" not in rule:
                continue
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                answer: Any = functions.invoke(FunctionName=target["Arn"], Payload=target.get("Input", "{}").encode())
                if "FunctionError" in answer:
                    self._journal.broken.append(f"{target['Arn']} failed: {answer['Payload'].read().decode()[:300]}")
        found = all(logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] for group in groups)
        self._journal.check("the hourly search found a log group that appeared after the deploy", found)


def rewrite(recorded: str, number: int, moment: int) -> tuple[str, str]:
    """Write a recorded line again; return it and its marker."""
    document, marker = json.loads(recorded), new_hex(32)
    document["timestamp"] = utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document["xray_trace_id"] = marker
    document["message"] = f"Order accepted ({number} items)"
    return json.dumps(document, separators=(",", ":")), marker


def exporter(stage: Stage, export: CloudwatchLogsExport, journal: Journal, _secrets: Secrets) -> Application:
    """Return what plays an export."""
    return Application(stage, export, journal)
