"""Aptible: container log archives that it replicates into a bucket with this sole purpose."""

from typing import Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.export_base import BucketExport
from logdock.settings.landing import BucketLanding, Home, own_bucket
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import BucketName, PrincipalArn, Region, invalid


class AptibleExport(BucketExport):
    """Aptible: container log archives replicated into a bucket with this sole purpose."""

    vendor_name = "Aptible"

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
        return BucketLanding(bucket=self.bucket or own_bucket(home, self), prefix="", is_own=True)

    @property
    def has_own_key(self) -> bool:
        """Whether the export's stack makes a key."""
        return self.encryption == "kms"

    @property
    def bucket_encryption(self) -> Literal["sse-s3", "kms"]:
        """As the settings say."""
        return self.encryption

    @property
    def bucket_principal_arn(self) -> str:
        """The role that replicates."""
        return self.replication_role_arn

    @property
    def moves_to_cold_storage(self) -> bool:
        """Never: Aptible's CLI reads its own objects here, and waits for no restore."""
        return False

    @property
    def decoding_secrets(self) -> tuple[str, ...]:
        """The secret with the keys that Aptible encrypts objects with."""
        return (self.decryption_keys_secret,) if self.decryption_keys_secret else ()

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


EXPORT = AptibleExport
