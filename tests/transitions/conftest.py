"""The fixtures of the connector's tests: moto, the vendors' stand-ins, a clock."""

from tests.lambda_src.vendor_connector.conftest import (  # noqa: F401
    atlas,
    certificate,
    clock,
    cockroach,
    iam,
    logzio,
    wire,
)
