"""What the deploy does at an existing bucket."""

from vendor_connector.vendors.s3_logs.operations import bucket_events

OPERATIONS = {"bucket-events": bucket_events}
