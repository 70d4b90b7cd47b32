"""What every kind of export has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from settings.alerts import ExportAlerts
from settings.model import Model
from settings.redaction import Redaction
from settings.regex import Regex
from settings.text import EachOnce, LogGroupDays, Name


class ExportBase(Model):
    """Settings that every kind of export has."""

    name: Name = Field(description="Name of the export: its stack is <deployment>-<name>.")
    ship_to: Annotated[tuple[str, ...], *EachOnce] = Field(
        default=(),
        max_length=5,
        description="Names of destinations, at most 5. `archive` is built in: a normalised copy in the archive bucket "
        "(exports that land in CloudWatch have it without asking).",
    )
    redaction: Redaction = Field(
        default=Redaction(), description="What is taken out before lines are archived or shipped."
    )
    include: tuple[Regex, ...] = Field(
        default=(), max_length=10, description="Archive and ship only lines that match one of these (RE2), at most 10."
    )
    exclude: tuple[Regex, ...] = Field(
        default=(), max_length=10, description="Leave out lines that match one of these (RE2), at most 10."
    )
    alerts: ExportAlerts = Field(default=ExportAlerts(), description="What differs from the deployment's `alerts`.")

    @property
    def quiet_minutes(self) -> int:
        """How long nothing may land although all is well; `silent_after_minutes` of the deployment is no less."""
        return 60


class LogGroupExport(ExportBase):
    """An export that lands in log groups made here."""

    retention_days: LogGroupDays | None = Field(
        default=None, description="Days in CloudWatch. Left out: `hot_days` of the deployment's retention."
    )
