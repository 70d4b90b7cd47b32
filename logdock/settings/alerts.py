"""Who is notified of a failure, and the thresholds."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, Strict, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.model import Model
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import EachOnce, Email, HttpsUrl, LogGroupName, Switch, between, invalid, matching

MINUTES_OF_A_DAY = 1440
MAX_SILENT_MINUTES = 2880
"""The longest warm-up of a CloudWatch alarm: a longer silence could not be distinguished from a new deploy."""
LEAST_SILENT_MINUTES = 5
_SILENT = f"minutes: 0 for never, else at least {LEAST_SILENT_MINUTES}, and whole hours over {MINUTES_OF_A_DAY}"


def _silent_minutes(value: int) -> int:
    if 0 < value < LEAST_SILENT_MINUTES or (value > MINUTES_OF_A_DAY and value % 60):
        raise invalid(f"0 to {MAX_SILENT_MINUTES} {_SILENT}")
    return value


SilentMinutes = Annotated[int, Strict(), *between(0, MAX_SILENT_MINUTES, _SILENT), AfterValidator(_silent_minutes)]
"""Minutes without a landing; a CloudWatch alarm of one-minute periods spans a day at most (PutMetricAlarm)."""

LagMinutes = Annotated[int, Strict(), *between(5, MINUTES_OF_A_DAY, "minutes")]
"""Minutes between landing and shipping."""

RemindMinutes = Annotated[int, Strict(), *between(60, 43200, "minutes (an hour to 30 days)")]
"""Minutes between two reminders."""

PerHour = Annotated[int, Strict(), *between(1, 1_000_000, "in an hour")]
"""Occurrences in an hour."""


Gigabytes = Annotated[float, *between(0.001, 1_000_000, "GB in 24 hours")]
"""Gigabytes (10^9 bytes) in 24 hours."""

TopicArn = Annotated[
    str,
    *matching(
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}",
        "an SNS topic's ARN (arn:aws:sns:<Region>:<account>:<name>), not a FIFO topic's",
    ),
]
"""A standard SNS topic's ARN."""

HeaderName = Annotated[str, *matching(r"[A-Za-z0-9-]{1,64}", "the name of an HTTP header, such as Authorization")]
"""An HTTP header's name."""


class Webhook(Model):
    """A chat's or pager's webhook: each message is posted to it as `{"text": "..."}`."""

    url: HttpsUrl | None = Field(default=None, description="Its address, if the address is no secret.")
    url_secret: SecretReference | None = Field(
        default=None,
        validate_default=True,
        description="Name or ARN of the secret that holds its address. Of `url` and `url_secret` one is given.",
    )
    header: HeaderName = Field(default="Authorization", description="The header that carries `header_secret`.")
    header_secret: SecretReference | None = Field(
        default=None, description="Name or ARN of the secret that holds that header's value."
    )

    @field_validator("url_secret")
    @classmethod
    def _one_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A refused url is not in the data: its own message is enough.
        if "url" in info.data and (value is None) == (info.data["url"] is None):
            raise invalid("exactly one of `url` and `url_secret`, the address or the name of the secret that holds it")
        return value


class ExportAlerts(Model):
    """What differs for one export; the defaults are the deployment's `alerts`."""

    silent_after_minutes: SilentMinutes | None = Field(
        default=None,
        description="Minutes without a landing that are an alarm, 5 to 2880; 0: never. Default: the deployment's, but "
        "no less than what is usual for the kind; never for `aptible`.",
    )
    lag_after_minutes: LagMinutes | None = Field(
        default=None, description="Minutes between landing and shipping that are an alarm."
    )
    daily_gb: Gigabytes | None = Field(default=None, description="GB in 24 hours that are a warning.")
    volume_band: Switch | None = Field(default=None, description="Warn of a volume out of the usual band.")
    failed_logins_per_hour: PerHour | None = Field(default=None, description="Failed logins that are an alarm.")
    privilege_changes_per_hour: PerHour | None = Field(
        default=None, description="Changes of users and privileges that are an alarm."
    )
    schema_changes_per_hour: PerHour | None = Field(default=None, description="Changes of schemas that are an alarm.")


class Alerts(Model):
    """Who is notified of a failure, and the thresholds."""

    email: Annotated[tuple[Email, ...], *EachOnce] = Field(
        default=(), description="Addresses; each must confirm its subscription once (in each Region with stacks)."
    )
    sns_topic_arns: Annotated[tuple[TopicArn, ...], *EachOnce] = Field(
        default=(),
        max_length=4,
        description="Topics of your own, at most 4; an alarm notifies those of its own Region and account.",
    )
    webhook: Webhook | None = Field(default=None, description="A chat's or pager's webhook.")
    silent_after_minutes: SilentMinutes = Field(
        default=60, description="Minutes without a landing that are an alarm, 5 to 2880; 0: never."
    )
    remind_after_minutes: RemindMinutes = Field(
        default=10080, description="Minutes between the reminders of an alarm that lasts."
    )
    lag_after_minutes: LagMinutes = Field(
        default=60, description="Minutes between landing and shipping that are an alarm."
    )
    daily_gb: Gigabytes | None = Field(
        default=None, description="GB of one export in 24 hours that are a warning. Default: no warning."
    )
    volume_band: Switch = Field(
        default=False,
        description="Warn when an export's hourly volume leaves the band that CloudWatch has learnt (three standard "
        "deviations).",
    )
    failed_logins_per_hour: PerHour | None = Field(
        default=None,
        description="Failed logins that are an alarm (`aurora-mysql`, `rds`, `cockroachdb`, `mongodb-atlas`). "
        "Default: they are counted only.",
    )
    privilege_changes_per_hour: PerHour | None = Field(
        default=None,
        description="Changes of users and privileges that are an alarm (`aurora-mysql`, `rds`, `cockroachdb`).",
    )
    schema_changes_per_hour: PerHour | None = Field(
        default=None, description="Changes of schemas that are an alarm (`aurora-mysql`, `rds`, `cockroachdb`)."
    )
    trail_log_group: LogGroupName | None = Field(
        default=None,
        description="Log group of a CloudTrail trail in the deployment's Region: a vendor whose access is denied is an "
        "alarm. Refused uploads are seen only if the trail has data events.",
    )
    runbook_url: HttpsUrl | None = Field(
        default=None, description="Address of your copy of docs/runbook.md, for the links in messages."
    )

    def of(self, export: ExportAlerts, max_expected_silence_minutes: int | None) -> Alerts:
        """Return what holds for an export whose kind may well be quiet for so many minutes; None: for any time."""
        changes = export.model_dump(exclude_none=True)
        if max_expected_silence_minutes is None:
            changes.setdefault("silent_after_minutes", 0)
        elif self.silent_after_minutes:
            changes.setdefault("silent_after_minutes", max(self.silent_after_minutes, max_expected_silence_minutes))
        return self.model_copy(update=changes)


KINDS_WITH_SECURITY_EVENTS = {
    "failed_logins_per_hour": ("aurora-mysql", "rds", "cockroachdb", "mongodb-atlas"),
    "privilege_changes_per_hour": ("aurora-mysql", "rds", "cockroachdb"),
    "schema_changes_per_hour": ("aurora-mysql", "rds", "cockroachdb"),
}
"""The kinds of export in whose logs each of these can be counted."""


def region_of(topic_arn: str) -> str:
    """Return the Region of a topic."""
    return topic_arn.split(":")[3]
