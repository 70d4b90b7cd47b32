"""What the command checks of the backend: nothing."""

from logdock.vendors.vendor_checks import VendorChecks

CHECKS = VendorChecks()
