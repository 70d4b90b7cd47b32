"""What a stack has because of an Atlas export: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts
from logdock.settings.deployment import Deployment
from logdock.vendors.mongodb_atlas.security_events import audit_is_counted
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport


def count(settings: Deployment, export: MongodbAtlasExport, region: str) -> OwnParts:
    """Count Atlas's role, and with ``connect`` the connector with its operations."""
    del settings, region  # the same in every Region
    alarms = ("failed-logins",) if audit_is_counted(export) else ()
    if not export.connect:
        return OwnParts(roles=1, alarms=alarms)
    connect = export.connect
    members = len(export.members)
    operations = members * (2 + bool(connect.alert) + bool(connect.auditing) + bool(connect.redact_clusters))
    return OwnParts(
        roles=members,
        alarms=alarms,
        connector=ConnectorParts(
            is_polled=True, configurations=operations + bool(export.project_ids), states=operations
        ),
    )
