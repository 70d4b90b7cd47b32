"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="Amazon Aurora (AWS), in your own account",
    may="Publish the cluster's logs to its log groups, by AWS's service-linked role.",
    may_not="No principal outside of your account gets access.",
    remains="Audit lines hold the statements that users ran.",
)
