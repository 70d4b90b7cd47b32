"""What a stack has because of an Aurora MySQL export: what AWS counts (`logdock.kind_parts`)."""

from logdock.vendors.rds.inventory import count

__all__ = ["count"]
