"""What a database of RDS is to write and export, and the parameters that this takes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseLogs:
    """The logs, and the parameters that have the engine write them.

    ``libraries`` are added to ``shared_preload_libraries``. ``role_arn`` is a role of the customer's own, which
    publishes the audit log: the older way of Aurora MySQL.
    """

    log_types: tuple[str, ...]
    parameters: dict[str, str]
    libraries: tuple[str, ...] = ()
    role_arn: str | None = None

    @property
    def all_parameters(self) -> dict[str, str]:
        """The parameters, with those that the customer's role needs.

        Source: Aurora User Guide, "Publishing Amazon Aurora MySQL logs to Amazon CloudWatch Logs".
        """
        if self.role_arn is None:
            return self.parameters
        return {**self.parameters, "server_audit_logs_upload": "1", "aws_default_logs_role": self.role_arn}
