"""What `logdock init` asks for an export of Aurora MySQL."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport

QUESTIONS = Kind(AuroraMysqlExport, (Question("cluster_id", several="cluster_ids"), Question("parameter_group", "")))
