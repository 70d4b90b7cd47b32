"""Exports of databases that RDS runs: clusters and instances, which publish their logs to CloudWatch Logs.

Which engine has which log types: RDS API Reference, CreateDBCluster and CreateDBInstance (EnableCloudwatchLogsExports).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.export_base import OwnLogGroupExport
from logdock.settings.landing import Home, LogGroupLanding
from logdock.settings.text import (
    DbClusterIdentifier,
    DbInstanceIdentifier,
    EachOnce,
    NotEmpty,
    ParameterGroup,
    Switch,
    invalid,
)

LongQuerySeconds = Annotated[float, Field(ge=0, le=31536000)]
"""Seconds of `long_query_time`; a year is the engines' own upper bound."""
AuditEvent = Literal["CONNECT", "QUERY", "QUERY_DCL", "QUERY_DDL", "QUERY_DML", "TABLE"]
Engine = Literal["aurora-postgresql", "postgres", "mysql", "mariadb"]
RdsLog = Literal[
    "postgresql", "upgrade", "audit", "error", "general", "slowquery", "instance", "iam-db-auth-error"
]  # fmt: skip
AuditClass = Literal["all", "ddl", "function", "misc", "misc_set", "read", "role", "write"]
_MYSQL_CLUSTER = ("error", "general", "slowquery", "iam-db-auth-error")
_POSTGRESQL = ("postgresql", "upgrade", "iam-db-auth-error")
CLUSTER_LOGS: dict[str, tuple[str, ...]] = {
    "aurora-postgresql": ("postgresql", "instance", "iam-db-auth-error"),
    "postgres": _POSTGRESQL,
    "mysql": _MYSQL_CLUSTER,
}
"""The log types of a cluster, Multi-AZ DB clusters included, by engine."""
INSTANCE_LOGS: dict[str, tuple[str, ...]] = {
    "postgres": _POSTGRESQL,
    "mysql": ("audit", *_MYSQL_CLUSTER),
    "mariadb": ("audit", *_MYSQL_CLUSTER),
}
"""The log types of an instance, by engine. An instance of Aurora has none: its cluster exports them."""


def format_number(value: float) -> str:
    """Return a number as a parameter's value: at most six decimals, none that are zero."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def check_slow_queries(value: float | None, info: ValidationInfo) -> float | None:
    """Refuse `long_query_time` without the log that it is of."""
    # A refused log_types is not in the data: its own message is enough.
    if value is not None and "slowquery" not in info.data.get("log_types", ("slowquery",)):
        raise invalid("nothing, or `slowquery` in `log_types`: it says which statements that log has")
    return value


class DatabaseExport(OwnLogGroupExport):
    """Logs of a database that RDS runs and that exists."""

    is_of_aws = True

    if TYPE_CHECKING:
        # each kind's own fields
        log_types: tuple[str, ...]
        long_query_time: float | None

    @property
    @abstractmethod
    def database_id(self) -> str:
        """The identifier of the cluster or instance."""

    @property
    @abstractmethod
    def is_cluster(self) -> bool:
        """Whether it is a cluster; otherwise it is an instance."""

    @property
    @abstractmethod
    def engine_name(self) -> str:
        """The engine, as RDS names it."""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that have the engine write the logs of `log_types`; empty where it does anyway.

        Those of MySQL and MariaDB, Aurora MySQL included: RDS User Guide, "Publishing MySQL logs to Amazon CloudWatch
        Logs", "Publishing MariaDB logs to Amazon CloudWatch Logs"; Aurora User Guide, "Publishing Amazon Aurora MySQL
        logs to Amazon CloudWatch Logs". The error log needs none; the others must be enabled, and are published from
        files.
        """
        found: dict[str, str] = {}
        if "general" in self.log_types:
            found["general_log"] = "1"
        if "slowquery" in self.log_types:
            found["slow_query_log"] = "1"
            if self.long_query_time is not None:
                found["long_query_time"] = format_number(self.long_query_time)
        if {"general", "slowquery"} & {*self.log_types}:
            found["log_output"] = "FILE"
        return found

    @property
    @abstractmethod
    def is_configured(self) -> bool:
        """Whether the deploy configures the database."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """What must be added to `shared_preload_libraries`."""
        return ()

    @property
    def has_own_role(self) -> bool:
        """Whether a role of the customer's own publishes the audit log."""
        return False

    @property
    def needs_parameters(self) -> bool:
        """Whether the database needs a parameter group that can be changed."""
        return bool(self.parameters or self.libraries)

    @property
    def noun(self) -> str:
        """What it is called in messages."""
        return "cluster" if self.is_cluster else "instance"

    def landing(self, home: Home) -> LogGroupLanding:
        """Say which log groups the export lands in."""
        return LogGroupLanding(regions=(home.region,), names=self.log_group_names)

    @property
    def log_group_names(self) -> tuple[str, ...]:
        """The log groups that RDS writes to (RDS User Guide, "Publishing database logs to Amazon CloudWatch Logs")."""
        return tuple(
            f"/aws/rds/{each.noun}/{each.database_id}/{log_type}"
            for each in self.members
            for log_type in each.log_types
        )


