"""The bodies that the Atlas Administration API takes here: fields, types and enums of its OpenAPI description."""

from typing import Annotated, Literal

from pydantic import Field

from local_cloud.vendors.server import Camel

Id = Annotated[str, Field(pattern=r"^[a-f0-9]{24}$")]
# EVENTS is on Atlas's page, "Export Logs to External Sinks"; the description of October 2026 does not have it yet.
LogType = Literal["MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT", "EVENTS"]


class RoleRequest(Camel):
    """CloudProviderAccessAWSIAMRoleRequest."""

    provider_name: Literal["AWS"]


class RoleAuthorization(Camel):
    """CloudProviderAccessAWSIAMRoleRequestUpdate."""

    provider_name: Literal["AWS"]
    iam_assumed_role_arn: Annotated[str, Field(min_length=20, max_length=2048)]


class LogIntegration(Camel):
    """S3LogIntegrationRequest."""

    type: Literal["S3_LOG_EXPORT"]
    bucket_name: Annotated[str, Field(min_length=3)]
    iam_role_id: Id
    prefix_path: str
    log_types: Annotated[list[LogType], Field(max_length=10)]
    kms_key: str | None = None
    use_legacy_path_structure: bool | None = None


class Notification(Camel):
    """AlertsNotificationRootForGroup: GroupNotification and those of its other types that are sent here."""

    type_name: Literal[
        "GROUP",
        "EMAIL",
        "TEAM",
        "DATADOG",
        "MICROSOFT_TEAMS",
        "OPS_GENIE",
        "PAGER_DUTY",
        "SLACK",
        "VICTOR_OPS",
        "WEBHOOK",
    ]
    email_enabled: bool | None = None
    sms_enabled: bool | None = None
    delay_min: int
    interval_min: Annotated[int, Field(ge=5)]
    roles: list[str] | None = None
    email_address: str | None = None
    team_id: Id | None = None
    integration_id: Id | None = None
    channel_name: str | None = None
    notifier_id: Id | None = None


class AlertConfig(Camel):
    """HostAlertConfigViewForNdsGroup."""

    event_type_name: Literal["HOST_EXTERNAL_LOG_SINK_EXPORT_DOWN", "HOST_DOWN"]
    enabled: bool
    notifications: Annotated[list[Notification], Field(min_length=1, max_length=25)]
    matchers: list[dict[str, str]] = Field(default_factory=list)


class AuditLog(Camel):
    """AuditLog."""

    enabled: bool | None = None
    audit_filter: str | None = None
    audit_authorization_success: bool | None = None


class ClusterChange(Camel):
    """ClusterDescription20240805, the one setting of it that is changed here."""

    redact_client_log_data: bool
