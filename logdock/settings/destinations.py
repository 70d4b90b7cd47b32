"""Where logs go after they have landed: the archive's readers and listeners."""

from typing import Annotated

from pydantic import Field

from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.otlp.settings import OtlpDestination

ARCHIVE = "archive"
"""The built-in destination: a normalised copy of an S3 export in the archive. CloudWatch exports always have it."""
Destination = Annotated[LogzioDestination | OtlpDestination, Field(discriminator="kind")]
