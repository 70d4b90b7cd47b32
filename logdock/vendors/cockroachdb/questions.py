"""What `logdock init` asks for an export of CockroachDB Cloud."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.cockroachdb.settings import CockroachdbExport

QUESTIONS = Kind(
    CockroachdbExport,
    (
        Question(
            "cluster_id",
            "Id of the cluster, a UUID: it is in the address of the cluster's page in the Cloud Console.",
            several="cluster_ids",
        ),
        Question(
            "connect",
            "Secret in AWS Secrets Manager with a CockroachDB Cloud API key, with which the deploy enables the export. "
            "Without it, you do that by hand after the deploy.",
            "",
        ),
        Question(
            "cluster_account_id",
            "AWS account of the cluster, 12 digits: `account_id` in what the Cloud API answers to "
            "GET /api/v1/clusters/ID, and of a Standard cluster `keychain_config.aws_account_id`.",
        ),
        Question(
            "log_group",
            "Log group for the cluster's logs, which the deploy creates, such as /acme/cockroachdb. With several "
            "clusters, each has one whose name begins so.",
        ),
    ),
    made=("external_id",),
    read_by_connect=("cluster_account_id", "external_id"),
)
