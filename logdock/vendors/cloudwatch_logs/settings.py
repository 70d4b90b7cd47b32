"""Log groups that exist, by name or by prefix."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.export_base import LineExport, LogGroupExport
from logdock.settings.landing import Home, LogGroupLanding
from logdock.settings.text import EachOnce, LogGroupDays, LogGroupName, Switch, invalid


class CloudwatchLogsExport(LineExport, LogGroupExport):
    """Log groups that exist, by name or by prefix."""

    vendor_name = "the services that write"
    is_of_aws = True

    kind: Literal["cloudwatch-logs"] = Field(description="This kind of export.")
    log_groups: Annotated[tuple[LogGroupName, ...], *EachOnce] = Field(
        default=(), max_length=100, description="Log groups by name, at most 100."
    )
    log_group_prefixes: Annotated[tuple[LogGroupName, ...], *EachOnce] = Field(
        default=(),
        max_length=10,
        validate_default=True,
        description="Log groups by prefix, at most 10: those that exist now, and each hour those that have appeared "
        "since.",
    )
    retention_days: LogGroupDays | None = Field(default=None, description="Set on the log groups. Default: unchanged.")
    encrypt: Switch = Field(default=False, description="Associate the export's own key with the log groups.")
    format: Literal["auto", "json-lines", "plain"] = Field(
        default="auto",
        description="`auto`: each event that is JSON has the time that it names, the others the time of their arrival. "
        "`json-lines`: events that are not JSON are counted as not understood. `plain`: none is looked into.",
    )

    def landing(self, home: Home) -> LogGroupLanding:
        """Say which log groups the export lands in, those to come included."""
        return LogGroupLanding(regions=(home.region,), names=self.log_groups, prefixes=self.log_group_prefixes)

    @property
    def has_own_key(self) -> bool:
        """Whether the export's stack makes a key: one that changes nothing of its log groups has none."""
        return bool(self.log_group_prefixes or self.retention_days or self.encrypt)

    @property
    def max_expected_silence_minutes(self) -> int:
        """The writers are unknown: a nightly job may write once a day."""
        return 1440

    @field_validator("log_group_prefixes")
    @classmethod
    def _some(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # A refused log_groups is not in the data: its own message is enough.
        if not value and not info.data.get("log_groups", True):
            raise invalid("at least one log group by name (`log_groups`) or by prefix (`log_group_prefixes`)")
        return value


EXPORT = CloudwatchLogsExport
