"""What the deploy does at Atlas."""

from vendor_connector.vendors.mongodb_atlas.operations import access_role, alert, auditing, log_export, redaction

POLLED = {
    "atlas-access-role": access_role,
    "atlas-alert": alert,
    "atlas-auditing": auditing,
    "atlas-log-export": log_export,
    "atlas-redaction": redaction,
}
