"""Operation ``log-group-subscriptions``: every existing log group under some prefixes is subscribed to one destination.

A subscription filter belongs to one log group and CloudFormation cannot list groups, so this does: at the deploy, and
by the schedule for groups that appeared since. A group without a free slot is named, never passed over in silence.
CloudWatch Logs answers a few DescribeSubscriptionFilters a second for an account and Region, and each group takes one.
So thousands of groups take several invocations: the last group that is done is saved, and the next invocation, of the
schedule or of another deploy, continues behind it.
Delete removes the filters that have our name and point at our destination, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vendor_connector import aws, state
from vendor_connector.log_group import BUSY, protect
from vendor_connector.request import ConnectorError, Request, read, read_to_delete

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import (
        LogGroupTypeDef,
        PutSubscriptionFilterRequestTypeDef,
        SubscriptionFilterTypeDef,
    )

_NAMES_CHARACTERS = 1000
# botocore repeats LimitExceededException for a minute (retries.standard, throttled errors), and here it means a full
# group: this call's repeats are ours.
_TRANSIENT = BUSY | {"ThrottlingException", "ServiceUnavailableException"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    prefixes: tuple[str, ...]
    destination_arn: str
    filter_name: str
    exclude_prefixes: tuple[str, ...] = ()
    role_arn: str | None = None
    skip_full: bool = False
    retention_days: int | None = None
    kms_key_arn: str | None = None
    state_parameter: str | None = None

    def __post_init__(self) -> None:
        """Refuse prefixes that name no log group, or every one."""
        if not self.prefixes:
            raise ConnectorError("property Prefixes is empty; name at least one prefix of log groups")
        if "" in self.exclude_prefixes:
            raise ConnectorError("property ExcludePrefixes holds an empty text, which leaves every log group out")

    def covers(self, group_name: str) -> bool:
        """Return whether a group is to be subscribed."""
        return group_name.startswith(self.prefixes) and not self._is_excluded(group_name)

    def _is_excluded(self, group_name: str) -> bool:
        """Leave out what was asked, and the destination function's own log: it would feed itself indefinitely."""
        _, is_function, function = self.destination_arn.partition(":function:")
        own_log = is_function and group_name == f"/aws/lambda/{function.split(':')[0]}"
        return bool(own_log) or group_name.startswith(self.exclude_prefixes)

    @property
    def id(self) -> str:
        """What names the resource: one per filter name."""
        return f"log-group-subscriptions/{self.filter_name}"


@dataclass(kw_only=True, slots=True)
class _Pass:
    """A pass over all groups, which may take several invocations."""

    parameter: str | None
    """The state parameter. None, in a configuration of an earlier release: every invocation begins anew."""
    purpose: str
    """What is done to the groups; each purpose has a position of its own."""
    configuration: str
    """The configuration that it is done by: another one begins anew."""
    after: str = ""
    subscribed: int = 0
    skipped: int = 0
    skipped_names: str = ""
    was_saved: bool = False

    @classmethod
    def resume(cls, parameter: str | None, purpose: str, configuration: str) -> _Pass:
        """Return the pass that an earlier invocation did not finish, or a new one."""
        saved = state.load(parameter, purpose) if parameter else None
        if saved is None or saved.pop("configuration") != configuration:
            return cls(parameter=parameter, purpose=purpose, configuration=configuration, was_saved=saved is not None)
        return cls(parameter=parameter, purpose=purpose, configuration=configuration, was_saved=True, **saved)

    def remaining(self, groups: list[LogGroupTypeDef]) -> list[LogGroupTypeDef]:
        """Return the groups, in the order of their names, that are not done."""
        return [group for group in groups if group["logGroupName"] > self.after]

    def save(self) -> None:
        if self.parameter:
            entry = {
                "configuration": self.configuration,
                "after": self.after,
                "subscribed": self.subscribed,
                "skipped": self.skipped,
                "skipped_names": self.skipped_names,
            }
            state.save(self.parameter, self.purpose, entry)

    def end(self) -> None:
        if self.parameter and self.was_saved:
            state.delete(self.parameter, self.purpose)

    def skip(self, name: str) -> None:
        self.skipped += 1
        if len(self.skipped_names) < _NAMES_CHARACTERS:
            self.skipped_names += f", {name}" if self.skipped_names else name


def apply(request: Request) -> dict[str, str]:
    """Subscribe every group that the prefixes cover; on an Update, first release those they no longer cover.

    Returns
    -------
    dict
        ``Subscribed`` (groups that have our filter), ``Skipped`` (groups that could not be), ``SkippedNames``, and
        ``Remaining``: groups for which the time did not suffice, which the schedule subscribes.

    Raises
    ------
    ConnectorError
        When groups had to be skipped and ``SkipFull`` is not set, or when the function's time is nearly up while
        groups are released.
    """
    wanted = read(Settings, request.properties)
    logs = aws.logs()
    if request.old_properties:
        before = read_to_delete(Settings, request.old_properties)
        is_renamed = before.filter_name != wanted.filter_name
        released = [group for group in _groups(logs, before) if is_renamed or not wanted.covers(group["logGroupName"])]
        _release(logs, released, before, request, wanted.state_parameter)
    once = aws.logs(retry=False)
    progress = _Pass.resume(wanted.state_parameter, "subscribe", request.configuration)
    groups = progress.remaining(_groups(logs, wanted))
    remaining = 0
    for at, group in enumerate(groups):
        if request.remaining_seconds() < aws.RESERVE_SECONDS:
            remaining = len(groups) - at
            break
        protect(logs, group, retention_days=wanted.retention_days, kms_key_arn=wanted.kms_key_arn)
        outcome = _subscribe(logs, once, group, wanted, request)
        progress.after = group["logGroupName"]
        if outcome == "subscribed":
            progress.subscribed += 1
        elif outcome != "gone":
            aws.log("skipped", level="WARNING", log_group=group["logGroupName"], reason=outcome)
            progress.skip(group["logGroupName"])
    names = _bounded(progress.skipped_names)
    if remaining:
        progress.save()
        aws.log("to be continued", level="WARNING", subscribed=progress.subscribed, remaining=remaining)
    else:
        progress.end()
    if progress.skipped and not wanted.skip_full:
        raise ConnectorError(
            f"{progress.skipped} log groups take no further subscription (no free slot, or a log class without "
            f"subscriptions): {names}. Remove one of their filters, leave them out, or allow skipping them (SkipFull)."
        )
    return {
        "Subscribed": str(progress.subscribed),
        "Skipped": str(progress.skipped),
        "SkippedNames": names,
        "Remaining": str(remaining),
    }


