"""What a stack has because of a CockroachDB export: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts, pages_of
from logdock.settings.deployment import Deployment
from logdock.vendors.cockroachdb.security_events import cockroachdb_filters
from logdock.vendors.cockroachdb.settings import CockroachdbExport


def count(settings: Deployment, export: CockroachdbExport, region: str) -> OwnParts:
    """Count the cluster's role, which is at home, and the connector where something is connected or adopted."""
    is_home = region == settings.region
    connects = is_home and export.connect is not None
    adopts = export.adopt_log_groups and region in export.landing(settings).regions
    pages = pages_of(export.log_groups) if adopts else 0
    members = len(export.members)
    return OwnParts(
        roles=members * is_home,
        alarms=() if export.other_account else tuple(cockroachdb_filters(export)),
        connector=ConnectorParts(
            is_polled=connects,
            configurations=2 * connects * members + pages + bool(export.cluster_ids),
            states=connects * members,
        )
        if connects or adopts
        else None,
    )
