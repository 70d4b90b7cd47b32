"""OpenTelemetry over HTTP."""
