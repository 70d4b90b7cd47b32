"""MongoDB Atlas: its log sink to S3, how a deploy reaches its API, and what else `connect` configures there."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.connect import Connect
from logdock.settings.export_base import BucketExport, check_one_or_several, one_or_several
from logdock.settings.landing import BucketLanding, Home, own_bucket
from logdock.settings.model import Model
from logdock.settings.text import (
    BucketName,
    EachOnce,
    Email,
    ExternalIds,
    KeyArn,
    MrapArn,
    NotEmpty,
    Prefix,
    PrincipalArn,
    ProjectId,
    SessionSeconds,
    Switch,
    invalid,
    matching,
)

AtlasLogType = Literal["MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT", "EVENTS"]
ClusterName = Annotated[
    str, *matching(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", "an Atlas cluster's name: letters, digits and hyphens")
]


def _json_object(value: str) -> str:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid('a JSON object as text, such as \'{"atype": {"$in": ["authenticate", "createUser"]}}\'')
    return value


class AtlasAuditing(Model):
    """Database Auditing of the Atlas project, without which its audit logs are empty."""

    filter: Annotated[str, AfterValidator(_json_object)] = Field(
        max_length=3500, description="Atlas's audit filter, a JSON document: which events are recorded."
    )
    authorization_success: Switch = Field(
        default=False, description="Record successful authorisations too (`authCheck`). Slows the cluster down."
    )


AtlasRole = Annotated[str, *matching(r"GROUP_[A-Z_]{1,60}", "a role in an Atlas project, such as GROUP_OWNER")]
AtlasId = Annotated[str, *matching(r"[a-f0-9]{24}", "an id of Atlas: 24 hexadecimal digits")]


class AtlasRecipient(Model):
    """A recipient of Atlas's alert: roles, an address, a team, or a channel that is integrated with the project."""

    roles: Annotated[tuple[AtlasRole, ...], *EachOnce] = Field(
        default=(), description="Everyone with one of these roles in the project gets an e-mail, such as GROUP_OWNER."
    )
    email: Email | None = Field(default=None, description="An e-mail address.")
    team_id: AtlasId | None = Field(default=None, description="An Atlas team, by e-mail.")
    channel: (
        Literal["DATADOG", "MICROSOFT_TEAMS", "OPS_GENIE", "PAGER_DUTY", "SLACK", "VICTOR_OPS", "WEBHOOK"] | None
    ) = Field(default=None, description="A service that is integrated with the Atlas project; its secret stays there.")
    integration_id: AtlasId | None = Field(
        default=None, validate_default=True, description="Id of that integration. Required with `channel`."
    )
    channel_name: Annotated[str, *matching(r"[^\s]{1,80}", "the name of a Slack channel")] | None = Field(
        default=None, validate_default=True, description="Slack's channel. Required with `channel: SLACK`."
    )

    @field_validator("integration_id")
    @classmethod
    def _one_recipient(cls, value: str | None, info: ValidationInfo) -> str | None:
        # What is refused is not in the data: its own message is enough.
        names = ("roles", "email", "team_id", "channel")
        if any(name not in info.data for name in names):
            return value
        if sum(bool(info.data[name]) for name in names) != 1:
            raise invalid("exactly one of `roles`, `email`, `team_id` and `channel` in an entry")
        if (value is None) == bool(info.data["channel"]):
            raise invalid("the integration's id with `channel`, and nothing without")
        return value

    @field_validator("channel_name")
    @classmethod
    def _of_slack(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) == (info.data.get("channel") == "SLACK"):
            raise invalid("the channel's name with `channel: SLACK`, and nothing without")
        return value


class AtlasConnect(Connect):
    """The deploy switches the log integration on at Atlas, and a destroy switches it off.

    The secret holds `{"client_id": ..., "client_secret": ...}` of a service account, or `{"public_key": ...,
    "private_key": ...}`, with the role Project Owner.
    """

    legacy_paths: Switch = Field(
        default=False, description="Daily folders in the keys, as the push-based log export wrote them."
    )
    alert: Switch = Field(
        default=False,
        description="An alert when Atlas has not been able to export for 60 minutes, again every 7 days. One export of "
        "a project may set it.",
    )
    alert_recipients: Annotated[tuple[AtlasRecipient, ...], *EachOnce] = Field(
        default=(),
        max_length=25,
        description="Who gets that alert. Default: the project's owners, by e-mail.",
    )
    auditing: AtlasAuditing | None = Field(
        default=None, description="Switch Database Auditing on. One export of a project may set it."
    )
    redact_clusters: Annotated[tuple[ClusterName, ...], *EachOnce] = Field(
        default=(),
        max_length=20,
        description="Clusters that leave values out of their diagnostic logs. **Restarts their nodes one after the "
        "other**, at the deploy and again when it is taken back. One export of a project may set it. Not with "
        "`project_ids`.",
    )

    @field_validator("alert_recipients")
    @classmethod
    def _of_an_alert(cls, value: tuple[AtlasRecipient, ...], info: ValidationInfo) -> tuple[AtlasRecipient, ...]:
        if value and info.data.get("alert") is False:
            raise invalid("nothing, or `alert: true`: without it there is no alert")
        return value


