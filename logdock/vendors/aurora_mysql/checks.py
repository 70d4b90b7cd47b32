"""What the command checks of a cluster of Aurora MySQL: what it does of any database of RDS."""

from logdock.vendors.rds.checks import CHECKS as CHECKS
