"""How long logs are kept: the named profiles, and what each sets.

A profile is a group of settings, not a certificate. Its figures come from PCI DSS 4.0.1 requirement 10.5.1 (at least 12
months, the latest 3 at once available), HIPAA 45 CFR 164.316(b)(2)(i) (6 years for documentation) and custom (SOC 2 has
no figure); each is rounded up to a value that CloudWatch Logs accepts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from settings.model import Model
from settings.text import LogGroupDays, refuse


class Retention(Model):
    """How long logs stay, and for how long the fast way of reading them lasts."""

    hot_days: LogGroupDays = Field(
        description="Days in CloudWatch log groups, and days in S3 before objects move to Glacier Instant Retrieval."
    )
    archive_days: Annotated[int, Field(ge=1, le=36500, description="Days in S3 in all; then objects expire.")]

    @model_validator(mode="after")
    def _archive_outlasts_hot(self) -> Retention:
        if self.archive_days < self.hot_days:
            raise refuse(f"archive_days of at least hot_days ({self.hot_days})")
        return self


ProfileName = Literal["soc2", "pci", "hipaa", "seven-years"]

PROFILES: dict[ProfileName, Retention] = {
    "soc2": Retention(hot_days=90, archive_days=400),
    "pci": Retention(hot_days=120, archive_days=400),
    "hipaa": Retention(hot_days=90, archive_days=2192),
    "seven-years": Retention(hot_days=90, archive_days=2557),
}
"""The named profiles."""
