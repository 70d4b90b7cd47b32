"""What a stack has because of an Atlas export: what AWS counts (`logdock.inventory`)."""

from __future__ import annotations

from logdock.inventory import ConnectorParts, OwnParts
from logdock.settings.deployment import Deployment
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport


def count(settings: Deployment, export: MongodbAtlasExport, region: str) -> OwnParts:
    """Count Atlas's role, and with ``connect`` the connector with its operations."""
    del settings, region  # the same in every Region
    if not export.connect:
        return OwnParts(roles=1)
    connect = export.connect
    members = len(export.members)
    operations = members * (2 + bool(connect.alert) + bool(connect.auditing) + bool(connect.redact_clusters))
    return OwnParts(
        roles=members,
        connector=ConnectorParts(
            is_polled=True, configurations=operations + bool(export.project_ids), states=operations
        ),
    )
