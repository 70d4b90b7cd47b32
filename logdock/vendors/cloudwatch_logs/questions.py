"""What `logdock init` asks for an export of log groups."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport

QUESTIONS = Kind(
    CloudwatchLogsExport,
    (Question("log_groups", "", is_list=True), Question("log_group_prefixes", "", is_list=True)),
)
