"""Exports that land in a bucket: MongoDB Atlas, Aptible, and whatever AWS services write to S3."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.connect import AtlasConnect
from logdock.settings.export_base import BucketExport, ConfiguredExport, LineExport
from logdock.settings.landing import BucketLanding, Home, own_bucket
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import (
    BucketName,
    EachOnce,
    ExistingBucketName,
    ExternalIds,
    KeyArn,
    MrapArn,
    NotEmpty,
    Prefix,
    PrincipalArn,
    ProjectId,
    Region,
    SessionSeconds,
    invalid,
)

AtlasLogType = Literal["MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT", "EVENTS"]


class MongodbAtlasExport(BucketExport):
    """MongoDB Atlas: external log sink to S3 (`S3_LOG_EXPORT`), M10+ clusters on MongoDB 7.0 or later."""

    kind: Literal["mongodb-atlas"] = Field(description="This kind of export.")
    project_id: ProjectId = Field(description="Atlas project id. At most 10 exports per project.")
    connect: AtlasConnect | None = Field(
        default=None, description="Switch the export on by the deploy. Default: off; `NextSteps` has the commands."
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
        bucket = self.bucket or own_bucket(home, self.name)
        return BucketLanding(bucket=bucket, prefix=f"{self.prefix}/" if self.prefix else "", is_own=True)

    @property
    def max_expected_silence_minutes(self) -> int:
        """A database writes its log every minute; audited events may not happen for a night."""
        return 0 if {"MONGOD", "MONGOS"} & set(self.log_types) else 1440

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


class AptibleExport(BucketExport):
    """Aptible: container log archives replicated into a bucket with this sole purpose."""

    kind: Literal["aptible"] = Field(description="This kind of export.")
    stack_region: Region = Field(description="AWS Region of the Aptible stack; the bucket must be in the same.")
    bucket: BucketName | None = Field(
        default=None, description="Name of the landing bucket. Default: <deployment>-<name>-<account>-<region>."
    )
    replication_role_arn: PrincipalArn = Field(
        default="arn:aws:iam::916150859591:role/s3-stack-log-replication",
        description="The role that Aptible replicates with.",
    )
    encryption: Literal["sse-s3", "kms"] = Field(
        default="sse-s3",
        description="Objects are already encrypted by Aptible. `kms` needs Aptible to allow your key in its "
        "replication rule.",
    )
    decryption_keys_secret: SecretReference | None = Field(
        default=None,
        validate_default=True,
        description="Name or ARN of the secret with Aptible's decryption keys (base64, space-separated). Needed for "
        "`ship_to`.",
    )

    def landing(self, home: Home) -> BucketLanding:
        """Say which bucket the export lands in."""
        return BucketLanding(bucket=self.bucket or own_bucket(home, self.name), prefix="", is_own=True)

    @property
    def has_own_key(self) -> bool:
        """Whether the export's stack makes a key."""
        return self.encryption == "kms"

    @property
    def max_expected_silence_minutes(self) -> None:
        """A file comes only when a container has exited or its log exceeds 500 MB: days without one are normal."""
        return

    @field_validator("decryption_keys_secret")
    @classmethod
    def _shipping_needs_keys(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("ship_to"):
            raise invalid(
                "the name of the secret with Aptible's decryption keys, because `ship_to` is set and Aptible's objects "
                "are encrypted"
            )
        return value


S3Service = Literal["cloudtrail", "alb", "nlb", "vpc-flow", "cloudfront", "s3-access"]
SSE_S3_ONLY = ("alb", "s3-access")
"""Services that deliver only to buckets with SSE-S3 (ELB and S3 User Guides)."""
S3Format = Literal[
    "auto", "cloudtrail", "alb", "clb", "nlb", "vpc-flow", "cloudfront", "s3-access", "json", "json-lines", "csv",
    "plain",
]  # fmt: skip

_JOINABLE_FORMATS = ("auto", "json-lines", "plain")
"""Formats whose lines `record_start` may join; in the others a record ends where its format says."""


class S3LogsExport(BucketExport, LineExport, ConfiguredExport):
    """Logs that AWS services, or anything else, write to a bucket: made here, or existing."""

    kind: Literal["s3-logs"] = Field(description="This kind of export.")
    bucket: BucketName | None = Field(
        default=None, description="Name of the bucket made here. Default: <deployment>-<name>-<account>-<region>."
    )
    services: Annotated[tuple[S3Service, ...], *EachOnce] = Field(
        default=(), description="AWS services that may deliver to the bucket made here."
    )
    existing_bucket: ExistingBucketName | None = Field(
        default=None, description="A bucket that exists: wired without replacing its policy or notifications."
    )
    kms_key_arn: KeyArn | None = Field(
        default=None, description="Key of the existing bucket, if it is encrypted with one."
    )
    prefix: Prefix | None = Field(default=None, description="Only objects under this prefix. Default: all.")
    format: S3Format = Field(default="auto", description="`auto`: detected by content.")

    def landing(self, home: Home) -> BucketLanding:
        """Say which bucket the export lands in, and under which prefix."""
        bucket = self.existing_bucket or self.bucket or own_bucket(home, self.name)
        prefix = f"{self.prefix}/" if self.prefix else ""
        return BucketLanding(bucket=bucket, prefix=prefix, is_own=self.existing_bucket is None)

    @property
    def max_expected_silence_minutes(self) -> int:
        """A trail and flow logs deliver every few minutes; who logs requests is as quiet as its users."""
        return 0 if {"cloudtrail", "vpc-flow"} & set(self.services) else 1440

    @field_validator("existing_bucket")
    @classmethod
    def _made_or_existing(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and (info.data.get("bucket") or info.data.get("services")):
            raise invalid("nothing, when `bucket` or `services` is set: the bucket is either made here or exists")
        return value

    @field_validator("kms_key_arn")
    @classmethod
    def _key_of_an_existing_bucket(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("existing_bucket", "refused") is None:
            raise invalid("no value without `existing_bucket`: a bucket made here has its own key")
        return value

    @field_validator("format")
    @classmethod
    def _lines_that_may_be_joined(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("record_start") is not None and value not in _JOINABLE_FORMATS:
            raise invalid(f"one of: {', '.join(_JOINABLE_FORMATS)}, because `record_start` joins no other lines")
        return value

    @property
    def encryption(self) -> Literal["sse-s3", "kms"]:
        """How the bucket made here is encrypted: with its own key, unless a service delivers to SSE-S3 only."""
        return "sse-s3" if set(self.services) & set(SSE_S3_ONLY) else "kms"
