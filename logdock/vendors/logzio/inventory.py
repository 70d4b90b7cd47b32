"""What a stack has because of a Logz.io destination: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts
from logdock.settings.deployment import Deployment
from logdock.vendors.logzio.settings import LogzioDestination


def count(settings: Deployment, destination: LogzioDestination) -> OwnParts:
    """Count the metric stream's parts, Logz.io's roles, and the connector that makes fetchers."""
    tags = bool(destination.metrics and destination.metrics.tags)
    streams = destination.metrics is not None
    roles = 2 + tags if streams else 0
    alarms = ("metrics-failing", "metrics-late", "metrics-lost", "metrics-tags")[: 3 + tags] if streams else ()
    connector = None
    if destination.mode == "fetch":
        archives = destination.archive_and_restore is not None
        roles += 1 + archives
        if destination.connect:
            shipped = sum(destination.name in export.ship_to for export in settings.exports)
            # A fetcher saves its state in a parameter, and during a rotation there are two of each export.
            states = 1 + 2 * shipped + archives
            connector = ConnectorParts(is_polled=True, configurations=2 + archives, states=states)
    return OwnParts(roles=roles, functions=int(tags), rules=int(tags), alarms=alarms, connector=connector)
