"""What a database is to write and export, as the settings say it."""

from __future__ import annotations

from vendor_connector.vendors.rds.documents import DatabaseLogs

from logdock.vendors.rds.settings import DatabaseExport


def database_logs(export: DatabaseExport, *, role_arn: str | None) -> DatabaseLogs:
    """Return the logs, and the parameters that they take.

    Parameters
    ----------
    role_arn
        A role of the customer's own, which publishes the audit log.
    """
    return DatabaseLogs(
        log_types=export.exported_log_types,
        parameters=export.parameters,
        libraries=export.libraries,
        role_arn=role_arn,
    )
