"""What an export needs in addition to its stack: role, key, bucket or log groups, rule, and what others keep of it."""

from logdock.cli.account import Account, no_landing_profile
from logdock.cli.validate.buckets import check_announcement, check_bucket, check_rule
from logdock.cli.validate.checks import Checks
from logdock.cli.validate.log_groups import WHOLE, GroupRange, check_log_groups, check_subscription_destination
from logdock.cli.validate.roles import check_role
from logdock.cli.validate.vendors import check_vendor
from logdock.cli.vendors import checks_of
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding, LogGroupLanding


def check_export(account: Account, export: Export, groups: GroupRange = WHOLE) -> Checks:
    """Check one export in every Region that it is in."""
    checks = Checks(export.name, account.deploy(account.names.export(export.name)))
    for region in account.settings.regions_of(export):
        with checks.of_thing(f"configuration in {region}"):
            account.ssm_in(region).get_parameter(Name=f"{account.names.parameter_path}{export.name}")
    there = account.landing_of(export)
    if export.other_account and export.lands_in == "log groups":
        check_subscription_destination(account, checks, export)
    if there is None:
        with checks.of_thing("landing") as check:
            check.leave(f"it {no_landing_profile(export)}")
        if export.announced_to:
            check_rule(account, checks, export, export.announced_to)
        return checks
    key_arn = _check_key(there, checks, export)
    vendor = checks_of(export)
    for member in export.members:
        if role := vendor.vendor_role(there, member, key_arn):
            check_role(there, checks, role)
    landing = export.landing(account.settings)
    if isinstance(landing, BucketLanding):
        check_bucket(there, checks, export, landing, key_arn)
        if export.ship_to:
            check_rule(account, checks, export, export.ship_to)
        if export.other_account:
            check_announcement(there, checks, export, account.names.landings_bus_arn)
    else:
        check_log_groups(there, checks, export, groups)
        if export.announced_to:
            check_rule(account, checks, export, export.announced_to)
    for member in export.members:
        vendor.check_source(there, checks, member)
        if vendor.is_outside_aws:
            check_vendor(there, checks, member, key_arn)
    return checks


def _check_key(account: Account, checks: Checks, export: Export) -> str | None:
    """Check the export's keys; return the ARN of the one in the deployment's own Region."""
    if not export.has_own_key:
        return None
    found = None
    landing = export.landing(account.settings)
    for region in landing.regions if isinstance(landing, LogGroupLanding) else (account.settings.region,):
        alias = f"alias/{account.names.in_region(export.name, region)}"
        arn = check_key(account, checks, alias, region)
        found = arn if region == account.settings.region else found
    return found


def check_key(account: Account, checks: Checks, alias: str, region: str) -> str | None:
    """Check that a key can be used; return its ARN."""
    arn = None
    with checks.of_thing(f"key {alias}") as check:
        key = account.kms_in(region).describe_key(KeyId=alias)["KeyMetadata"]
        arn, state = key["Arn"], key["KeyState"]
        fix = f"aws kms enable-key --region {region} --key-id {key['KeyId']}"
        if state == "PendingDeletion":
            fix = f"aws kms cancel-key-deletion --region {region} --key-id {key['KeyId']}, then enable-key"
        check.require(state == "Enabled", f"it is {state}: nothing can be written, and nothing read", fix)
    return arn
