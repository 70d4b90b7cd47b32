"""What `logdock init` asks for an export of log groups."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport

QUESTIONS = Kind(
    CloudwatchLogsExport,
    (
        Question("log_groups", "Log groups by name, at most 100, such as /acme/api.", "", is_list=True),
        Question(
            "log_group_prefixes",
            "Log groups by prefix, at most 10, such as /acme/: those that exist, and those created later.",
            "",
            is_list=True,
        ),
    ),
)
