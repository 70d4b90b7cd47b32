"""What `logdock init` asks for a destination at Logz.io."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.logzio.settings import LogzioDestination

QUESTIONS = Kind(LogzioDestination, (Question("region", "us"), Question("token_secret")))
