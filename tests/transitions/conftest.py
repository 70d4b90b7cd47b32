"""The fixtures of the connector's tests: moto, the vendors' stand-ins, a clock."""

from tests.lambda_src.vendor_connector.conftest import atlas, certificate, clock, cockroach, iam, logzio, wire  # noqa: F401
