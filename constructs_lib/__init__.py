"""Vendor-neutral building blocks: a landing bucket, a log group, a cross-account role, a shipper. No vendor's name."""
