"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="An OpenTelemetry receiver of your choice",
    may="Receive what the settings ship to it, after redaction.",
    may_not="Get into your account.",
    remains="What has been sent is the receiver's to keep and to protect.",
)
