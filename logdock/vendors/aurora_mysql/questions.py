"""What `logdock init` asks for an export of Aurora MySQL."""

from logdock.cli.init.questions import PARAMETER_GROUP, Kind, Question
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport

QUESTIONS = Kind(
    AuroraMysqlExport,
    (
        Question("cluster_id", "Identifier of the DB cluster.", several="cluster_ids"),
        Question("parameter_group", PARAMETER_GROUP, ""),
    ),
)
