"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="Your own log groups (AWS CloudWatch Logs)",
    may="No new principal gets access: functions of the deployment read the named log groups.",
    may_not="No principal outside of your account gets access.",
    remains="Principals that may write to the log groups can write false lines.",
)
