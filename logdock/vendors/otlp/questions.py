"""What `logdock init` asks for a destination that takes OpenTelemetry logs."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.otlp.settings import OtlpDestination

QUESTIONS = Kind(OtlpDestination, (Question("endpoint"), Question("headers_secret", "")))
