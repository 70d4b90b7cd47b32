"""How long logs are kept: the named profiles, and what each sets.

A profile is a group of settings, not a certificate. Its figures come from PCI DSS 4.0.1 requirement 10.5.1 (at least 12
months, the latest 3 at once available), HIPAA 45 CFR 164.316(b)(2)(i) (6 years for documentation) and custom (SOC 2 has
no figure); each is rounded up to a value that CloudWatch Logs accepts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.model import Model
from logdock.settings.text import LogGroupDays, between, invalid

MAX_DAYS = 36500
"""A hundred years."""

AT_HAND_DAYS = 90
"""PCI DSS 10.5.1: the latest three months are available at once, so nothing has to be restored before."""

DEEP_ARCHIVE_MINIMUM_DAYS = 180
"""Days that Glacier Deep Archive bills for every object (S3 pricing)."""


ArchiveDays = Annotated[int, Strict(), *between(1, MAX_DAYS, "days")]
"""Days that objects are kept."""


class Retention(Model):
    """How long logs stay, and for how long the fast way of reading them lasts."""

    hot_days: LogGroupDays = Field(
        description="Days in CloudWatch log groups, and days in S3 before objects move to Glacier Instant Retrieval."
    )
    archive_days: ArchiveDays = Field(description="Days in S3 in all; then objects expire.")
    cold_after_days: ArchiveDays | None = Field(
        default=None,
        description="Days in S3 before objects move to Glacier Deep Archive, where reading takes a restore of 12 to 48 "
        "hours: at least 90, and 180 before they expire. Aptible's own objects never move there. Default: never; no "
        "profile does.",
    )

    @field_validator("archive_days")
    @classmethod
    def _archive_outlasts_hot(cls, value: int, info: ValidationInfo) -> int:
        hot_days = info.data.get("hot_days", 0)
        if value < hot_days:
            raise invalid(f"at least hot_days ({hot_days}): objects are deleted after this many days in all")
        return value

    @field_validator("cold_after_days")
    @classmethod
    def _cold_when_it_may_be(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None or "archive_days" not in info.data:
            return value
        first = max(AT_HAND_DAYS, info.data.get("hot_days", 0))
        last = info.data["archive_days"] - DEEP_ARCHIVE_MINIMUM_DAYS
        if not first <= value <= last:
            raise invalid(
                f"at least {first} days (the latest three months stay at hand, and hot_days) and at most {last} "
                f"(archive_days less the {DEEP_ARCHIVE_MINIMUM_DAYS} that Deep Archive bills)"
                if first <= last
                else f"nothing: with archive_days {info.data['archive_days']} no object would be cold for the "
                f"{DEEP_ARCHIVE_MINIMUM_DAYS} days that Deep Archive bills"
            )
        return value


ProfileName = Literal["soc2", "pci", "hipaa", "seven-years"]

PROFILES: dict[ProfileName, Retention] = {
    "soc2": Retention(hot_days=90, archive_days=400),
    "pci": Retention(hot_days=120, archive_days=400),
    "hipaa": Retention(hot_days=90, archive_days=2192),
    "seven-years": Retention(hot_days=90, archive_days=2557),
}
"""The named profiles."""
