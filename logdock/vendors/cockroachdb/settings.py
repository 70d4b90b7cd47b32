"""CockroachDB Cloud: its log export to CloudWatch Logs, and how a deploy reaches its API."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.connect import Connect
from logdock.settings.export_base import OwnLogGroupExport, check_one_or_several, one_or_several
from logdock.settings.landing import Home, LogGroupLanding
from logdock.settings.model import Model
from logdock.settings.text import (
    AccountId,
    ClusterUuid,
    EachOnce,
    ExternalIds,
    LogGroupName,
    NotEmpty,
    Region,
    SessionSeconds,
    Switch,
    invalid,
)

Channel = Literal[
    "SESSIONS", "OPS", "HEALTH", "STORAGE", "SQL_SCHEMA", "USER_ADMIN", "PRIVILEGES", "SENSITIVE_ACCESS", "SQL_EXEC",
    "SQL_PERF", "CHANGEFEED",
]  # fmt: skip


class CockroachdbGroup(Model):
    """A log group of its own for some channels (`groups[]` of the Cloud API's logexport)."""

    log_name: LogGroupName = Field(description="Log group that these channels go to.")
    channels: Annotated[tuple[Channel, ...], *EachOnce, *NotEmpty] = Field(description="Channels of this group.")
    min_level: Literal["UNSPECIFIED", "WARNING", "ERROR", "FATAL"] = Field(
        default="UNSPECIFIED", description="Lines below this level are not exported. UNSPECIFIED: all are."
    )
    redact: Switch | None = Field(default=None, description="Default: the export's `redact`.")


class CockroachdbConnect(Connect):
    """The deploy enables the log export at CockroachDB Cloud, and a destroy disables it.

    The secret holds the secret key of a service account with the role Cluster Admin or Cluster Operator Writer on the
    cluster, as it is or as `{"api_key": ...}`.
    """


class CockroachdbExport(OwnLogGroupExport):
    """CockroachDB Cloud: `logexport` to CloudWatch Logs. One configuration per cluster."""

    model_config = one_or_several("cluster_id")
    id_setting = "cluster_id"

    vendor_name = "CockroachDB Cloud"
    only_commercial = "CockroachDB Cloud is in the partition aws, and assumes no role"

    kind: Literal["cockroachdb"] = Field(description="This kind of export.")
    plan: Literal["advanced", "standard"] = Field(
        default="advanced", description="Advanced (once Dedicated) or Standard: they trust in different ways."
    )
    cluster_id: ClusterUuid | None = Field(
        default=None, description="Cluster id, from the Cloud Console's URL. Required without `cluster_ids`."
    )
    cluster_ids: Annotated[tuple[ClusterUuid, ...], *EachOnce] = Field(
        default=(),
        validate_default=True,
        max_length=40,
        description="Clusters of one plan that share this export: its key and alarms. Each has a role and log groups "
        "of its own, `<log group>/<cluster id>`. With `connect` only. At most 40.",
    )
    connect: CockroachdbConnect | None = Field(
        default=None,
        validate_default=True,
        description="Enable the log export by the deploy. Default: off; `NextSteps` has the commands.",
    )
    cluster_account_id: AccountId | None = Field(
        default=None,
        validate_default=True,
        description="AWS account of the cluster. Advanced: `account_id` of GET /api/v1/clusters/{id}. Standard: its "
        "`keychain_config.aws_account_id`. Required without `connect`, which reads it.",
    )
    external_id: ExternalIds | None = Field(
        default=None,
        validate_default=True,
        description="Advanced: an id of your own making, sent as `aws_external_id`, or [old, new]. Required without "
        "`connect`, which takes the stack's own id. Standard, or with `cluster_ids`: do not set it.",
    )
    log_group: LogGroupName = Field(
        description="`log_name`: the log group of all channels that no group names. With `cluster_ids`, what the names "
        "of the clusters' log groups begin with."
    )
    adopt_log_groups: Switch = Field(
        default=False,
        description="The log groups exist already: they get the export's key, retention and protection.",
    )
    groups: tuple[CockroachdbGroup, ...] = Field(
        default=(), max_length=20, description="Channels with a log group of their own."
    )
    omitted_channels: Annotated[tuple[Channel, ...], *EachOnce, *NotEmpty] = Field(
        default=(), description="Channels that are not exported."
    )
    redact: Switch = Field(
        default=True, description="CockroachDB redacts sensitive values before it exports (its own default is false)."
    )
    regions: Annotated[tuple[Region, ...], *EachOnce] = Field(
        default=(),
        description="Every Region of the cluster: each gets its log groups. Default: the deployment's Region alone, "
        "and all logs are sent there.",
    )
    session_seconds: SessionSeconds = 43200

    _one_or_several = field_validator("cluster_ids")(check_one_or_several)

    @field_validator("connect")
    @classmethod
    def _connects_several(cls, value: CockroachdbConnect | None, info: ValidationInfo) -> CockroachdbConnect | None:
        if value is None and info.data.get("cluster_ids"):
            raise invalid(
                "how the deploy reaches CockroachDB Cloud: with `cluster_ids` it reads each cluster's account"
            )
        return value

    @field_validator("cluster_account_id")
    @classmethod
    def _given_or_read(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A `connect` that is refused is not in the data: its own message is enough.
        connects = info.data.get("connect", "refused")
        if value is None and connects is None:
            raise invalid("the AWS account of the cluster, or `connect`, which reads it")
        if value is not None and isinstance(connects, CockroachdbConnect):
            raise invalid("nothing: `connect` reads it from CockroachDB Cloud")
        return value

    @field_validator("external_id")
    @classmethod
    def _external_id_by_plan(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        plan = info.data.get("plan")
        if plan == "advanced" and value is None and info.data.get("connect", "refused") is None:
            raise invalid("an id of your own making (plan: advanced); `openssl rand -hex 16` makes one")
        if plan == "standard" and value is not None:
            raise invalid("nothing: on the Standard plan the external id is the cluster id")
        if value is not None and info.data.get("cluster_ids"):
            raise invalid("nothing: with `cluster_ids` the deploy takes the stack's own id")
        return value

    @field_validator("groups")
    @classmethod
    def _channel_once(cls, value: tuple[CockroachdbGroup, ...]) -> tuple[CockroachdbGroup, ...]:
        channels = [channel for group in value for channel in group.channels]
        repeated = sorted({channel for channel in channels if channels.count(channel) > 1})
        if repeated:
            raise invalid(f"each channel in one group only ({', '.join(repeated)} is in several)")
        return value

    @field_validator("omitted_channels")
    @classmethod
    def _some_channel_is_exported(cls, value: tuple[Channel, ...], info: ValidationInfo) -> tuple[Channel, ...]:
        # Groups that are refused are not in the data: their own message is enough.
        grouped = {channel for group in info.data.get("groups", ()) for channel in group.channels}
        if both := sorted(grouped & {*value}):
            raise invalid(f"channels that no group has ({', '.join(both)} is both in `groups` and omitted)")
        if not {*get_args(Channel)} - {*value}:
            raise invalid("at least one channel left: with every channel omitted nothing is exported")
        return value

    def settings_of_member(self, member_id: str) -> dict[str, object]:
        """Return the log groups of a cluster."""
        groups = tuple(group.model_copy(update={"log_name": f"{group.log_name}/{member_id}"}) for group in self.groups)
        return {"log_group": f"{self.log_group}/{member_id}", "groups": groups}

    def landing(self, home: Home) -> LogGroupLanding:
        """Say which log groups the export lands in."""
        return LogGroupLanding(regions=self.regions or (home.region,), names=self.log_groups)

    @property
    def max_expected_silence_minutes(self) -> int:
        """Only HEALTH is written all the time: each node reports its figures every ten seconds, below WARNING."""
        levels = {channel: group.min_level for group in self.groups for channel in group.channels}
        talks = "HEALTH" not in self.omitted_channels and levels.get("HEALTH", "UNSPECIFIED") == "UNSPECIFIED"
        return 0 if talks else 1440

    @property
    def trusted_external_ids(self) -> tuple[str, ...]:
        """The external ids that the role accepts; none where the stack's own id is it."""
        return self.external_id or ((self.object_id,) if self.plan == "standard" else ())

    @property
    def log_groups(self) -> tuple[str, ...]:
        """Every log group that the clusters write to, each once, a cluster's main one first."""
        return tuple(
            dict.fromkeys(
                name for each in self.members for name in (each.log_group, *(group.log_name for group in each.groups))
            )
        )


EXPORT = CockroachdbExport
