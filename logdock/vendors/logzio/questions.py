"""What `logdock init` asks for a destination at Logz.io."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.logzio.settings import LogzioDestination

QUESTIONS = Kind(
    LogzioDestination,
    (
        Question("region", "Region of the Logz.io account: us, au, ca, eu or uk, as Logz.io's Settings show it.", "us"),
        Question("token_secret", "Secret in AWS Secrets Manager with the log shipping token of the Logz.io account."),
    ),
)
