"""Logz.io: a destination that logs are pushed to, or whose S3 fetcher reads them."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.bodies import BODIES_TEXT, BodiesInFlight
from logdock.settings.concurrency import CONCURRENCY_TEXT, Concurrency
from logdock.settings.connect import Connect
from logdock.settings.model import Model
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import AccountId, ExternalIds, HttpsUrl, Name, SessionSeconds, Switch, invalid
from logdock.vendors.logzio.archive import LogzioArchive
from logdock.vendors.logzio.metrics import LogzioMetrics


class LogzioConnect(Connect):
    """The deploy creates the S3 fetchers at Logz.io, and a destroy removes them.

    The secret holds `{"api_token": ...}`, an API token of the Logz.io account, or is that token.
    """


LISTENER_HOSTS = {
    "us": "listener.logz.io",
    "au": "listener-au.logz.io",
    "ca": "listener-ca.logz.io",
    "eu": "listener-eu.logz.io",
    "uk": "listener-uk.logz.io",
}
"""Logz.io's bulk listeners by region (docs.logz.io, "Account region")."""
FETCHER_REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1",
    "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-south-1", "sa-east-1", "ca-central-1",
)  # fmt: skip
"""AWS Regions of buckets that Logz.io's S3 fetcher reads (the `region` enum of its API and Terraform client)."""


class LogzioDestination(Model):
    """A Logz.io account that logs are pushed to, or whose S3 fetcher reads them."""

    vendor_name: ClassVar[str] = "Logz.io"
    """Who receives."""

    kind: Literal["logzio"] = Field(description="This kind of destination.")
    name: Name = Field(description="Name of the destination, used in `ship_to`.")
    mode: Literal["push", "fetch"] = Field(
        default="push",
        description="`push`: our shipper sends to the bulk listener. `fetch`: Logz.io's S3 fetcher reads, by a role.",
    )
    region: Literal["us", "au", "ca", "eu", "uk"] = Field(default="us", description="Region of the Logz.io account.")
    token_secret: SecretReference | None = Field(
        default=None,
        validate_default=True,
        description="`push`, required: name or ARN of the secret that holds the log shipping token.",
    )
    listener_url: HttpsUrl | None = Field(
        default=None, description="`push`: another address of the listener, such as a relay's."
    )
    log_type: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Logz.io's `type` of every log, which selects its parsing pipeline. Default: with `push` the "
        "built-in type of each log ([Logz.io](logzio.md#types)), or the export's kind where there is none; with "
        "`fetch` the export's name.",
    )
    parse_json: Switch = Field(
        default=False,
        description="`push`: send the fields of a JSON message as fields of the line too "
        "([Logz.io](logzio.md#fields-of-json-messages)).",
    )
    connect: LogzioConnect | None = Field(
        default=None,
        description="`fetch`: create the fetchers by the deploy. Default: off; `NextSteps` has the commands.",
    )
    account_id: AccountId | None = Field(
        default=None,
        validate_default=True,
        description="`fetch`: the AWS account id that Logz.io shows for your account. Required without `connect`, "
        "which reads it.",
    )
    external_id: ExternalIds | None = Field(
        default=None,
        validate_default=True,
        description="`fetch`: the external id that Logz.io shows, or [old, new] while it is rotated. Required without "
        "`connect`, which reads it; with `connect`, one that fetchers made by hand still come with.",
    )
    session_seconds: SessionSeconds = 43200
    permissions: Literal["least", "vendor-documented"] = Field(
        default="least",
        description="`fetch`: `least`: list and read its own feed alone. `vendor-documented`: list the whole archive "
        "bucket, as Logz.io's page asks for.",
    )
    source_path: Switch = Field(
        default=True, description="`fetch`: Logz.io adds the key of the feed's object to each line, as a field."
    )
    archive_and_restore: LogzioArchive | None = Field(
        default=None,
        description="`fetch`: a second role, by which Logz.io's Archive & Restore writes to a bucket of yours and "
        "reads it ([Logz.io](logzio.md#archive-and-restore)). Default: none.",
    )
    metrics: LogzioMetrics | None = Field(
        default=None,
        description="Metrics of CloudWatch that are streamed to Logz.io, in either mode. Default: none.",
    )
    concurrency: Concurrency | None = Field(default=None, description=CONCURRENCY_TEXT)
    bodies_in_flight: BodiesInFlight | None = Field(default=None, description=f"`push`: {BODIES_TEXT}")

    @field_validator("token_secret", "listener_url", "bodies_in_flight")
    @classmethod
    def _only_when_pushing(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("mode") == "fetch" and value is not None:
            raise invalid("nothing: with `mode: fetch` Logz.io reads by a role, and this belongs to `mode: push`")
        return value

    @field_validator("parse_json")
    @classmethod
    def _parsed_when_pushing(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("mode") == "fetch":
            raise invalid("false: with `mode: fetch` Logz.io reads the archive's lines as they are")
        return value

    @field_validator("source_path")
    @classmethod
    def _added_when_fetching(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and info.data.get("mode") == "push":
            raise invalid("nothing: with `mode: push` no role is assumed, and this belongs to `mode: fetch`")
        return value

    @field_validator("connect", "account_id", "external_id", "session_seconds", "permissions", "archive_and_restore")
    @classmethod
    def _only_when_fetching(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("mode") == "push" and value is not None:
            raise invalid("nothing: with `mode: push` no role is assumed, and this belongs to `mode: fetch`")
        return value

    @field_validator("token_secret")
    @classmethod
    def _push_needs_a_token(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("mode") == "push" and value is None:
            raise invalid("the name of the secret that holds the shipping token (mode: push)")
        return value

    @field_validator("account_id", "external_id")
    @classmethod
    def _given_or_read(cls, value: object, info: ValidationInfo) -> object:
        # A `connect` that is refused is not in the data: its own message is enough.
        connects = info.data.get("connect", "refused")
        if info.data.get("mode") == "fetch" and value is None and connects is None:
            raise invalid(
                "the value that Logz.io's page for its S3 bucket integration shows, or `connect`, which reads it "
                "(mode: fetch)"
            )
        if value is not None and info.field_name == "account_id" and isinstance(connects, LogzioConnect):
            raise invalid("nothing: `connect` reads it from Logz.io")
        return value

    @property
    def has_feed(self) -> bool:
        """Whether it reads a feed; otherwise records are posted to it."""
        return self.mode == "fetch"

    @property
    def api_url(self) -> str:
        """The API's address, without a path."""
        host = "api.logz.io" if self.region == "us" else f"api-{self.region}.logz.io"
        return (self.connect.api_base_url if self.connect else None) or f"https://{host}"

    @property
    def listener(self) -> str:
        """The bulk listener's address, without a path."""
        return self.listener_url or f"https://{LISTENER_HOSTS[self.region]}:8071"

    @property
    def metrics_listener(self) -> str:
        """The address of the listener that takes metric streams (logzio/cloudwatch-metrics-helpers, its template)."""
        given = self.metrics.listener_url if self.metrics else None
        return given or f"https://listener-otlp-aws-metrics-stream-{self.region}.logz.io"


DESTINATION = LogzioDestination
