"""A destination that takes OpenTelemetry logs over HTTP."""

from typing import ClassVar, Literal

from pydantic import Field

from logdock.settings.bodies import BODIES_TEXT, BodiesInFlight
from logdock.settings.concurrency import CONCURRENCY_TEXT, Concurrency
from logdock.settings.model import Model
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import HttpsUrl, Name


class OtlpDestination(Model):
    """A backend that takes OpenTelemetry logs over HTTP."""

    vendor_name: ClassVar[str] = "the receiver"
    """Who receives."""

    has_feed: ClassVar[bool] = False
    """Whether it reads a feed; otherwise records are posted to it."""

    kind: Literal["otlp"] = Field(description="This kind of destination.")
    name: Name = Field(description="Name of the destination, used in `ship_to`.")
    endpoint: HttpsUrl = Field(description="Base address of the OTLP/HTTP receiver; /v1/logs is added.")
    headers_secret: SecretReference | None = Field(
        default=None,
        description="Name or ARN of a secret that holds a JSON object of HTTP headers, such as the API key.",
    )
    concurrency: Concurrency | None = Field(default=None, description=CONCURRENCY_TEXT)
    bodies_in_flight: BodiesInFlight | None = Field(default=None, description=BODIES_TEXT)


DESTINATION = OtlpDestination
