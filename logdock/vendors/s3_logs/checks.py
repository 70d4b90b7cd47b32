"""What the command checks of the services that write to the bucket: nothing."""

from logdock.vendors.vendor_checks import VendorChecks

CHECKS = VendorChecks()
