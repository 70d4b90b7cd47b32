"""What `logdock init` asks for an export of Cloudflare."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.cloudflare.settings import CloudflareExport

QUESTIONS = Kind(
    CloudflareExport,
    (
        Question("dataset", "http_requests"),
        Question("zone_id", ""),
        Question("account_id", ""),
        Question("fields", is_list=True),
        Question("connect", ""),
    ),
    one_of=("zone_id", "account_id"),
)
