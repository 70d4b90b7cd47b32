"""Whose logs land: one model per kind of export, discriminated by `kind`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from settings.model import Model
from settings.text import (
    AccountId,
    BucketName,
    ClusterUuid,
    DbClusterIdentifier,
    ExternalIds,
    KeyArn,
    LogGroupDays,
    LogGroupName,
    MrapArn,
    Name,
    Prefix,
    PrincipalArn,
    ProjectId,
    Region,
    SecretReference,
    SessionSeconds,
    refuse,
)

Detector = Literal["email", "ipv4", "ipv6", "payment-card", "aws-key", "bearer-token"]


class Pattern(Model):
    """A pattern of the user's own; what it matches is replaced before anything is stored or sent."""

    name: Name = Field(description="Name of the pattern; the default replacement is [name].")
    regex: str = Field(min_length=1, max_length=500, description="RE2 syntax: no look-around, no back-references.")
    replacement: str | None = Field(default=None, max_length=100, description="Left out: [name].")


class Redaction(Model):
    """What is taken out of log lines before they leave the landing place."""

    markers: Literal["keep", "redact", "strip"] = Field(
        default="keep",
        description="CockroachDB's ‹...› markers: kept; `redact` replaces what they hold; `strip` drops the marks alone.",
    )
    detectors: tuple[Detector, ...] = Field(default=(), description="Built-in detectors.")
    patterns: tuple[Pattern, ...] = Field(default=(), max_length=20, description="Your own patterns.")


def _ship_to(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) != len(value):
        raise refuse("each destination once")
    return value


class _Export(Model):
    name: Name = Field(description="Name of the export: its stack is <deployment>-<name>.")
    ship_to: tuple[str, ...] = Field(
        default=(),
        max_length=5,
        description="Names of destinations; `archive` is built in: a normalised copy (CloudWatch exports always have it).",
    )
    redaction: Redaction = Field(
        default=Redaction(), description="What is taken out before lines are archived or shipped."
    )
    include: tuple[str, ...] = Field(
        default=(), max_length=10, description="Ship only lines that match one of these (RE2)."
    )
    exclude: tuple[str, ...] = Field(
        default=(), max_length=10, description="Do not ship lines that match one of these (RE2)."
    )

    _ship_to_once = field_validator("ship_to")(_ship_to)


class _LogGroupExport(_Export):
    retention_days: LogGroupDays | None = Field(
        default=None, description="Days in CloudWatch. Left out: `hot_days` of the deployment's retention."
    )


ATLAS_LOG_TYPES = ("MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT")


