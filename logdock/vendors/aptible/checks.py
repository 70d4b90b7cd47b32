"""What the command checks of Aptible, which has no API: what is replicated, a support engineer configures."""

from logdock.cli.account import Account
from logdock.cli.validate.checks import Checks
from logdock.cli.validate.functions import check_secret
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.vendor_checks import VendorChecks


class AptibleChecks(VendorChecks):
    """The secret with the keys that Aptible encrypts with."""

    is_outside_aws = True

    def check_source(self, account: Account, checks: Checks, export: AptibleExport) -> None:
        """Check the secret."""
        for secret in export.decoding_secrets:
            check_secret(account, checks, secret, ())


CHECKS = AptibleChecks()
