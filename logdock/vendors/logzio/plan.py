"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.buckets import (
    external_id,
)
from logdock.cli.plan.rules.common import BODIES, CONCURRENCY, NAME, Rule
from logdock.cli.plan.rules.connect import (
    connect,
)
from logdock.cli.plan.rules.destinations import (
    archive_and_restore,
    archive_bucket,
    destination_address,
    fetch_account,
    log_type,
    metrics,
    mode,
    namespaces,
    parse_json,
    token_secret,
)
from logdock.cli.plan.rules.exports import (
    session_seconds,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("LogzioDestination", "kind"): NAME,
    ("LogzioDestination", "name"): NAME,
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
    ("LogzioDestination", "permissions"): "The reader reads the same objects with either.",
    ("LogzioDestination", "source_path"): "Lines have the field with the object's key, or no longer.",
    ("LogzioDestination", "archive_and_restore"): archive_and_restore,
    ("LogzioDestination", "metrics"): metrics,
    ("LogzioDestination", "concurrency"): CONCURRENCY,
    ("LogzioDestination", "bodies_in_flight"): BODIES,
    ("LogzioArchive", "bucket"): archive_bucket,
    ("LogzioArchive", "kms_key_arn"): "The role may use the new key alone; Logz.io restores nothing under the old one.",
    ("LogzioMetrics", "token_secret"): token_secret,
    ("LogzioMetrics", "namespaces"): namespaces,
    ("LogzioMetrics", "listener_url"): destination_address,
    ("LogzioMetrics", "tags"): "The function that sends tags comes or goes; it holds nothing.",
}
