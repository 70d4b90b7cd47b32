"""What `logdock init` asks for an export of a bucket."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.s3_logs.settings import S3LogsExport

# A bucket that no service may write to waits for logs that never come. A file may have one, for writers with
# permissions of their own in the account.
QUESTIONS = Kind(
    S3LogsExport,
    (Question("services", "", is_list=True), Question("existing_bucket", "")),
    one_of=("services", "existing_bucket"),
)
