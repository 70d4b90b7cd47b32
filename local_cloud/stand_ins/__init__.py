"""One stand-in per vendor, each in its own AWS account: writes what the vendor writes, tries what it may not."""
