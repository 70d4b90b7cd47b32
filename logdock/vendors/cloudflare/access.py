"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="Cloudflare (Cloudflare, Inc.), Logpush",
    may="Write objects under one prefix of one bucket.",
    may_not="Read, list or delete objects; write elsewhere; change any setting.",
    remains="One user of Cloudflare's writes for all of its customers, without an external id: that no other customer "
    "points a job here rests on Cloudflare's ownership challenge. It can write false lines, none, or so many that they "
    "cost.",
)
