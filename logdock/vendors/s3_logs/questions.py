"""What `logdock init` asks for an export of a bucket."""

from typing import get_args

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.s3_logs.settings import S3LogsExport, S3Service

# A bucket that no service may write to waits for logs that never come. A file may have one, for writers with
# permissions of their own in the account.
QUESTIONS = Kind(
    S3LogsExport,
    (
        Question(
            "services", f"AWS services that write to a new bucket: {', '.join(get_args(S3Service))}.", "", is_list=True
        ),
        Question("existing_bucket", "Name of a bucket that the logs are in already, in place of a new one.", ""),
    ),
    one_of=("services", "existing_bucket"),
)
