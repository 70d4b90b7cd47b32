"""What `logdock init` asks for an export of Cloudflare."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.cloudflare.settings import CloudflareExport

QUESTIONS = Kind(
    CloudflareExport,
    (
        Question("dataset", "Dataset, as Cloudflare's API names it, such as http_requests.", "http_requests"),
        Question("zone_id", "Id of the zone, 32 hexadecimal digits, if the dataset is of a zone.", ""),
        Question("account_id", "Id of the account, 32 hexadecimal digits, if the dataset is of an account.", ""),
        Question(
            "fields",
            "Fields of the dataset to write, with its time among them (http_requests: EdgeStartTimestamp).",
            is_list=True,
        ),
        Question(
            "connect",
            "Secret in AWS Secrets Manager with a Cloudflare API token, with which the deploy creates the Logpush job. "
            "Without it, you do that by hand after the deploy.",
            "",
        ),
    ),
    one_of=("zone_id", "account_id"),
)
