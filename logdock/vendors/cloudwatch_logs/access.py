"""What the vendor may do, may not do, and what risk remains."""

from __future__ import annotations

from logdock.vendors.access import Access
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport

ACCESS = Access(
    vendor="Your own log groups (AWS CloudWatch Logs)",
    may="No new principal gets access: functions of the deployment read the named log groups.",
    may_not="No principal outside of your account gets access.",
    remains="Principals that may write to the log groups can write false lines.",
)


def access_of(_party: CloudwatchLogsExport) -> Access:
    """Describe what the vendor may do."""
    return ACCESS
