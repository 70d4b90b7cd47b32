"""What a database is to write and export, as the settings say it."""

from vendor_connector.vendors.rds.documents import DatabaseLogs

from logdock.vendors.rds.settings import DatabaseExport


def database_logs(export: DatabaseExport, *, role_arn: str | None) -> DatabaseLogs:
    """Return the logs, and the parameters that they take, also for a role of the customer's own."""
    types, parameters = export.log_types, export.parameters
    return DatabaseLogs(log_types=types, parameters=parameters, libraries=export.libraries, role_arn=role_arn)
