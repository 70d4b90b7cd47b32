"""What the command checks of the programs that write to the log groups: nothing."""

from logdock.vendors.vendor_checks import VendorChecks

CHECKS = VendorChecks()
