"""What the vendor may do, may not do, and what risk remains."""

from __future__ import annotations

from logdock.vendors.access import Access
from logdock.vendors.otlp.settings import OtlpDestination

ACCESS = Access(
    vendor="An OpenTelemetry receiver of your choice",
    may="Receive what the settings ship to it, after redaction.",
    may_not="Get into your account.",
    remains="What has been sent is the receiver's to keep and to protect.",
)


def access_of(_party: OtlpDestination) -> Access:
    """Describe what the vendor may do."""
    return ACCESS
