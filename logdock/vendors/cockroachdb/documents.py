"""What CockroachDB Cloud is to have, as the settings say it."""

from vendor_connector.vendors.cockroachdb.documents import LogExport

from logdock.vendors.cockroachdb.settings import CockroachdbExport


def cockroachdb_log_export(
    export: CockroachdbExport, *, role_arn: str, external_id: str | None, region: str
) -> LogExport:
    """Return the cluster's log export: to the deployment's Region, unless each of `regions` has its own log groups.

    On the Standard plan no external id is sent: it is the cluster's.
    """
    return LogExport(
        role_arn=role_arn,
        log_name=export.log_group,
        redact=export.redact,
        omitted_channels=export.omitted_channels,
        groups=[group.model_dump(exclude_none=True, mode="json") for group in export.groups],
        external_id=external_id if export.plan == "advanced" else None,
        region=None if export.regions else region,
    )
