"""What is left to do at Logz.io, as commands with every value filled in (Logz.io, "AWS S3 Bucket")."""

from shlex import quote

from vendor_connector.vendors.logzio.documents import Archive, Fetchers

from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.shell import json_argument

S3_NAMESPACE, S3_DASHBOARD = "AWS/S3", "1Pm3OYbu1MRGoELc2qhxQ1"
"""The metrics that Logz.io's page is about, and the dashboard that it installs for them."""


def dashboard_steps(destination: LogzioDestination) -> str:
    """Say where to install Logz.io's dashboard for S3, if its metrics are streamed.

    Logz.io's API creates dashboards from a definition, and does not install its own, whose definitions are not public.
    """
    if destination.metrics is None or not destination.metrics.streams(S3_NAMESPACE):
        return ""
    return f"# In Logz.io: Integration Hub -> AWS S3 Bucket -> Metrics -> install the dashboard {S3_DASHBOARD}"


def archive_steps(destination: LogzioDestination, archive: Archive) -> str:
    """Give the command that starts archiving at Logz.io (Logz.io API, "Setup archiving")."""
    url = quote(f"{destination.api_url}/v2/archive/settings")
    return (
        f"curl --fail-with-body {url} -H \"X-API-TOKEN: $LOGZIO_API_TOKEN\" -H 'Content-Type: application/json' -d "
        f"{json_argument(archive.document)}"
    )


def fetch_steps(destination: LogzioDestination, fetchers: Fetchers) -> str:
    """List the S3 fetchers to create at Logz.io."""
    url = quote(f"{destination.api_url}/v1/log-shipping/s3-buckets")
    call = f'curl --fail-with-body {url} -H "X-API-TOKEN: $LOGZIO_API_TOKEN"'
    return "\n".join(
        f"{call} -H 'Content-Type: application/json' -d {json_argument(document)}"
        for document in fetchers.documents.values()
    )
