"""What a vendor says of an export or a reader that the deploy switched on."""

from logdock.cli.account import Account
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export
from logdock.vendors.registry import load_part
from logdock.vendors.vendor_checks import UnknownError, VendorChecks, VendorStatus, answered

__all__ = ["Party", "UnknownError", "VendorStatus", "checks_of", "fetch_status", "has_credential"]

Party = Export | Destination


def checks_of(party: Party) -> VendorChecks:
    """Return the checks of an export's or a destination's kind."""
    checks: VendorChecks = load_part(party.kind, "checks").CHECKS
    return checks


def has_credential(party: Party) -> bool:
    """Say whether a vendor can be asked about an export or a reader: the settings name a credential."""
    return getattr(party, "connect", None) is not None


def fetch_status(account: Account, party: Party, key_arn: str | None = None) -> VendorStatus:
    """Ask the vendor.

    Parameters
    ----------
    key_arn
        The export's key, which Atlas must name. Default: not checked.

    Raises
    ------
    UnknownError
        When the credential cannot be read, or the vendor refuses or does not answer.
    """
    with answered():
        return checks_of(party).fetch_status(account, party, key_arn)
