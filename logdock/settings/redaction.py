"""What is taken out of log lines, before they are archived or leave."""

from typing import Annotated, Literal

from pydantic import Field

from logdock.settings.model import Model
from logdock.settings.regex import Regex
from logdock.settings.text import EachOnce, Name

Detector = Literal["email", "ipv4", "ipv6", "payment-card", "aws-key", "bearer-token"]


class Pattern(Model):
    """A pattern of the user's own; what it matches is replaced before anything is stored or sent."""

    name: Name = Field(description="Name of the pattern; the default replacement is [name].")
    regex: Regex = Field(description="RE2 syntax: no look-around, no back-references. At most 500 characters.")
    replacement: str | None = Field(
        default=None, max_length=100, description="The replacement, a literal string. Default: [name]."
    )


class Redaction(Model):
    """What is taken out of log lines before they leave the landing place."""

    markers: Literal["keep", "redact", "strip"] = Field(
        default="keep",
        description="CockroachDB's ‹...› marks: `keep`; `redact` replaces what they hold; `strip` drops the marks.",
    )
    detectors: Annotated[tuple[Detector, ...], *EachOnce] = Field(default=(), description="Built-in detectors.")
    patterns: tuple[Pattern, ...] = Field(default=(), max_length=20, description="Your own patterns, at most 20.")
