"""What `logdock init` asks for a destination that takes OpenTelemetry logs."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.otlp.settings import OtlpDestination

QUESTIONS = Kind(
    OtlpDestination,
    (
        Question("endpoint", "Address of the OTLP/HTTP receiver without /v1/logs, such as https://otel.acme.example."),
        Question(
            "headers_secret",
            "Secret in AWS Secrets Manager with a JSON object of HTTP headers, such as an API key.",
            "",
        ),
    ),
)
