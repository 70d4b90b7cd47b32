"""What Logz.io is to have, as the settings say it."""

from vendor_connector.vendors.logzio.documents import Archive, Fetchers

from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.vendors.logzio.archive import LogzioArchive
from logdock.vendors.logzio.settings import LogzioDestination


def logzio_fetchers(destination: LogzioDestination, settings: Deployment, names: Names, *, role_arn: str) -> Fetchers:
    """Return the S3 fetchers: one for each export that is shipped there."""
    shipped = [export for export in settings.exports if destination.name in export.ship_to]
    return Fetchers(
        role_arn=role_arn,
        bucket=names.bucket("archive"),
        region=names.region,
        feed=f"feed/{destination.name}/",
        exports=tuple(export.name for export in shipped),
        log_type=destination.log_type,
        log_types={export.name: export.log_type for export in shipped if export.log_type} or None,
        source_path=destination.source_path,
    )


def logzio_archive(archive: LogzioArchive, *, role_arn: str) -> Archive:
    """Return Archive & Restore of the account."""
    return Archive(role_arn=role_arn, bucket=archive.bucket)
