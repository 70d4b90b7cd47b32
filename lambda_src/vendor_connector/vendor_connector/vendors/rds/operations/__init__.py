"""What the deploy does at a database of RDS, Aurora MySQL included."""

from vendor_connector.vendors.rds.operations import database_logs

OPERATIONS = {"aurora-audit": database_logs, "rds-logs": database_logs}
