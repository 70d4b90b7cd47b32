"""What the vendor may do, may not do, and what risk remains."""

from __future__ import annotations

from logdock.vendors.access import Access
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport

ACCESS = Access(
    vendor="Amazon Aurora (AWS), in your own account",
    may="Publish the cluster's logs to its log groups, by AWS's service-linked role.",
    may_not="No principal outside of your account gets access.",
    remains="Audit lines hold the statements that users ran.",
)


def access_of(_party: AuroraMysqlExport) -> Access:
    """Describe what the vendor may do."""
    return ACCESS
