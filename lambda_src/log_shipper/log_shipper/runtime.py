"""What an execution environment keeps between invocations: configurations, secrets, and what was shipped just now."""

from collections.abc import Callable, Mapping
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from log_shipper import aws
from log_shipper.environment import Environment
from log_shipper.errors import ConfigurationError, ShipperError, UnknownExportError
from log_shipper.export_config import ExportConfigs
from log_shipper.telemetry import Tally, emit


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still take."""


def export_configs(environment: Environment) -> ExportConfigs:
    """Return the reader of exports' documents in Parameter Store."""

    def fetch(name: str) -> str:
        try:
            return aws.ssm().get_parameter(Name=environment.exports_path + name)["Parameter"]["Value"]
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "ParameterNotFound":
                raise UnknownExportError(f"export {name!r} has no configuration") from None
            raise ConfigurationError(f"export {name!r}: its configuration cannot be read: {explain(error)}") from None

    return ExportConfigs(fetch)


def explain(error: Exception) -> str:
    """Return what a log line may say of an error: never a record's content, never a URL."""
    if isinstance(error, ShipperError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "?")
        return f"{error.operation_name} answered {code}"
    return type(error).__name__


def report(tallies: Mapping[str, Tally], environment: Environment, destination: str) -> None:
    """Write the metrics of every export, then check that the figures add up.

    Raises
    ------
    AccountingError
        When they do not.
    """
    for export, tally in tallies.items():
        emit(tally, deployment=environment.deployment, export=export, destination=destination)
    for tally in tallies.values():
        tally.check()


def seconds_left(context: Context, reserve: float) -> Callable[[], float]:
    """Return a function that says how many seconds are left before the reserve is touched."""
    return lambda: context.get_remaining_time_in_millis() / 1000 - reserve
