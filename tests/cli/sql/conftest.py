"""What the tests of `logdock sql` share with those of `logdock logs`: a deployment whose logs have landed."""

from tests.cli.logs.conftest import calls, landed

__all__ = ["calls", "landed"]
