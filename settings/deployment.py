"""The whole settings file: one deployment, its destinations and its exports, and what must hold between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, ModelWrapValidatorHandler, Tag, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from settings.destinations import ARCHIVE, Destination
from settings.exports import AptibleExport, Export, MongodbAtlasExport, S3LogsExport
from settings.model import Model
from settings.retention import PROFILES, ProfileName, Retention
from settings.text import AccountId, DeploymentName, Email, Region

ATLAS_EXPORTS_PER_PROJECT = 10
"""Export paths that an Atlas project may have ("Export Logs to AWS S3 Buckets", MongoDB Atlas)."""

RESERVED_NAMES = ("core", "shipper", ARCHIVE)
"""Names of our own stacks and of the built-in destination."""


class Alerts(Model):
    """Who hears of a failure."""

    email: tuple[Email, ...] = Field(default=(), description="Addresses; each must confirm its subscription once.")


class Deployment(Model):
    """One deployment: everything that `cdk deploy --all` makes."""

    deployment: DeploymentName = Field(description="Prefix of every stack.")
    account: AccountId = Field(description="AWS account that the logs land in.")
    region: Region = Field(description="AWS Region that the logs land in.")
    retention: Annotated[
        Annotated[ProfileName, Tag("(profile)")] | Annotated[Retention, Tag("(days)")],
        Discriminator(lambda value: "(profile)" if isinstance(value, str) else "(days)"),
    ] = Field(default="soc2", description="Profile (soc2, pci, hipaa, seven-years), or {hot_days, archive_days}.")
    alerts: Alerts = Field(default=Alerts(), description="Who hears of a failure.")
    destinations: tuple[Destination, ...] = Field(default=(), description="Where logs go after they have landed.")
    exports: tuple[Export, ...] = Field(min_length=1, description="Whose logs land.")

    @property
    def kept(self) -> Retention:
        """The retention, whichever way it was given."""
        return self.retention if isinstance(self.retention, Retention) else PROFILES[self.retention]

    @property
    def archive_bucket(self) -> str:
        """Name of the archive bucket."""
        return f"{self.deployment}-archive-{self.account}-{self.region}"

    def landing_bucket(self, export: MongodbAtlasExport | AptibleExport | S3LogsExport) -> str:
        """Name of the bucket that an S3 export lands in."""
        existing = export.existing_bucket if isinstance(export, S3LogsExport) else None
        return existing or export.bucket or f"{self.deployment}-{export.name}-{self.account}-{self.region}"

    @model_validator(mode="wrap")
    @classmethod
    def _all_errors_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        errors = list(_across(data)) if isinstance(data, dict) else []
        try:
            deployment = handler(data)
        except ValidationError as error:
            errors += [_carried(line) for line in error.errors()]
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return deployment


def _carried(line: Any) -> InitErrorDetails:
    kind = PydanticCustomError(line["type"], "{message}", {"message": line["msg"], **line.get("ctx", {})})
    return InitErrorDetails(type=kind, loc=line["loc"], input=line["input"])


def _error(loc: tuple[str | int, ...], value: object, allowed: str) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError("refused", "{allowed}", {"allowed": allowed}), loc=loc, input=value
    )


def _entries(data: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    listed = data.get(key)
    return (
        [(at, entry) for at, entry in enumerate(listed) if isinstance(entry, dict)] if isinstance(listed, list) else []
    )


def _across(data: dict[str, Any]) -> Iterator[InitErrorDetails]:
    """Yield what is wrong between parts of the file; it reads the raw document, so it speaks even if a part is bad."""
    exports, destinations = _entries(data, "exports"), _entries(data, "destinations")
    for key, entries in (("exports", exports), ("destinations", destinations)):
        taken: set[object] = set()
        for at, entry in entries:
            name = entry.get("name")
            if not isinstance(name, str):
                continue
            if name in RESERVED_NAMES or name.startswith("shipper-"):
                yield _error((key, at, "name"), name, f"a name other than {', '.join(RESERVED_NAMES)} and shipper-*")
            if name in taken:
                yield _error((key, at, "name"), name, f"a name that no other of the {key} has")
            taken.add(name)

    known = {ARCHIVE, *(entry.get("name") for _, entry in destinations)}
    choices = ", ".join(sorted(str(name) for name in known))
    for at, entry in exports:
        shipped = entry.get("ship_to") if isinstance(entry.get("ship_to"), list) else []
        for index, name in enumerate(shipped or []):
            if name not in known:
                yield _error(
                    ("exports", at, "ship_to", index), name, f"one of the destinations of this file: {choices}"
                )
        if entry.get("kind") == "aptible":
            if shipped and not entry.get("decryption_keys_secret"):
                yield _error(
                    ("exports", at, "ship_to"),
                    shipped,
                    "nothing, unless decryption_keys_secret is set: Aptible's objects are encrypted",
                )
            if entry.get("stack_region") != data.get("region") and isinstance(entry.get("stack_region"), str):
                yield _error(
                    ("exports", at, "stack_region"),
                    entry["stack_region"],
                    f"the deployment's region, {data.get('region')}: Aptible replicates to a bucket in its stack's Region only; "
                    "give that stack a deployment (a settings file) in its own Region",
                )
        if entry.get("kind") in ("mongodb-atlas", "aptible", "s3-logs") and not (
            entry.get("bucket") or entry.get("existing_bucket")
        ):
            name = "-".join(
                str(part)
                for part in (data.get("deployment"), entry.get("name"), data.get("account"), data.get("region"))
            )
            if len(name) > 63:
                yield _error(
                    ("exports", at, "bucket"), None, f"a bucket name: the default, {name}, is longer than 63 characters"
                )

    projects = Counter(entry.get("project_id") for _, entry in exports if entry.get("kind") == "mongodb-atlas")
    seen: Counter[object] = Counter()
    for at, entry in exports:
        project = entry.get("project_id")
        if entry.get("kind") == "mongodb-atlas" and isinstance(project, str):
            seen[project] += 1
            if seen[project] == ATLAS_EXPORTS_PER_PROJECT + 1:
                yield _error(
                    ("exports", at, "project_id"),
                    project,
                    f"at most {ATLAS_EXPORTS_PER_PROJECT} export paths in one Atlas project; this one has {projects[project]}",
                )
