"""What a stack has because of a Cloudflare export: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts
from logdock.settings.deployment import Deployment
from logdock.vendors.cloudflare.settings import CloudflareExport


def count(settings: Deployment, export: CloudflareExport, region: str) -> OwnParts:
    """Count the connector, with ``connect``: no role is assumed."""
    del settings, region  # the same in every Region
    if not export.connect:
        return OwnParts()
    return OwnParts(connector=ConnectorParts(is_polled=True, configurations=1, states=1))
