"""Fixtures: an AWS in the test's own process, and a listener, as the shipper's own tests have them."""

from tests.lambda_src.log_shipper.conftest import cloud, listener, logz

__all__ = ["cloud", "listener", "logz"]
