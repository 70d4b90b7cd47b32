"""What a change of each of its settings leads to: see `logdock.cli.plan.rules.table`."""

from collections.abc import Iterable, Mapping

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, Kind, joined
from logdock.cli.plan.rules import buckets, connect, exports
from logdock.cli.plan.rules.common import (
    NAME,
    PARENT,
    Rule,
    at_vendor,
    cuts_off,
    effect,
    exposes,
    is_connected,
    note,
    refuses,
    restarts,
)


def _log_types(change: Change) -> Iterable[Effect]:
    """A log type that goes is not exported."""
    if change.removed:
        by = "The deploy switches" if is_connected(change) else "Nothing switches"
        stays = "" if is_connected(change) else ": switch it off at Atlas by hand"
        yield effect(
            Kind.CUTS_OFF if is_connected(change) else Kind.VENDOR,
            change,
            f"{by} the export of {joined(change.removed)} off{stays}. What is not exported is kept by the vendor for a "
            "short time only.",
        )
    if change.added and not is_connected(change):
        yield at_vendor(change, f"Add {joined(change.added)} to the log integration at Atlas.",
            f"`logdock next-steps {change.of}` prints the call.")  # fmt: skip


def _permissions(change: Change) -> Iterable[Effect]:
    """`least` cannot read back."""
    if change.after == "least":
        yield note(change, "Atlas may no longer list and read back its prefix; its console's test of the bucket fails.")


def _access_point(change: Change) -> Iterable[Effect]:
    """The role writes through the access point alone, or to the bucket alone."""
    if is_connected(change):
        yield at_vendor(change, "The deploy changes the bucket that Atlas writes to.")
        return
    yield refuses(
        change,
        "The role admits Atlas by the new way alone: uploads by the old one are refused from the deploy on, and "
        "repeated for up to seven days.",
        f"Deploy, and at once change the bucket name at Atlas (`logdock next-steps {change.of}`).",
    )


def _access_point_part(change: Change) -> Iterable[Effect]:
    """Behind an access point each bucket and each key must admit the role."""
    if change.removed:
        yield refuses(change, f"Uploads that the access point sends to {joined(change.removed)} are refused.")


def _legacy_paths(change: Change) -> Iterable[Effect]:
    """Keys change for new objects."""
    yield note(change, "New objects have keys of the other layout. Readers of the bucket must know both.")


def _atlas_alert(change: Change) -> Iterable[Effect]:
    """The alert is of the project."""
    if not change.after:
        yield note(change, "The deploy deletes the alert at Atlas: no one is notified when the export fails.")


def _atlas_auditing(change: Change) -> Iterable[Effect]:
    """Database Auditing is of the project, and its log is empty without it."""
    if change.after is None:
        yield cuts_off(
            change,
            "The deploy puts Database Auditing of the project back to what it was before Logdock, or off: audit logs "
            "are then empty. What is not audited cannot be had later.",
        )


def _audit_filter(change: Change) -> Iterable[Effect]:
    """What a filter does not record is nowhere."""
    yield note(change, "Events that the new filter leaves out are not recorded anywhere from the deploy on.")


def _redact_clusters(change: Change) -> Iterable[Effect]:
    """`redactClientLogData` needs a rolling restart, both ways."""
    if change.added or change.removed:
        yield restarts(
            change, f"Atlas restarts the nodes of {joined((*change.added, *change.removed))} one after the other."
        )
    if change.removed:
        yield exposes(
            change,
            f"Diagnostic logs of {joined(change.removed)} hold values of documents and queries again: the deploy puts "
            "the cluster's setting back.",
        )


RULES: Mapping[tuple[str, str], Rule | str] = {
    ("MongodbAtlasExport", "kind"): NAME,
    ("AtlasConnect", "legacy_paths"): _legacy_paths,
    ("AtlasConnect", "alert"): _atlas_alert,
    ("AtlasConnect", "alert_recipients"): "The deploy changes the recipients of the alert at Atlas in place.",
    **{
        ("AtlasRecipient", field): PARENT
        for field in ("roles", "email", "team_id", "channel", "integration_id", "channel_name")
    },
    ("AtlasConnect", "auditing"): _atlas_auditing,
    ("AtlasConnect", "redact_clusters"): _redact_clusters,
    ("AtlasAuditing", "filter"): _audit_filter,
    ("AtlasAuditing", "authorization_success"): _audit_filter,
    ("MongodbAtlasExport", "project_id"): buckets.another_object,
    ("MongodbAtlasExport", "project_ids"): buckets.members,
    ("MongodbAtlasExport", "connect"): connect.connect,
    ("MongodbAtlasExport", "atlas_principal_arn"): buckets.principal,
    ("MongodbAtlasExport", "external_id"): buckets.external_id,
    ("MongodbAtlasExport", "bucket"): buckets.bucket,
    ("MongodbAtlasExport", "prefix"): buckets.prefix,
    ("MongodbAtlasExport", "log_types"): _log_types,
    ("MongodbAtlasExport", "permissions"): _permissions,
    ("MongodbAtlasExport", "mrap_arn"): _access_point,
    ("MongodbAtlasExport", "mrap_buckets"): _access_point_part,
    ("MongodbAtlasExport", "mrap_key_arns"): _access_point_part,
    ("MongodbAtlasExport", "session_seconds"): exports.session_seconds,
}
