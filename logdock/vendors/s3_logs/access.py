"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="AWS services that deliver logs",
    may="Write objects under the export's prefix, for your account alone.",
    may_not="Read, delete or write elsewhere; deliver for another account.",
    remains="Principals that configure a service in your account decide what it delivers.",
)
