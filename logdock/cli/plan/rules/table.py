"""What a change of each setting leads to. Every setting of every model has an entry; a test finds one that has none.

An entry is a function that returns the consequences of a change, or a string: why the change has no consequence that
needs a sentence of its own. A change is always listed with both values; the string is an additional sentence.
"""

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect
from logdock.cli.plan.rules import connect, deployment, destinations, exports
from logdock.cli.plan.rules.common import ALARMS, NAME, ON_FROM_NOW, PARENT, Rule
from logdock.vendors.registry import DESTINATIONS, EXPORTS, load_part

_ALARM_FIELDS = (
    "silent_after_minutes", "lag_after_minutes", "daily_gb", "volume_band", "failed_logins_per_hour",
    "privilege_changes_per_hour", "schema_changes_per_hour",
)  # fmt: skip

RULES: dict[tuple[str, str], Rule | str] = {
    ("Deployment", "deployment"): deployment.another_deployment,
    ("Deployment", "account"): deployment.another_deployment,
    ("Deployment", "region"): deployment.another_deployment,
    ("Deployment", "retention"): "Retention is compared by its days, whichever way it is given.",
    ("Deployment", "replica"): deployment.replica,
    ("Deployment", "archive"): PARENT,
    ("Deployment", "alerts"): PARENT,
    ("Deployment", "dashboard"): "The dashboard holds no data; a stack that is not in the settings is named by itself.",
    ("Deployment", "subscriptions"): deployment.subscriptions,
    ("Deployment", "sql"): deployment.sql,
    ("Deployment", "readers"): "A role of people: no log is kept or sent in another way.",
    ("Deployment", "destinations"): "Destinations are compared one by one.",
    ("Deployment", "exports"): "Exports are compared one by one.",
    ("Archive", "compact"): deployment.compact,
    ("Retention", "hot_days"): deployment.hot_days,
    ("Retention", "archive_days"): deployment.archive_days,
    ("Retention", "cold_after_days"): deployment.cold_after_days,
    ("Replica", "region"): deployment.replica_region,
    ("Replica", "lock"): deployment.replica_lock,
    ("Replica", "lock_days"): deployment.lock_days,
    ("Sql", "format"): deployment.sql_format,
    ("Sql", "scan_limit_gb"): "Queries that read more are ended from the deploy on.",
    ("Alerts", "email"): deployment.email,
    ("Alerts", "sns_topic_arns"): deployment.no_recipient,
    ("Alerts", "webhook"): deployment.no_recipient,
    ("Alerts", "remind_after_minutes"): ALARMS,
    ("Alerts", "trail_log_group"): deployment.trail_log_group,
    ("Alerts", "runbook_url"): ALARMS,
    **{(model, field): ALARMS for model in ("Alerts", "ExportAlerts") for field in _ALARM_FIELDS},
    **{("Webhook", field): ALARMS for field in ("url", "url_secret", "header", "header_secret")},
    ("ExportBase", "name"): NAME,
    ("ConfiguredExport", "revision"): "The deploy configures again what exists in AWS, and fixes what differs.",
    ("ConfiguredExport", "check_each_deploy"): "Every deploy configures again, or only one that changes something.",
    ("Connect", "secret"): connect.connect_secret,
    ("Connect", "secret_key_arn"): "The functions may use the new key to read the secret.",
    ("Connect", "api_base_url"): connect.api_base_url,
    ("Connect", "adopt"): connect.adopt,
    ("Connect", "revision"): "The deploy looks at everything at the vendor again, and puts right what differs.",
    ("Connect", "check_each_deploy"): "Every deploy looks at everything at the vendor, or only one that changes it.",
    ("Connect", "vpc"): connect.connect_vpc,
    ("Vpc", "subnet_ids"): connect.connect_vpc,
    ("Vpc", "security_group_ids"): connect.connect_vpc,
    ("ExportBase", "ship_to"): exports.ship_to,
    ("ExportBase", "redaction"): PARENT,
    ("ExportBase", "include"): exports.filters,
    ("ExportBase", "exclude"): exports.filters,
    ("ExportBase", "alerts"): PARENT,
    ("ExportBase", "oversize"): exports.oversize,
    ("ExportBase", "log_type"): destinations.log_type,
    ("ExportBase", "max_expansion"): exports.max_expansion,
    ("ExportBase", "account"): exports.landing_account,
    ("BucketExport", "path_fields"): ON_FROM_NOW,
    ("BucketExport", "include_keys"): exports.key_filters,
    ("BucketExport", "exclude_keys"): exports.key_filters,
    ("LineExport", "record_start"): ON_FROM_NOW,
    ("OwnLogGroupExport", "retention_days"): exports.export_retention,
    ("Redaction", "markers"): exports.markers,
    ("Redaction", "detectors"): exports.redaction,
    ("Redaction", "patterns"): exports.redaction,
    **{("Pattern", field): PARENT for field in ("name", "regex", "replacement")},
    **{field: rule for kind in (*EXPORTS, *DESTINATIONS) for field, rule in load_part(kind, "plan").RULES.items()},
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
