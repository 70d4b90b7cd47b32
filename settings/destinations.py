"""Where logs go after they have landed: the archive's readers and listeners."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from settings.model import Model
from settings.text import AccountId, ExternalIds, HttpsUrl, Name, SecretReference, SessionSeconds, refuse

ARCHIVE = "archive"
"""The built-in destination: a normalised copy of an S3 export in the archive. CloudWatch exports always have it."""

LISTENER_HOSTS = {
    "us": "listener.logz.io",
    "au": "listener-au.logz.io",
    "ca": "listener-ca.logz.io",
    "eu": "listener-eu.logz.io",
    "uk": "listener-uk.logz.io",
}
"""Logz.io's bulk listeners by region (docs.logz.io, "Account region")."""


class LogzioDestination(Model):
    """A Logz.io account that logs are pushed to, or whose S3 fetcher reads them."""

    kind: Literal["logzio"]
    name: Name = Field(description="Name of the destination, used in `ship_to`.")
    mode: Literal["push", "fetch"] = Field(
        default="push",
        description="`push`: our shipper sends to the bulk listener. `fetch`: Logz.io's S3 fetcher reads, by a role.",
    )
    region: Literal["us", "au", "ca", "eu", "uk"] = Field(default="us", description="Region of the Logz.io account.")
    token_secret: SecretReference | None = Field(
        default=None, validate_default=True, description="push: secret that holds the log shipping token."
    )
    listener_url: HttpsUrl | None = Field(
        default=None, description="push: another address of the listener, such as a PrivateLink one."
    )
    log_type: str | None = Field(
        default=None, max_length=256, description="push: Logz.io's `type` of every log. Left out: the log's own type."
    )
    account_id: AccountId | None = Field(
        default=None,
        validate_default=True,
        description="fetch: the AWS account id that Logz.io shows for your account.",
    )
    external_id: ExternalIds | None = Field(
        default=None,
        validate_default=True,
        description="fetch: the external id that Logz.io shows for your account, or [old, new] while it is rotated.",
    )
    session_seconds: SessionSeconds = 43200

    @field_validator("token_secret")
    @classmethod
    def _push_needs_a_token(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("mode") == "push" and value is None:
            raise refuse("the name of the secret that holds the shipping token (mode: push)")
        return value

    @field_validator("account_id", "external_id")
    @classmethod
    def _fetch_needs_a_principal(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("mode") == "fetch" and value is None:
            raise refuse("the value that Logz.io's integration page shows (mode: fetch)")
        return value

    @property
    def listener(self) -> str:
        """The bulk listener's address, without a path."""
        return self.listener_url or f"https://{LISTENER_HOSTS[self.region]}:8071"


class OtlpDestination(Model):
    """A backend that takes OpenTelemetry logs over HTTP."""

    kind: Literal["otlp"]
    name: Name = Field(description="Name of the destination, used in `ship_to`.")
    endpoint: HttpsUrl = Field(description="Base address of the OTLP/HTTP receiver; /v1/logs is added.")
    headers_secret: SecretReference | None = Field(
        default=None, description="Secret that holds a JSON object of HTTP headers, such as the API key."
    )


Destination = Annotated[LogzioDestination | OtlpDestination, Field(discriminator="kind")]