def delete(request: Request) -> None:
    """Remove the filters of our name that point at our destination."""
    ours = read_to_delete(Settings, request.properties)
    logs = aws.logs()
    _release(logs, _groups(logs, ours), ours, request, ours.state_parameter)
    if ours.state_parameter:
        state.delete(ours.state_parameter, "subscribe")


def _release(
    logs: CloudWatchLogsClient,
    groups: list[LogGroupTypeDef],
    ours: Settings,
    request: Request,
    parameter: str | None,
) -> None:
    """Remove our filter from some groups, over several requests where one does not suffice."""
    progress = _Pass.resume(parameter, "release", request.configuration)
    remaining = progress.remaining(groups)
    for at, group in enumerate(remaining):
        if request.remaining_seconds() < aws.RESERVE_SECONDS:
            progress.save()
            raise ConnectorError(
                f"the time is up with {len(remaining) - at} of {len(groups)} log groups to unsubscribe. Run the same "
                "command again: it continues with those."
            )
        _unsubscribe(logs, group["logGroupName"], ours, request)
        progress.after = group["logGroupName"]
    progress.end()


def _groups(logs: CloudWatchLogsClient, wanted: Settings) -> list[LogGroupTypeDef]:
    """List the groups that are covered, each once even when prefixes overlap."""
    found: dict[str, LogGroupTypeDef] = {}
    paginator = logs.get_paginator("describe_log_groups")
    for prefix in wanted.prefixes:
        pages = paginator.paginate(logGroupNamePrefix=prefix) if prefix else paginator.paginate()
        found |= {group["logGroupName"]: group for page in pages for group in page["logGroups"]}
    return [group for name, group in sorted(found.items()) if wanted.covers(name)]


def _subscribe(
    logs: CloudWatchLogsClient,
    once: CloudWatchLogsClient,
    group: LogGroupTypeDef,
    wanted: Settings,
    request: Request,
) -> str:
    """Put our filter on a group unless it is there; return what came of it."""
    if group.get("logGroupClass", "STANDARD") != "STANDARD":
        # CloudWatch Logs user guide, "Log classes": subscription filters are for the Standard class.
        return f"log class {group['logGroupClass']}"
    name = group["logGroupName"]
    arguments: PutSubscriptionFilterRequestTypeDef = {
        "logGroupName": name,
        "filterName": wanted.filter_name,
        "filterPattern": "",
        "destinationArn": wanted.destination_arn,
    }
    if wanted.role_arn:
        arguments["roleArn"] = wanted.role_arn
    try:
        current = _filter(logs, name, wanted.filter_name) or {}
        if all(current.get(key, "") == value for key, value in arguments.items()):
            return "subscribed"
        aws.retry_until_accepted(
            lambda: once.put_subscription_filter(**arguments),
            retry_on=_TRANSIENT,
            remaining_seconds=request.remaining_seconds,
            doing=f"subscribing log group {name}",
        )
    except ClientError as error:
        if aws.error_code(error) == "LimitExceededException":
            return "no free subscription slot"
        if aws.error_code(error) == "ResourceNotFoundException":
            return "gone"
        raise ConnectorError(f"log group {name}: {error}") from error
    aws.log("subscribed", log_group=name)
    return "subscribed"


def _unsubscribe(logs: CloudWatchLogsClient, name: str, ours: Settings, request: Request) -> None:
    try:
        current = _filter(logs, name, ours.filter_name)
        if current is None or current["destinationArn"] != ours.destination_arn:
            return
        aws.retry_until_accepted(
            lambda: logs.delete_subscription_filter(logGroupName=name, filterName=ours.filter_name),
            retry_on=BUSY,
            remaining_seconds=request.remaining_seconds,
            doing=f"unsubscribing log group {name}",
        )
    except ClientError as error:
        if aws.error_code(error) != "ResourceNotFoundException":
            raise
        return
    aws.log("unsubscribed", log_group=name)


def _filter(logs: CloudWatchLogsClient, group_name: str, filter_name: str) -> SubscriptionFilterTypeDef | None:
    answer = logs.describe_subscription_filters(logGroupName=group_name, filterNamePrefix=filter_name)
    return next((found for found in answer["subscriptionFilters"] if found["filterName"] == filter_name), None)


def _bounded(joined: str) -> str:
    """Cut names to a length that leaves room in CloudFormation's 4,096 bytes."""
    return joined if len(joined) <= _NAMES_CHARACTERS else joined[: _NAMES_CHARACTERS - 4] + " ..."
