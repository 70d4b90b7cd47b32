"""What `logdock init` asks for an export of CockroachDB Cloud."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.cockroachdb.settings import CockroachdbExport

QUESTIONS = Kind(
    CockroachdbExport,
    (
        Question("cluster_id", several="cluster_ids"),
        Question("connect", ""),
        Question("cluster_account_id"),
        Question("log_group"),
    ),
    made=("external_id",),
    read_by_connect=("cluster_account_id", "external_id"),
)
