"""What `logdock init` asks for an export of a database of RDS."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.rds.settings import RdsExport

QUESTIONS = Kind(
    RdsExport,
    (
        Question("engine"),
        Question("cluster_id", ""),
        Question("instance_id", ""),
        Question("log_types", is_list=True),
        Question("parameter_group", ""),
    ),
)
