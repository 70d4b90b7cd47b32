"""Logs that AWS services, or anything else, write to a bucket."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.export_base import BucketExport, ConfiguredExport, LineExport
from logdock.settings.landing import BucketLanding, Home, own_bucket
from logdock.settings.text import BucketName, EachOnce, ExistingBucketName, KeyArn, Prefix, invalid

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

    vendor_name = "the services that write"
    is_of_aws = True

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
        bucket = self.existing_bucket or self.bucket or own_bucket(home, self)
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

    @property
    def bucket_encryption(self) -> Literal["sse-s3", "kms"]:
        """As its services need it."""
        return self.encryption


EXPORT = S3LogsExport
