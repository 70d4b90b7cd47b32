"""What the deploy does at log groups found by prefix."""

from vendor_connector.vendors.cloudwatch_logs.operations import log_group_subscriptions

OPERATIONS = {"log-group-subscriptions": log_group_subscriptions}
