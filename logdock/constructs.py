"""The public constructs, for a CDK app of your own (docs/constructs.md); needs the extra `deploy`."""

import importlib.util
import sys

from logdock.sources import ROOT

if importlib.util.find_spec("constructs_lib") is None:
    # Last: the app and the stacks of the importing project come first.
    sys.path.append(str(ROOT))

from constructs_lib.customer_key import CustomerKey, CustomerKeyProps
from constructs_lib.export_role import ExportRole, ExportRoleProps
from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.log_group import LandingLogGroup, LandingLogGroupProps
from constructs_lib.statements import encrypt_log_groups

__all__ = [
    "CustomerKey",
    "CustomerKeyProps",
    "ExportRole",
    "ExportRoleProps",
    "LandingBucket",
    "LandingBucketProps",
    "LandingLogGroup",
    "LandingLogGroupProps",
    "encrypt_log_groups",
]
