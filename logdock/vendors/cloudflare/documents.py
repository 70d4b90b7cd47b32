"""What Cloudflare is to have, as the settings say it."""

from vendor_connector.vendors.cloudflare.documents import LogpushJob

from logdock.vendors.cloudflare.settings import CloudflareExport


def logpush_job(export: CloudflareExport, *, name: str, bucket: str, region: str) -> LogpushJob:
    """Return the job.

    Parameters
    ----------
    name
        Its name at Cloudflare, which need not be unique there.
    """
    day = "/{DATE}" if export.dated_folders else ""
    return LogpushJob(
        name=name,
        dataset=export.dataset,
        bucket=bucket,
        path=f"{export.prefix}/{export.dataset}{day}",
        region=region,
        field_names=export.fields,
        timestamp_format=export.timestamp_format,
        sample_rate=f"{export.sample_rate:g}",
        filter=export.filter,
        max_upload_bytes=export.max_upload_bytes,
        max_upload_records=export.max_upload_records,
        max_upload_interval_seconds=export.max_upload_interval_seconds,
    )
