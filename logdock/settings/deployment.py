"""The whole settings file: one deployment, its destinations and its exports."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from logdock.settings.alerts import Alerts
from logdock.settings.archive import Archive
from logdock.settings.concurrency import default_concurrency
from logdock.settings.cross_checks import ATLAS_EXPORTS_PER_PROJECT, RESERVED_NAMES, cross_check_errors
from logdock.settings.destinations import ARCHIVE, Destination
from logdock.settings.exports import Export
from logdock.settings.landing import LogGroupLanding
from logdock.settings.model import Model
from logdock.settings.replica import Replica
from logdock.settings.retention import PROFILES, ProfileName, Retention
from logdock.settings.sql import Sql
from logdock.settings.text import AccountId, DeploymentName, EachOnce, NotEmpty, PersonArn, Region, Switch, invalid
from logdock.settings.unknown_kinds import errors_beside_kind

__all__ = ["ATLAS_EXPORTS_PER_PROJECT", "RESERVED_NAMES", "Alerts", "Deployment"]

READERS_CHARACTERS = 1500
"""Of the 2,048 characters of a trust policy (IAM User Guide, "IAM and AWS STS quotas")."""


def _fit_a_trust_policy(value: tuple[str, ...]) -> tuple[str, ...]:
    if sum(len(arn) + 3 for arn in value) > READERS_CHARACTERS:
        raise invalid(f"ARNs of at most {READERS_CHARACTERS} characters in all: a role trusts no more")
    return value


class Deployment(Model):
    """One deployment: everything that `cdk deploy --all` makes."""

    deployment: DeploymentName = Field(description="Prefix of every stack, at most 16 characters.")
    account: AccountId = Field(description="AWS account that the logs land in: 12 digits, in quotes.")
    region: Region = Field(description="AWS Region that the logs land in.")
    retention: Annotated[
        Annotated[ProfileName, Tag("(profile)")] | Annotated[Retention, Tag("(days)")],
        Discriminator(lambda value: "(days)" if isinstance(value, dict | Retention) else "(profile)"),
    ] = Field(
        default="soc2",
        description="How long logs are kept: a profile (soc2, pci, hipaa, seven-years), or {hot_days, archive_days}.",
    )
    replica: Replica | None = Field(default=None, description="A copy of the archive in another Region. Default: none.")
    archive: Archive = Field(default=Archive(), description="The archive's objects: whether they are compacted.")
    alerts: Alerts = Field(default=Alerts(), description="Who is notified of a failure, and the thresholds.")
    dashboard: Switch = Field(
        default=True, description="A CloudWatch dashboard of the deployment, in a stack of its own."
    )
    subscriptions: Literal["direct", "kinesis"] = Field(
        default="direct",
        description="How log groups reach the archive. `direct`: each log stream's events by themselves, within "
        "seconds. `kinesis`: through a data stream in each Region, those of a minute together; for many log streams. "
        "docs/subscriptions.md says what each costs and how to change from one to the other.",
    )
    sql: Sql | None = Field(
        default=None, description="SQL over what landed, with Amazon Athena (docs/sql.md). Default: none."
    )
    readers: Annotated[tuple[PersonArn, ...], *EachOnce, AfterValidator(_fit_a_trust_policy)] = Field(
        default=(),
        description="ARNs of the IAM roles and users that may assume a read-only role for `logdock logs`, "
        "`logdock status` and, with `sql`, Athena ([The role for readers](logdock.md#the-role-for-readers)). "
        "Default: no such role.",
    )
    destinations: tuple[Destination, ...] = Field(default=(), description="Where logs go after they have landed.")
    exports: Annotated[tuple[Export, ...], *NotEmpty] = Field(description="Exports, each with a `name` and a `kind`.")

    @property
    def effective_retention(self) -> Retention:
        """The retention, whichever way it was given."""
        return self.retention if isinstance(self.retention, Retention) else PROFILES[self.retention]

    @property
    def archive_bucket(self) -> str:
        """Name of the archive bucket."""
        return f"{self.deployment}-archive-{self.account}-{self.region}"

    @property
    def is_columnar(self) -> bool:
        """Whether what is compacted is copied as Parquet, and queries read the copy."""
        return self.sql is not None and self.sql.format == "parquet"

    def alerts_of(self, export: Export) -> Alerts:
        """What holds for an export: its own figures, else the deployment's."""
        return self.alerts.of(export.alerts, export.max_expected_silence_minutes)

    def regions_of(self, export: Export) -> tuple[str, ...]:
        """The Regions that an export has a stack in: the deployment's own first, whose stack holds the role."""
        landing = export.landing(self)
        further = landing.regions if isinstance(landing, LogGroupLanding) else ()
        return tuple(dict.fromkeys((self.region, *further)))

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions that the deployment has stacks in, its own first."""
        return tuple(dict.fromkeys(region for export in self.exports for region in self.regions_of(export)))

    @property
    def shippers(self) -> tuple[str, ...]:
        """The destinations that have a queue and a function: those of the file, and `archive` where it is asked for."""
        asked = (ARCHIVE,) if any(ARCHIVE in export.ship_to for export in self.exports) else ()
        return (*(destination.name for destination in self.destinations), *asked)

    @property
    def pushes(self) -> tuple[str, ...]:
        """The destinations that records are posted to."""
        return tuple(each.name for each in self.destinations if not each.has_feed)

    @property
    def feeds(self) -> frozenset[str]:
        """The destinations that read a feed."""
        return frozenset(each.name for each in self.destinations if each.has_feed)

    def concurrency_of(self, destination: str) -> int:
        """Return how many invocations of a destination's function run at a time."""
        given = next((each.concurrency for each in self.destinations if each.name == destination), None)
        return given or default_concurrency(len(self.shippers))

    @model_validator(mode="wrap")
    @classmethod
    def _all_errors_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        errors = list(cross_check_errors(data)) if isinstance(data, dict) else []
        try:
            deployment = handler(data)
        except ValidationError as error:
            refused = error.errors(include_url=False)
            errors = [*map(_carried, (*refused, *errors_beside_kind(refused))), *errors]
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return deployment


def _carried(line: Any) -> InitErrorDetails:
    kind = PydanticCustomError(line["type"], "{message}", {**line.get("ctx", {}), "message": line["msg"]})
    return InitErrorDetails(type=kind, loc=line["loc"], input=line["input"])
