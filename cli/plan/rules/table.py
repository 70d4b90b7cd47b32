"""What a change of each setting leads to. Every setting of every model has an entry; a test finds one that has none.

An entry is a function that returns the consequences of a change, or a string: why the change has no consequence that
needs a sentence of its own. A change is always listed with both values; the string is what it says besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cli.plan.changes import Change
from cli.plan.effects import Effect
from cli.plan.rules.buckets import (
    access_point,
    access_point_part,
    another_object,
    bucket,
    bucket_encryption,
    decryption_keys,
    existing_bucket,
    existing_key,
    external_id,
    log_types,
    permissions,
    prefix,
    principal,
    replication_role,
    services,
)
from cli.plan.rules.common import ALARMS, CONCURRENCY, NAME, ON_FROM_NOW, PARENT
from cli.plan.rules.connect import (
    adopt,
    api_base_url,
    atlas_alert,
    atlas_auditing,
    audit_filter,
    connect,
    connect_secret,
    connect_vpc,
    legacy_paths,
    redact_clusters,
)
from cli.plan.rules.deployment import (
    another_deployment,
    archive_days,
    cold_after_days,
    email,
    hot_days,
    lock_days,
    no_recipient,
    replica,
    replica_lock,
    replica_region,
    sql,
    subscriptions,
    trail_log_group,
)
from cli.plan.rules.destinations import (
    destination_address,
    fetch_account,
    log_type,
    metrics,
    mode,
    namespaces,
    parse_json,
    token_secret,
)
from cli.plan.rules.exports import (
    export_retention,
    filters,
    group_retention,
    markers,
    max_expansion,
    oversize,
    redaction,
    session_seconds,
    ship_to,
)
from cli.plan.rules.log_groups import (
    aurora_role,
    cockroach_adopt,
    cockroach_groups,
    cockroach_log_group,
    cockroach_redact,
    cockroach_regions,
    configure_database,
    database_engine,
    database_groups,
    database_id,
    database_log_types,
    database_parameters,
    encrypt,
    omitted_channels,
    own_log_groups,
    parameter_group,
    pgaudit,
    plan_of_cluster,
)

Rule = Callable[[Change], Iterable[Effect]]

_EXPORT_KINDS = (
    "MongodbAtlasExport", "AptibleExport", "S3LogsExport", "CockroachdbExport", "AuroraMysqlExport",
    "RdsExport", "CloudwatchLogsExport", "LogzioDestination", "OtlpDestination",
)  # fmt: skip
_ALARM_FIELDS = (
    "silent_after_minutes", "lag_after_minutes", "daily_gb", "volume_band", "failed_logins_per_hour",
    "privilege_changes_per_hour", "schema_changes_per_hour",
)  # fmt: skip

RULES: dict[tuple[str, str], Rule | str] = {
    ("Deployment", "deployment"): another_deployment,
    ("Deployment", "account"): another_deployment,
    ("Deployment", "region"): another_deployment,
    ("Deployment", "retention"): "Retention is compared by its days, whichever way it is given.",
    ("Deployment", "replica"): replica,
    ("Deployment", "alerts"): PARENT,
    ("Deployment", "dashboard"): "The dashboard holds no data; a stack that is not in the settings is named by itself.",
    ("Deployment", "subscriptions"): subscriptions,
    ("Deployment", "sql"): sql,
    ("Deployment", "destinations"): "Destinations are compared one by one.",
    ("Deployment", "exports"): "Exports are compared one by one.",
    ("Retention", "hot_days"): hot_days,
    ("Retention", "archive_days"): archive_days,
    ("Retention", "cold_after_days"): cold_after_days,
    ("Replica", "region"): replica_region,
    ("Replica", "lock"): replica_lock,
    ("Replica", "lock_days"): lock_days,
    ("Sql", "scan_limit_gb"): "Queries that read more are ended from the deploy on.",
    ("Alerts", "email"): email,
    ("Alerts", "sns_topic_arns"): no_recipient,
    ("Alerts", "webhook"): no_recipient,
    ("Alerts", "remind_after_minutes"): ALARMS,
    ("Alerts", "trail_log_group"): trail_log_group,
    ("Alerts", "runbook_url"): ALARMS,
    **{(model, field): ALARMS for model in ("Alerts", "ExportAlerts") for field in _ALARM_FIELDS},
    **{("Webhook", field): ALARMS for field in ("url", "url_secret", "header", "header_secret")},
    **{(model, "kind"): NAME for model in _EXPORT_KINDS},
    ("ExportBase", "name"): NAME,
    ("LogzioDestination", "name"): NAME,
    ("OtlpDestination", "name"): NAME,
    ("LogzioDestination", "mode"): mode,
    ("LogzioDestination", "region"): destination_address,
    ("LogzioDestination", "token_secret"): token_secret,
    ("LogzioDestination", "listener_url"): destination_address,
    ("LogzioDestination", "log_type"): log_type,
    ("LogzioDestination", "parse_json"): parse_json,
    ("LogzioDestination", "connect"): connect,
    ("LogzioDestination", "account_id"): fetch_account,
    ("LogzioDestination", "external_id"): external_id,
    ("LogzioDestination", "session_seconds"): session_seconds,
    ("LogzioDestination", "metrics"): metrics,
    **{(model, "concurrency"): CONCURRENCY for model in ("LogzioDestination", "OtlpDestination")},
    ("LogzioMetrics", "token_secret"): token_secret,
    ("LogzioMetrics", "namespaces"): namespaces,
    ("LogzioMetrics", "listener_url"): destination_address,
    ("LogzioMetrics", "tags"): "The function that sends tags comes or goes; it holds nothing.",
    ("OtlpDestination", "endpoint"): destination_address,
    ("OtlpDestination", "headers_secret"): token_secret,
    ("ConfiguredExport", "revision"): "The deploy configures again what exists in AWS, and fixes what differs.",
    ("ConfiguredExport", "check_each_deploy"): "Every deploy configures again, or only one that changes something.",
    ("Connect", "secret"): connect_secret,
    ("Connect", "secret_key_arn"): "The functions may use the new key to read the secret.",
    ("Connect", "api_base_url"): api_base_url,
    ("Connect", "adopt"): adopt,
    ("Connect", "revision"): "The deploy looks at everything at the vendor again, and puts right what differs.",
    ("Connect", "check_each_deploy"): "Every deploy looks at everything at the vendor, or only one that changes it.",
    ("Connect", "vpc"): connect_vpc,
    ("Vpc", "subnet_ids"): connect_vpc,
    ("Vpc", "security_group_ids"): connect_vpc,
    ("AtlasConnect", "legacy_paths"): legacy_paths,
    ("AtlasConnect", "alert"): atlas_alert,
    ("AtlasConnect", "alert_recipients"): "The deploy changes the recipients of the alert at Atlas in place.",
    **{
        ("AtlasRecipient", field): PARENT
        for field in ("roles", "email", "team_id", "channel", "integration_id", "channel_name")
    },
    ("AtlasConnect", "auditing"): atlas_auditing,
    ("AtlasConnect", "redact_clusters"): redact_clusters,
    ("AtlasAuditing", "filter"): audit_filter,
    ("AtlasAuditing", "authorization_success"): audit_filter,
    ("ExportBase", "ship_to"): ship_to,
    ("ExportBase", "redaction"): PARENT,
    ("ExportBase", "include"): filters,
    ("ExportBase", "exclude"): filters,
    ("ExportBase", "alerts"): PARENT,
    ("ExportBase", "oversize"): oversize,
    ("ExportBase", "log_type"): log_type,
    ("ExportBase", "max_expansion"): max_expansion,
    ("BucketExport", "path_fields"): ON_FROM_NOW,
    ("LineExport", "record_start"): ON_FROM_NOW,
    ("LogGroupExport", "retention_days"): export_retention,
    ("Redaction", "markers"): markers,
    ("Redaction", "detectors"): redaction,
    ("Redaction", "patterns"): redaction,
    **{("Pattern", field): PARENT for field in ("name", "regex", "replacement")},
    ("MongodbAtlasExport", "project_id"): another_object,
    ("MongodbAtlasExport", "connect"): connect,
    ("MongodbAtlasExport", "atlas_principal_arn"): principal,
    ("MongodbAtlasExport", "external_id"): external_id,
    ("MongodbAtlasExport", "bucket"): bucket,
    ("MongodbAtlasExport", "prefix"): prefix,
    ("MongodbAtlasExport", "log_types"): log_types,
    ("MongodbAtlasExport", "permissions"): permissions,
    ("MongodbAtlasExport", "mrap_arn"): access_point,
    ("MongodbAtlasExport", "mrap_buckets"): access_point_part,
    ("MongodbAtlasExport", "mrap_key_arns"): access_point_part,
    ("MongodbAtlasExport", "session_seconds"): session_seconds,
    ("AptibleExport", "stack_region"): "It is checked against the deployment's Region, and changes nothing deployed.",
    ("AptibleExport", "bucket"): bucket,
    ("AptibleExport", "replication_role_arn"): replication_role,
    ("AptibleExport", "encryption"): bucket_encryption,
    ("AptibleExport", "decryption_keys_secret"): decryption_keys,
    ("S3LogsExport", "bucket"): bucket,
    ("S3LogsExport", "services"): services,
    ("S3LogsExport", "existing_bucket"): existing_bucket,
    ("S3LogsExport", "kms_key_arn"): existing_key,
    ("S3LogsExport", "prefix"): prefix,
    ("S3LogsExport", "format"): ON_FROM_NOW,
    **{("CockroachdbGroup", field): PARENT for field in ("log_name", "channels", "min_level", "redact")},
    ("CockroachdbExport", "plan"): plan_of_cluster,
    ("CockroachdbExport", "cluster_id"): another_object,
    ("CockroachdbExport", "connect"): connect,
    ("CockroachdbExport", "cluster_account_id"): principal,
    ("CockroachdbExport", "external_id"): external_id,
    ("CockroachdbExport", "log_group"): cockroach_log_group,
    ("CockroachdbExport", "adopt_log_groups"): cockroach_adopt,
    ("CockroachdbExport", "groups"): cockroach_groups,
    ("CockroachdbExport", "omitted_channels"): omitted_channels,
    ("CockroachdbExport", "redact"): cockroach_redact,
    ("CockroachdbExport", "regions"): cockroach_regions,
    ("CockroachdbExport", "session_seconds"): session_seconds,
    ("AuroraMysqlExport", "cluster_id"): database_id,
    ("AuroraMysqlExport", "log_types"): database_log_types,
    ("AuroraMysqlExport", "events"): database_parameters,
    ("AuroraMysqlExport", "include_users"): database_parameters,
    ("AuroraMysqlExport", "exclude_users"): database_parameters,
    ("AuroraMysqlExport", "long_query_time"): database_parameters,
    ("AuroraMysqlExport", "parameter_group"): parameter_group,
    ("AuroraMysqlExport", "log_groups"): database_groups,
    ("AuroraMysqlExport", "role"): aurora_role,
    ("AuroraMysqlExport", "configure_cluster"): configure_database,
    ("RdsExport", "engine"): database_engine,
    ("RdsExport", "cluster_id"): database_id,
    ("RdsExport", "instance_id"): database_id,
    ("RdsExport", "log_types"): database_log_types,
    **{
        ("RdsExport", field): database_parameters
        for field in ("log_connections", "log_statement", "log_min_duration_statement", "long_query_time")
    },
    ("RdsExport", "pgaudit"): pgaudit,
    ("RdsExport", "parameter_group"): parameter_group,
    ("RdsExport", "log_groups"): database_groups,
    ("RdsExport", "configure_database"): configure_database,
    ("CloudwatchLogsExport", "log_groups"): own_log_groups,
    ("CloudwatchLogsExport", "log_group_prefixes"): own_log_groups,
    ("CloudwatchLogsExport", "retention_days"): group_retention,
    ("CloudwatchLogsExport", "encrypt"): encrypt,
    ("CloudwatchLogsExport", "format"): ON_FROM_NOW,
}
"""By the model that declares the setting, and its name."""


def effects_of(change: Change) -> list[Effect]:
    """List what a change of a setting leads to; empty where its entry is a reason."""
    rule = RULES.get(change.field)
    return [] if rule is None or isinstance(rule, str) else list(rule(change))


def remark_on(change: Change) -> str:
    """Return what is said of a change without a consequence."""
    rule = RULES.get(change.field)
    return rule if isinstance(rule, str) else ""
