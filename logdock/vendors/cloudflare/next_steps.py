"""What is left to do at Cloudflare, as commands (Cloudflare API, Logpush; "Manage Logpush with cURL")."""

import json

from vendor_connector.vendors.cloudflare.documents import LogpushJob

from logdock.vendors.cloudflare.settings import CloudflareExport
from logdock.vendors.shell import json_argument

_API = "https://api.cloudflare.com/client/v4"
_CHALLENGE = "\0"
"""Stands for the ownership token until the shell fills it in."""


def cloudflare_steps(export: CloudflareExport, job: LogpushJob) -> str:
    """Ask for the ownership challenge, read its token from the bucket, then create the job, which is enabled."""
    call = 'curl --fail-with-body -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" -H "Content-Type: application/json"'
    url = f"{_API}/{export.scope}/logpush"
    ask = f"{call} {url}/ownership -d {json_argument({'destination_conf': job.destination_conf})}"
    # Cloudflare answers with the file's name, with or without the bucket: the newest file of that name is read.
    newest = (
        f"aws s3api list-objects-v2 --region {job.region} --bucket {job.bucket} "
        f"--prefix {export.prefix}/{export.dataset} "
        "--query \"sort_by(Contents[?contains(Key, 'ownership-challenge')], &LastModified)[-1].Key\" --output text"
    )
    token = f'TOKEN=$(aws s3 cp --region {job.region} "s3://{job.bucket}/$({newest})" -)'
    document = json_argument({**job.document, "ownership_challenge": _CHALLENGE})
    create = f"{call} {url}/jobs -d " + document.replace(json.dumps(_CHALLENGE)[1:-1], """'"$TOKEN"'""")
    return f"{ask}\n{token}\n{create}"


def cloudflare_connected() -> str:
    """Say what the deploy has done at Cloudflare, and what it leaves to a person."""
    return (
        "Nothing to do: the deploy created the Logpush job and enabled it. Cloudflare notifies no one when it disables "
        "a failing job unless the account has the notification Failing Logpush Job Disabled (dashboard, Notifications)."
    )


def cloudflare_switch_off(export: CloudflareExport) -> str:
    """Delete the job."""
    return (
        f'curl --fail-with-body -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" -X DELETE '
        f'{_API}/{export.scope}/logpush/jobs/"$JOB_ID"'
    )
