"""Aurora MySQL: Advanced Auditing and the other logs of a cluster, published to CloudWatch Logs.

Which log types it has: RDS API Reference, CreateDBCluster (EnableCloudwatchLogsExports).
"""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.export_base import check_one_or_several, one_or_several
from logdock.settings.text import DbClusterIdentifier, EachOnce, NotEmpty, ParameterGroup, Switch, invalid
from logdock.vendors.rds.settings import AuditEvent, DatabaseExport, LongQuerySeconds, check_slow_queries

AuroraLog = Literal["audit", "error", "general", "slowquery", "instance", "iam-db-auth-error"]


def _users(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(",".join(value)) > 1024 or not all(re.fullmatch(r"[^\s,]+", user) for user in value):
        raise invalid("names of database users without spaces or commas, at most 1024 characters in all")
    return value


class AuroraMysqlExport(DatabaseExport):
    """Aurora MySQL: Advanced Auditing, published to CloudWatch Logs, for a cluster that exists."""

    model_config = one_or_several("cluster_id")
    id_setting = "cluster_id"

    vendor_name = "Aurora"

    kind: Literal["aurora-mysql"] = Field(description="This kind of export.")
    cluster_id: DbClusterIdentifier | None = Field(
        default=None, description="DB cluster identifier. Required without `cluster_ids`."
    )
    cluster_ids: Annotated[tuple[DbClusterIdentifier, ...], *EachOnce] = Field(
        default=(),
        validate_default=True,
        max_length=16,
        description="DB clusters that share this export: its key, its alarms and its rule for RDS's events. Each is "
        "configured alone. At most 16.",
    )
    log_types: Annotated[tuple[AuroraLog, ...], *EachOnce, *NotEmpty] = Field(
        default=("audit",),
        description="Logs to export: each has the log group /aws/rds/cluster/<id>/<type>. The deploy switches on what "
        "writes them: Advanced Auditing for `audit`, `general_log` for `general`, `slow_query_log` for `slowquery`.",
    )
    events: Annotated[tuple[AuditEvent, ...], *EachOnce, *NotEmpty] = Field(
        default=("CONNECT", "QUERY_DCL", "QUERY_DDL"),
        description="What is audited, with `audit` in `log_types`: the cluster parameter `server_audit_events`.",
    )
    include_users: Annotated[tuple[str, ...], *EachOnce] = Field(
        default=(),
        description="Only these database users are audited (`server_audit_incl_users`). Wins over exclude_users.",
    )
    exclude_users: Annotated[tuple[str, ...], *EachOnce] = Field(
        default=(), description="These database users are not audited (`server_audit_excl_users`)."
    )
    long_query_time: LongQuerySeconds | None = Field(
        default=None,
        description="Seconds from which a statement is slow (`long_query_time`), for `slowquery`. Default: the "
        "cluster's own value; the engine's is 10.",
    )
    parameter_group: ParameterGroup | None = Field(
        default=None,
        description="The cluster's own DB cluster parameter group, which the deploy may change. Default: the cluster "
        "still uses a default group; if `log_types` needs parameters (`audit`, `general` and `slowquery` do), the "
        "deploy makes one and attaches it, and the instances must then be restarted once.",
    )
    parameter_groups: dict[DbClusterIdentifier, ParameterGroup] = Field(
        default={},
        description="With `cluster_ids`: the parameter group of each cluster that has one of its own, as "
        "`parameter_group` is that of one. No two clusters of the export may share one.",
    )
    log_groups: Literal["create", "adopt"] = Field(
        default="create",
        description="`create`: CloudFormation makes the log groups. `adopt`: Aurora (or a user) has created them "
        "already.",
    )
    role: Literal["service-linked", "custom"] = Field(
        default="service-linked",
        description="`service-linked`: AWSServiceRoleForRDS writes (the current way). `custom`: a role of your own "
        "writes (the older way).",
    )
    configure_cluster: Switch = Field(
        default=True,
        description="The deploy sets the cluster parameters and switches the export on. Off: the stack's output "
        "`NextSteps` has the commands.",
    )

    @property
    def max_expected_silence_minutes(self) -> int:
        """Audited events may not happen for a night; the general log has every statement."""
        return 0 if "general" in self.log_types else 1440

    _one_or_several = field_validator("cluster_ids")(check_one_or_several)

    @field_validator("parameter_group")
    @classmethod
    def _of_one_cluster(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("cluster_ids"):
            raise invalid("nothing with `cluster_ids`: `parameter_groups` has the group of each cluster")
        return value

    @field_validator("parameter_groups")
    @classmethod
    def _of_several_clusters(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        # What is refused is not in the data: its own message is enough.
        if others := sorted({*value} - {*info.data.get("cluster_ids", value)}):
            raise invalid(f"clusters of `cluster_ids` ({', '.join(others)} is none)")
        if len({*value.values()}) != len(value):
            raise invalid(
                "a parameter group of its own for each cluster: what is set in one that several share cannot be put "
                "back for one of them alone"
            )
        return value

    @field_validator("role")
    @classmethod
    def _role_of_one_cluster(cls, value: str, info: ValidationInfo) -> str:
        if value == "custom" and info.data.get("cluster_ids"):
            raise invalid("service-linked with `cluster_ids`: a role of the older way is one cluster's")
        return value

    _users_fit = field_validator("include_users", "exclude_users")(_users)

    _slow_queries_are_exported = field_validator("long_query_time")(check_slow_queries)

    def settings_of_member(self, member_id: str) -> dict[str, object]:
        """Return the parameter group of a cluster."""
        return {"parameter_group": self.parameter_groups.get(member_id), "parameter_groups": {}}

    @property
    def database_id(self) -> str:
        """The cluster's identifier."""
        return self.object_id

    @property
    def is_cluster(self) -> bool:
        """Aurora's logs are exported by the cluster."""
        return True

    @property
    def engine_name(self) -> str:
        """The kind's only engine."""
        return "aurora-mysql"

    @property
    def is_configured(self) -> bool:
        """Whether the deploy configures the cluster."""
        return self.configure_cluster

    @property
    def has_own_role(self) -> bool:
        """Whether a role of the customer's own writes: it publishes the audit log, and no other type."""
        return self.role == "custom" and "audit" in self.log_types

    @property
    def parameters(self) -> dict[str, str]:
        """The DB cluster parameters, those of Advanced Auditing first."""
        audit: dict[str, str] = {}
        if "audit" in self.log_types:
            users = {"server_audit_incl_users": self.include_users, "server_audit_excl_users": self.exclude_users}
            audit |= {"server_audit_logging": "1", "server_audit_events": ",".join(self.events)}
            audit |= {name: ",".join(value) for name, value in users.items() if value}
        return audit | super().parameters


EXPORT = AuroraMysqlExport
