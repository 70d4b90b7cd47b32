"""What a stack has because of an export of AWS's own logs: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts
from logdock.settings.deployment import Deployment
from logdock.vendors.s3_logs.settings import S3LogsExport


def count(settings: Deployment, export: S3LogsExport, region: str) -> OwnParts:
    """Count the connector that switches an existing bucket's events on."""
    del settings, region  # a bucket is in the deployment's Region
    return OwnParts(connector=ConnectorParts(configurations=1, states=1) if export.existing_bucket else None)
