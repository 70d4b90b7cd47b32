"""What the vendor may do, may not do, and what risk remains."""

from __future__ import annotations

from logdock.vendors.access import Access
from logdock.vendors.rds.settings import RdsExport

ACCESS = Access(
    vendor="Amazon Aurora or RDS (AWS), in your own account",
    may="Publish the database's logs to its log groups, by AWS's service-linked role.",
    may_not="No principal outside of your account gets access.",
    remains="Logs can hold the statements that users ran.",
)


def access_of(_party: RdsExport) -> Access:
    """Describe what the vendor may do."""
    return ACCESS