class MongodbAtlasExport(_Export):
    """MongoDB Atlas: external log sink to S3 (`S3_LOG_EXPORT`), M10+ clusters on MongoDB 7.0 or later."""

    kind: Literal["mongodb-atlas"]
    project_id: ProjectId = Field(description="Atlas project id. At most 10 exports per project.")
    atlas_principal_arn: PrincipalArn = Field(description="`atlasAWSAccountArn` that Atlas shows for the access role.")
    external_id: ExternalIds = Field(description="`atlasAssumedRoleExternalId`, or [old, new] while it is rotated.")
    bucket: BucketName | None = Field(
        default=None, description="Name of the landing bucket. Left out: <deployment>-<name>-<account>-<region>."
    )
    prefix: Prefix = Field(default="atlas", description="Directory in the bucket that Atlas writes under.")
    log_types: tuple[Literal["MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT"], ...] = Field(
        default=ATLAS_LOG_TYPES,
        min_length=1,
        description="Which logs Atlas exports. Audit logs need Database Auditing.",
    )
    permissions: Literal["least", "vendor-documented"] = Field(
        default="least",
        description="`least`: write only, as Atlas's own module. `vendor-documented`: also list and read back its prefix, "
        "as the policy that the Atlas console generates.",
    )
    mrap_arn: MrapArn | None = Field(
        default=None,
        description="Multi-Region Access Point that Atlas writes through. The landing bucket must be behind it.",
    )
    mrap_buckets: tuple[BucketName, ...] = Field(
        default=(), max_length=16, description="The other buckets behind the access point (same account)."
    )
    session_seconds: SessionSeconds = 43200

    @field_validator("mrap_buckets")
    @classmethod
    def _buckets_of_an_access_point(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("mrap_arn") is None:
            raise refuse("nothing unless `mrap_arn` is set")
        return value


CHANNELS = (
    "SESSIONS", "OPS", "HEALTH", "STORAGE", "SQL_SCHEMA", "USER_ADMIN", "PRIVILEGES", "SENSITIVE_ACCESS", "SQL_EXEC",
    "SQL_PERF", "CHANGEFEED",
)  # fmt: skip
Channel = Literal[
    "SESSIONS", "OPS", "HEALTH", "STORAGE", "SQL_SCHEMA", "USER_ADMIN", "PRIVILEGES", "SENSITIVE_ACCESS", "SQL_EXEC",
    "SQL_PERF", "CHANGEFEED",
]  # fmt: skip


class CockroachdbGroup(Model):
    """A log group of its own for some channels (`groups[]` of the Cloud API's logexport)."""

    log_name: LogGroupName = Field(description="Log group that these channels go to.")
    channels: tuple[Channel, ...] = Field(min_length=1, description="Channels of this group.")
    min_level: Literal["UNSPECIFIED", "WARNING", "ERROR", "FATAL"] = "UNSPECIFIED"
    redact: bool | None = Field(default=None, description="Left out: as the export's `redact`.")


class CockroachdbExport(_LogGroupExport):
    """CockroachDB Cloud: `logexport` to CloudWatch Logs. One configuration per cluster."""

    kind: Literal["cockroachdb"]
    plan: Literal["advanced", "standard"] = Field(
        default="advanced", description="Advanced (once Dedicated) or Standard: they trust in different ways."
    )
    cluster_id: ClusterUuid = Field(description="Cluster id, from the Cloud Console's URL.")
    cluster_account_id: AccountId = Field(
        description="Advanced: `account_id` of GET /api/v1/clusters/{id}. Standard: its `keychain_config.aws_account_id`."
    )
    external_id: ExternalIds | None = Field(
        default=None,
        validate_default=True,
        description="Advanced: an id of your own making, sent as `aws_external_id`. Standard: left out, it is the cluster id.",
    )
    log_group: LogGroupName = Field(description="`log_name`: the log group of all channels that no group names.")
    groups: tuple[CockroachdbGroup, ...] = Field(
        default=(), max_length=20, description="Channels with a log group of their own."
    )
    omitted_channels: tuple[Channel, ...] = Field(default=(), description="Channels that are not exported.")
    redact: bool = Field(
        default=True, description="CockroachDB redacts sensitive values before it exports (its own default is false)."
    )
    regions: tuple[Region, ...] = Field(
        default=(),
        description="Every Region of the cluster: each gets its log groups. Left out: the deployment's Region alone, and "
        "all logs are sent there.",
    )
    session_seconds: SessionSeconds = 43200

    @field_validator("external_id")
    @classmethod
    def _external_id_by_plan(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        plan = info.data.get("plan")
        if plan == "advanced" and value is None:
            raise refuse("an id of your own making (plan: advanced); `openssl rand -hex 16` makes one")
        if plan == "standard" and value is not None:
            raise refuse("nothing: on the Standard plan the external id is the cluster id")
        return value

    @field_validator("groups")
    @classmethod
    def _channel_once(cls, value: tuple[CockroachdbGroup, ...]) -> tuple[CockroachdbGroup, ...]:
        channels = [channel for group in value for channel in group.channels]
        if len(channels) != len(set(channels)):
            raise refuse("each channel in one group")
        return value

    @property
    def trusted_external_ids(self) -> tuple[str, ...]:
        """The external ids that the role accepts."""
        return self.external_id or (self.cluster_id,)

    @property
    def log_groups(self) -> tuple[str, ...]:
        """Every log group that the cluster writes to, each once, the main one first."""
        return tuple(dict.fromkeys((self.log_group, *(group.log_name for group in self.groups))))


AURORA_EVENTS = ("CONNECT", "QUERY", "QUERY_DCL", "QUERY_DDL", "QUERY_DML", "TABLE")


def _users(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(",".join(value)) > 1024 or any(re.search(r"[\s,]", user) for user in value):
        raise refuse("database users without spaces or commas, at most 1024 characters in all")
    return value


class AuroraMysqlExport(_LogGroupExport):
    """Aurora MySQL: Advanced Auditing, published to CloudWatch Logs, for a cluster that exists."""

    kind: Literal["aurora-mysql"]
    cluster_id: DbClusterIdentifier = Field(description="DB cluster identifier.")
    log_types: tuple[Literal["audit", "error", "general", "slowquery", "instance", "iam-db-auth-error"], ...] = Field(
        default=("audit",),
        min_length=1,
        description="Logs to export: each has the log group /aws/rds/cluster/<id>/<type>.",
    )
    events: tuple[Literal["CONNECT", "QUERY", "QUERY_DCL", "QUERY_DDL", "QUERY_DML", "TABLE"], ...] = Field(
        default=("CONNECT", "QUERY_DCL", "QUERY_DDL"), min_length=1, description="`server_audit_events`."
    )
    include_users: tuple[str, ...] = Field(
        default=(), description="`server_audit_incl_users`. Wins over exclude_users."
    )
    exclude_users: tuple[str, ...] = Field(default=(), description="`server_audit_excl_users`.")
    parameter_group: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9-]{0,254}$",
        description="The cluster's own DB cluster parameter group, which the deploy may change. Left out: the cluster still "
        "uses a default group; the deploy makes one and attaches it, and the instances must then be restarted once.",
    )
    log_groups: Literal["create", "adopt"] = Field(
        default="create",
        description="`create`: CloudFormation makes the log groups. `adopt`: Aurora (or somebody) has made them already.",
    )
    role: Literal["service-linked", "custom"] = Field(
        default="service-linked",
        description="`service-linked`: AWSServiceRoleForRDS writes (current). `custom`: a role of your own writes (older way).",
    )
    configure_cluster: bool = Field(
        default=True,
        description="The deploy sets the cluster parameters and switches the export on. Off: NextSteps has the commands.",
    )

    _users_fit = field_validator("include_users", "exclude_users")(_users)

    @property
    def log_group_names(self) -> tuple[str, ...]:
        """The log groups that Aurora writes to (Aurora User Guide, "Publishing Aurora MySQL logs")."""
        return tuple(f"/aws/rds/cluster/{self.cluster_id}/{log_type}" for log_type in self.log_types)

    @property
    def parameters(self) -> dict[str, str]:
        """The DB cluster parameters of Advanced Auditing."""
        users = {"server_audit_incl_users": self.include_users, "server_audit_excl_users": self.exclude_users}
        return {
            "server_audit_logging": "1",
            "server_audit_events": ",".join(self.events),
            **{name: ",".join(value) for name, value in users.items() if value},
        }


class AptibleExport(_Export):
    """Aptible: container log archives replicated into a bucket with this sole purpose."""

    kind: Literal["aptible"]
    stack_region: Region = Field(description="AWS Region of the Aptible stack; the bucket must be in the same.")
    bucket: BucketName | None = Field(
        default=None, description="Name of the landing bucket. Left out: <deployment>-<name>-<account>-<region>."
    )
    replication_role_arn: PrincipalArn = Field(
        default="arn:aws:iam::916150859591:role/s3-stack-log-replication",
        description="The role that Aptible replicates with.",
    )
    encryption: Literal["sse-s3", "kms"] = Field(
        default="sse-s3",
        description="Objects are already encrypted by Aptible. `kms` needs Aptible to allow your key in its replication rule.",
    )
    decryption_keys_secret: SecretReference | None = Field(
        default=None,
        description="Secret with Aptible's decryption keys (base64, space-separated). Needed for `ship_to`.",
    )


S3Service = Literal["cloudtrail", "alb", "nlb", "vpc-flow", "cloudfront", "s3-access"]
SSE_S3_ONLY = ("alb", "s3-access")
"""Services that deliver only to buckets with SSE-S3 (ELB and S3 User Guides)."""


class S3LogsExport(_Export):
    """Logs that AWS services, or anything else, write to a bucket: made here, or existing."""

    kind: Literal["s3-logs"]
    bucket: BucketName | None = Field(
        default=None, description="Name of the bucket made here. Left out: <deployment>-<name>-<account>-<region>."
    )
    services: tuple[S3Service, ...] = Field(
        default=(), description="AWS services that may deliver to the bucket made here."
    )
    existing_bucket: BucketName | None = Field(
        default=None, description="A bucket that exists: wired without replacing its policy or notifications."
    )
    kms_key_arn: KeyArn | None = Field(
        default=None, description="Key of the existing bucket, if it is encrypted with one."
    )
    prefix: Prefix | None = Field(default=None, description="Only objects under this prefix. Left out: all.")
    format: Literal[
        "auto", "cloudtrail", "alb", "nlb", "vpc-flow", "cloudfront", "s3-access", "json", "json-lines", "csv", "plain"
    ] = Field(default="auto", description="`auto`: told by content.")

    @field_validator("existing_bucket")
    @classmethod
    def _made_or_existing(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and (info.data.get("bucket") or info.data.get("services")):
            raise refuse("nothing, when `bucket` or `services` is set: the bucket is either made here or exists")
        return value

    @field_validator("kms_key_arn")
    @classmethod
    def _key_of_an_existing_bucket(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("existing_bucket") is None:
            raise refuse("nothing unless `existing_bucket` is set: a bucket made here has its own key")
        return value

    @property
    def encryption(self) -> Literal["sse-s3", "kms"]:
        """How the bucket made here is encrypted: with its own key, unless a service delivers to SSE-S3 only."""
        return "sse-s3" if set(self.services) & set(SSE_S3_ONLY) else "kms"


class CloudwatchLogsExport(_Export):
    """Log groups that exist, by name or by prefix."""

    kind: Literal["cloudwatch-logs"]
    log_groups: tuple[LogGroupName, ...] = Field(default=(), max_length=100, description="Log groups by name.")
    log_group_prefixes: tuple[LogGroupName, ...] = Field(
        default=(),
        max_length=10,
        validate_default=True,
        description="Log groups by prefix: those that exist now, and each hour those that have appeared since.",
    )
    retention_days: LogGroupDays | None = Field(
        default=None, description="Set on the log groups. Left out: not touched."
    )
    encrypt: bool = Field(default=False, description="Associate the export's own key with the log groups.")

    @field_validator("log_group_prefixes")
    @classmethod
    def _some(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and not info.data.get("log_groups"):
            raise refuse("at least one log group by name (`log_groups`) or by prefix (`log_group_prefixes`)")
        return value


Export = Annotated[
    MongodbAtlasExport | CockroachdbExport | AuroraMysqlExport | AptibleExport | S3LogsExport | CloudwatchLogsExport,
    Field(discriminator="kind"),
]
