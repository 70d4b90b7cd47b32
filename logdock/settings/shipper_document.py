"""What the shipper is given of an export: one document in Parameter Store, which `logdock preview` uses as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from logdock.settings.export_base import BucketExport
from logdock.settings.exports import Export

if TYPE_CHECKING:
    from logdock.settings.deployment import Deployment

_FIELDS = {
    "redaction", "include", "exclude", "format", "record_start", "path_fields", "oversize", "max_expansion",
    "decryption_keys_secret", "log_type", "include_keys", "exclude_keys",
}  # fmt: skip
"""The settings that reach the shipper unchanged; its own defaults are those of the settings."""


def shipper_document(export: Export) -> dict[str, Any]:
    """Return the configuration document of an export, without the settings that have their default."""
    document = {"vendor": export.kind} | export.model_dump(include=_FIELDS, exclude_defaults=True, mode="json")
    if isinstance(export, BucketExport) and export.named_parts:
        document["path_fields"] = export.named_parts
    if isinstance(export, BucketExport) and export.keys_without_logs:
        document["exclude_keys"] = [*document.get("exclude_keys", []), *export.keys_without_logs]
    return document


def configuration_document(settings: Deployment, export: Export) -> dict[str, Any]:
    """Return what the export's parameter holds: what the shipper is given, where the export lands and who gets it."""
    landing: dict[str, Any] = dict(export.landing(settings).document)
    if export.other_account and export.lands_in == "log groups":
        # CloudWatch Logs says of which account a log group is: the archiver takes this export's of that one alone.
        landing["account"] = export.other_account
    return shipper_document(export) | {"landing": landing, "ship_to": list(export.ship_to)}
