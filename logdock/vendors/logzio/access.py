"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import Access
from logdock.vendors.logzio.settings import LogzioDestination

PUSH = Access(
    vendor="Logz.io (Logshero Ltd.), log analytics",
    may="Receive what the settings ship to it, after redaction.",
    may_not="Get into your account.",
    remains="What has been sent is Logz.io's to keep and to protect.",
)
FETCH = Access(
    vendor="Logz.io (Logshero Ltd.), log analytics",
    may="List and read its own feed in one bucket, and use that bucket's key through S3.",
    may_not="Read the archive, a landing bucket or another feed; write or delete anything.",
    remains="One account of Logz.io's reads for all of its customers; the external id distinguishes them. What it "
    "has read is Logz.io's to keep and to protect.",
)
FETCH_AND_ARCHIVE = Access(
    vendor="Logz.io (Logshero Ltd.), log analytics, with Archive & Restore",
    may="List and read its own feed in one bucket, and use that bucket's key through S3; write to and read the "
    "bucket that is made for its own archive.",
    may_not="Read the deployment's archive, a landing bucket or another feed; delete anything.",
    remains="One account of Logz.io's reads for all of its customers; the external id distinguishes them. What it "
    "has read is Logz.io's to keep and to protect. It can overwrite what it has archived: switch versioning on.",
)


def access_of(party: LogzioDestination) -> Access:
    """Describe what Logz.io may do."""
    if party.mode == "push":
        return PUSH
    return FETCH_AND_ARCHIVE if party.archive_and_restore else FETCH