class MongodbAtlasExport(BucketExport):
    """MongoDB Atlas: external log sink to S3 (`S3_LOG_EXPORT`), M10+ clusters on MongoDB 7.0 or later."""

    model_config = one_or_several("project_id")
    id_setting = "project_id"

    vendor_name = "MongoDB Atlas"

    kind: Literal["mongodb-atlas"] = Field(description="This kind of export.")
    project_id: ProjectId | None = Field(
        default=None, description="Atlas project id. At most 10 exports per project. Required without `project_ids`."
    )
    project_ids: Annotated[tuple[ProjectId, ...], *EachOnce] = Field(
        default=(),
        validate_default=True,
        max_length=40,
        description="Atlas projects that share this export: its bucket, key and alarms. Each has a role, a log "
        "integration and the directory `<prefix>/<project id>/` of its own. With `connect` only. At most 40.",
    )
    connect: AtlasConnect | None = Field(
        default=None,
        validate_default=True,
        description="Switch the export on by the deploy. Default: off; `NextSteps` has the commands.",
    )
    atlas_principal_arn: PrincipalArn | None = Field(
        default=None,
        validate_default=True,
        description="`atlasAWSAccountArn` that Atlas shows for the access role. Required without `connect`, which "
        "reads it.",
    )
    external_id: ExternalIds | None = Field(
        default=None,
        validate_default=True,
        description="`atlasAssumedRoleExternalId`, or [old, new] while it is rotated. Required without `connect`, "
        "which reads it.",
    )
    bucket: BucketName | None = Field(
        default=None, description="Name of the landing bucket. Default: <deployment>-<name>-<account>-<region>."
    )
    prefix: Prefix = Field(default="atlas", description="Directory in the bucket that Atlas writes under.")
    log_types: Annotated[tuple[AtlasLogType, ...], *EachOnce, *NotEmpty] = Field(
        default=("MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT"),
        description="Which logs Atlas exports. Audit logs need Database Auditing. `EVENTS`: the project's Activity "
        "Feed.",
    )
    permissions: Literal["least", "vendor-documented"] = Field(
        default="least",
        description="`least`: write only, as Atlas's own module. `vendor-documented`: also list and read back its "
        "prefix, as the policy that the Atlas console generates.",
    )
    mrap_arn: MrapArn | None = Field(
        default=None,
        description="Multi-Region Access Point that Atlas writes through. The landing bucket must be behind it.",
    )
    mrap_buckets: Annotated[tuple[BucketName, ...], *EachOnce] = Field(
        default=(), max_length=16, description="The other buckets behind the access point (same account)."
    )
    mrap_key_arns: Annotated[tuple[KeyArn, ...], *EachOnce] = Field(
        default=(), max_length=16, description="The KMS keys of those buckets, each in its bucket's Region."
    )
    session_seconds: SessionSeconds = 43200

    def landing(self, home: Home) -> BucketLanding:
        """Say which bucket the export lands in, and under which prefix."""
        bucket = self.bucket or own_bucket(home, self)
        return BucketLanding(bucket=bucket, prefix=f"{self.prefix}/" if self.prefix else "", is_own=True)

    def settings_of_member(self, member_id: str) -> dict[str, object]:
        """Return the directory of a project."""
        return {"prefix": f"{self.prefix}/{member_id}"}

    @property
    def named_parts(self) -> str | None:
        """Which project a line is of, and which of its clusters, where the key says it."""
        if self.path_fields or not self.project_ids:
            return self.path_fields
        return f"{self.prefix}/{{project_id}}/{{cluster}}"

    @property
    def max_expected_silence_minutes(self) -> int:
        """A database writes its log every minute; audited events may not happen for a night."""
        return 0 if {"MONGOD", "MONGOS"} & set(self.log_types) else 1440

    _one_or_several = field_validator("project_ids")(check_one_or_several)

    @field_validator("connect")
    @classmethod
    def _connects_several(cls, value: AtlasConnect | None, info: ValidationInfo) -> AtlasConnect | None:
        if not info.data.get("project_ids"):
            return value
        if value is None:
            raise invalid("how the deploy reaches Atlas: with `project_ids` it reads each project's external id there")
        if value.redact_clusters:
            raise invalid("no `redact_clusters` with `project_ids`: names of clusters are one project's")
        return value

    @field_validator("atlas_principal_arn", "external_id")
    @classmethod
    def _given_or_read(cls, value: object, info: ValidationInfo) -> object:
        # A `connect` that is refused is not in the data: its own message is enough.
        connects = info.data.get("connect", "refused")
        if value is None and connects is None:
            raise invalid("the value that Atlas shows when an AWS access role is added, or `connect`, which reads it")
        if value is not None and isinstance(connects, AtlasConnect):
            raise invalid("nothing: `connect` reads it from Atlas")
        return value

    @field_validator("mrap_buckets", "mrap_key_arns")
    @classmethod
    def _buckets_of_an_access_point(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("mrap_arn", "refused") is None:
            raise invalid("no value without `mrap_arn`")
        return value


EXPORT = MongodbAtlasExport
