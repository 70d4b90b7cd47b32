"""The stack of Aurora MySQL: that of any database of RDS."""

from logdock.vendors.rds.stack import DatabaseStack

STACK = DatabaseStack
