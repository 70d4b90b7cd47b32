"""The alarms of a deployment that are on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_RUNBOOK = re.compile(r" What to do: (\S*)#(\S+)$")


@dataclass(frozen=True, order=True, slots=True)
class Alarm:
    """An alarm that is on."""

    name: str
    """Without the deployment's: the export, destination or part, and the alarm."""
    region: str
    since: datetime
    """When it began."""
    says: str
    """What has happened and the command to run first."""
    section: str
    """Its section of the runbook, which `logdock explain` prints."""
    link: str
    """Where that section is to be read."""


def alarms_on(cloudwatch: CloudWatchClient, deployment: str, region: str) -> list[Alarm]:
    """Return a deployment's alarms that are on in a Region, but for the composites, which repeat them."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{deployment}/", StateValue="ALARM", AlarmTypes=["MetricAlarm"]
    )
    found = []
    for page in pages:
        for alarm in page["MetricAlarms"]:
            description = alarm.get("AlarmDescription", "")
            link = _RUNBOOK.search(description)
            found.append(
                Alarm(
                    name=alarm["AlarmName"].removeprefix(f"{deployment}/"),
                    region=region,
                    since=alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"]),
                    says=_RUNBOOK.sub("", description),
                    section=link[2] if link else "",
                    link=f"{link[1]}#{link[2]}" if link else "",
                )
            )
    return found
