"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="CockroachDB Cloud (Cockroach Labs, Inc.), managed CockroachDB",
    may="Create streams and write events in the named log groups, and set how long those groups keep events.",
    may_not="Read, search or delete events, streams or log groups; reach other log groups or the archive.",
    remains="It can write false lines, none, or so many that they cost, and shorten the log groups' retention; "
    "the archive keeps its copy. On the Standard plan the external id is the cluster's id, which is no secret.",
)
