"""Log groups with a past: subscriptions and events as old as a test wants, which CloudWatch Logs would not take."""

from datetime import UTC, datetime, timedelta

from moto.logs.models import LogEvent, LogGroup, SubscriptionFilter, logs_backends

from tests.cli.deployed import Deployed


def make(deployed: Deployed, name: str) -> LogGroup:
    """Make a log group."""
    deployed.logs.create_log_group(logGroupName=name)
    group: LogGroup = logs_backends[deployed.settings.account][deployed.settings.region].groups[name]
    return group


def subscribe(group: LogGroup, age: timedelta, export: str = "jobs") -> None:
    name = f"logdock.{export}"
    subscription = SubscriptionFilter(name, group.name, "", "arn:aws:lambda:eu-west-1:111122223333:function:x", "")
    subscription.creation_time = datetime.now(UTC).replace(tzinfo=None) - age
    group.subscription_filters[name] = subscription


def write(group: LogGroup, age: timedelta, *lines: str, stream: str = "worker/1") -> list[LogEvent]:
    """Write lines that arrived as old as they say they are, past the subscription."""
    moment = int((datetime.now(UTC) - age).timestamp() * 1000)
    if stream not in group.streams:
        group.create_log_stream(stream)
    events = [LogEvent(moment, {"timestamp": moment + at, "message": line}) for at, line in enumerate(lines)]
    group.streams[stream].events += events
    return events
