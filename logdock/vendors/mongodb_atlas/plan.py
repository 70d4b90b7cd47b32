"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from __future__ import annotations

from collections.abc import Mapping

from logdock.cli.plan.rules.buckets import (
    access_point,
    access_point_part,
    another_object,
    bucket,
    external_id,
    log_types,
    members,
    permissions,
    prefix,
    principal,
)
from logdock.cli.plan.rules.common import NAME, PARENT, Rule
from logdock.cli.plan.rules.connect import (
    atlas_alert,
    atlas_auditing,
    audit_filter,
    connect,
    legacy_paths,
    redact_clusters,
)
from logdock.cli.plan.rules.exports import (
    session_seconds,
)

RULES: Mapping[tuple[str, str], Rule | str] = {
    ("MongodbAtlasExport", "kind"): NAME,
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
    ("MongodbAtlasExport", "project_id"): another_object,
    ("MongodbAtlasExport", "project_ids"): members,
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
}
