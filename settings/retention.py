"""How long logs are kept: the named profiles, and what each sets.

A profile is a group of settings, not a certificate. Its figures come from PCI DSS 4.0.1 requirement 10.5.1 (at least 12
months, the latest 3 at once available), HIPAA 45 CFR 164.316(b)(2)(i) (6 years for documentation) and custom (SOC 2 has
no figure); each is rounded up to a value that CloudWatch Logs accepts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict, field_validator
from pydantic_core.core_schema import ValidationInfo

from settings.model import Model
from settings.text import LogGroupDays, refuse

MAX_DAYS = 36500
"""A hundred years."""


def _archive_days(value: int) -> int:
    if not 1 <= value <= MAX_DAYS:
        raise refuse(f"1 to {MAX_DAYS} days")
    return value


ArchiveDays = Annotated[
    int, Strict(), AfterValidator(_archive_days), Field(json_schema_extra={"minimum": 1, "maximum": MAX_DAYS})
]
"""Days that objects are kept."""


class Retention(Model):
    """How long logs stay, and for how long the fast way of reading them lasts."""

    hot_days: LogGroupDays = Field(
        description="Days in CloudWatch log groups, and days in S3 before objects move to Glacier Instant Retrieval."
    )
    archive_days: ArchiveDays = Field(description="Days in S3 in all; then objects expire.")

    @field_validator("archive_days")
    @classmethod
    def _archive_outlasts_hot(cls, value: int, info: ValidationInfo) -> int:
        hot_days = info.data.get("hot_days", 0)
        if value < hot_days:
            raise refuse(f"at least hot_days ({hot_days}): objects are deleted after this many days in all")
        return value


ProfileName = Literal["soc2", "pci", "hipaa", "seven-years"]

PROFILES: dict[ProfileName, Retention] = {
    "soc2": Retention(hot_days=90, archive_days=400),
    "pci": Retention(hot_days=120, archive_days=400),
    "hipaa": Retention(hot_days=90, archive_days=2192),
    "seven-years": Retention(hot_days=90, archive_days=2557),
}
"""The named profiles."""
