"""The fixtures of the shipper's own tests: an AWS in the test's process, and a listener on loopback."""

from tests.lambda_src.log_shipper.conftest import cloud, destination, listener, logz

__all__ = ["cloud", "destination", "listener", "logz"]