class RdsExport(DatabaseExport):
    """Aurora PostgreSQL, and RDS for PostgreSQL, MySQL and MariaDB: a cluster or an instance that exists."""

    vendor_name = "RDS"

    kind: Literal["rds"] = Field(description="This kind of export. For Aurora MySQL it is `aurora-mysql`.")
    engine: Engine = Field(description="Engine, as RDS names it.")
    cluster_id: DbClusterIdentifier | None = Field(
        default=None,
        validate_default=True,
        description="DB cluster identifier: of Aurora PostgreSQL, or of a Multi-AZ DB cluster of PostgreSQL or MySQL.",
    )
    instance_id: DbInstanceIdentifier | None = Field(
        default=None,
        validate_default=True,
        description="DB instance identifier of PostgreSQL, MySQL or MariaDB. Either this or `cluster_id` is required.",
    )
    log_types: Annotated[tuple[RdsLog, ...], *EachOnce, *NotEmpty] = Field(
        description="Logs to export: each has the log group /aws/rds/cluster/<id>/<type> or "
        "/aws/rds/instance/<id>/<type>. Aurora PostgreSQL: `postgresql`, `instance`, `iam-db-auth-error`. PostgreSQL: "
        "`postgresql`, `upgrade`, `iam-db-auth-error`. MySQL and MariaDB: `error`, `general`, `slowquery`, "
        "`iam-db-auth-error`, and an instance's `audit`. The deploy sets `general_log` for `general` and "
        "`slow_query_log` for `slowquery`.",
    )
    log_connections: Switch = Field(
        default=False, description="PostgreSQL logs connections and disconnections, with `postgresql` in `log_types`."
    )
    log_statement: Literal["none", "ddl", "mod", "all"] | None = Field(
        default=None,
        description="Statements that PostgreSQL logs, with `postgresql` in `log_types`. `all` logs passwords in "
        "statements, too. Default: the database's own value; the engine's is `none`.",
    )
    log_min_duration_statement: Annotated[int, Field(ge=0, le=2147483647)] | None = Field(
        default=None,
        description="Milliseconds from which PostgreSQL logs a statement with its duration, with `postgresql` in "
        "`log_types`. Default: the database's own value; the engine logs none.",
    )
    pgaudit: Annotated[tuple[AuditClass, ...], *EachOnce] = Field(
        default=(),
        description="Classes of statements that the extension pgaudit logs (`pgaudit.log`), with `postgresql` in "
        "`log_types`. The deploy adds pgaudit to `shared_preload_libraries`: the database must then be restarted once, "
        "and `NextSteps` has the statement that creates the extension.",
    )
    long_query_time: LongQuerySeconds | None = Field(
        default=None,
        description="Seconds from which MySQL and MariaDB log a statement as slow, for `slowquery`. Default: the "
        "database's own value; the engine's is 10.",
    )
    parameter_group: ParameterGroup | None = Field(
        default=None,
        description="The database's own parameter group, which the deploy may change: a DB cluster parameter group of "
        "a cluster, a DB parameter group of an instance. Default: the database still uses a default group; if the "
        "settings need parameters, the deploy makes one and attaches it, and the database must then be restarted once.",
    )
    log_groups: Literal["create", "adopt"] = Field(
        default="create",
        description="`create`: CloudFormation creates the log groups. `adopt`: they exist, because RDS created them.",
    )
    configure_database: Switch = Field(
        default=True,
        description="The deploy sets the parameters and switches the export on. Off: the stack's output `NextSteps` "
        "has the commands.",
    )

    @field_validator("cluster_id")
    @classmethod
    def _has_clusters(cls, value: str | None, info: ValidationInfo) -> str | None:
        engine = info.data.get("engine")
        if value is None and engine == "aurora-postgresql":
            raise invalid("a DB cluster identifier: the cluster exports the logs of Aurora's instances")
        if value is not None and engine is not None and engine not in CLUSTER_LOGS:
            raise invalid(f"nothing: {engine} has no clusters; give `instance_id`")
        return value

    @field_validator("instance_id")
    @classmethod
    def _one_of_both(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A refused setting is not in the data: its own message is enough.
        engine, cluster = info.data.get("engine"), info.data.get("cluster_id", "refused")
        if value is not None and engine == "aurora-postgresql":
            raise invalid("nothing: the cluster exports the logs of Aurora's instances")
        if value is None and cluster is None:
            raise invalid("a DB instance identifier, or `cluster_id`: one of them is required")
        if value is not None and cluster not in (None, "refused"):
            raise invalid("nothing: `cluster_id` is given; an export is of one database")
        return value

    @field_validator("log_types")
    @classmethod
    def _engine_has_them(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        engine = info.data.get("engine")
        by_engine = CLUSTER_LOGS if info.data.get("cluster_id") else INSTANCE_LOGS
        known = by_engine.get(engine or "", ())
        if known and (unknown := sorted({*value} - {*known})):
            what = "a cluster" if info.data.get("cluster_id") else "an instance"
            raise invalid(f"log types of {what} of {engine}: {', '.join(known)} (not {', '.join(unknown)})")
        return value

    @field_validator("log_connections", "log_statement", "log_min_duration_statement", "pgaudit")
    @classmethod
    def _postgresql_log_is_exported(cls, value: object, info: ValidationInfo) -> object:
        # A refused log_types is not in the data: its own message is enough.
        is_set = value is not None and value is not False and value != ()
        if is_set and "postgresql" not in info.data.get("log_types", ("postgresql",)):
            raise invalid("nothing, or `postgresql` in `log_types`: it says what that log has")
        return value

    _slow_queries_are_exported = field_validator("long_query_time")(check_slow_queries)

    @property
    def max_expected_silence_minutes(self) -> int:
        """An unused database logs little; the general log has every statement."""
        return 0 if "general" in self.log_types or self.log_statement == "all" else 1440

    @property
    def database_id(self) -> str:
        """The identifier of the cluster or instance."""
        return self.cluster_id or self.instance_id or ""

    @property
    def is_cluster(self) -> bool:
        """Whether it is a cluster; otherwise it is an instance."""
        return self.cluster_id is not None

    @property
    def engine_name(self) -> str:
        """The engine, as RDS names it."""
        return self.engine

    @property
    def is_configured(self) -> bool:
        """Whether the deploy configures the database."""
        return self.configure_database

    @property
    def libraries(self) -> tuple[str, ...]:
        """`pgaudit`, where it is asked for: RDS User Guide, "Setting up the pgAudit extension"."""
        return ("pgaudit",) if self.pgaudit else ()

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters, and what the settings say of PostgreSQL's log.

        PostgreSQL always writes it: RDS User Guide, "Turning on query logging for your RDS for PostgreSQL DB instance".
        """
        found = super().parameters
        if self.log_connections:
            found |= {"log_connections": "1", "log_disconnections": "1"}
        if self.log_statement is not None:
            found["log_statement"] = self.log_statement
        if self.log_min_duration_statement is not None:
            found["log_min_duration_statement"] = str(self.log_min_duration_statement)
        if self.pgaudit:
            found["pgaudit.log"] = ",".join(self.pgaudit)
        return found


EXPORT = RdsExport
